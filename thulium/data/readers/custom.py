"""``type: custom``: a folder with images/ and labels.txt, where a line is ``image_filename text``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from thulium.data.image import IMAGE_ENDINGS, open_grey
from thulium.data.line import Fault, Line, SplitName
from thulium.data.readers import places
from thulium.data.textfile import read_text
from thulium.errors import DataError
from thulium_dsl.spec import CustomDataset

LINES_PER_UNIT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One row of labels.txt: an image and what a person read in it.

    Attributes:
        row: counts from 1.
        name: below images/, with / and composed accents, whatever the file system has.
        path: the image file.
    """

    row: int
    name: str
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Unit:
    """Some neighbouring rows of one folder's labels.txt."""

    split: SplitName
    file: Path
    labels: tuple[Label, ...]


def units(dataset: CustomDataset) -> list[Unit | Fault]:
    """The rows of three folders, each with ``images/`` and ``labels.txt`` (the first space divides name and text).

    Raises:
        DataError: a folder or its labels.txt is missing, empty or not UTF-8.
    """
    folders: dict[SplitName, str] = {"train": dataset.train_dir, "val": dataset.val_dir, "test": dataset.test_dir}
    found: list[Unit | Fault] = []
    for split, folder in folders.items():
        faults: list[Fault] = []
        labels = read_labels(Path(folder), faults)
        found += faults
        for first in range(0, len(labels), LINES_PER_UNIT):
            found.append(Unit(split, Path(folder) / "labels.txt", tuple(labels[first : first + LINES_PER_UNIT])))
    return found


def read(unit: Unit, _dataset: CustomDataset) -> Iterator[Line]:
    """The lines of some rows, in their order. A folder below images/ is a page; without one, every line is its own."""
    for label in unit.labels:
        folder = places.folder_of(label.name)
        yield Line(
            # Names are unique in a folder; what is stored of a line does not change when rows are added above it.
            id=label.name,
            text=label.text,
            page=f"{unit.split}/{label.name}" if folder == "." else folder,
            document=str(unit.file.parent),
            split=unit.split,
            source=str(label.path),
            load=partial(open_grey, label.path),
        )


def read_labels(folder: Path, faults: list[Fault]) -> list[Label]:
    """The rows of labels.txt whose image is there; every other row and every image without a row is a fault.

    Raises:
        DataError: the folder or its labels.txt is missing, empty or not UTF-8.
    """
    file = folder / "labels.txt"
    rows = _rows(folder, file)
    images = _images(folder / "images")
    labels: dict[str, Label] = {}
    for number, row in rows:
        name, _, text = row.partition(" ")
        key = _key(name)
        fault = _fault(folder, name, text, labels.get(key), key in images)
        if fault:
            reason, what = fault
            faults.append(Fault(reason=reason, where=f"{file}:{number}", what=what))
        else:
            labels[key] = Label(row=number, name=key, path=images[key], text=text)
    named = {_key(row.partition(" ")[0]) for _, row in rows}
    faults += [
        Fault(
            reason="image without a row",
            where=places.printable(path),
            what=f"no row of {file} names this image: add one, or remove the image",
        )
        for key, path in sorted(images.items())
        if path.suffix.lower() in IMAGE_ENDINGS and key not in named
    ]
    return list(labels.values())


def _key(name: str) -> str:
    return places.key_of(PurePosixPath(name))


def _images(folder: Path) -> dict[str, Path]:
    """The files below a folder by their key; links are followed, since DVC may keep data behind them."""
    return {places.key_of(path.relative_to(folder)): path for path in places.walk(folder)}


def _rows(folder: Path, file: Path) -> list[tuple[int, str]]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; it should hold images/ and labels.txt")
    if not (folder / "images").is_dir():
        raise DataError(f"{folder / 'images'}: no such folder; the line images belong there")
    if not file.is_file():
        raise DataError(f"{file}: no such file; each of its rows should be: image_filename text")
    rows = [(number, row) for number, row in enumerate(read_text(file).split("\n"), 1) if row.strip()]
    if not rows:
        raise DataError(f"{file}:1: is empty; each of its rows should be: image_filename text")
    return rows


def _fault(folder: Path, name: str, text: str, before: Label | None, is_there: bool) -> tuple[str, str] | None:
    """Why a row cannot be used: the reason, and a sentence; or None."""
    images = folder / "images"
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return "name outside the folder", f"the image name {name!r} points out of {images}"
    if "\t" in name:
        return "not a row", "a tab stands where a space should divide name and text"
    if before:
        return "two rows for one image", f"the image {name} has a row already, row {before.row}: keep one of them"
    if not is_there:
        hint = "a name cannot hold a space: rename the image" if text else "the row should be: image_filename text"
        return "missing image", f"there is no image {_short(str(images / name))} ({hint}, or remove the row)"
    if not text.strip():
        what = f"the image {name} has no transcription: write it behind the name, or remove the row and the image"
        return "no transcription", what
    return None


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."
