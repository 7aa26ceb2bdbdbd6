"""A language model of characters: how likely each symbol is after the few before it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from thulium.data.bidi import Order

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
    counts = _continuations(Counter(gram for text in texts for gram in _grams(text, order)), order)
    totals: Counter[str] = Counter()  # of a history: what followed it
    kinds: Counter[str] = Counter()  # how many different symbols did
    for gram, count in counts.items():
        totals[gram[:-1]] += count
        kinds[gram[:-1]] += 1
    # What was taken from a history's counts is shared out as a shorter history would.
    weights = {history: DISCOUNT * kinds[history] / total for history, total in totals.items()}
    symbols = {END, UNKNOWN, *alphabet, *(gram for gram in counts if len(gram) == 1)}
    probs = dict.fromkeys(
        sorted(symbols), weights.get("", 1.0) / len(symbols)
    )  # where nothing was seen, each is as likely
    for gram in sorted(counts, key=lambda gram: (len(gram), gram)):
        history = gram[:-1]
        shorter = weights[history] * probs[gram[1:]] if history else probs[gram]
        probs[gram] = (counts[gram] - DISCOUNT) / totals[history] + shorter
    backoffs = {history: math.log(weight) for history, weight in weights.items() if history}
    return NgramModel(order, {gram: math.log(p) for gram, p in probs.items()}, backoffs, reading)


def _continuations(counts: Counter[str], order: int) -> Counter[str]:
    """The longest n-grams, and beginnings of lines, as often as they were seen; others once for each symbol before."""
    before = Counter(gram[1:] for gram in counts if len(gram) > 1)
    return Counter(
        {gram: count if len(gram) == order or gram[0] == BEGIN else before[gram] for gram, count in counts.items()}
    )


def _grams(text: str, order: int) -> Iterator[str]:
    """Every run of up to ``order`` symbols of a line with its beginning and end, but for the beginning alone."""
    line = BEGIN + text + END
    for end in range(2, len(line) + 1):
        for start in range(max(0, end - order), end):
            yield line[start:end]
