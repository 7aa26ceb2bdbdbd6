"""``type: alto``: page images with ALTO XML, version 2, 3 or 4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from lxml import etree

from thulium.data.line import Fault, Line, Origin
from thulium.ingest.readers import alto_text, layout
from thulium.ingest.readers.layout import PageUnit
from thulium.ingest.readers.sheet import Sheet, Text, Written, degrees, is_foreign, lines_of, only, page_of, page_size
from thulium.ingest.readers.xmlfile import PageFault
from thulium_dsl.grammar.spec import AltoDataset

SIDEWAYS = 45  # degrees; a line that is turned by more has no baseline that is one number


def units(dataset: AltoDataset, needs_text: bool = True) -> list[PageUnit | Fault]:
    """One unit for each XML file below the root.

    Raises:
        DataError: there is no such folder, or it has no XML files.
    """
    return layout.units(dataset, "ALTO")


def names(found: list[PageUnit | Fault], _dataset: AltoDataset) -> Iterator[Origin]:
    """The pages that lists may name."""
    return layout.names(found)


def read(unit: PageUnit, dataset: AltoDataset, needs_text: bool = True) -> Iterator[Line | Fault]:
    """The lines of one file, in its order."""
    return layout.read(unit, dataset, "ALTO", _sheet, needs_text)


def sheet(root: etree._Element, _dataset: AltoDataset) -> Sheet:
    """What a file says, given its root element; see ``own_names``. No line is refused for its text.

    Raises:
        PageFault: it has no page, or several.
    """
    return _sheet(root, False)


def _sheet(root: etree._Element, needs_text: bool) -> Sheet:
    page = page_of(root, "Layout/Page")
    return Sheet(
        image=root.findtext("Description/sourceImageInformation/fileName", "").strip(),
        size=_size(root, page),
        lines=lines_of(
            page,
            partial(_named, tags=_tags(root)),
            partial(_text, has_corrections=alto_text.has_corrections(page)),
            _drawn,
            needs_text,
        ),
    )


def _tags(root: etree._Element) -> dict[str, frozenset[str]]:
    """What the id of each tag stands for."""
    tags = root.find("Tags")
    return {
        tag.get("ID", ""): frozenset(filter(None, (tag.get("LABEL"), tag.get("TYPE"))))
        for tag in (tags if tags is not None else ())
    }


def _size(root: etree._Element, page: etree._Element) -> tuple[float, float] | None:
    size = page_size(page.get("WIDTH"), page.get("HEIGHT"))
    unit = root.findtext("Description/MeasurementUnit", "").strip()
    if size is None and unit not in ("", "pixel"):
        what = f"measures in {unit}, but its Page has no WIDTH and HEIGHT to compare the image with: add them"
        raise PageFault("no page size", what, row=page.sourceline)
    return size


def _named(line: etree._Element, tags: Mapping[str, frozenset[str]]) -> Written:
    types = partial(_types, tags=tags)
    around = (element for element in line.iterancestors() if not is_foreign(element))
    return Written(
        id=line.get("ID", ""),
        region_types=next(filter(None, map(types, around)), frozenset()),
        line_types=types(line),
    )


def _types(element: etree._Element, tags: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The types of a line or a block: its own, and those of the tags that it refers to."""
    named = [tags.get(tag, frozenset()) for tag in element.get("TAGREFS", "").split()]
    return frozenset(filter(None, [element.get("TYPE")])).union(*named)


def _text(line: etree._Element, has_corrections: bool) -> Text:
    _turn(line)  # of a line that is at fault in both, this is told first
    return alto_text.text_of(line), tuple(alto_text.remarks(line, has_corrections))


def _drawn(line: etree._Element, named: Written) -> Written:
    turn = _turn(line)
    return replace(
        named,
        outline=only(line.findall("Shape/Polygon"), lambda polygon: polygon.get("POINTS", "")) or _box(line),
        baseline=_baseline(line, turn),
        turn=turn,
    )


def _turn(line: etree._Element) -> float:
    """How far the page has to be turned for a line to be read: what stands nearest to the line counts.

    ALTO says how far the writing is turned, anticlockwise; so far the page has to be turned back.
    """
    rotations = (element.get("ROTATION") for element in (line, *line.iterancestors()))
    found = next(filter(None, rotations), None)
    return degrees(found) if found else 0.0


def _box(line: etree._Element) -> str:
    """The corners of a line's box. What is no number stays as it is, for the message."""
    sides = [line.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    if None in sides:
        return ""
    try:
        left, top, width, height = (float(side or "") for side in sides)
    except ValueError:
        return " ".join(map(str, sides))
    right, bottom = left + width, top + height
    return f"{left} {top} {right} {top} {right} {bottom} {left} {bottom}"


def _baseline(line: etree._Element, turn: float) -> str:
    """The numbers of a baseline; before ALTO 4.2 it is one number, how far it lies below the page's upper edge."""
    numbers: str = line.get("BASELINE", "")
    if len(numbers.replace(",", " ").split()) != 1:
        return numbers
    if SIDEWAYS < turn % 180 < 180 - SIDEWAYS:
        return ""
    try:
        left, width = float(line.get("HPOS", "")), float(line.get("WIDTH", ""))
    except ValueError:
        return ""
    return f"{left} {numbers} {left + width} {numbers}"
