"""XML files read safely: no DTD, no entity, no network, no more than a page can need."""

from __future__ import annotations

import re
from pathlib import Path

from lxml import etree

from thulium.pointers import SIZE, absent, pointer

MAX_BYTES = 50_000_000  # the largest pages of newspapers, with every letter in a box, have some ten million

# What may stand before the root element, apart from a DOCTYPE.
_BEFORE_ROOT = re.compile(rb"[\s\xef\xbb\xbf\xfe\xff]+|<\?.*?\?>|<!--.*?-->", re.DOTALL)


class PageFault(Exception):
    """A page that cannot be read; the message goes on from the name of its file.

    Attributes:
        reason: a few words that faults of this kind share.
        row: of the file, where one is to blame.
        is_error: whether it is a fault of the data; see Fault.
    """

    def __init__(self, reason: str, what: str, *, row: int | None = None, is_error: bool = True) -> None:
        super().__init__(what)
        self.reason = reason
        self.row = row
        self.is_error = is_error


def parse(path: Path) -> etree._Element:
    """The root element of an XML file, without comments.

    Raises:
        PageFault: it cannot be read, is too large, has a DOCTYPE, or is not well-formed.
    """
    content = _content(path)
    if _has_doctype(content):
        raise _doctype_fault()
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
        raise _doctype_fault()
    return root


def name_of(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(etree.QName(element).localname)


def namespace_of(element: etree._Element) -> str:
    """The namespace of an element, empty if it has none."""
    return str(etree.QName(element).namespace or "")


def _content(path: Path) -> bytes:
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


def _doctype_fault() -> PageFault:
    what = "has a DOCTYPE, which no PAGE or ALTO file needs and by which a file can reach for others: remove it"
    return PageFault("DOCTYPE in XML", what, row=1)


def _has_doctype(content: bytes) -> bool:
    """Looks before parsing, since what a DTD defines is expanded in attributes while they are parsed."""
    content = content.replace(b"\0", b"")  # UTF-16 and UTF-32 become something that can be searched
    place = 0
    while match := _BEFORE_ROOT.match(content, place):
        place = match.end()
    return content.startswith(b"<!DOCTYPE", place)
