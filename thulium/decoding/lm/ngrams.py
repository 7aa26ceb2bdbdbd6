"""A language model of characters: how likely each symbol is after the few before it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thulium.data.bidi import Order
from thulium.decoding.lm.counting import Grams, grams

# Symbols of the model that are none of a text, as noncharacters of Unicode: no text holds them.
BEGIN, END, UNKNOWN = "\ufdd0", "\ufdd1", "\ufdd2"
DISCOUNT = 0.75  # taken from each count, for what was not seen


@dataclass(frozen=True, slots=True)
class NgramModel:
    """An n-gram model with back-off.

    Attributes:
        order: symbols in its longest n-grams; it looks at one less behind.
        log_probs: n-gram -> ln p(its last symbol after the others). Each symbol stands alone, UNKNOWN for all others.
        backoffs: history -> ln of what p after a shorter history is multiplied with; 0 where it is not listed.
        reading: the order that the texts were in; None if that is not known.
    """

    order: int
    log_probs: dict[str, float]
    backoffs: dict[str, float]
    reading: Order | None

    @property
    def symbols(self) -> frozenset[str]:
        """The characters that it knows."""
        return frozenset(gram for gram in self.log_probs if len(gram) == 1) - {BEGIN, END, UNKNOWN}

    def log_prob(self, history: str, symbol: str) -> float:
        """ln p of a symbol, or of END, after a history that begins with BEGIN."""
        seen = history[max(0, len(history) - self.order + 1) :]
        known = "".join(s if s in self.log_probs or s == BEGIN else UNKNOWN for s in seen)
        symbol, lost = symbol if symbol in self.log_probs else UNKNOWN, 0.0
        while known and known + symbol not in self.log_probs:
            lost += self.backoffs.get(known, 0.0)
            known = known[1:]
        return lost + self.log_probs[known + symbol]

    def perplexity(self, texts: Iterable[str]) -> float:
        """How many symbols, equally likely, would be as hard to guess; the end of each line is one. nan of no texts."""
        log_probs = [
            self.log_prob(BEGIN + text[:place], symbol) for text in texts for place, symbol in enumerate(text + END)
        ]
        return math.exp(-sum(log_probs) / len(log_probs)) if log_probs else math.nan


def build(texts: Iterable[str], order: int, alphabet: Collection[str] = (), reading: Order | None = None) -> NgramModel:
    """The model of some texts, by interpolated Kneser-Ney smoothing with one discount.

    Below the longest n-grams, and but for beginnings of lines, a symbol counts once for each symbol that it was seen
    behind, and not as often as it was seen: what follows one history alone says little of what follows another.
    Discounts are usually estimated from how many n-grams were seen once and twice. Among a hundred characters hardly
    any was seen once, so DISCOUNT is a number that was chosen (docs/experiments.md).

    Args:
        texts: in the order in which the model is to read them; each is a line.
        alphabet: characters that it should know although no text has them.
        reading: what that order is.

    Source: Kneser & Ney 1995, Improved backing-off for m-gram language modeling; in its interpolated form Chen &
    Goodman 1999, An Empirical Study of Smoothing Techniques for Language Modeling, section 2.8.
    """
    lines = "".join(f"{BEGIN}{text}{END}" for text in texts)
    levels = list(grams(lines, BEGIN, order)) if lines else []
    seen = [lines[place] for place in levels[0].places.tolist()] if levels else []
    symbols = sorted({END, UNKNOWN, *alphabet, *seen} - {BEGIN})
    # Where nothing was seen, each is as likely.
    probs, backoffs = dict.fromkeys(symbols, 1 / len(symbols)), dict[str, float]()
    names, shorter = [""], np.zeros(0)
    for level, longer in itertools.zip_longest(levels, levels[1:]):
        histories, names = names, [lines[start : start + level.length] for start in level.places.tolist()]
        counts = _counted(level, longer)
        totals = np.bincount(level.histories, counts, len(histories))  # of a history: what followed it
        kinds = np.bincount(level.histories[counts > 0], minlength=len(histories))  # how many different symbols did
        # What was taken from a history's counts is shared out as a shorter history would.
        weights = DISCOUNT * kinds / np.maximum(totals, 1)
        if level.length == 1:
            probs = dict.fromkeys(symbols, weights.item() / len(symbols))
            rest = np.full(len(seen), weights.item() / len(symbols))
        else:
            rest = weights[level.histories] * shorter[level.endings]
        shorter = np.maximum(counts - DISCOUNT, 0) / np.maximum(totals, 1)[level.histories] + rest
        probs.update(zip(names, shorter.tolist(), strict=True))
        backoffs |= {
            history: math.log(weight)
            for history, weight in zip(histories, weights.tolist(), strict=True)
            if history and weight
        }
    probs.pop(BEGIN, None)
    return NgramModel(order, {gram: math.log(p) for gram, p in probs.items()}, backoffs, reading)


def _counted(level: Grams, longer: Grams | None) -> npt.NDArray[np.float64]:
    """The longest n-grams, and beginnings of lines, as often as they were seen; others once for each symbol before."""
    seen = level.counts.astype(np.float64)
    if longer is not None:
        before = np.bincount(longer.endings, minlength=len(seen))
        seen = np.where(level.is_first, seen, before)
    return np.where(level.is_first, 0, seen) if level.length == 1 else seen  # a beginning alone follows nothing
