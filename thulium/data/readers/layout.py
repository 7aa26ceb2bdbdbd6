"""What PAGE and ALTO have in common: files of lines with their outlines, beside images of whole pages."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

import numpy as np
from lxml import etree
from PIL import Image

from thulium.data import cutting
from thulium.data.cutting import Cut, CutFault, Points
from thulium.data.line import Fault, Line, Origin, SplitName
from thulium.data.readers import places
from thulium.data.readers.choice import choose
from thulium.data.readers.page_image import PageImage, open_page_image
from thulium.data.readers.xmlfile import PageFault, name_of, namespace_of, parse
from thulium.errors import DataError
from thulium_dsl.spec import AltoDataset, PageDataset

SIDE_FILES = ("mets.xml", "metadata.xml")  # that exports put beside the pages
LARGEST = 1e6  # pixels; no page is that wide, and numbers far above it no longer tell pixels apart

# The root element of each format and how its namespaces begin; a file without any namespace is taken at its word.
FORMATS = {
    "PAGE": ("PcGts", ("schema.primaresearch.org/PAGE/gts/pagecontent/",)),
    "ALTO": ("alto", ("www.loc.gov/standards/alto/", "schema.ccs-gmbh.com/ALTO", "bibnum.bnf.fr/ns/alto")),
}
_A = {"PAGE": "a PAGE", "ALTO": "an ALTO"}
REDRAW = "correct them, or draw the line anew"


@dataclass(frozen=True, slots=True)
class Unit:
    """One XML file.

    Attributes:
        split: where the file's place says so.
        page: the page's id: the file's name below the root without its ending, and without a folder page/ or alto/
            that it lies in, so that the two files of one page have one id.
    """

    file: Path
    page: str
    split: SplitName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A line as its file has it.

    Attributes:
        id: empty where there is none.
        text: empty where nobody has transcribed it.
        outline, baseline: numbers, x and y by turns; empty where there is none.
        region_types, line_types: what its region and itself are called; all names that the file has for them.
    """

    id: str
    text: str
    outline: str
    baseline: str
    region_types: frozenset[str]
    line_types: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A page as its file has it.

    Attributes:
        image: the name that it has for the image, or nothing.
        size: width and height, in the units of the lines' points; None where that is pixels of the image.
    """

    image: str
    size: tuple[float, float] | None
    lines: list[Written]


def units(dataset: PageDataset | AltoDataset, format_name: str) -> list[Unit | Fault]:
    """The XML files below the root that the document asks for, links followed, hidden ones left out.

    Args:
        format_name: "PAGE" or "ALTO".

    Raises:
        DataError: there is no such folder, or it has no XML files.
    """
    root = Path(dataset.root)
    there = list(places.files(root, _is_wanted))
    if not there:
        raise DataError(
            f"{root}: holds no .xml files; it should hold page images and their {format_name} files: set dataset.root"
        )
    wanted, left_out = choose(there, dataset)
    taken: set[str] = set()
    found = [Unit(file, _free(_page_id(name, format_name), taken), places.split_of(name)) for name, file in wanted]
    return [*left_out, *found]


def names(units: Iterable[Unit | Fault]) -> Iterator[Origin]:
    """The pages that lists may name; lines are known when a file is read."""
    for unit in units:
        if isinstance(unit, Unit):
            document = places.folder_of(unit.page)
            yield Origin(id="", page=unit.page, document=document, source=str(unit.file), split=unit.split)


def read(
    unit: Unit, dataset: PageDataset | AltoDataset, format_name: str, sheet_of: Callable[[etree._Element], Sheet]
) -> Iterator[Line | Fault]:
    """The lines of a page, in the order of its file. Its image is decoded when the first of them is loaded.

    Args:
        sheet_of: reads the root element; raises PageFault.
    """
    num_lines = 0
    try:
        root = parse(unit.file)
        num_lines = sum(1 for _ in root.iter("{*}TextLine"))
        _check_format(root, format_name)
        sheet = sheet_of(root)
        if not sheet.lines:
            raise PageFault("no lines", "has no lines", is_error=False)
        judged = [(name, line, _unwanted(line, dataset)) for name, line in zip(_names(sheet.lines), sheet.lines)]
        page = None
        if any(unwanted is None for _, _, unwanted in judged):
            image = open_page_image(unit.file, Path(dataset.root), sheet.image, sheet.size)
            page = _Page(unit, sheet, image, dataset.straighten)
    except PageFault as fault:
        where = str(unit.file) if fault.row is None else f"{unit.file}:{fault.row}"
        lost = partial(Fault, reason=fault.reason, where=where, what=str(fault), is_error=fault.is_error)
        yield lost(is_page=True, num_lines=num_lines)
        return
    for name, line, unwanted in judged:
        if unwanted or page is None:
            reason, what = unwanted or ("", "")
            yield Fault(reason=reason, where=f"{unit.file}#{name}", what=what, is_error=False)
        else:
            yield page.line(name, line)


class _Page:
    """What the lines of one page share."""

    def __init__(self, unit: Unit, sheet: Sheet, image: PageImage, straighten: bool) -> None:
        self.unit = unit
        self.sheet = sheet
        self.image = image
        self.straighten = straighten

    def line(self, name: str, written: Written) -> Line | Fault:
        source = f"{self.unit.file}#{name}"
        try:
            baseline = self._points(written.baseline)
            outline = self._outline(self._points(written.outline), baseline)
            how = cutting.plan(outline, baseline, self.image.size, straighten=self.straighten)
        except CutFault as fault:
            return Fault(reason=fault.reason, where=source, what=str(fault))
        return Line(
            id=f"{self.unit.page}/{name}",
            text=written.text,
            page=self.unit.page,
            document=places.folder_of(self.unit.page),
            split=self.unit.split,
            source=source,
            image_source=str(self.image.path),
            load=partial(_load, self.image, how),
        )

    def _outline(self, outline: Points, baseline: Points) -> Points:
        """The line's polygon, or a band round its baseline where there is none."""
        if len(baseline) < 2:
            if len(outline) == 0:
                what = "has neither a polygon nor a baseline: draw it, or remove the line"
                raise CutFault("no coordinates", what)
            return outline
        # eScriptorium writes the box of the baseline where a line has no polygon.
        if len(outline) == 0 or np.abs(_box(outline) - _box(baseline)).max() <= 1:
            return cutting.band(baseline, self._line_distance)
        return outline

    @cached_property
    def _line_distance(self) -> float:
        baselines = []
        for line in self.sheet.lines:
            with suppress(CutFault):
                baselines.append(self._points(line.baseline))
        return cutting.line_distance(baselines, self.image.size)

    def _points(self, numbers: str) -> Points:
        return read_points(numbers) * self.image.scale


def _load(image: PageImage, how: Cut) -> Image.Image:
    return cutting.cut(image.grey(), how)


def read_points(numbers: str) -> Points:
    """(N, 2) points of numbers, x and y by turns, with blanks or commas between them.

    Raises:
        CutFault: they are not numbers that a page can have.
    """
    words = numbers.replace(",", " ").split()
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        raise CutFault("malformed points", f"has points that are not numbers, {_short(numbers)}: {REDRAW}") from None
    if len(values) % 2:
        raise CutFault("malformed points", f"has points of which one lacks its y, {_short(numbers)}: {REDRAW}")
    if not np.all(np.abs(values) <= LARGEST):  # nan is not, either
        raise CutFault("malformed points", f"has points that no page can have, {_short(numbers)}: {REDRAW}")
    return values.reshape(-1, 2)


def _box(points: Points) -> Points:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def page_size(width: str | None, height: str | None) -> tuple[float, float] | None:
    """The size of a page by its file; None where that does not say, or says nothing that can be."""
    try:
        size = float(width or 0), float(height or 0)
    except ValueError:
        return None
    return size if all(0 < extent <= LARGEST for extent in size) else None


def _check_format(root: etree._Element, format_name: str) -> None:
    found = next((name for name in FORMATS if _is_of(root, name)), None)
    if found == format_name:
        return
    if found:
        what = f"is a file of {found}, which dataset.type {format_name.lower()} leaves out"
        raise PageFault("another format", what, is_error=False)
    namespace = namespace_of(root)
    what = f"is not {_A[format_name]} file: its root element is {name_of(root)!r}"
    what += f" of the namespace {namespace!r}" if namespace else ""
    raise PageFault(f"not {_A[format_name]} file", f"{what}; move it out of dataset.root", row=root.sourceline)


def _is_of(root: etree._Element, format_name: str) -> bool:
    name, beginnings = FORMATS[format_name]
    namespace = namespace_of(root)
    return name_of(root) == name and (not namespace or namespace.partition("://")[2].startswith(beginnings))


def _unwanted(line: Written, dataset: PageDataset | AltoDataset) -> tuple[str, str] | None:
    """Why a line is left out, which is no fault of the data: the reason, and a sentence; or None."""
    for kind, types, wanted in (
        ("region", line.region_types, dataset.region_types),
        ("line", line.line_types, dataset.line_types),
    ):
        if wanted and not types.intersection(wanted):
            name = "/".join(sorted(types)) or "none"
            return f"{kind} type", f"is left out by dataset.{kind}_types: its {kind} type is {name}"
    return None if line.text.strip() else ("no transcription", "has no transcription")


def _names(lines: list[Written]) -> Iterator[str]:
    """A name for each line that no other line of the page has."""
    taken: set[str] = set()
    for number, line in enumerate(lines, 1):
        yield _free(unicodedata.normalize("NFC", line.id.strip()) or f"line-{number}", taken)


def _free(name: str, taken: set[str]) -> str:
    """A name that is not taken yet, and is from now on."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    return free


def _page_id(name: str, format_name: str) -> str:
    path = PurePosixPath(name).with_suffix("")
    folder = path.parent
    return str(folder.parent / path.name if folder.name.lower() == format_name.lower() else path)


def _is_wanted(name: str) -> bool:
    return name.lower().endswith(".xml") and name.lower() not in SIDE_FILES


def _short(numbers: str) -> str:
    return repr(numbers if len(numbers) <= 60 else numbers[:57] + "...")
