"""The place of each code point of a text that was read: from the order in which a model writes to that of the text.

A model has a place and a confidence for each symbol, in the order in which it writes and before the text rules. Whoever
marks letters or words in a line needs them for what the text has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from rapidfuzz.distance import Levenshtein

from thulium.data.bidi import Order, places_on_paper, to_visual
from thulium.models.recogniser import Character, Reading


@dataclass(frozen=True, slots=True)
class CodePoint:
    """Where a code point of a text was seen: pixels of the line that the model read; and how sure that is, 0 to 1."""

    start: float
    end: float
    confidence: float


def code_points(reading: Reading, order: Order, *, is_whole: bool = False) -> list[CodePoint]:
    """One for each code point of a text, in its order. What the text rules made of a symbol has that symbol's place.

    Args:
        order: in which the model writes, ``charset.order``.
        is_whole: whether they cover letters, see ``covering``; otherwise the frames in which each was seen.
    """
    characters = reading.characters
    spans = covering(characters) if is_whole else [(float(each.start), float(each.end)) for each in characters]
    rows = zip(characters, spans, strict=True)
    seen = [CodePoint(*span, each.confidence) for each, span in rows for _ in each.symbol]
    written, paper = "".join(each.symbol for each in characters), to_visual(reading.text, order)
    found: list[CodePoint] = []
    for code in Levenshtein.opcodes(written, paper):
        found += _stretched(seen, code.src_start, code.src_end, code.dest_end - code.dest_start)
    in_order: dict[int, CodePoint] = dict(zip(places_on_paper(reading.text, order), found, strict=True))
    return [in_order[place] for place in range(len(reading.text))]


def covering(characters: Sequence[Character]) -> list[tuple[float, float]]:
    """Where letters begin and end, by the frames in which each was seen, which are fewer than a letter has.

    Between two letters the border is the middle of the gap; beside a space a letter reaches up to where the space was
    seen, since models see letters a little late and nothing else is there. At the ends of a line a letter reaches as
    far as letters of the line lie apart, or as far as its neighbour is away. A single one has the whole line: nothing
    says where it ends.
    """
    if len(characters) < 2:
        return [(0.0, float("inf"))] * len(characters)
    from_left = sorted(range(len(characters)), key=lambda place: _middle(characters[place]))
    seen = [characters[place] for place in from_left]
    pitch = median(_middle(other) - _middle(one) for one, other in pairwise(seen))
    borders = [_border(one, other) for one, other in pairwise(seen)]
    before, after = (max(pitch, other.start - one.end) for one, other in (seen[:2], seen[-2:]))
    sides = [seen[0].start - before, *borders, seen[-1].end + after]
    spans = {place: (max(0.0, min(both)), max(both)) for place, both in zip(from_left, pairwise(sides), strict=True)}
    return [spans[place] for place in range(len(characters))]


def _middle(character: Character) -> float:
    return (character.start + character.end) / 2


def _border(one: Character, other: Character) -> float:
    """Where a symbol ends, and its neighbour to the right begins."""
    if one.symbol.isspace() == other.symbol.isspace():
        return (one.end + other.start) / 2
    return float(one.end if one.symbol.isspace() else other.start)


def _stretched(seen: Sequence[CodePoint], first: int, last: int, number: int) -> list[CodePoint]:
    """So many in place of those from ``first`` to ``last``, evenly; in a gap, at its edge."""
    if not number:
        return []
    if first == last:
        near = seen[max(0, first - 1)]
        edge = near.end if first else near.start
        return [CodePoint(edge, edge, near.confidence)] * number
    chosen = (first + place * (last - first) // number for place in range(number))
    return [seen[place] for place in chosen]
