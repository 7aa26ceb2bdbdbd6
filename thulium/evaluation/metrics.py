"""Error counts and rates. Counts are summed first and divided last, once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, slots=True)
class EditCount:
    """Edits against a reference length."""

    edits: int = 0
    reference: int = 0

    def __add__(self, other: EditCount) -> EditCount:
        return EditCount(self.edits + other.edits, self.reference + other.reference)

    @property
    def rate(self) -> float:
        """Edits a unit of reference: 0 is perfect, above 1 is possible, nan without a reference."""
        return self.edits / self.reference if self.reference else math.nan


@dataclass(frozen=True, slots=True)
class LineResult:
    """One line, as it was transcribed and as it was read.

    Attributes:
        confidence: of the prediction, 0 to 1; None: not known.
        confidences, are_right: of each character that was read, how sure the model is of it, and whether it is right.
        characters: edits and reference length in code points.
        words: the same in words, split at white space.
    """

    id: str
    page: str
    transcription: str
    prediction: str
    confidence: float | None = None
    confidences: tuple[float, ...] = ()
    are_right: tuple[bool, ...] = ()
    characters: EditCount = field(init=False)
    words: EditCount = field(init=False)

    def __post_init__(self) -> None:
        reference, prediction = self.transcription, self.prediction
        edits = Levenshtein.distance(reference, prediction)
        object.__setattr__(self, "characters", EditCount(edits, len(reference)))
        words = Levenshtein.distance(reference.split(), prediction.split())
        object.__setattr__(self, "words", EditCount(words, len(reference.split())))

    @property
    def share_right(self) -> float:
        """1 - edits / the longer one of both texts: 0 to 1, and 1 where both are empty."""
        longer = max(len(self.transcription), len(self.prediction))
        return 1 - self.characters.edits / longer if longer else 1.0


@dataclass(frozen=True, slots=True)
class Scores:
    """Rates over a set of lines.

    Attributes:
        cer: character error rate: edits by reference code points.
        wer: word error rate: the same in words.
        line_accuracy: share of the lines without an error.
    """

    cer: float
    wer: float
    line_accuracy: float


def score(results: Sequence[LineResult]) -> Scores:
    """Rates over all lines together, each line weighing by its length."""
    exact = sum(result.characters.edits == 0 for result in results)
    return Scores(
        cer=sum((result.characters for result in results), EditCount()).rate,
        wer=sum((result.words for result in results), EditCount()).rate,
        line_accuracy=exact / len(results) if results else math.nan,
    )


RESAMPLES = 1000
MIN_PAGES = 6  # with fewer, drawing pages says nothing, and lines are drawn
FEW = 30  # pages or lines; with fewer, intervals of this kind are too narrow (docs/results.md)


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % interval of an error rate, and what it was drawn over.

    Attributes:
        low, high: fractions.
        unit: what was drawn with replacement: whole pages, or single lines.
        num_units: how many there are, and how many each draw has.
        num_pages: that are known; as many as lines where no two lines are known to be of one page.
        seed: of the draws, of which there are RESAMPLES.
    """

    low: float
    high: float
    unit: Literal["page", "line"]
    num_units: int
    num_pages: int
    seed: int

    @property
    def basis(self) -> str:
        """What it was drawn over, and why that was not pages where it was not."""
        over = f"drawn over {self.num_units:,} {self.unit}{'' if self.num_units == 1 else 's'}"
        if self.unit == "page":
            return over
        if self.num_pages == self.num_units:
            return f"{over}, since no two lines are known to be of one page"
        return f"{over}, since {self.num_pages} page{' is' if self.num_pages == 1 else 's are'} too few to draw from"

    @property
    def caveat(self) -> str:
        """Why it is less certain than it looks; empty where nothing is known against it."""
        if self.unit == "line":
            return "it is too narrow if the lines of a page are alike"
        return f"it is too narrow with fewer than {FEW} pages" if self.num_units < FEW else ""


def cer_interval(results: Sequence[LineResult], seed: int = 0) -> Interval:
    """The 95 % bootstrap interval of the CER, drawing whole pages, since the lines of a page are alike.

    Lines are drawn where there are fewer than MIN_PAGES pages, or where no two lines are known to be of one page.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13 (percentile interval).
    """
    num_pages = len({result.page for result in results})
    unit: Literal["page", "line"] = "page" if MIN_PAGES <= num_pages < len(results) else "line"
    units: dict[str, EditCount] = {}
    for result in results:
        name = result.page if unit == "page" else result.id
        units[name] = units.get(name, EditCount()) + result.characters
    if not units:
        return Interval(math.nan, math.nan, unit, 0, 0, seed)
    edits = np.array([count.edits for count in units.values()])
    lengths = np.array([count.reference for count in units.values()])
    generator = np.random.default_rng(seed)
    draws = (generator.integers(len(units), size=len(units)) for _ in range(RESAMPLES))
    rates = [edits[draw].sum() / max(lengths[draw].sum(), 1) for draw in draws]
    low, high = np.quantile(rates, [0.025, 0.975])
    return Interval(float(low), float(high), unit, len(units), num_pages, seed)
