"""Where the elements of an XML file stand in it, so that a text can be put into a line and no other byte changes.

A parser that writes a file anew loses what means nothing to it and shows in every diff: the order and the breaks of
attributes, entities, CDATA, line ends, the first row. Here the file stays as it is, and only spans of it are replaced.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from thulium.ingest.readers.xmlfile import PageFault, declared_encoding

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_TAG = re.compile(rb"""<[^>"']*(?:(?:"[^"]*"|'[^']*')[^>"']*)*>""")
_ATTRIBUTE = re.compile(r"""\s+([\w:.-]+)\s*=\s*("[^"]*"|'[^']*')""")
_TAG_NAME = re.compile(r"<(?:([\w.-]+):)?")
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what no XML 1.0 can hold
_INDENT = re.compile(rb"(?:\r\n|\n|\r)[ \t]*\Z")
FURTHEST = 1000  # bytes in front of an element that are looked at
LINE = "TextLine"
ID_NAMES = ("id", "ID", "http://www.w3.org/XML/1998/namespace id")  # attributes whose values no two elements share


@dataclass(slots=True, eq=False)
class Element:
    """An element of a line, or the line itself, by its place in the file, which is in UTF-8 here.

    Attributes:
        name: without its namespace.
        start, inner: where its start tag begins, and ends.
        close, end: where its end tag begins, and ends; both are ``inner`` where it has none of its own.
        text: what stands in it directly.
    """

    name: str
    namespace: str
    attributes: Mapping[str, str]
    start: int
    inner: int
    close: int = 0
    end: int = 0
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def own(self, *names: str) -> list[Element]:
        """The children with some names that are of the same format."""
        return [child for child in self.children if child.name in names and child.namespace == self.namespace]

    def within(self) -> list[Element]:
        """All elements in it, in their order."""
        return [inner for child in self.children for inner in (child, *child.within())]


class XmlText:
    """The bytes of a file, the lines in it, and what is to be changed.

    Attributes:
        lines: one for each TextLine, of whatever namespace, in their order.
        ids: that elements of the file have; whoever adds or removes some keeps this up.
    """

    def __init__(self, content: bytes) -> None:
        """Look through a file.

        Raises:
            PageFault: it cannot be written back as it is.
        """
        self._mark, self._codec = _encoding(content)
        try:
            text = content[len(self._mark) :].decode(self._codec)
            is_same = self._mark + text.encode(self._codec) == content
        except (UnicodeError, LookupError):
            is_same = False
        if not is_same:
            what = f"is in an encoding that cannot be written back as it is ({self._codec}): save it as UTF-8"
            raise PageFault("encoding not written", what)
        self._bytes = text.encode("utf-8")
        found = _Scan(self._bytes)
        self.lines, self.ids = found.lines, found.ids
        self._edits: list[tuple[int, int, str]] = []

    def source(self, start: int, end: int) -> str:
        """What stands in a span."""
        return self._bytes[start:end].decode("utf-8")

    def tag(self, element: Element) -> str:
        """The start tag of an element."""
        return self.source(element.start, element.inner)

    def before(self, element: Element) -> str:
        """The line break in front of an element and what indents it; empty where something else stands there."""
        found = _INDENT.search(self._bytes, max(0, element.start - FURTHEST), element.start)
        return found[0].decode("ascii") if found else ""

    def start_with_space(self, element: Element) -> int:
        """Where the white space in front of an element begins."""
        return element.start - len(self.before(element))

    def replace(self, start: int, end: int, text: str) -> None:
        """Put a text in the place of a span; spans do not overlap."""
        self._edits.append((start, end, text))

    def written(self) -> bytes:
        """The file with all changes."""
        parts, place = [], 0
        for start, end, text in sorted(self._edits, key=lambda edit: edit[:2]):
            parts += [self._bytes[place:start], text.encode("utf-8")]
            place = end
        whole = b"".join([*parts, self._bytes[place:]])
        if self._codec == "utf-8":
            return self._mark + whole
        return self._mark + whole.decode("utf-8").encode(self._codec, "xmlcharrefreplace")


def prefix_of(tag: str) -> str:
    """The prefix of a tag's name, with its colon; empty where it has none."""
    found = _TAG_NAME.match(tag)
    return f"{found[1]}:" if found and found[1] else ""


def changed_tag(tag: str, values: Mapping[str, str | None]) -> str:
    """A start tag with other values of some attributes, in their places; None takes one out."""
    left = dict(values)

    def put(found: re.Match[str]) -> str:
        if found[1] not in values:
            return found[0]
        value = left.pop(found[1], None)
        return "" if value is None else found[0][: found.start(2) - found.start()] + quoted(value)

    tag = _ATTRIBUTE.sub(put, tag)
    more = "".join(f" {name}={quoted(value)}" for name, value in left.items() if value is not None)
    end = re.search(r"\s*/?>\Z", tag)
    assert end is not None
    return f"{tag[: end.start()]}{more}{end[0]}"


def escaped(text: str) -> str:
    """A text as it stands in an element."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def quoted(text: str) -> str:
    """A text as the value of an attribute."""
    text = escaped(text).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
    return f'"{text}"'


def unwritable(text: str) -> str:
    """The first character of a text that no XML can hold; empty if there is none."""
    found = _UNWRITABLE.search(text)
    return found[0] if found else ""


def _encoding(content: bytes) -> tuple[bytes, str]:
    """The mark that a file begins with, and the name of its encoding."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return mark, name
    if content[:1] == b"\0" or content[1:2] == b"\0":
        return b"", "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    return b"", codecs.lookup(declared_encoding(content) or "utf-8").name


class _Scan:
    """A walk through a file that keeps the lines."""

    def __init__(self, content: bytes) -> None:
        self.lines: list[Element] = []
        self.ids: set[str] = set()
        self._content = content
        self._open: list[Element] = []
        # The content is in UTF-8 by now, whatever it says. A DOCTYPE, and with it every entity, was refused before.
        self._parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._depth = 0
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            what = f"is not well-formed XML ({expat.ErrorString(error.code)}): export it again, or repair it"
            raise PageFault("XML not well-formed", what, row=error.lineno) from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        self.ids.update(attributes[name] for name in ID_NAMES if name in attributes)
        if not self._open and local != LINE:
            return
        start = self._parser.CurrentByteIndex
        found = _TAG.match(self._content, start)
        assert found is not None
        element = Element(local, namespace, attributes, start, found.end())
        if self._open:
            self._open[-1].children.append(element)
        if local == LINE:
            self.lines.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        if not self._open:
            return
        element = self._open.pop()
        if self._content.endswith(b"/>", 0, element.inner):
            element.close = element.end = element.inner
        else:
            element.close = self._parser.CurrentByteIndex
            element.end = self._content.index(b">", element.close) + 1

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text
