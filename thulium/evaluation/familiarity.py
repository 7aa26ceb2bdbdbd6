"""How far lines are from those that a model was validated on, as far as its own confidence tells.

What the images look like does not tell it: width, ink and strokes of a hand that a model cannot read are mostly within
what it has learnt from, and its confidence is far below (docs/experiments.md has the figures).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from thulium.evaluation.metrics import LineResult
from thulium.evaluation.plots import visible
from thulium.models.own_lines import DIGITS, FEWEST
from thulium.models.wrappers import HTRModel

RARE = 0.25  # a middle line that is below so many of the model's own lines is one of a collection that differs
MANY = 0.25  # a share of lines of which five times fewer would be as unsure in a collection that does not differ
LEAST = 0.02  # of a confidence; what differs by less is no difference that matters
NAMED = 20  # characters in a message
LITTLE = 0.001  # a share of characters below which no figure is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Familiarity:
    """Lines beside a model's own, those that it was validated on.

    Attributes:
        lines: how many there are.
        median, own_median: confidence in the middle one of these, and of its own.
        share_below: the share of its own that it was less sure of than of the middle one of these.
        unsure: how many of these it is clearly less sure of than of 19 in 20 of its own.
        wrong: the share of characters that can be expected to be wrong; None where confidences are not calibrated.
    """

    lines: int
    median: float
    own_median: float
    share_below: float
    unsure: int
    wrong: float | None

    @property
    def is_harder(self) -> bool:
        """Whether the model must be expected to read them worse than its own."""
        is_lower = self.share_below < RARE and self.median < self.own_median - LEAST
        return is_lower or self.unsure >= MANY * self.lines

    @property
    def verdict(self) -> str:
        """A sentence without its stop; begins small."""
        own = "the validation lines of its training"
        if not self.is_harder:
            return (
                f"these {self.lines:,} lines are no harder for the model than {own}, as far as its confidence tells "
                f"(median {self.median:.2f}, there {self.own_median:.2f})"
            )
        return (
            f"these {self.lines:,} lines are harder for the model than {own}: it is less sure of {self.unsure:,} of "
            f"them than of 19 in 20 of those (median confidence {self.median:.2f}, there {self.own_median:.2f})"
        )

    @property
    def expected(self) -> str:
        """What it means for texts that nobody has checked, as ``verdict`` goes on; empty where that is not known."""
        if self.wrong is None:
            return ""
        return f"; expect some {self.wrong:.0%} of the characters to be wrong{', often more' if self.is_harder else ''}"


class Confidences:
    """Keeps what is needed of the confidences in any number of lines, in little memory."""

    def __init__(self) -> None:
        self._counts = np.zeros(10**DIGITS + 1, np.int64)
        self._wrong, self._symbols = 0.0, 0

    def add(self, text: str, confidence: float | None) -> None:
        """Count a line that was read."""
        if confidence is None:
            return
        self._counts[round(confidence * 10**DIGITS)] += 1
        self._wrong += (1 - confidence) * len(text)
        self._symbols += len(text)

    def beside(self, model: HTRModel) -> Familiarity | None:
        """What they say beside the model's own lines; None where these are not known, or the lines are too few."""
        own, lines = model.own_lines, int(self._counts.sum())
        if own is None or lines < FEWEST:
            return None
        median = float(np.searchsorted(np.cumsum(self._counts), lines / 2)) / 10**DIGITS
        is_known = model.calibration is not None and self._symbols > 0
        return Familiarity(
            lines=lines,
            median=median,
            own_median=own.median,
            share_below=own.share_below(median),
            unsure=int(self._counts[: max(0, round((own.low - LEAST) * 10**DIGITS))].sum()),
            wrong=self._wrong / self._symbols if is_known else None,
        )


def familiarity(results: Sequence[LineResult], model: HTRModel) -> Familiarity | None:
    """The same of lines that were read."""
    sure = Confidences()
    for result in results:
        sure.add(result.prediction, result.confidence)
    return sure.beside(model)


def characters_new_to(symbols: Collection[str], results: Sequence[LineResult]) -> str:
    """Which characters of transcriptions a model cannot write, in a sentence; empty: it can write all of them."""
    counts = Counter(chain.from_iterable(result.transcription for result in results))
    new = Counter({symbol: count for symbol, count in counts.items() if symbol not in symbols})
    if not new:
        return ""
    named = " ".join(visible(symbol) for symbol, _ in new.most_common(NAMED)) + (" …" if len(new) > NAMED else "")
    share = new.total() / counts.total()
    some = f"{share:.1%}" if share >= LITTLE else f"less than {LITTLE:.1%}"
    return f"{some} of the characters in these lines are new to the model, and it cannot write them: {named}"
