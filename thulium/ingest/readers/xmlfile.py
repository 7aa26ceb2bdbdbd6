"""XML files read safely: no DTD, no entity, no network, no more than a page can need."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from lxml import etree

from thulium.runtime.pointers import SIZE, absent, pointer

MAX_BYTES = 50_000_000  # the largest pages of newspapers, with every letter in a box, have some ten million

# What may stand before the root element, apart from a DOCTYPE.
_BEFORE_ROOT = re.compile(rb"[\s\xef\xbb\xbf\xfe\xff]+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_DECLARED = re.compile(rb"""\s*<\?xml\s[^>]{0,200}?\bencoding\s{0,9}=\s{0,9}["']([\w.:-]{1,40})["']""")
# A file that begins with one of these says what it is.
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
LINE = re.compile(rb"<(?:[\w.-]{1,60}:)?TextLine[\s/>]")
_WIDE = ("utf-16", "utf-32")  # how their names begin; a letter takes two or four bytes
_SEVERAL_BYTES = ("utf", "gb", "big5", "euc", "shift", "iso2022", "cp9", "johab", "hz")


class PageFault(Exception):
    """A page that cannot be read; the message goes on from the name of its file.

    Attributes:
        reason: a few words that faults of this kind share.
        row: of the file, where one is to blame.
        is_error: whether it is a fault of the data; see Fault.
        num_lines: how many lines the file seems to hold, where it was not parsed.
    """

    def __init__(
        self, reason: str, what: str, *, row: int | None = None, is_error: bool = True, num_lines: int = 0
    ) -> None:
        super().__init__(what)
        self.reason = reason
        self.row = row
        self.is_error = is_error
        self.num_lines = num_lines


def parse(path: Path) -> etree._Element:
    """The root element of an XML file, without comments.

    Raises:
        PageFault: it cannot be read, is too large, has a DOCTYPE, is not well-formed, or has another encoding than it
            says.
    """
    return parsed(content_of(path))


def parsed(content: bytes) -> etree._Element:
    """The root element of what an XML file holds.

    Raises:
        PageFault: see ``parse``.
    """
    if _has_doctype(content):
        raise _doctype_fault(content)
    if lie := _encoding_lie(content):
        raise PageFault("wrong encoding", lie, row=1, num_lines=len(LINE.findall(content)))
    # A parser each: one that has met an error keeps it.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        cause = (error.msg or "no element was found").split(", line ")[0]
        what = f"is not well-formed XML ({cause}): export it again, or repair it"
        raise PageFault("XML not well-formed", what, row=error.lineno or 1) from None
    except (ValueError, LookupError) as error:
        raise PageFault("XML not well-formed", f"is not XML that can be read ({error}): export it again") from None
    if root.getroottree().docinfo.doctype:  # in an encoding that hid it from the first look
        raise _doctype_fault(content)
    return root


def name_of(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(etree.QName(element).localname)


def namespace_of(element: etree._Element) -> str:
    """The namespace of an element, empty if it has none."""
    return str(etree.QName(element).namespace or "")


def content_of(path: Path) -> bytes:
    """The bytes of an XML file.

    Raises:
        PageFault: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        what = absent(path) or f"cannot be read ({error.strerror or error}): copy it anew, or remove it"
        raise PageFault("unreadable file", what) from None
    if said := pointer(content[:SIZE]):
        raise PageFault("unreadable file", said)
    if len(content) > MAX_BYTES:
        what = f"is larger than {MAX_BYTES // 1_000_000} MB, more than one page can need: split it into pages"
        raise PageFault("XML too large", what)
    return content


def _encoding_lie(content: bytes) -> str:
    """What is untrue of the encoding that a file names; empty where nothing is.

    Without this, UTF-8 that calls itself Latin-1 is read without a complaint, and every é becomes Ã©.
    """
    if content.startswith(_MARKS):
        return ""
    if b"\0" in content[:4] and b"<" in content[:4]:
        is_said = content.replace(b"\0", b"").startswith(b"<?")
        return "" if is_said else "is UTF-16 by its look, but does not say so: save it as UTF-8, or export it again"
    named = declared_encoding(content)
    says = f"says that its encoding is {named}" if named else "names no encoding, which means UTF-8"
    try:
        kind = codecs.lookup(named or "utf-8").name
    except LookupError:
        return f"{says}, which is not known: write the right one into its first row, or export it again"
    broken = _not_utf8(content)
    if kind in ("utf-8", "utf-8-sig"):
        return f"{says}, but {broken}: write the right one into its first row, or export it again" if broken else ""
    several = kind.replace("-", "").replace("_", "").startswith(_SEVERAL_BYTES)
    if kind.startswith(_WIDE) or (not several and not broken and not content.isascii()):
        is_really = "but it is not" if broken else 'but it is UTF-8: write encoding="UTF-8" into its first row'
        return f"{says}, {is_really}" + (": export it again" if broken else ", or export it again")
    return ""


def declared_encoding(content: bytes) -> str:
    """The encoding that a file names in its first row; empty where it names none."""
    found = _DECLARED.match(content)
    return found[1].decode("ascii") if found else ""


def _not_utf8(content: bytes) -> str:
    """Where a file is no UTF-8; empty if it is."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        return f"the byte 0x{content[error.start]:02X} in row {row} is none of it"
    return ""


def _doctype_fault(content: bytes) -> PageFault:
    what = "has a DOCTYPE, which no PAGE or ALTO file needs and by which a file can reach for others: remove it"
    return PageFault("DOCTYPE in XML", what, row=1, num_lines=len(LINE.findall(content.replace(b"\0", b""))))


def _has_doctype(content: bytes) -> bool:
    """Looks before parsing, since what a DTD defines is expanded in attributes while they are parsed."""
    content = content.replace(b"\0", b"")  # UTF-16 and UTF-32 become something that can be searched
    place = 0
    while match := _BEFORE_ROOT.match(content, place):
        place = match.end()
    return content.startswith(b"<!DOCTYPE", place)
