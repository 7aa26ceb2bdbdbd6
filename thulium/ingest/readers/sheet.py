"""What a PAGE or an ALTO file says, before a pixel is looked at: of its page, and of each TextLine in it.

The format's own elements have no namespace here (see ``own_names``), so one name finds them whatever the version. What
is of another namespace keeps it, and is no content.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from lxml import etree

from thulium.data import layouts
from thulium.data.layouts import is_in
from thulium.data.line import Remark
from thulium.ingest.readers.xmlfile import PageFault, name_of, namespace_of

LARGEST = 1e6  # pixels; no page is that wide, and numbers far above it no longer tell pixels apart

_A = {"PAGE": "a PAGE", "ALTO": "an ALTO"}

# What a line is read from. Where such an element is of another namespace, its line cannot be read without guessing.
_OF_TEXT = {"TextEquiv", "Unicode", "PlainText", "Word", "Glyph"}  # of PAGE
_OF_TEXT |= {"String", "SP", "HYP"}  # of ALTO
_PARTS = _OF_TEXT | {"Coords", "Baseline", "Shape", "Polygon"}


# A transcription, and what a person should know of it.
Text = tuple[str, tuple[Remark, ...]]


class LineFault(Exception):
    """A line that cannot be used as it stands; the message goes on from its place.

    Attributes:
        reason: a few words that faults of this kind share.
        is_error: whether it is a fault of the data; see Fault.
    """

    def __init__(self, reason: str, what: str, *, is_error: bool = True) -> None:
        super().__init__(what)
        self.reason = reason
        self.is_error = is_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A line as its file has it.

    Attributes:
        id: empty where there is none.
        region_types, line_types: what its region and itself are called; all names that the file has for them.
        text: empty where nobody has transcribed it.
        outline, baseline: numbers, x and y by turns; empty where there is none.
        turn: degrees, clockwise, by which the page has to be turned to read the line.
        remarks: what a person should know of it.
        refused: why it cannot be used; of the attributes only the first three are read then.
    """

    id: str
    region_types: frozenset[str]
    line_types: frozenset[str]
    text: str = ""
    outline: str = ""
    baseline: str = ""
    turn: float = 0.0
    remarks: tuple[Remark, ...] = ()
    refused: LineFault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A page as its file has it.

    Attributes:
        image: the name that it has for the image, or nothing.
        size: width and height, in the units of the lines' points; None where that is pixels of the image.
        lines: one for each TextLine of the file, wherever it stands.
    """

    image: str
    size: tuple[float, float] | None
    lines: list[Written]


def own_names(root: etree._Element, format_name: str) -> None:
    """Take the namespace from the names of a format's own elements; those of something else keep theirs.

    Args:
        format_name: "PAGE" or "ALTO".

    Raises:
        PageFault: the file is of another format.
    """
    _check_format(root, format_name)
    for element in root.iter(etree.Element):
        if is_in(namespace_of(element), format_name):
            element.tag = name_of(element)


def format_of(root: etree._Element) -> str | None:
    """ "PAGE" or "ALTO"; None of another file."""
    return layouts.format_of(name_of(root), namespace_of(root))


def page_of(root: etree._Element, path: str) -> etree._Element:
    """The only page of a file.

    Args:
        path: where it stands.

    Raises:
        PageFault: there is none, or there are several.
    """
    pages = list(root.iter("Page"))
    if len(pages) > 1:
        what = f"has {len(pages)} pages, but one image: split it into a file for each page"
        raise PageFault("several pages", what, row=pages[1].sourceline)
    page = root.find(path)
    if page is None:
        raise PageFault("no lines", "has no Page element: export it again", row=root.sourceline)
    return page


def lines_of(
    page: etree._Element,
    named: Callable[[etree._Element], Written],
    text_of: Callable[[etree._Element], Text],
    drawn: Callable[[etree._Element, Written], Written],
    needs_text: bool,
) -> list[Written]:
    """Each TextLine of the page's file, whatever its namespace and its place, in their order.

    Args:
        named: gives the first three attributes of a line.
        text_of: what it says, empty where nobody has transcribed it; raises LineFault.
        drawn: adds where it lies; raises LineFault.
        needs_text: whether a line is refused for its text.
    """
    lines = []
    for element in page.getroottree().getroot().iter("{*}TextLine"):
        written = named(element)
        try:
            _check_place(element, page)
            if needs_text:
                _check_parts(element.iterdescendants(etree.Element))
                text, remarks = text_of(element)
            else:
                _check_parts(_drawing(element))
                text, remarks = _text_if_any(element, text_of)
            written = replace(drawn(element, written), text=text, remarks=remarks)
        except LineFault as fault:
            written = replace(written, refused=fault)
        lines.append(written)
    return lines


def _text_if_any(element: etree._Element, text_of: Callable[[etree._Element], Text]) -> Text:
    """What a line says, where that is clear."""
    try:
        _check_parts(element.iterdescendants(etree.Element))
        return text_of(element)
    except LineFault:
        return "", ()


def page_size(width: str | None, height: str | None) -> tuple[float, float] | None:
    """The size of a page by its file; None where that does not say, or says nothing that can be."""
    try:
        size = float(width or 0), float(height or 0)
    except ValueError:
        return None
    return size if all(0 < extent <= LARGEST for extent in size) else None


def degrees(number: str) -> float:
    """The angle that an attribute holds.

    Raises:
        LineFault: it is no number.
    """
    try:
        angle = float(number)
    except ValueError:
        angle = math.nan
    if not math.isfinite(angle):
        what = f"lies in something that is turned by {short(number)}, which is no number of degrees: correct it"
        raise LineFault("malformed orientation", what)
    return angle


def only(elements: list[etree._Element], points: Callable[[etree._Element], str]) -> str:
    """The points of the only one of some elements, or empty; those that say the same count as one.

    Raises:
        LineFault: they differ.
    """
    found = list(dict.fromkeys(filter(None, (points(element).strip() for element in elements))))
    if len(found) > 1:
        name = elements[0].tag
        raise LineFault("several outlines", f"has {len(found)} {name} elements, which differ: keep one of them")
    return found[0] if found else ""


def content_of(element: etree._Element) -> str:
    """The text in an element.

    Raises:
        LineFault: something else than the format has marked a part of it.
    """
    for inside in element.iterdescendants(etree.Element):
        if is_foreign(inside):
            what = f"has {_described(inside)} in its transcription: remove it"
            raise LineFault("markup in a transcription", what)
    return "".join(element.itertext())


def is_foreign(element: etree._Element) -> bool:
    """Whether an element is of something else than the format."""
    return bool(element.tag[0] == "{")


def short(text: str) -> str:
    """A text for a message."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _check_place(line: etree._Element, page: etree._Element) -> None:
    """Raises LineFault for a TextLine that is none of the page's."""
    if is_foreign(line):
        what = f"is {_described(line)}, which is another format's: write it in the file's own, or remove it"
        raise LineFault("line of another namespace", what)
    for above in line.iterancestors():
        if above is page:
            break
        if is_foreign(above) or above.tag == "TextLine":
            what = f"lies in {_described(above)}, where no line can be: move it into a region, or remove it"
            raise LineFault("line out of place", what)
    else:
        raise LineFault("line out of place", "lies outside of the Page element: move it into a region, or remove it")


def _check_parts(parts: Iterable[etree._Element]) -> None:
    """Raises LineFault where a line would have to be read from what is another format's."""
    for part in parts:
        if is_foreign(part) and name_of(part) in _PARTS:
            what = f"has {_described(part)}, which is another format's: write it in the file's own, or remove it"
            raise LineFault("part of another namespace", what)


def _drawing(line: etree._Element) -> Iterator[etree._Element]:
    """What is in a line and in none of its texts."""
    for child in line.iterchildren(etree.Element):
        if name_of(child) not in _OF_TEXT:
            yield from child.iter(etree.Element)


def _described(element: etree._Element) -> str:
    namespace = namespace_of(element)
    return f"an element {name_of(element)}" + (f" of the namespace {short(namespace)}" if namespace else "")


def _check_format(root: etree._Element, format_name: str) -> None:
    found = format_of(root)
    if found == format_name:
        return
    if found:
        what = f"is a file of {found}, which dataset.type {format_name.lower()} leaves out"
        raise PageFault("another format", what, is_error=False)
    namespace = namespace_of(root)
    what = f"is not {_A[format_name]} file: its root element is {name_of(root)!r}"
    what += f" of the namespace {namespace!r}" if namespace else ""
    raise PageFault(f"not {_A[format_name]} file", f"{what}; move it out of dataset.root", row=root.sourceline)
