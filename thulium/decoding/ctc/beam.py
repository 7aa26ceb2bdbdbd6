"""CTC prefix beam search over many lines at once, with or without a language model.

B lines (N of them still being read), D steps, S symbols a step, W beams.

Each beam is a prefix: a text that a line may begin with. Its mass is the probability of all paths that read so, those
that end in a blank counted apart, times what the language model says of it. Masses are scaled to 1 at each step, so
that no logarithms are needed.

Source: Graves 2012, Supervised Sequence Labelling with Recurrent Neural Networks, section 7.5.3 (the search); Hannun
et al. 2014, First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs (the language
model in it). Where we differ: all lines advance together, prefixes are told apart by 64-bit hashes, and frames in
which only the blank is possible are passed over, which changes nothing but the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from thulium.decoding.ctc.candidates import Floats, Ints, Steps

Hashes = npt.NDArray[np.uint64]

# Of beams without mass: equal to no hash that they are compared with, so that they take no part in anything.
DEAD, DEAD_PARENT = np.uint64(1), np.uint64(2)
ROOT = np.uint64(0x243F6A8885A308D3)  # digits of pi
EMPTY = -2  # the last symbol of the empty prefix: neither a class nor the padding of Steps


class LanguageModel(Protocol):
    """A language model as a search asks it. A state is an integer; what it has read is the model's own business."""

    start: int

    def weights(self, states: Ints, symbols: Ints) -> Floats:
        """(N, S, W) what each of the symbols (N, S) multiplies the mass of a prefix with, from states (N, W)."""

    def next(self, states: Ints, symbols: Ints) -> Ints:
        """The states after a symbol each; both and the result of one shape."""

    def end(self, states: Ints) -> Floats:
        """What the end of the line multiplies the mass with, in the shape of the states."""


@dataclass(frozen=True, slots=True)
class Found:
    """A reading of a line.

    Attributes:
        classes: its symbols.
        score: ln of its mass: ``ln p + alpha ln p_lm + beta length``, without a model ``ln p``. p is the sum over the
            paths that the search kept.
    """

    classes: list[int]
    score: float


class _Beams:
    """The beams of all lines; arrays (B, W)."""

    def __init__(self, num_lines: int, width: int, start: int, highest: int) -> None:
        shape = (num_lines, width)
        self.num_ranks = highest + 3  # for all classes, EMPTY and the padding
        self.blank, self.symbol = np.zeros(shape), np.zeros(shape)  # mass of the paths that end in a blank, in a symbol
        self.blank[:, 0] = 1
        self.last: Ints = np.full(shape, EMPTY, np.int32)
        self.hash: Hashes = np.full(shape, DEAD)
        self.hash[:, 0] = ROOT
        self.parent: Hashes = np.full(shape, DEAD_PARENT)
        self.state: Ints = np.full(shape, start, np.int32)


def search(steps: Steps, width: int, model: LanguageModel | None = None) -> list[Found]:
    """The best reading of each line.

    Args:
        width: prefixes that are kept after each step.
    """
    return [found[0] for found in search_several(steps, width, 1, model)]


def search_several(steps: Steps, width: int, number: int, model: LanguageModel | None = None) -> list[list[Found]]:
    """The best readings of each line, the very best first; all differ.

    Args:
        width: prefixes that are kept after each step.
        number: how many there are at most, 1 or more; never more than prefixes are kept.
    """
    order = np.argsort(-steps.num_steps, kind="stable")  # the longest line first: those still read are the first N
    num_steps, num_lines = steps.blanks.shape
    beams = _Beams(num_lines, width, model.start if model else 0, int(steps.symbols.max(initial=0)))
    scale = steps.skipped[order]
    sources = np.zeros((num_steps, num_lines, width), np.int32)
    written = np.full((num_steps, num_lines, width), -1, np.int32)
    lengths = steps.num_steps[order]
    for step in range(num_steps):
        lines = order[: int((lengths > step).sum())]
        num_symbols = int(steps.num_symbols[step, lines].max())
        sources[step, : len(lines)], written[step, : len(lines)], largest = _advance(
            beams,
            steps.symbols[step, lines, :num_symbols],
            steps.probabilities[step, lines, :num_symbols],
            steps.blanks[step, lines],
            steps.gaps[step, lines],
            model,
        )
        scale[: len(lines)] += np.log(largest)
    mass = beams.blank + beams.symbol
    if model:
        mass = mass * model.end(beams.state)
    best = np.argsort(-mass, axis=1, kind="stable")[:, :number]
    found: list[list[Found]] = [[]] * num_lines
    for row, line in enumerate(order):
        past = sources[: lengths[row], row], written[: lengths[row], row]
        first, *others = best[row].tolist()
        kept = [first, *(beam for beam in others if mass[row, beam] > 0)]
        scores = np.log(mass[row, kept]) + scale[row]
        found[line] = [Found(_trace(*past, beam), float(score)) for beam, score in zip(kept, scores, strict=True)]
    return found


def _advance(
    beams: _Beams,
    symbols: Ints,
    probabilities: Floats,
    blanks: Floats,
    gaps: npt.NDArray[np.bool_],
    model: LanguageModel | None,
) -> tuple[Ints, Ints, Floats]:
    """One step of the first N lines.

    Args:
        symbols, probabilities: (N, S).
        blanks, gaps: (N,).

    Returns:
        From which beam each comes (N, W), which class it wrote, or -1, (N, W), and the mass of the best one (N,) that
        the others are measured by from now on.
    """
    n, width = len(symbols), beams.blank.shape[1]
    blank, symbol, last = beams.blank[:n], beams.symbol[:n], beams.last[:n]
    total = blank + symbol
    blank = np.where(gaps[:, None], total, blank)
    symbol = np.where(gaps[:, None], 0.0, symbol)

    row, column = np.arange(n)[:, None], np.arange(width)
    ranks = np.full((n, beams.num_ranks), -1, np.int32)  # class -> its place among the symbols of this step, or -1
    ranks[row, symbols] = np.arange(symbols.shape[1])  # the padding, -1, has the last column, and EMPTY the one before
    rank = ranks[row, last]
    likely = np.where(rank >= 0, probabilities[row, rank], 0.0)
    grown = probabilities[:, :, None] * total[:, None, :]
    # A symbol right behind itself is written anew only after a blank. Where there is none, this writes what is there.
    grown[row, rank, column] = np.where(rank >= 0, likely * blank, grown[row, rank, column])
    if model:
        grown *= model.weights(beams.state[:n], symbols)
    stays_blank = total * blanks[:, None]
    stays_symbol = symbol * likely
    _merge(beams.hash[:n], beams.parent[:n], rank, stays_symbol, grown)

    stays = stays_blank + stays_symbol
    masses = np.concatenate((stays[:, None], grown), axis=1).reshape(n, -1)
    chosen = _largest(masses, width)
    mass = masses[row, chosen]
    source, place = chosen % width, chosen // width - 1
    is_new = place >= 0
    wrote = np.where(is_new, symbols[row, place], -1)
    largest = mass[:, 0]

    beams.blank[:n] = np.where(is_new, 0.0, stays_blank[row, source]) / largest[:, None]
    beams.symbol[:n] = np.where(is_new, mass, stays_symbol[row, source]) / largest[:, None]
    before, is_dead = beams.hash[:n][row, source], mass == 0
    beams.parent[:n] = np.where(is_dead, DEAD_PARENT, np.where(is_new, before, beams.parent[:n][row, source]))
    beams.hash[:n] = np.where(is_dead, DEAD, np.where(is_new, _hash(before, wrote), before))
    beams.last[:n] = np.where(is_new, wrote, last[row, source])
    if model:
        state = beams.state[:n][row, source]
        beams.state[:n] = np.where(is_new, model.next(state, wrote), state)
    return source.astype(np.int32), wrote, largest


def _merge(hashes: Hashes, parents: Hashes, rank: Ints, stays_symbol: Floats, grown: Floats) -> None:
    """Give what grows into a prefix that is a beam already to that beam.

    Args:
        rank: (N, W) where the last symbol of each beam stands among the symbols of this step; -1: not there.
    """
    line, child, parent = np.nonzero((parents[:, :, None] == hashes[:, None, :]) & (rank >= 0)[:, :, None])
    place = rank[line, child]
    stays_symbol[line, child] += grown[line, place, parent]  # a prefix has one parent: no place is twice in here
    grown[line, place, parent] = 0


def _largest(masses: Floats, width: int) -> npt.NDArray[np.int64]:
    """The places (N, W) of the largest masses of each line (N, M), in descending order."""
    # Of equal masses the first one counts, by a grain that changes nothing else. Left to numpy, it would depend on how
    # many places follow, and so on the other lines.
    grained = masses * (1 - 1e-13 * np.arange(masses.shape[1]))
    row = np.arange(len(masses))[:, None]
    places = np.argpartition(grained, -width, axis=1)[:, -width:]
    # Places in ascending order first, so that the zeros among them are in an order of their own too.
    places.sort(axis=1)
    return places[row, np.argsort(-grained[row, places], axis=1, kind="stable")]


def _hash(prefix: Hashes, symbol: Ints) -> Hashes:
    """The hash of a prefix with one more symbol; the mixing of SplitMix64 (Steele et al. 2014)."""
    mixed: Hashes = prefix + (symbol.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _trace(sources: Ints, written: Ints, beam: int) -> list[int]:
    """What a beam wrote in all its steps."""
    classes = []
    for source, wrote in zip(sources[::-1].tolist(), written[::-1].tolist(), strict=True):
        if wrote[beam] >= 0:
            classes.append(wrote[beam])
        beam = source[beam]
    return classes[::-1]
