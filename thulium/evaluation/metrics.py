"""Error counts and rates. Counts are summed first and divided last, once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from rapidfuzz.distance import Levenshtein

from thulium.evaluation import intervals

COUNTS = ("edits", "reference")


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
        characters: edits and reference length in code points.
        words: the same in words, split at white space.
    """

    id: str
    page: str
    transcription: str
    prediction: str
    characters: EditCount = field(init=False)
    words: EditCount = field(init=False)

    def __post_init__(self) -> None:
        reference, prediction = self.transcription, self.prediction
        edits = Levenshtein.distance(reference, prediction)
        object.__setattr__(self, "characters", EditCount(edits, len(reference)))
        words = Levenshtein.distance(reference.split(), prediction.split())
        object.__setattr__(self, "words", EditCount(words, len(reference.split())))


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


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % interval of an error rate, and what it was computed over.

    Attributes:
        low, high: fractions; nan where there is a single unit, which says nothing of others.
        unit: what is taken to be independent: whole pages, or single lines.
        num_units: how many there are.
        num_pages: that are known; as many as lines where no two lines are known to be of one page.
    """

    low: float
    high: float
    unit: Literal["page", "line"]
    num_units: int
    num_pages: int

    @property
    def basis(self) -> str:
        """What it was computed over, and why that was not pages where it was not."""
        over = f"over {self.num_units:,} {self.unit}{'' if self.num_units == 1 else 's'}"
        if self.unit == "page":
            return over
        if self.num_pages == self.num_units:
            return f"{over}, since no two lines are known to be of one page"
        return f"{over}, since all are of one page"

    @property
    def caveat(self) -> str:
        """Why it is less certain than it looks; empty where nothing is known against it."""
        if self.unit == "page":
            return ""
        if self.num_pages == self.num_units:
            return "it is too narrow if the lines of a page are alike"
        return "it says nothing of other pages"


def cer_interval(results: Sequence[LineResult]) -> Interval:
    """The 95 % interval of the CER over whole pages, since the lines of a page are alike.

    It is over lines where there is one page, or where no two lines are known to be of one page. See ``intervals``.
    """
    num_pages = len({result.page for result in results})
    unit: Literal["page", "line"] = "page" if 1 < num_pages < len(results) else "line"
    units: dict[str, EditCount] = {}
    for result in results:
        name = result.page if unit == "page" else result.id
        units[name] = units.get(name, EditCount()) + result.characters
    edits, lengths = (np.array([getattr(count, name) for count in units.values()], float) for name in COUNTS)
    is_known = len(units) > 1 and lengths.sum() > 0
    low, high = intervals.of_rate(edits, lengths) if is_known else (math.nan, math.nan)
    return Interval(low, high, unit, len(units), num_pages)
