"""``type: gt_txt``: line images, each with its transcription in NAME.gt.txt beside it, as OCR tools write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath

from thulium.data import formats
from thulium.data.image import open_grey
from thulium.data.line import Fault, Line
from thulium.data.readers import places
from thulium.data.textfile import UnreadableText, read_text
from thulium.errors import DataError
from thulium_dsl.spec import GtTxtDataset

ENDING = ".gt.txt"
_BETWEEN = ("", ".nrm", ".bin", ".dew")  # what tools put between name and image ending: normalised, binarised, dewarped
LINES_PER_UNIT = 64


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its transcription.

    Attributes:
        name: of both, without endings, relative to the root.
        page: what the line was cut from, as far as its name or folder tells.
    """

    name: str
    page: str
    image: Path
    text: Path


@dataclass(frozen=True, slots=True)
class Unit:
    """Some pairs of one page."""

    pairs: tuple[Pair, ...]


def units(dataset: GtTxtDataset) -> list[Unit | Fault]:
    """The pairs below a folder, page by page; a file without its partner is a fault.

    Raises:
        DataError: there is no such folder, or no .gt.txt in it.
    """
    root = Path(dataset.root)
    files = dict(places.files(root, _is_wanted))
    texts = [key for key in files if key.endswith(ENDING)]
    if not texts:
        where = places.printable(root)
        raise DataError(f"{where}: holds no transcriptions (NAME{ENDING}); dataset.root names the folder of the data")
    images, others = _by_stem(filter(formats.is_image, files)), _by_stem(filter(formats.is_not_read, files))
    pairs: list[Pair] = []
    faults: list[Unit | Fault] = []
    used: set[str] = set()
    page_of = _pages(dataset.page_pattern, {key.removesuffix(ENDING) for key in texts})
    for key in texts:
        name = key.removesuffix(ENDING)
        found = [image for between in _BETWEEN for image in images.get(name + between, ())]
        beside = others.get(name, [""])
        used.update(found, beside)
        page = page_of(name)
        fault = _fault(files[key], found or beside, page, dataset.page_pattern)
        if fault:
            faults.append(fault)
        else:
            pairs.append(Pair(name, page or name, files[found[0]], files[key]))
    left = [key for key in files if key not in used and not key.endswith(ENDING)]
    faults += [_passed_over(files[key]) if formats.is_not_read(key) else _alone(files[key]) for key in left]
    return [*faults, *_grouped(pairs)]


def _is_wanted(name: str) -> bool:
    return name.endswith(ENDING) or formats.is_image(name) or formats.is_not_read(name)


def _by_stem(keys: Iterable[str]) -> dict[str, list[str]]:
    """Keys by their names without ending."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(str(PurePosixPath(key).with_suffix("")), []).append(key)
    return found


def read(unit: Unit, _dataset: GtTxtDataset) -> Iterator[Line | Fault]:
    """The lines of some pairs, in the order of their names."""
    for pair in unit.pairs:
        try:
            rows = [row for row in read_text(pair.text).split("\n") if row.strip()]
        except UnreadableText as error:
            yield Fault(reason="unreadable text", where=error.where, what=error.what)
            continue
        if len(rows) != 1:
            reason = "several rows" if rows else "no transcription"
            what = f"holds {len(rows)} rows of text, and a line has one: join or remove them"
            what = what if rows else "is empty: nobody has transcribed it"
            yield Fault(reason=reason, where=str(pair.text), what=what, is_error=bool(rows))
            continue
        yield Line(
            id=pair.name,
            text=rows[0],
            page=pair.page,
            document=places.folder_of(pair.page),
            split=places.split_of(pair.name),
            source=str(pair.image),
            text_source=str(pair.text),
            load=partial(open_grey, pair.image),
        )


def _pages(pattern: str | None, names: set[str]):  # type: ignore[no-untyped-def]
    """How the page of a line is found: by the document's pattern; by its folder; or, in one folder, not at all."""
    if pattern:
        found = re.compile(pattern)

        def by_pattern(name: str) -> str | None:
            match = found.search(name)
            return match.group(1) if match else None

        return by_pattern
    if len({places.folder_of(name) for name in names}) > 1:
        return places.folder_of
    return lambda name: name


def _fault(text: Path, found: list[str], page: str | None, pattern: str | None) -> Fault | None:
    """Why a text cannot be used.

    Args:
        found: the images of its name; one of a kind that is not read, or an empty name, where there are none.
    """
    if not found[0]:
        what = "there is no image of this name beside it: add it, or remove the text"
        return Fault(reason="missing image", where=str(text), what=what)
    if formats.is_not_read(found[0]):
        name = PurePosixPath(found[0])
        what = f"its image is {name.name}, and {formats.kind_by_name(name)} is not read: save that as PNG or TIFF"
        return Fault(reason="missing image", where=str(text), what=what)
    if len(found) > 1:
        what = f"two images have this name, {found[0]} and {found[1]}: keep one of them"
        return Fault(reason="two images for one text", where=str(text), what=what)
    if page is None:
        what = f"dataset.page_pattern {pattern!r} does not match this name, so its page is not known: widen it"
        return Fault(reason="page unknown", where=str(text), what=what)
    return None


def _passed_over(image: Path) -> Fault:
    what = f"is passed over: {formats.kind_by_name(image)} is not read"
    return Fault(reason="image of a kind that is not read", where=str(image), what=what, is_error=False)


def _alone(image: Path) -> Fault:
    what = f"has no transcription: there is no {ENDING} file of its name"
    return Fault(reason="no transcription", where=str(image), what=what, is_error=False)


def _grouped(pairs: list[Pair]) -> Iterator[Unit]:
    ordered = sorted(pairs, key=lambda pair: (pair.page, pair.name))
    by_folder = groupby(ordered, key=lambda pair: pair.page if pair.page != pair.name else places.folder_of(pair.name))
    for _, group in by_folder:
        whole = tuple(group)
        for first in range(0, len(whole), LINES_PER_UNIT):
            yield Unit(whole[first : first + LINES_PER_UNIT])
