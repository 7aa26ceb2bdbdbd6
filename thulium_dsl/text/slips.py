"""Lines that were meant as keys, and that YAML takes for something else: it stumbles over them, or right after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from thulium_dsl.text.nodes import SyntaxFault

_COLONS = "\N{FULLWIDTH COLON}\N{SMALL COLON}\N{RATIO}"
# In the margin, or right behind the key: what is neither a letter, nor printed, nor a tab.
_ODD = re.compile(rf"[ -]*(?:\w[\w.-]*:?)?(?P<char>[{_COLONS}]|[^\w\s!-~]|[^\S \t])")
_GLUED = re.compile(r"(?P<margin> *(?:- +)?)(?P<key>\w+):(?P<value>[^\s:/]\S*)")
_NO_COLON = re.compile(r"(?P<margin> *)(?P<key>\w+)(?: *(?P<sign>=) *| +)(?P<value>[^\s#:=]+) *(?:#.*)?")
_WITH_VALUE = re.compile(r"(?P<margin> *)(?P<key>\w+): +[^\s#]")


class _Row(NamedTuple):
    start: int  # its offset in the text
    text: str

    @property
    def margin(self) -> int:
        return len(self.text) - len(self.text.lstrip(" "))


def slip(said: str, context: int, offset: int, text: str) -> SyntaxFault | None:
    """What is wrong with a line that a person took for a key.

    Args:
        said: by the parser.
        context, offset: where what it was reading began, and where it stumbled.
    """
    if "could not find expected ':'" in said:
        here = _row(text, context)
        return _odd(here) or _glued(here)
    if "mapping values" not in said and "expected <block end>" not in said:
        return None
    above, here = list(_rows_above(text, offset)), _row(text, offset)
    for row in (*above[:1], here):
        if found := _odd(row) or _glued(row):
            return found
    known = _no_colon(above[0]) if above and "expected <block end>" in said else None
    return known or _too_left(above, here)


def _row(text: str, offset: int) -> _Row:
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", start)
    return _Row(start, text[start : len(text) if end < 0 else end].rstrip("\r"))


def _rows_above(text: str, offset: int) -> Iterator[_Row]:
    """The lines above an offset, the next one first, but for empty ones and comments."""
    start = text.rfind("\n", 0, offset) + 1
    while start:
        row = _row(text, start - 1)
        if row.text.strip() and not row.text.lstrip().startswith("#"):
            yield row
        start = row.start


def _odd(row: _Row) -> SyntaxFault | None:
    found = _ODD.match(row.text)
    if found is None:
        return None
    char, offset = found["char"], row.start + found.start("char")
    code = f"U+{ord(char):04X}"
    if char in _COLONS:
        return SyntaxFault(offset, f"a '{char}', {code}, is no ':' to YAML", "type a plain ':', and a space after it")
    if char.isspace():
        return SyntaxFault(offset, f"a fixed space, {code}, which is none to YAML", "type a plain space in its place")
    if not char.isprintable():
        return SyntaxFault(offset, f"a character that cannot be seen, {code}", "remove it, or type the line anew")
    return None


def _glued(row: _Row) -> SyntaxFault | None:
    found = _GLUED.match(row.text)
    if found is None:
        return None
    hint = f"write '{found['key']}: {found['value']}'"
    return SyntaxFault(row.start + found.start("key"), "a space is missing after the ':'", hint)


def _no_colon(row: _Row) -> SyntaxFault | None:
    found = _NO_COLON.fullmatch(row.text)
    if found is None:
        return None
    what = "a key ends with ':', not with '='" if found["sign"] else "a key without ':'"
    return SyntaxFault(row.start + found.start("key"), what, f"write '{found['key']}: {found['value']}'")


def _too_left(above: list[_Row], here: _Row) -> SyntaxFault | None:
    """A key that begins further left than the one before it and the one after it, which share a column."""
    found = _WITH_VALUE.match(above[0].text) if above else None
    if found is None or above[0].margin >= here.margin:
        return None
    for row in above[1:]:
        if row.margin <= above[0].margin:
            return None
        if row.margin == here.margin:
            what = "this line begins further left than the lines around it"
            hint = (
                f"put {here.margin} spaces before '{found['key']}'; or, if it is right there, move the lines below it"
            )
            return SyntaxFault(above[0].start + above[0].margin, what, hint)
    return None
