"""Words and letters of what was read, with their places on the page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from thulium.data.bidi import Order
from thulium.data.images.grey import line_width
from thulium.ingest.writing.words import Part, Place
from thulium.models.code_points import CodePoint, code_points
from thulium.models.recogniser import Reading
from thulium_dsl.grammar.spec import PreprocessingSpec

Level = Literal["word", "glyph"]  # the smallest parts of a line that are written with their places
WORD = re.compile("[^ ]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """What is needed to say where words stand.

    Attributes:
        order: in which the model writes.
        preprocessing: the model's.
    """

    level: Level
    order: Order
    preprocessing: PreprocessingSpec

    def words(self, reading: Reading, place: Place) -> tuple[Part, ...]:
        """The words of a reading in detail: what stands between its spaces, in the order of the text.

        The confidence of a word is the mean of those of its code points: the share of it that can be expected to be
        right.
        """
        found = code_points(reading, self.order, is_whole=True)
        scale = place.how.size[0] / line_width(place.how.size, self.preprocessing)

        def part(text: str, seen: Sequence[CodePoint], within: tuple[Part, ...] = ()) -> Part:
            start, end = min(each.start for each in seen), max(each.end for each in seen)
            confidence = sum(each.confidence for each in seen) / len(seen)
            return Part(text, confidence, place.corners(start * scale, end * scale), within)

        words = []
        for word in WORD.finditer(reading.text):
            text, seen = word[0], found[word.start() : word.end()]
            letters = _letters(text) if self.level == "glyph" else ()
            words.append(part(text, seen, tuple(part(text[one], seen[one]) for one in letters)))
        return tuple(words)


def _letters(text: str) -> Iterator[slice]:
    """Where the letters of a word stand in it, each with its combining marks."""
    firsts = [
        place for place, symbol in enumerate(text) if not place or not unicodedata.category(symbol).startswith("M")
    ]
    for first, last in zip(firsts, [*firsts[1:], len(text)], strict=True):
        yield slice(first, last)
