"""The nodes of a YAML text, and places in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, NamedTuple

from thulium_dsl.messages.problems import Problem

KeyPath = tuple[str | int, ...]

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # those that YAML counts


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. ``start`` and ``end`` are offsets into the text, here and below."""

    start: int
    end: int
    value: Any
    is_block: bool  # written with | or >


@dataclass(frozen=True, slots=True)
class Mapping:
    start: int
    end: int
    is_flow: bool
    column: int  # of its first key, 0-based
    pairs: tuple[tuple[Scalar, Node], ...]

    def get(self, name: str) -> Node | None:
        return next((value for key, value in self.pairs if key.value == name), None)


@dataclass(frozen=True, slots=True)
class Sequence:
    start: int
    end: int
    is_flow: bool
    items: tuple[Node, ...]


Node = Scalar | Mapping | Sequence


@dataclass(frozen=True, slots=True)
class Place:
    """A run of characters in one line of a file; line and column are 1-based."""

    file: str
    line: int
    column: int
    length: int
    source: str

    def problem(self, path: KeyPath, what: str, hint: str = "") -> Problem:
        return Problem(self.file, self.line, self.column, dotted(path), what, hint, self.length, self.source)


class Entry(NamedTuple):
    """Where a key and its value stand. A list item has no key."""

    key: Place | None
    value: Place
    is_inline: bool  # False: an indented block, or nothing at all; the key is the better thing to point at


class SyntaxFault(NamedTuple):
    """Why a text cannot be read, and what to do about it."""

    offset: int  # into the text
    what: str
    hint: str


def dotted(path: KeyPath) -> str:
    """A path as it is printed and as ``dvc exp run -S`` takes it."""
    return ".".join(str(part) for part in path)


class Lines:
    """The lines of a text, to turn offsets into places."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        breaks = list(_LINE_BREAK.finditer(text))
        self.starts = [0, *(found.end() for found in breaks)]
        self.ends = [*(found.start() for found in breaks), len(text)]

    def place(self, start: int, end: int) -> Place:
        line = bisect_right(self.starts, start) - 1
        first, last = self.starts[line], self.ends[line]
        return Place(self.file, line + 1, start - first + 1, max(1, min(end, last) - start), self.text[first:last])
