"""A new PAGE 2019 or ALTO 4.4 file with the lines of a page, whatever format its own file has.

What both formats have goes over: the image and its size, regions and lines with their ids, types, outlines, baselines
and turns, in the order of the file. What stands in the file besides does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
from lxml import etree

from thulium.ingest.cutting import CutFault, Points
from thulium.ingest.readers.layout import DrawnPage, read_points
from thulium.ingest.readers.sheet import is_foreign
from thulium.ingest.writing.lines import NewText
from thulium.ingest.writing.words import Node, alto_strings, free_id, page_words

PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
ALTO = "http://www.loc.gov/standards/alto/ns-v4#"
_SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_LOCATIONS = {
    "PAGE": f"{PAGE} {PAGE}/pagecontent.xsd",
    "ALTO": f"{ALTO} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd",
}


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line of the new file: its id, type, place in pixels, and text; None where nothing is known of that."""

    id: str
    kind: str
    outline: Points
    baseline: Points
    text: NewText | None


@dataclass(frozen=True, slots=True)
class NewRegion:
    """A region with its lines."""

    id: str
    kind: str
    turn: float
    outline: Points
    lines: tuple[NewLine, ...]


def written(page: DrawnPage, root: etree._Element, texts: Sequence[NewText | None], format_name: str) -> bytes:
    """A new file with the lines of a page. Lines of which nobody can say where they lie are not in it.

    Args:
        root: of its file; see ``own_names``.
        texts: of each line of the file.
        format_name: "PAGE" or "ALTO".
    """
    regions = _regions(page, root, texts)
    tree = _MAKERS[format_name](page.sheet.image or page.image.path.name, page.image.size, regions)
    etree.indent(tree)
    whole: bytes = etree.tostring(tree, xml_declaration=True, encoding="UTF-8")
    return whole + b"\n"


def _regions(page: DrawnPage, root: etree._Element, texts: Sequence[NewText | None]) -> list[NewRegion]:
    taken: set[str] = set()
    members: dict[etree._Element, list[int]] = {}
    elements = list(root.iter("{*}TextLine"))
    for number, element in enumerate(elements):
        members.setdefault(_region_of(element), []).append(number)
    regions: list[NewRegion] = []
    for region, numbers in members.items():
        region_id = free_id(region.get("id") or region.get("ID") or "", f"region_{len(regions) + 1}", taken)
        lines = [line for number in numbers if (line := _line(page, number, texts[number], taken))]
        if lines:
            first = page.sheet.lines[numbers[0]]
            kind, outline = _kind(first.region_types), _outline_of(region, page, lines)
            regions.append(NewRegion(region_id, kind, first.turn, outline, tuple(lines)))
    return regions


def _line(page: DrawnPage, number: int, text: NewText | None, taken: set[str]) -> NewLine | None:
    shape, written_line = page.shape(number), page.sheet.lines[number]
    if shape is None or written_line.refused is not None:
        return None
    outline, baseline = (np.clip(np.round(points), 0, None).astype(int) for points in shape)
    line_id = free_id(written_line.id, f"line_{number + 1}", taken)
    return NewLine(line_id, _kind(written_line.line_types), outline, baseline, text)


def _region_of(line: etree._Element) -> etree._Element:
    """The nearest region, cell or block round a line; the page where there is none."""
    around = [element for element in line.iterancestors() if not is_foreign(element)]
    is_region = ("Region", "Cell", "TextBlock", "Page")
    return next((element for element in around if element.tag.endswith(is_region)), line.getparent())


def _outline_of(region: etree._Element, page: DrawnPage, lines: Sequence[NewLine]) -> Points:
    """The outline that a region has in its file, or the box of its lines."""
    coords, polygon = region.find("Coords"), region.find("Shape/Polygon")
    numbers = "" if coords is None else coords.get("points", "")
    numbers = numbers or ("" if polygon is None else polygon.get("POINTS", ""))
    try:
        points = read_points(numbers) * page.image.scale
    except CutFault:
        points = np.zeros((0, 2))
    if len(points) < 3:
        points = np.concatenate([line.outline for line in lines])
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        points = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    clipped: Points = np.clip(np.round(points), 0, None).astype(int)
    return clipped


def _kind(types: frozenset[str]) -> str:
    return min(types, default="")


def _page(image: str, size: tuple[int, int], regions: Sequence[NewRegion]) -> etree._Element:
    root = etree.Element(f"{{{PAGE}}}PcGts", nsmap={None: PAGE}, attrib={_SCHEMA: _LOCATIONS["PAGE"]})

    def add(parent: etree._Element, name: str, values: Mapping[str, str | None], text: str = "") -> etree._Element:
        return _added(parent, PAGE, name, values, text)

    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = add(root, "Metadata", {})
    for name, text in (("Creator", "thulium"), ("Created", now), ("LastChange", now)):
        add(metadata, name, {}, text)
    page = add(root, "Page", {"imageFilename": image, "imageWidth": str(size[0]), "imageHeight": str(size[1])})
    taken = _ids(regions)
    for region in regions:
        values = {"id": region.id, "orientation": _number(region.turn), "custom": _custom(region.kind)}
        block = add(page, "TextRegion", values)
        add(block, "Coords", {"points": _pairs(region.outline)})
        for line in region.lines:
            row = add(block, "TextLine", {"id": line.id, "custom": _custom(line.kind)})
            add(row, "Coords", {"points": _pairs(line.outline)})
            if len(line.baseline) > 1:
                add(row, "Baseline", {"points": _pairs(line.baseline)})
            if line.text is not None:
                _grow(row, PAGE, page_words(line.text.words, line.id, PAGE, taken))
                add(add(row, "TextEquiv", {"conf": line.text.conf}), "Unicode", {}, line.text.text)
    return root


def _alto(image: str, size: tuple[int, int], regions: Sequence[NewRegion]) -> etree._Element:
    root = etree.Element(f"{{{ALTO}}}alto", nsmap={None: ALTO}, attrib={_SCHEMA: _LOCATIONS["ALTO"]})

    def add(parent: etree._Element, name: str, values: Mapping[str, str | None], text: str = "") -> etree._Element:
        return _added(parent, ALTO, name, values, text)

    description = add(root, "Description", {})
    add(description, "MeasurementUnit", {}, "pixel")
    add(add(description, "sourceImageInformation", {}), "fileName", {}, image)
    blocks, rows = {region.kind for region in regions}, {line.kind for region in regions for line in region.lines}
    tags = _tags(add, root, sorted(blocks), sorted(rows))
    whole = {"WIDTH": str(size[0]), "HEIGHT": str(size[1])}
    taken = _ids(regions)
    page_id = free_id("page", "page", taken)
    page = add(add(root, "Layout", {}), "Page", {"ID": page_id, "PHYSICAL_IMG_NR": "1", **whole})
    space = add(page, "PrintSpace", {"HPOS": "0", "VPOS": "0", **whole})
    for region in regions:
        values = {"ID": region.id, **_box(region.outline), "ROTATION": _number(region.turn)}
        block = add(space, "TextBlock", values | {"TAGREFS": tags.get(("block", region.kind))})
        add(add(block, "Shape", {}), "Polygon", {"POINTS": _pairs(region.outline)})
        for line in region.lines:
            box, text = _box(line.outline), line.text or NewText("", None)
            baseline = _pairs(line.baseline) if len(line.baseline) > 1 else None
            values = {"ID": line.id, "TAGREFS": tags.get(("line", line.kind)), **box, "BASELINE": baseline}
            row = add(block, "TextLine", values)
            add(add(row, "Shape", {}), "Polygon", {"POINTS": _pairs(line.outline)})
            if text.words:
                _grow(row, ALTO, alto_strings(text.text, text.words, line.id, ALTO, taken))
            else:
                add(row, "String", {"CONTENT": text.text, **box, "WC": text.conf})
    return root


def _tags(
    add: Callable[..., etree._Element], root: etree._Element, blocks: Sequence[str], rows: Sequence[str]
) -> dict[tuple[str, str], str]:
    """Write the types of blocks and lines; the id of each."""
    named = [("block", kind) for kind in blocks if kind] + [("line", kind) for kind in rows if kind]
    if not named:
        return {}
    tags, ids = add(root, "Tags", {}), {}
    for number, (what, kind) in enumerate(named, 1):
        ids[what, kind] = f"tag_{what}_{number}"
        add(tags, "OtherTag", {"ID": ids[what, kind], "LABEL": kind, "DESCRIPTION": f"{what} type {kind}"})
    return ids


def _added(
    parent: etree._Element, namespace: str, name: str, values: Mapping[str, str | None], text: str
) -> etree._Element:
    kept = {key: value for key, value in values.items() if value is not None}
    element = etree.SubElement(parent, f"{{{namespace}}}{name}", kept)
    if text or name == "Unicode":
        element.text = text
    return element


def _grow(parent: etree._Element, namespace: str, nodes: Sequence[Node]) -> None:
    """Add elements with all that is in them."""
    for node in nodes:
        _grow(_added(parent, namespace, node.name, node.attributes, node.content), namespace, node.children)


def _ids(regions: Sequence[NewRegion]) -> set[str]:
    return {region.id for region in regions} | {line.id for region in regions for line in region.lines}


def _pairs(points: Points) -> str:
    return " ".join(f"{x},{y}" for x, y in points.tolist())


def _box(points: Points) -> dict[str, str | None]:
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return {"HPOS": str(left), "VPOS": str(top), "WIDTH": str(right - left), "HEIGHT": str(bottom - top)}


def _custom(kind: str) -> str | None:
    """As Transkribus and eScriptorium write a type."""
    return f"structure {{type:{kind};}}" if kind else None


def _number(turn: float) -> str | None:
    angle = turn % 360
    return f"{angle - 360 if angle > 180 else angle:g}" if angle else None


_MAKERS: Mapping[str, Callable[[str, tuple[int, int], Sequence[NewRegion]], etree._Element]] = {
    "PAGE": _page,
    "ALTO": _alto,
}
