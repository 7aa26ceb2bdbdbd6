"""The words and letters of a line with their places, as PAGE and ALTO have them: Word and Glyph, String and Glyph."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thulium.ingest.cutting import Cut, Points
from thulium.ingest.writing.spans import escaped, quoted

Corners = tuple[tuple[int, int], ...]  # of a polygon, in the units of a file

PLACES = 4  # decimals of a confidence
STRAIGHT = 0.5  # pixels by which the points of an outline may lie off its edges and be left out
FIRST_POINTS = "2013"  # before that, PAGE has an element for each point
ALTO_SHAPES, ALTO_GLYPHS = 3, 4  # the versions since which a String has a Shape, and Glyphs

_ID = re.compile(r"[^\W\d][\w.-]*")  # what XML takes for an id, but for signs that nobody uses
_ALTO = re.compile(r"/ns-v(\d+)#")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line lies.

    Attributes:
        how: it is cut out of its page.
        scale: pixels of the page for a unit of what is written, in x and in y.
        size: of the page in pixels, which nothing lies outside of.
    """

    how: Cut
    scale: tuple[float, float]
    size: tuple[int, int]

    def corners(self, start: float, end: float) -> Corners:
        """What of the line's outline lies between two columns of its image: whole units, at least three corners."""
        highest = np.floor(np.array(self.size) / self.scale)
        outline = _thinned(self.how.part(start, end)) / self.scale
        points = np.clip(np.round(outline), 0, highest).astype(int)
        found = [(x, y) for x, y in points[np.any(points != np.roll(points, 1, axis=0), axis=1)].tolist()]
        if len(set(found)) > 2:
            return tuple(found)
        left, top = np.minimum(points.min(axis=0), highest - 1).astype(int).tolist()
        right, bottom = max(int(points[:, 0].max()), left + 1), max(int(points[:, 1].max()), top + 1)
        return (left, top), (right, top), (right, bottom), (left, bottom)


@dataclass(frozen=True, slots=True)
class Part:
    """A word of a line, or a letter of a word with its marks.

    Attributes:
        confidence: 0 to 1.
        outline: its corners, at least three.
        parts: the letters of a word, in the order of the text; none if they are not wanted.
    """

    text: str
    confidence: float
    outline: Corners
    parts: tuple[Part, ...] = ()

    @property
    def conf(self) -> str:
        """The confidence as it is written."""
        return f"{self.confidence:.{PLACES}f}"


@dataclass(frozen=True, slots=True)
class Node:
    """An element that is to be written, in the namespace of its line."""

    name: str
    attributes: Mapping[str, str]
    children: tuple[Node, ...] = ()
    content: str = ""


def _thinned(outline: Points) -> Points:
    """A polygon without points that lie nearly on its edges.

    Source: Douglas and Peucker 1973, Algorithms for the reduction of the number of points.
    """
    ring = np.concatenate([outline, outline[:1]])
    furthest = int(np.hypot(*(outline - outline[0]).T).argmax())
    kept, left = {0, furthest}, [(0, furthest), (furthest, len(outline))]
    while left:
        first, last = left.pop()
        if last - first < 2:
            continue
        edge, away = ring[last] - ring[first], ring[first + 1 : last] - ring[first]
        share = np.clip(away @ edge / max(float(edge @ edge), 1e-9), 0, 1)
        distances = np.hypot(*(away - share[:, None] * edge).T)
        middle = first + 1 + int(distances.argmax())
        if distances.max() > STRAIGHT:
            kept.add(middle)
            left += [(first, middle), (middle, last)]
    return outline[sorted(kept)]


def has_glyphs(namespace: str) -> bool:
    """Whether ALTO of a namespace has a place for letters."""
    return _version(namespace) >= ALTO_GLYPHS


def free_id(wanted: str, otherwise: str, taken: set[str]) -> str:
    """An id that XML takes and that nothing else has: the wanted one if it can be."""
    name = wanted if _ID.fullmatch(wanted) else otherwise
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def page_words(words: Sequence[Part], line_id: str, namespace: str, taken: set[str]) -> list[Node]:
    """The Word elements of a line.

    Args:
        namespace: of the line.
        taken: ids that the file has; those of the words come to them.
    """
    has_points = "pagecontent/" not in namespace or namespace.rsplit("/", 1)[1][:4] >= FIRST_POINTS

    def node(name: str, part: Part, part_id: str, within: Sequence[Node]) -> Node:
        points = tuple(Node("Point", {"x": str(x), "y": str(y)}) for x, y in part.outline)
        coords = Node("Coords", {"points": _pairs(part.outline)}) if has_points else Node("Coords", {}, points)
        text = Node("TextEquiv", {"conf": part.conf}, (Node("Unicode", {}, content=part.text),))
        return Node(name, {"id": part_id}, (coords, *within, text))

    found = []
    for word, word_id in _named(words, line_id, "w", taken):
        glyphs = [node("Glyph", glyph, glyph_id, ()) for glyph, glyph_id in _named(word.parts, word_id, "g", taken)]
        found.append(node("Word", word, word_id, glyphs))
    return found


def alto_strings(text: str, words: Sequence[Part], line_id: str, namespace: str, taken: set[str]) -> list[Node]:
    """The String elements of a line, with SP between them; two spaces have an empty String between them.

    Args:
        text: of the line, whose words are those between its spaces.
        namespace, taken: see ``page_words``.
    """
    version = _version(namespace)
    named = _named(words, line_id, "w", taken)
    found: list[Node] = []
    for place, written in enumerate(text.split(" ")):
        found += [Node("SP", {})] if place else []
        if not written:
            found.append(Node("String", {"CONTENT": ""}))
            continue
        word, word_id = next(named)
        glyphs = _alto_glyphs(word, word_id, taken) if version >= ALTO_GLYPHS else []
        values = {"ID": word_id, "CONTENT": word.text, **box(word.outline), "WC": word.conf}
        shape = [_shape(word.outline)] if version >= ALTO_SHAPES else []
        found.append(Node("String", values, (*shape, *glyphs)))
    return found


def _alto_glyphs(word: Part, word_id: str, taken: set[str]) -> list[Node]:
    """The Glyph elements of a word; each is one code point by ALTO, so the marks of a letter have its place."""
    single = [Part(symbol, letter.confidence, letter.outline) for letter in word.parts for symbol in letter.text]
    return [
        Node(
            "Glyph",
            {"ID": glyph_id, "CONTENT": glyph.text, **box(glyph.outline), "GC": glyph.conf},
            (_shape(glyph.outline),),
        )
        for glyph, glyph_id in _named(single, word_id, "g", taken)
    ]


def _named(parts: Sequence[Part], outer: str, sign: str, taken: set[str]) -> Iterator[tuple[Part, str]]:
    """Parts with ids made of that of what they lie in."""
    for number, part in enumerate(parts, 1):
        yield part, free_id(f"{outer}_{sign}{number}", f"{sign}{number}", taken)


def _version(namespace: str) -> int:
    found = _ALTO.search(namespace)
    return int(found[1]) if found else 0


def box(outline: Corners) -> dict[str, str]:
    """The attributes that ALTO has for the box of a polygon."""
    xs, ys = zip(*outline, strict=True)
    left, top = min(xs), min(ys)
    return {"HPOS": f"{left}", "VPOS": f"{top}", "WIDTH": f"{max(xs) - left}", "HEIGHT": f"{max(ys) - top}"}


def _shape(outline: Corners) -> Node:
    return Node("Shape", {}, (Node("Polygon", {"POINTS": _pairs(outline)}),))


def _pairs(outline: Corners) -> str:
    return " ".join(f"{x},{y}" for x, y in outline)


def rendered(node: Node, prefix: str, shift: str, step: str) -> str:
    """An element as it stands in a file.

    Args:
        prefix: of its namespace, with a colon; or empty.
        shift: the line break in front of it and what indents it; empty: all stands in one row.
        step: by how much what is in it is indented more.
    """
    name = f"{prefix}{node.name}"
    tag = f"{shift}<{name}" + "".join(f" {key}={quoted(value)}" for key, value in node.attributes.items())
    if not node.children:
        return f"{tag}>{escaped(node.content)}</{name}>" if node.content else f"{tag}/>"
    inner = shift + step if shift else ""
    return f"{tag}>{''.join(rendered(child, prefix, inner, step) for child in node.children)}{shift}</{name}>"
