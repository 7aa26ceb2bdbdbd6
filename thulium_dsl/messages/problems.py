"""What can be wrong with a document, as data; and the one place that turns it into text.

ThuliumError            the user can mend it: message without traceback, exit code 2
├── DocumentError       one or more Problems, each at file:line:column
└── (the engine's own errors, see thulium.runtime.errors)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_PRINTED = 20
WIDEST_SOURCE = 100

_STEERING = {"Cc", "Cs", "Zl", "Zp"}  # categories of Unicode
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # of the bidirectional algorithm


class ThuliumError(Exception):
    """Something that the user can mend. The message says what, where, and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong at one place of a document.

    Attributes:
        file: the file as the user named it.
        line: 1-based; 0 when the file as a whole is meant.
        column: 1-based, in characters.
        path: dotted key, such as ``training.lr``; empty for the text as a whole.
        what: the value found and what is allowed.
        hint: what to do about it; may be empty.
        length: how many characters of the source line to underline.
        source: the source line, without its line end.
    """

    file: str
    line: int
    column: int
    path: str
    what: str
    hint: str = ""
    length: int = 1
    source: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        lines = [_printable(f"{place}: {self.path}: {self.what}" if self.path else f"{place}: {self.what}")]
        if self.line:
            lines += _excerpt(self)
        if self.hint:
            lines.append(_printable(f"  help: {self.hint}"))
        return "\n".join(lines)


class DocumentError(ThuliumError):
    """A document that cannot be an experiment. Its text is the whole report.

    Attributes:
        problems: all of them, sorted by file, line and column.
        files: the files that they are in.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        self.files = tuple(dict.fromkeys(problem.file for problem in self.problems))
        super().__init__(report(self.problems))


def report(problems: Sequence[Problem]) -> str:
    """The problems as a user reads them, the first ones in full and a count of all."""
    lines = [str(problem) for problem in problems[:MOST_PRINTED]]
    if len(problems) > MOST_PRINTED:
        lines.append(f"... and {len(problems) - MOST_PRINTED} more")
    files = " and ".join(dict.fromkeys(problem.file for problem in problems))
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([*lines, f"{count} in {files}; nothing was run"])


def harmless(text: str, *, is_one_line: bool = False) -> str:
    """Text of any origin as it may stand on a terminal: what would steer one is written as its code point.

    Names of files, ids and texts come from other people's data, and may hold commands for the terminal, or turn what
    stands behind them. Inside of a JSON string, what is written instead means the same.

    Args:
        is_one_line: whether line breaks are not ours either.
    """
    shown = "".join(f"\\u{ord(char):04x}" if _steers(char) else char for char in text)
    return shown.replace("\n", "\\n") if is_one_line else shown


def _steers(char: str) -> bool:
    if char in "\n\t" or " " <= char <= "~":
        return False
    # Control characters, halves of pairs, ends of lines and paragraphs; embeddings, overrides and isolates.
    return unicodedata.category(char) in _STEERING or unicodedata.bidirectional(char) in _TURNING


def _excerpt(problem: Problem) -> list[str]:
    """The source line and a caret run below it, both cut to a readable width around the place."""
    first = max(0, min(problem.column - 1, len(problem.source)) - WIDEST_SOURCE // 2)
    shown = _printable(problem.source[first : first + WIDEST_SOURCE])
    if not shown.strip():
        return []
    start = problem.column - 1 - first
    gap = " " * _width(shown[:start])
    carets = "^" * max(1, _width(shown[start : start + problem.length]))
    return [f"{problem.line:5} | {shown}".rstrip(), f"      | {gap}{carets}"]


def _printable(text: str) -> str:
    return "".join(
        " " if char == "\t" else char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _width(text: str) -> int:
    """Columns on a terminal: East Asian characters take two, combining marks none."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)
