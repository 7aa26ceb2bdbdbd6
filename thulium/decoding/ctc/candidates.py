"""What of a model's output a beam search looks at: the likely symbols of the frames that are not plainly blank.

B lines, T frames, K classes; D steps, S symbols a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# A class that is less likely than this in a frame is taken to be impossible there; 0 looks at all of them. What lower
# values cost and bring is in docs/experiments.md.
LEAST_PROBABILITY = 1e-3
MOST_SYMBOLS = 16  # of a frame, the likeliest ones

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Steps:
    """The frames of some lines in which a symbol is possible, those of a line one behind the other.

    Attributes:
        symbols: (D, B, S) classes, none of them the blank, in ascending order; -1 where there are fewer.
        probabilities: (D, B, S) of those symbols; 0 where there are fewer.
        num_symbols: (D, B) how many there are.
        blanks: (D, B) probability of the blank.
        gaps: (D, B) whether frames in which only the blank is possible lie before this one.
        num_steps: (B,) how many steps each line has.
        skipped: (B,) natural logarithm of the probability of all frames that were left out.
    """

    symbols: Ints
    probabilities: Floats
    num_symbols: Ints
    blanks: Floats
    gaps: npt.NDArray[np.bool_]
    num_steps: Ints
    skipped: Floats


def steps_of(
    probabilities: npt.NDArray[np.float32],
    frames: Ints,
    blank: int,
    least: float = LEAST_PROBABILITY,
    most: int = MOST_SYMBOLS,
) -> Steps:
    """The steps of some lines.

    Args:
        probabilities: (B, T, K).
        frames: (B,) frames in use, 0 to T; later ones are not read.
        blank: the class of the blank.
        least: classes below it are impossible in a frame, but for its likeliest one.
        most: so are all but so many symbols.
    """
    in_use = np.arange(probabilities.shape[1]) < frames[:, None]
    kept = (probabilities >= min(least, 1.0)) & (probabilities > 0) & in_use[:, :, None]
    line, frame = np.nonzero(in_use)
    kept[line, frame, probabilities[line, frame].argmax(axis=1)] = True
    blanks = np.where(kept[:, :, blank], probabilities[:, :, blank], 0.0)
    kept[:, :, blank] = False
    _thin(kept, probabilities, most)
    counts = kept.sum(axis=2)
    line, frame = np.nonzero(counts)
    num_steps = (counts > 0).sum(axis=1)
    step = ranks(num_steps)
    shape = (int(num_steps.max(initial=0)), len(frames))
    out = Steps(
        symbols=np.full((*shape, int(counts.max(initial=0))), -1, np.int32),
        probabilities=np.zeros((*shape, int(counts.max(initial=0)))),
        num_symbols=np.zeros(shape, np.int32),
        blanks=np.zeros(shape),
        gaps=np.zeros(shape, np.bool_),
        num_steps=num_steps.astype(np.int32),
        skipped=np.where(in_use & (counts == 0), np.log(blanks, where=blanks > 0, out=np.zeros_like(blanks)), 0.0).sum(
            1
        ),
    )
    out.num_symbols[step, line] = counts[line, frame]
    out.blanks[step, line] = blanks[line, frame]
    # A line's first step follows nothing: there a gap changes nothing, whatever the line before ended with.
    out.gaps[step, line] = np.diff(frame, prepend=0) != 1
    of_line, of_frame, symbol = np.nonzero(kept)
    steps = np.repeat(step, counts[line, frame])
    out.symbols[steps, of_line, ranks(counts[line, frame])] = symbol
    out.probabilities[steps, of_line, ranks(counts[line, frame])] = probabilities[of_line, of_frame, symbol]
    return out


def _thin(kept: npt.NDArray[np.bool_], probabilities: npt.NDArray[np.float32], most: int) -> None:
    """Leave the likeliest symbols of each frame."""
    line, frame = np.nonzero(kept.sum(axis=2) > most)
    likely = np.where(kept[line, frame], probabilities[line, frame], 0)
    if len(line):
        others = np.argpartition(likely, -most, axis=1)[:, :-most]
        kept[line[:, None], frame[:, None], others] = False


def ranks(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """0, 1 … up to each count, one behind the other: [2, 3] gives [0, 1, 0, 1, 2]."""
    numbers: npt.NDArray[np.int64] = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return numbers
