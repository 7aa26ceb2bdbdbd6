"""``type: alto``: page images with ALTO XML, version 2, 3 or 4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from thulium.data.line import Fault, Line, Origin
from thulium.data.readers import layout
from thulium.data.readers.layout import Sheet, Unit, Written
from thulium.data.readers.xmlfile import PageFault, name_of, namespace_of
from thulium_dsl.spec import AltoDataset


def units(dataset: AltoDataset) -> list[Unit | Fault]:
    """One unit for each XML file below the root.

    Raises:
        DataError: there is no such folder, or it has no XML files.
    """
    return layout.units(dataset, "ALTO")


def names(found: list[Unit | Fault], _dataset: AltoDataset) -> Iterator[Origin]:
    """The pages that lists may name."""
    return layout.names(found)


def read(unit: Unit, dataset: AltoDataset) -> Iterator[Line | Fault]:
    """The lines of one file, in its order."""
    return layout.read(unit, dataset, "ALTO", _sheet)


@dataclass(frozen=True, slots=True)
class _Names:
    """The names that a file uses: the prefix of its elements, and what each tag's id stands for."""

    prefix: str
    tags: Mapping[str, frozenset[str]]

    def types(self, element: etree._Element) -> frozenset[str]:
        """The types of a line or a block: its own, and those of the tags that it refers to."""
        named = [self.tags.get(tag, frozenset()) for tag in element.get("TAGREFS", "").split()]
        return frozenset(filter(None, [element.get("TYPE")])).union(*named)


def _sheet(root: etree._Element) -> Sheet:
    prefix = f"{{{namespace}}}" if (namespace := namespace_of(root)) else ""
    pages = root.findall(f"{prefix}Layout/{prefix}Page")
    if not pages:
        raise PageFault("no lines", "has no Page element: export it again", row=root.sourceline)
    if len(pages) > 1:
        what = f"has {len(pages)} pages, but one image: split it into a file for each page"
        raise PageFault("several pages", what, row=pages[1].sourceline)
    names = _Names(prefix, _tags(root, prefix))
    return Sheet(
        image=root.findtext(f"{prefix}Description/{prefix}sourceImageInformation/{prefix}fileName", "").strip(),
        size=_size(root, pages[0], prefix),
        lines=[_line(line, names) for line in pages[0].iter(f"{prefix}TextLine")],
    )


def _tags(root: etree._Element, prefix: str) -> dict[str, frozenset[str]]:
    tags = root.find(f"{prefix}Tags")
    return {
        tag.get("ID", ""): frozenset(filter(None, (tag.get("LABEL"), tag.get("TYPE"))))
        for tag in (tags if tags is not None else ())
    }


def _size(root: etree._Element, page: etree._Element, prefix: str) -> tuple[float, float] | None:
    size = layout.page_size(page.get("WIDTH"), page.get("HEIGHT"))
    unit = root.findtext(f"{prefix}Description/{prefix}MeasurementUnit", "").strip()
    if size is None and unit not in ("", "pixel"):
        what = f"measures in {unit}, but its Page has no WIDTH and HEIGHT to compare the image with: add them"
        raise PageFault("no page size", what, row=page.sourceline)
    return size


def _line(line: etree._Element, names: _Names) -> Written:
    polygon = line.find(f"{names.prefix}Shape/{names.prefix}Polygon")
    return Written(
        id=line.get("ID", ""),
        text=_text(line),
        outline=(polygon.get("POINTS") if polygon is not None else None) or _box(line),
        baseline=_baseline(line),
        region_types=next(filter(None, map(names.types, line.iterancestors())), frozenset()),
        line_types=names.types(line),
    )


def _text(line: etree._Element) -> str:
    """The words of a line: the file says where the spaces are; where it has none, one stands between any two words."""
    parts = [(name_of(part), part.get("CONTENT", "")) for part in line if isinstance(part.tag, str)]
    between = "" if any(name == "SP" for name, _ in parts) else " "
    text = ""
    for name, content in parts:
        if name == "SP":
            text += " "
        elif name == "String":
            text += between + content if text else content
        elif name == "HYP":
            text += content
    return text


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


def _baseline(line: etree._Element) -> str:
    """The numbers of a baseline; before ALTO 4.2 it is one number, how far it lies below the page's upper edge."""
    numbers = line.get("BASELINE", "")
    if len(numbers.replace(",", " ").split()) != 1:
        return numbers
    try:
        left, width = float(line.get("HPOS", "")), float(line.get("WIDTH", ""))
    except ValueError:
        return ""
    return f"{left} {numbers} {left + width} {numbers}"
