"""``type: gt_txt``: line images, each with its transcription in NAME.gt.txt beside it, as OCR tools write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath

from thulium.data import places
from thulium.data.images import formats
from thulium.data.images.grey import open_grey
from thulium.data.line import Fault, Line, Origin
from thulium.data.textfile import UnreadableText, read_text
from thulium.ingest.readers.choice import choose, fits, one_too_many
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import GtTxtDataset

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
class PairsUnit:
    """Some pairs of one page."""

    pairs: tuple[Pair, ...]


def units(dataset: GtTxtDataset) -> list[PairsUnit | Fault]:
    """The pairs below a folder, page by page; a file without its partner is a fault.

    Raises:
        DataError: there is no such folder, or no .gt.txt in it.
    """
    root = Path(dataset.root)
    files = dict(places.files(root, _is_wanted))
    there = [(key, path) for key, path in files.items() if key.endswith(ENDING)]
    if not there:
        where = places.printable(root)
        raise DataError(f"{where}: holds no transcriptions (NAME{ENDING}); dataset.root names the folder of the data")
    wanted, left_out = choose(there, dataset)
    texts = dict(wanted)
    images, others = _by_stem(filter(formats.is_image, files)), _by_stem(filter(formats.is_not_read, files))
    pairs: list[Pair] = []
    faults: list[PairsUnit | Fault] = [*left_out]
    used = {key for key in files if any(fits(key, pattern) for pattern in dataset.exclude)}
    of_image: dict[str, Path] = {}  # image -> its text
    page_of = _pages(dataset.page_pattern, {key.removesuffix(ENDING) for key in texts})
    for key, text in there:
        name = key.removesuffix(ENDING)
        found = [image for between in _BETWEEN for image in images.get(name + between, ())]
        beside = others.get(name, [""])
        used.update(found, beside)
        if key not in texts:
            continue
        page = page_of(name)
        fault = _fault(text, found or beside, page, dataset.page_pattern)
        fault = fault or _second(text, files[found[0]], of_image, root)
        if fault:
            faults.append(replace(fault, origin=_origin(name, page or name, text)))
        else:
            pairs.append(Pair(name, page or name, files[found[0]], text))
    left = [key for key in files if key not in used and not key.endswith(ENDING)]
    faults += [
        _passed_over(files[key]) if formats.is_not_read(key) else _alone(key, files[key], page_of) for key in left
    ]
    return [*faults, *_grouped(pairs)]


def names(found: Iterable[PairsUnit | Fault], _dataset: GtTxtDataset) -> Iterator[Origin]:
    """The lines, pages and documents that lists may name."""
    for unit in found:
        if isinstance(unit, PairsUnit):
            yield from (_origin(pair.name, pair.page, pair.image) for pair in unit.pairs)
        elif unit.origin:
            yield unit.origin


def _is_wanted(name: str) -> bool:
    return name.endswith(ENDING) or formats.is_image(name) or formats.is_not_read(name)


def _by_stem(keys: Iterable[str]) -> dict[str, list[str]]:
    """Keys by their names without ending."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(str(PurePosixPath(key).with_suffix("")), []).append(key)
    return found


def read(unit: PairsUnit, _dataset: GtTxtDataset) -> Iterator[Line | Fault]:
    """The lines of some pairs, in the order of their names."""
    for pair in unit.pairs:
        try:
            rows = [row for row in read_text(pair.text).split("\n") if row.strip()]
        except UnreadableText as error:
            origin = _origin(pair.name, pair.page, pair.image)
            yield Fault(reason="unreadable text", where=error.where, what=error.what, origin=origin)
            continue
        if len(rows) != 1:
            reason = "several rows" if rows else "no transcription"
            what = f"holds {len(rows)} rows of text, and a line has one: join or remove them"
            what = what if rows else "is empty: nobody has transcribed it"
            origin = _origin(pair.name, pair.page, pair.image)
            yield Fault(reason=reason, where=str(pair.text), what=what, is_error=bool(rows), origin=origin)
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


def _origin(name: str, page: str, source: Path) -> Origin:
    document, split = places.folder_of(page), places.split_of(name)
    return Origin(id=name, page=page, document=document, source=str(source), split=split)


def _pages(pattern: str | None, names: set[str]) -> Callable[[str], str | None]:
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


def _second(text: Path, image: Path, of_image: dict[str, Path], root: Path) -> Fault | None:
    """A fault where an image has a text already, as page.nrm.png has of page.gt.txt and page.nrm.gt.txt."""
    first = of_image.setdefault(str(image), text)
    if first == text:
        return None
    what = f"is a transcription of {image}, and so is {first}: {one_too_many(text, first, root)}"
    return Fault(reason="two texts for one image", where=str(text), what=what)


def _passed_over(image: Path) -> Fault:
    what = f"is passed over: {formats.kind_by_name(image)} is not read"
    return Fault(reason="image of a kind that is not read", where=str(image), what=what, is_error=False)


def _alone(key: str, image: Path, page_of: Callable[[str], str | None]) -> Fault:
    what = f"has no transcription: there is no {ENDING} file of its name"
    name = str(PurePosixPath(key).with_suffix(""))
    origin = _origin(name, page_of(name) or name, image)
    return Fault(reason="no transcription", where=str(image), what=what, is_error=False, origin=origin)


def _grouped(pairs: list[Pair]) -> Iterator[PairsUnit]:
    ordered = sorted(pairs, key=lambda pair: (pair.page, pair.name))
    by_folder = groupby(ordered, key=lambda pair: pair.page if pair.page != pair.name else places.folder_of(pair.name))
    for _, group in by_folder:
        whole = tuple(group)
        for first in range(0, len(whole), LINES_PER_UNIT):
            yield PairsUnit(whole[first : first + LINES_PER_UNIT])
