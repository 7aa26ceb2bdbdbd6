"""What the Strings of an ALTO line say, and what a person should know of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lxml import etree

from thulium.data.line import Remark
from thulium.data.text import is_blank
from thulium.ingest.readers.sheet import LineFault, short

# With which a word is divided at the end of a line: hyphens, soft and hard, and what stands for them in old prints.
HYPHENS = frozenset("-=¬\u00ad\u2010\u2011\u2e17\u2e40\u058a\u1806\ufe63\uff0d")
_TRUE = ("true", "1")


def text_of(line: etree._Element) -> str:
    """The words of a line: the file says where the spaces are; where it has none, one stands between any two words.

    Raises:
        LineFault: two Strings are readings of one word.
    """
    parts = [part for part in line if part.tag in ("String", "SP", "HYP")]
    _check_places(line)
    between = "" if any(part.tag == "SP" for part in parts) else " "
    text = ""
    for part in parts:
        if part.tag == "SP":
            text += " "
        elif part.tag == "String":
            content = string_of(part)
            text += between + content if text and content else content
        elif not _has_hyphen(text, part.get("CONTENT", "")):
            text += part.get("CONTENT", "")
    return text


def string_of(string: etree._Element) -> str:
    """The text of a String; that of its glyphs where it has none of its own."""
    own = string.get("CONTENT", "")
    return own if not is_blank(own) else "".join(glyph.get("CONTENT", "") for glyph in string.iterfind("Glyph")) or own


def _has_hyphen(text: str, hyphen: str) -> bool:
    """Whether the hyphen of a HYP stands in the word before it as well, of whatever kind: many programs write both."""
    text = text.rstrip()
    return bool(text) and (text[-1] in HYPHENS or (bool(hyphen) and text.endswith(hyphen)))


def _check_places(line: etree._Element) -> None:
    """Two Strings in one box narrower than the line are two readings of a word; converters copy boxes of lines."""
    whole = _box(line)
    boxes = defaultdict(list)
    for string in line.iterfind("String"):
        box = _box(string)
        if None not in box and box != whole and not is_blank(string_of(string)):
            boxes[box].append(string_of(string))
    for found in boxes.values():
        if len(found) > 1 and len(boxes) > 1:
            what = f"has {len(found)} Strings in one place, such as {short(found[0])} and {short(found[1])}: keep one"
            raise LineFault("several transcriptions", what)


def _box(element: etree._Element) -> tuple[str | None, ...]:
    return tuple(element.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))


def has_corrections(page: etree._Element) -> bool:
    """Whether some of a page is marked as corrected by hand."""
    return any(element.get("CS") in _TRUE for element in page.iter(etree.Element))


def remarks(line: etree._Element, has_corrections: bool) -> Iterator[Remark]:
    """What a person should know of a line's text.

    Args:
        has_corrections: whether its page marks what was corrected.
    """
    strings = line.findall("String")
    if any(element.get(name) for element in strings for name in ("WC", "CC")):
        yield "has a confidence"
    if has_corrections and not _is_corrected(line, strings):
        yield "not marked as corrected"
    empty = sum(not string_of(string) for string in strings)
    if 0 < empty < len(strings):
        yield "word without text"


def _is_corrected(line: etree._Element, strings: list[etree._Element]) -> bool:
    """By its own mark, by that of the nearest element round it that has one, or by that of a word."""
    around = (element.get("CS") for element in (line, *line.iterancestors()))
    return next(filter(None, around), "") in _TRUE or any(string.get("CS") in _TRUE for string in strings)
