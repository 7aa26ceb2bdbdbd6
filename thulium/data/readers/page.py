"""``type: page``: page images with PAGE XML, as of 2013, 2017 or 2019."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from lxml import etree

from thulium.data.line import Fault, Line, Origin
from thulium.data.readers import layout
from thulium.data.readers.layout import Sheet, Unit, Written
from thulium.data.readers.xmlfile import PageFault, name_of, namespace_of
from thulium_dsl.spec import PageDataset

# Transkribus and eScriptorium put their own types into @custom: structure {type:marginalia;}
_CUSTOM_TYPE = re.compile(r"structure\s*\{[^}]*?\btype\s*:\s*([^;}]+)")


def units(dataset: PageDataset) -> list[Unit | Fault]:
    """One unit for each XML file below the root.

    Raises:
        DataError: there is no such folder, or it has no XML files.
    """
    return layout.units(dataset, "PAGE")


def names(found: list[Unit | Fault], _dataset: PageDataset) -> Iterator[Origin]:
    """The pages that lists may name."""
    return layout.names(found)


def read(unit: Unit, dataset: PageDataset) -> Iterator[Line | Fault]:
    """The lines of one file, in its order; those of nested regions and of tables among them."""
    return layout.read(unit, dataset, "PAGE", partial(_sheet, dataset=dataset))


def _sheet(root: etree._Element, dataset: PageDataset) -> Sheet:
    prefix = f"{{{namespace}}}" if (namespace := namespace_of(root)) else ""
    page = root.find(f"{prefix}Page")
    if page is None:
        raise PageFault("no lines", "has no Page element: export it again", row=root.sourceline)
    return Sheet(
        image=page.get("imageFilename", ""),
        size=layout.page_size(page.get("imageWidth"), page.get("imageHeight")),
        lines=[_line(line, prefix, dataset) for line in page.iter(f"{prefix}TextLine")],
    )


def _line(line: etree._Element, prefix: str, dataset: PageDataset) -> Written:
    return Written(
        id=line.get("id", ""),
        text=_text(line, prefix, dataset),
        outline=_points(line.find(f"{prefix}Coords")),
        baseline=_points(line.find(f"{prefix}Baseline")),
        region_types=next(filter(None, map(_types, _regions(line))), frozenset()),
        line_types=_types(line),
    )


def _text(line: etree._Element, prefix: str, dataset: PageDataset) -> str:
    """The transcription at the document's level; at the other one where there is none."""
    whole = partial(_transcription, prefix=prefix, text_index=dataset.text_index)
    words = " ".join(filter(None, (whole(word).strip() for word in line.iterfind(f"{prefix}Word"))))
    return words or whole(line) if dataset.level == "word" else whole(line) or words


def _transcription(element: etree._Element, prefix: str, text_index: str) -> str:
    """The text of one of an element's TextEquivs; empty ones are passed over."""
    candidates = []
    for equivalent in element.iterfind(f"{prefix}TextEquiv"):
        text = _content(equivalent, (f"{prefix}Unicode", f"{prefix}PlainText"))
        if text.strip():
            candidates.append((_index(equivalent), text))
    if not candidates:
        return ""
    indexed = [(index, text) for index, text in candidates if index is not None]
    if text_index == "lowest":
        return min(indexed or candidates[:1], key=lambda candidate: candidate[0] or 0)[1]
    return max(reversed(indexed or candidates[-1:]), key=lambda candidate: candidate[0] or 0)[1]


def _content(equivalent: etree._Element, names: Iterable[str]) -> str:
    texts = ("".join(child.itertext()) for name in names for child in equivalent.iterfind(name))
    return next((text for text in texts if text.strip()), "")


def _index(equivalent: etree._Element) -> int | None:
    index = equivalent.get("index", "").strip()
    return int(index) if re.fullmatch(r"-?[0-9]{1,9}", index) else None


def _points(element: etree._Element | None) -> str:
    """The numbers of Coords or Baseline; before 2013 each point was an element of its own."""
    if element is None:
        return ""
    if element.get("points") is not None:
        return str(element.get("points"))
    return " ".join(f"{point.get('x')} {point.get('y')}" for point in element if name_of(point) == "Point")


def _regions(line: etree._Element) -> Iterator[etree._Element]:
    """What a line lies in, from the inside out; the page has a type as well, but is no region."""
    return (element for element in line.iterancestors() if name_of(element).endswith(("Region", "Cell")))


def _types(element: etree._Element) -> frozenset[str]:
    custom = _CUSTOM_TYPE.search(element.get("custom", ""))
    return frozenset(filter(None, (element.get("type"), custom and custom[1].strip())))
