"""``type: gt_txt``: line images, each with its transcription in NAME.gt.txt beside it, as OCR tools write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, groupby
from pathlib import Path, PurePosixPath

from thulium.data import places
from thulium.data.images import formats
from thulium.data.images.grey import open_grey
from thulium.data.line import Fault, Line, Origin
from thulium.data.text import is_blank
from thulium.data.textfile import UnreadableText, read_text
from thulium.ingest.readers.choice import choose, fits, one_too_many
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import GtTxtDataset

ENDING = ".gt.txt"
_BETWEEN = ("", ".nrm", ".bin", ".dew")  # what tools put between name and image ending: normalised, binarised, dewarped
LINES_PER_UNIT = 64


def is_text(name: str) -> bool:
    """Whether a file is a transcription by its name; some systems write endings in capital letters."""
    return name[-len(ENDING) :].lower() == ENDING


def _stem(text: str) -> str:
    """The name of a transcription without its ending; that of anything else as it is."""
    return text[: -len(ENDING)] if is_text(text) else text


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its transcription.

    Attributes:
        name: of both, without endings, relative to the root.
        page: what the line was cut from, as far as its name or folder tells.
        text: None where there is none, and none was needed.
    """

    name: str
    page: str
    image: Path
    text: Path | None


@dataclass(frozen=True, slots=True)
class PairsUnit:
    """Some pairs of one page."""

    pairs: tuple[Pair, ...]


def units(dataset: GtTxtDataset, needs_text: bool = True) -> list[PairsUnit | Fault]:
    """The pairs below a folder, page by page; a file without its partner is a fault.

    Where no text is needed, an image without one is a pair that lacks it; a pattern of the document fits it by its own
    name, or by the one that its text would have.

    Raises:
        DataError: there is no such folder, or no .gt.txt in it; where no text is needed, no image either.
    """
    root = Path(dataset.root)
    files = dict(places.files(root, _is_wanted))
    there = [(key, path) for key, path in files.items() if is_text(key)]
    excluded = {key for key in files if any(fits(key, pattern) for pattern in dataset.exclude)}
    beside = _beside([key for key in files if key not in excluded], [key for key, _ in there])
    used = {image for images in beside.values() for image in chain(*images)}
    lone = [] if needs_text else [(_as_text(key, dataset), path) for key, path in files.items() if _is_lone(key, used)]
    if not there and not lone:
        where, what = places.printable(root), f"transcriptions (NAME{ENDING})" if needs_text else "images of lines"
        raise DataError(f"{where}: holds no {what}; dataset.root names the folder of the data")
    wanted, left_out = choose([*there, *lone], dataset)
    page_of = _pages(dataset.page_pattern, {_stem(key) for key, _ in wanted})
    pairing = _Pairing(dataset, files, page_of, needs_text)
    texts = {key for key, path in wanted if is_text(path.name)}
    for key, text in there:
        if key in texts:
            found, others = beside[key]
            pairing.add(key, text, found or others)
    if not needs_text:
        pairing.add_images([path for _, path in wanted if not is_text(path.name)])
    used |= excluded
    for key, path in files.items():
        if key not in used and formats.is_not_read(key):
            pairing.faults.append(_passed_over(path))
        elif needs_text and _is_lone(key, used):
            pairing.faults.append(_alone(key, path, page_of))
    return [*left_out, *pairing.faults, *_grouped(pairing.pairs)]


@dataclass
class _Pairing:
    """Puts images and their texts together, and says why some have no partner."""

    dataset: GtTxtDataset
    files: dict[str, Path]
    page_of: Callable[[str], str | None]
    needs_text: bool
    pairs: list[Pair] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _of_image: dict[str, Path] = field(default_factory=dict)  # image -> its text

    def add(self, key: str, text: Path, found: list[str]) -> None:
        """Add a text with the image that was found for it."""
        name = _stem(key)
        page = self.page_of(name)
        known = page if self.needs_text else page or name
        fault = _fault(text, found, known, self.dataset.page_pattern)
        if not fault:
            image, root = self.files[found[0]], Path(self.dataset.root)
            fault = _second(text, image, self._of_image, root)
            if not fault:
                self.pairs.append(Pair(name, page or name, image, text))
            elif not self.needs_text:
                return  # the image is read already
        if fault:
            self.faults.append(replace(fault, origin=_origin(name, page or name, text)))

    def add_images(self, images: list[Path]) -> None:
        """Add images that have no text."""
        root = Path(self.dataset.root)
        named: dict[str, list[Path]] = {}
        for image in images:
            named.setdefault(_name_of(places.key_of(image.relative_to(root))), []).append(image)
        for name, (image, *others) in named.items():
            page = self.page_of(name) or name
            if others:
                what = f"is called as {others[0]} is, but for the ending: keep one of them, or leave one out"
                what += " by dataset.exclude"
                fault = Fault(reason="two images of one name", where=str(image), what=what)
                self.faults.append(replace(fault, origin=_origin(name, page, image)))
            else:
                self.pairs.append(Pair(name, page, image, None))


def _beside(files: Collection[str], texts: list[str]) -> dict[str, tuple[list[str], list[str]]]:
    """For each text the images of its name; and those of a kind that is not read, or else an empty name."""
    images, others = _by_stem(filter(formats.is_image, files)), _by_stem(filter(formats.is_not_read, files))
    found = {}
    for key in texts:
        name = _stem(key)
        of_name = [image for between in _BETWEEN for image in images.get(name + between, ())]
        found[key] = of_name, others.get(name, [""])
    return found


def _is_lone(key: str, used: Collection[str]) -> bool:
    return formats.is_image(key) and key not in used


def _as_text(image: str, dataset: GtTxtDataset) -> str:
    """Of an image without a text the name by which patterns are to judge it: its own, or that of the missing text."""
    names = (image, f"{PurePosixPath(image).with_suffix('')}{ENDING}")
    excluded = next((name for name in names if any(fits(name, pattern) for pattern in dataset.exclude)), None)
    return excluded or next((name for name in names if fits(name, dataset.files)), names[1])


def _name_of(image: str) -> str:
    """What a line is called that has no text: as it will be called with one."""
    stem = str(PurePosixPath(image).with_suffix(""))
    return stem.removesuffix(next((between for between in _BETWEEN[1:] if stem.endswith(between)), ""))


def names(found: Iterable[PairsUnit | Fault], _dataset: GtTxtDataset) -> Iterator[Origin]:
    """The lines, pages and documents that lists may name."""
    for unit in found:
        if isinstance(unit, PairsUnit):
            yield from (_origin(pair.name, pair.page, pair.image) for pair in unit.pairs)
        elif unit.origin:
            yield unit.origin


def _is_wanted(name: str) -> bool:
    return is_text(name) or formats.is_image(name) or formats.is_not_read(name)


def _by_stem(keys: Iterable[str]) -> dict[str, list[str]]:
    """Keys by their names without ending."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(str(PurePosixPath(key).with_suffix("")), []).append(key)
    return found


def read(unit: PairsUnit, _dataset: GtTxtDataset, needs_text: bool = True) -> Iterator[Line | Fault]:
    """The lines of some pairs, in the order of their names."""
    for pair in unit.pairs:
        text = _text(pair.text) if pair.text else ""
        if isinstance(text, Fault) and needs_text:
            yield replace(text, origin=_origin(pair.name, pair.page, pair.image))
            continue
        yield Line(
            id=pair.name,
            text="" if isinstance(text, Fault) else text,
            page=pair.page,
            document=places.folder_of(pair.page),
            split=places.split_of(pair.name),
            source=str(pair.image),
            text_source=str(pair.text or ""),
            load=partial(open_grey, pair.image),
        )


def _text(file: Path) -> str | Fault:
    """The one row of a file; or why that is not a transcription."""
    try:
        rows = [row for row in read_text(file).split("\n") if not is_blank(row)]
    except UnreadableText as error:
        return Fault(reason="unreadable text", where=error.where, what=error.what)
    if not rows:
        what = "is empty: nobody has transcribed it"
        return Fault(reason="no transcription", where=str(file), what=what, is_error=False)
    if len(rows) > 1:
        what = f"holds {len(rows)} rows of text, and a line has one: join or remove them"
        return Fault(reason="several rows", where=str(file), what=what)
    return rows[0]


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
        what = f"two images have this name, {found[0]} and {found[1]}: keep one of them, or leave one out, such as by "
        what += f"dataset.exclude: ['*{_ending(found[1])}']"
        return Fault(reason="two images for one text", where=str(text), what=what)
    if page is None:
        what = f"dataset.page_pattern {pattern!r} does not match this name, so its page is not known: widen it"
        return Fault(reason="page unknown", where=str(text), what=what)
    return None


def _ending(image: str) -> str:
    """What tells an image from others of its name: ``.bin.png``."""
    name = PurePosixPath(image)
    between = next((between for between in _BETWEEN[1:] if name.stem.endswith(between)), "")
    return f"{between}{name.suffix}"


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
