"""What PAGE and ALTO have in common: files of lines with their outlines, beside images of whole pages."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from lxml import etree
from PIL import Image

from thulium.data import places
from thulium.data.layouts import is_page_file
from thulium.data.line import Fault, Line, Origin, Remark, SplitName
from thulium.data.text import is_blank
from thulium.ingest import cutting
from thulium.ingest.cutting import Cut, CutFault, Points
from thulium.ingest.outlines import Drawn, Outlines
from thulium.ingest.readers.choice import choose
from thulium.ingest.readers.page_image import PageImage, open_page_image
from thulium.ingest.readers.sheet import LARGEST, LineFault, Sheet, Written, own_names, short
from thulium.ingest.readers.xmlfile import PageFault, parse
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import AltoDataset, PageDataset

MAX_POINTS = 20_000  # of an outline or a baseline; more than any line needs
MAX_TEXT = 5_000  # characters; no line has as many, and some rules of Unicode take a time that grows with the square
MAX_NAME = 200  # characters of a line's name
MAX_ADDRESS = 2_000  # characters of an image's name; the last ones say what it is called
REDRAW = "correct them, or draw the line anew"


@dataclass(frozen=True, slots=True)
class PageUnit:
    """One XML file.

    Attributes:
        split: where the file's place says so.
        page: the page's id: the file's name below the root without its ending, and without a folder page/ or alto/
            that it lies in, so that the two files of one page have one id.
    """

    file: Path
    page: str
    split: SplitName | None


def units(dataset: PageDataset | AltoDataset, format_name: str) -> list[PageUnit | Fault]:
    """The XML files below the root that the document asks for, links followed, hidden ones left out.

    Args:
        format_name: "PAGE" or "ALTO".

    Raises:
        DataError: there is no such folder, or it has no XML files.
    """
    root = Path(dataset.root)
    there = list(places.files(root, is_page_file))
    if not there:
        raise DataError(
            f"{root}: holds no .xml files; it should hold page images and their {format_name} files: set dataset.root"
        )
    wanted, left_out = choose(there, dataset)
    taken: dict[str, int] = {}
    found = [PageUnit(file, _free(_page_id(name, format_name), taken), places.split_of(name)) for name, file in wanted]
    return [*left_out, *found]


def names(units: Iterable[PageUnit | Fault]) -> Iterator[Origin]:
    """The pages that lists may name; lines are known when a file is read."""
    for unit in units:
        if isinstance(unit, PageUnit):
            document = places.folder_of(unit.page)
            yield Origin(id="", page=unit.page, document=document, source=str(unit.file), split=unit.split)


def read(
    unit: PageUnit,
    dataset: PageDataset | AltoDataset,
    format_name: str,
    sheet_of: Callable[[etree._Element, bool], Sheet],
    needs_text: bool,
) -> Iterator[Line | Fault]:
    """The lines of a page, in the order of its file. Its image is decoded when the first of them is loaded.

    Each TextLine of the file becomes a line or a fault, or is counted in that of its page.

    Args:
        sheet_of: reads the root element, in which the format's elements have no namespace, and is told whether texts
            are needed; raises PageFault.
    """
    num_lines = 0
    try:
        root = parse(unit.file)
        num_lines = sum(1 for _ in root.iter("{*}TextLine"))
        own_names(root, format_name)
        sheet = sheet_of(root, needs_text)
        if not sheet.lines:
            raise PageFault("no lines", "has no lines", is_error=False)
        refusals = [_refusal(line, dataset, needs_text) for line in sheet.lines]
        page = None
        if None in refusals:
            page = opened(unit, dataset, sheet)
    except PageFault as fault:
        where = str(unit.file) if fault.row is None else f"{unit.file}:{fault.row}"
        lost = partial(Fault, reason=fault.reason, where=where, what=str(fault), is_error=fault.is_error)
        yield lost(is_page=True, num_lines=num_lines or fault.num_lines)
        return
    for number, (name, refusal) in enumerate(zip(names_of(line.id for line in sheet.lines), refusals)):
        if refusal is not None:
            where, is_error = f"{unit.file}#{name}", refusal.is_error
            yield Fault(reason=refusal.reason, where=where, what=str(refusal), is_error=is_error)
        elif page is not None:
            yield page.line(name, number)


def opened(unit: PageUnit, dataset: PageDataset | AltoDataset, sheet: Sheet) -> DrawnPage:
    """A page with the places of its lines in its image.

    Args:
        sheet: what its file says.

    Raises:
        PageFault: its image is not there, or is another.
    """
    image = open_page_image(unit.file, Path(dataset.root), sheet.image[-MAX_ADDRESS:], sheet.size)
    return DrawnPage(unit, sheet, image, dataset.straighten)


class DrawnPage:
    """What the lines of one page share.

    Attributes:
        sheet: what its file says.
        image: the page's, of which nothing but its head was read yet.
    """

    def __init__(self, unit: PageUnit, sheet: Sheet, image: PageImage, straighten: bool) -> None:
        self._unit = unit
        self.sheet = sheet
        self.image = image
        self._straighten = straighten
        self._drawn = [self._draw(line) for line in sheet.lines]
        self._outlines = Outlines([drawn[0] for drawn in self._drawn if isinstance(drawn, tuple)], image.size)

    def shape(self, number: int) -> tuple[Points, Points] | None:
        """The outline and the baseline of a line, in pixels of the image; None where it cannot be said where it lies.

        A line without an outline has the one that it is cut along.
        """
        drawn = self._drawn[number]
        if isinstance(drawn, CutFault):
            return None
        line, _ = drawn
        try:
            return (line.outline if line.has_outline else self._outlines.of(line)[0]), line.baseline
        except CutFault:
            return None

    def line(self, name: str, number: int) -> Line | Fault:
        """A line to be cut out of the image; or why it cannot be.

        Args:
            name: that no other line of the page has.
            number: its place in the file, from 0.
        """
        written, source = self.sheet.lines[number], f"{self._unit.file}#{name}"
        try:
            how, remarks = self.plan(number)
        except CutFault as fault:
            return Fault(reason=fault.reason, where=source, what=str(fault))
        return Line(
            id=f"{self._unit.page}/{name}",
            text="" if _refused_text(written.text) else written.text,
            page=self._unit.page,
            document=places.folder_of(self._unit.page),
            split=self._unit.split,
            source=source,
            image_source=str(self.image.path),
            load=partial(_load, self.image, how),
            remarks=(*remarks, *written.remarks),
        )

    def plan(self, number: int) -> tuple[Cut, tuple[Remark, ...]]:
        """How a line is cut, and what a person should know of it.

        Args:
            number: its place in the file, from 0.

        Raises:
            CutFault: it cannot be.
        """
        drawn = self._drawn[number]
        if isinstance(drawn, CutFault):
            raise drawn
        line, remarks = drawn
        outline, more = self._outlines.of(line)
        straighten, turn = self._straighten, line.turn
        how = cutting.plan(outline, line.baseline, self.image.size, straighten=straighten, turn=turn)
        return how, (*more, *remarks)

    def _draw(self, written: Written) -> tuple[Drawn, tuple[Remark, ...]] | CutFault:
        try:
            outline, baseline = map(read_points, (written.outline, written.baseline))
        except CutFault as fault:
            return fault
        scale = self.image.scale
        return _facing(Drawn(outline=outline * scale, baseline=baseline * scale, turn=written.turn))


def _facing(line: Drawn) -> tuple[Drawn, tuple[Remark, ...]]:
    """A line without the turn that its baseline contradicts, and what a person should know of how it is turned."""
    if line.turn % 360 and cutting.is_long(line.baseline, line.outline):
        chord, along = line.baseline[-1] - line.baseline[0], cutting.direction(line.turn)
        if abs(chord @ along) < abs(chord @ cutting.down_from(along)):
            return replace(line, turn=0.0), ("orientation against the baseline",)
    return line, ("turned",) if round(line.turn / 90) % 4 else ()


def _load(image: PageImage, how: Cut) -> Image.Image:
    return cutting.cut(image.grey(), how)


def read_points(numbers: str) -> Points:
    """(N, 2) points of numbers, x and y by turns, with blanks or commas between them.

    Raises:
        CutFault: they are not numbers that a page can have, or far too many.
    """
    words = numbers.replace(",", " ").split()
    if len(words) > 2 * MAX_POINTS:
        what = f"has {len(words) // 2:,} points, and no line needs more than {MAX_POINTS:,}: draw the line anew"
        raise CutFault("too many points", what)
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        raise CutFault("malformed points", f"has points that are not numbers, {short(numbers)}: {REDRAW}") from None
    if len(values) % 2:
        raise CutFault("malformed points", f"has points of which one lacks its y, {short(numbers)}: {REDRAW}")
    if not np.all(np.abs(values) <= LARGEST):  # nan is not, either
        raise CutFault("malformed points", f"has points that no page can have, {short(numbers)}: {REDRAW}")
    return values.reshape(-1, 2)


def _refusal(line: Written, dataset: PageDataset | AltoDataset, needs_text: bool) -> LineFault | None:
    """Why a line is left out, or None: by the document, by its own file, or for want of a text, if it needs one."""
    for kind, types, wanted in (
        ("region", line.region_types, dataset.region_types),
        ("line", line.line_types, dataset.line_types),
    ):
        if wanted and not types.intersection(wanted):
            name = "/".join(sorted(types))[:MAX_NAME] or "none"
            what = f"is left out by dataset.{kind}_types: its {kind} type is {name}"
            return LineFault(f"{kind} type", what, is_error=False)
    if line.refused is not None:
        return line.refused
    return _refused_text(line.text) if needs_text else None


def _refused_text(text: str) -> LineFault | None:
    if is_blank(text):
        return LineFault("no transcription", "has no transcription", is_error=False)
    if len(text) > MAX_TEXT:
        what = f"has a transcription of {len(text):,} characters, more than any line has: correct it"
        return LineFault("transcription too long", what)
    return None


def names_of(ids: Iterable[str]) -> Iterator[str]:
    """A name for each line that no other line of the page has.

    Args:
        ids: that the lines have in their file, in its order; empty where one has none.
    """
    taken: dict[str, int] = {}
    for number, line_id in enumerate(ids, 1):
        name = " ".join(line_id[: 2 * MAX_NAME].split())[:MAX_NAME]
        yield _free(unicodedata.normalize("NFC", name) or f"line-{number}", taken)


def _free(name: str, taken: dict[str, int]) -> str:
    """A name that is not taken yet, and is from now on; ``taken`` also says which number to try next."""
    free, number = name, taken.get(name, 1)
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken[name] = number
    taken[free] = taken.get(free, 1)
    return free


def _page_id(name: str, format_name: str) -> str:
    path = PurePosixPath(name).with_suffix("")
    folder = path.parent
    return str(folder.parent / path.name if folder.name.lower() == format_name.lower() else path)
