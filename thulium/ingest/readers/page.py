"""``type: page``: page images with PAGE XML of any year (2009 to 2024)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from lxml import etree

from thulium.data.line import Fault, Line, Origin
from thulium.ingest.readers import layout
from thulium.ingest.readers.layout import PageUnit
from thulium.ingest.readers.page_text import Transcriptions
from thulium.ingest.readers.sheet import Sheet, Text, Written, degrees, is_foreign, lines_of, only, page_of, page_size
from thulium_dsl.grammar.spec import PageDataset


def units(dataset: PageDataset, needs_text: bool = True) -> list[PageUnit | Fault]:
    """One unit for each XML file below the root.

    Raises:
        DataError: there is no such folder, or it has no XML files.
    """
    return layout.units(dataset, "PAGE")


def names(found: list[PageUnit | Fault], _dataset: PageDataset) -> Iterator[Origin]:
    """The pages that lists may name."""
    return layout.names(found)


def read(unit: PageUnit, dataset: PageDataset, needs_text: bool = True) -> Iterator[Line | Fault]:
    """The lines of one file, in its order; those of nested regions and of tables among them."""
    return layout.read(unit, dataset, "PAGE", partial(_sheet, dataset=dataset), needs_text)


def sheet(root: etree._Element, dataset: PageDataset) -> Sheet:
    """What a file says, given its root element; see ``own_names``. No line is refused for its text.

    Raises:
        PageFault: it has no page, or several.
    """
    return _sheet(root, False, dataset)


def _sheet(root: etree._Element, needs_text: bool, dataset: PageDataset) -> Sheet:
    page = page_of(root, "Page")
    transcriptions = Transcriptions(page, dataset.level, dataset.text_index)
    return Sheet(
        image=page.get("imageFilename", ""),
        size=page_size(page.get("imageWidth"), page.get("imageHeight")),
        lines=lines_of(page, _named, partial(_text, transcriptions=transcriptions), _drawn, needs_text),
    )


def _named(line: etree._Element) -> Written:
    return Written(
        id=line.get("id", ""),
        region_types=next(filter(None, map(_types, _regions(line))), frozenset()),
        line_types=_types(line),
    )


def _text(line: etree._Element, transcriptions: Transcriptions) -> Text:
    reading = transcriptions.of(line)
    return reading.text, tuple(sorted(reading.remarks))


def _drawn(line: etree._Element, named: Written) -> Written:
    return replace(
        named,
        outline=only(line.findall("Coords"), _points),
        baseline=only(line.findall("Baseline"), _points),
        turn=_turn(line),
    )


def _points(element: etree._Element) -> str:
    """The numbers of Coords or Baseline; before 2013 each point was an element of its own."""
    if element.get("points") is not None:
        return str(element.get("points"))
    return " ".join(f"{point.get('x')} {point.get('y')}" for point in element.iterfind("Point"))


def _turn(line: etree._Element) -> float:
    """How far the page has to be turned for a line to be read.

    The orientation of a region is that of its writing on the page, not in the region round it; where it has none, the
    region round it counts, and in the end the page. What text within a region, and one line (since 2024), is turned
    besides is added.
    """
    regions = list(_regions(line))
    around = [*regions, next(line.iterancestors("Page"))]
    angles = (
        next((element.get("orientation") for element in around if element.get("orientation")), None),
        next((region.get("readingOrientation") for region in regions if region.get("readingOrientation")), None),
        line.get("orientation"),
    )
    return sum(degrees(angle) for angle in angles if angle)


def _regions(line: etree._Element) -> Iterator[etree._Element]:
    """What a line lies in, from the inside out; the page has a type as well, but is no region."""
    return (
        element
        for element in line.iterancestors()
        if not is_foreign(element) and element.tag.endswith(("Region", "Cell"))
    )


def _types(element: etree._Element) -> frozenset[str]:
    return frozenset(filter(None, (element.get("type"), _custom_type(element.get("custom", "")))))


def _custom_type(custom: str) -> str:
    """The type that Transkribus and eScriptorium put into @custom: structure {type:marginalia;}."""
    for block in custom.split("}"):
        name, _, fields = block.partition("{")
        if name.split()[-1:] == ["structure"]:
            for field in fields.split(";"):
                key, _, value = field.partition(":")
                if key.strip() == "type" and value.strip():
                    return value.strip()
    return ""
