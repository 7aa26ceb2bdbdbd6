"""Error counts and rates. Counts are summed first and divided last, once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

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
