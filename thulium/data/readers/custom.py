"""``type: custom``: a folder with images/ and labels.txt, where a line is ``image_filename text``."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from thulium.data.image import ImageFault, open_grey
from thulium.data.line import Line
from thulium.errors import DataError

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"})


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


def read(folder: Path, faults: list[str]) -> Iterator[Line]:
    """The lines of a folder, in the order of labels.txt.

    Args:
        folder: holds ``images/`` and ``labels.txt`` (UTF-8; the first space divides name and text).
        faults: gets a message for each row or image that cannot be used; those yield no line.

    Raises:
        DataError: the folder or its labels.txt is missing, empty or not UTF-8.
    """
    for label in read_labels(folder, faults):
        try:
            image = open_grey(label.path)
        except ImageFault as fault:
            faults.append(f"{folder / 'labels.txt'}:{label.row}: the image {label.path} {fault}")
            continue
        # The source names no row: a row added on top must not change what is stored of all the others.
        yield Line(id=label.name, image=image, text=label.text, page=label.name, source=str(label.path))


def read_labels(folder: Path, faults: list[str]) -> list[Label]:
    """The rows of labels.txt whose image is there; every other row and every image without a row is a fault.

    Raises:
        DataError: as ``read``.
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
            faults.append(f"{file}:{number}: {fault}")
        else:
            labels[key] = Label(row=number, name=key, path=images[key], text=text)
    named = {_key(row.partition(" ")[0]) for _, row in rows}
    faults += [
        f"{path}: no row of {file} names this image: add one, or remove the image"
        for key, path in sorted(images.items())
        if path.suffix.lower() in IMAGE_ENDINGS and key not in named
    ]
    return list(labels.values())


def _key(name: str) -> str:
    """A name as it is compared: some systems write an accented letter as two characters, labels.txt as one."""
    return unicodedata.normalize("NFC", PurePosixPath(name).as_posix())


def _images(folder: Path) -> dict[str, Path]:
    """The files below a folder by their key; links are followed, since DVC may keep data behind them."""
    return {
        _key((Path(where) / name).relative_to(folder).as_posix()): Path(where) / name
        for where, _, names in os.walk(folder, followlinks=True)
        for name in names
    }


def _rows(folder: Path, file: Path) -> list[tuple[int, str]]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; it should hold images/ and labels.txt")
    if not (folder / "images").is_dir():
        raise DataError(f"{folder / 'images'}: no such folder; the line images belong there")
    if not file.is_file():
        raise DataError(f"{file}: no such file; each of its rows should be: image_filename text")
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{file}:{row}: is not UTF-8 text: save it as UTF-8") from None
    rows = [(number, row) for number, row in enumerate(text.replace("\r\n", "\n").split("\n"), 1) if row.strip()]
    if not rows:
        raise DataError(f"{file}:1: is empty; each of its rows should be: image_filename text")
    return rows


def _fault(folder: Path, name: str, text: str, before: Label | None, is_there: bool) -> str | None:
    """Why a row cannot be used, or None."""
    images = folder / "images"
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return f"the image name {name!r} points out of {images}"
    if "\t" in name:
        return "a tab stands where a space should divide name and text"
    if before:
        return f"the image {name} has a row already, row {before.row}: keep one of them"
    if not is_there:
        hint = "a name cannot hold a space: rename the image" if text else "the row should be: image_filename text"
        return f"there is no image {_short(str(images / name))} ({hint}, or remove the row)"
    if not text.strip():
        return f"the image {name} has no transcription: write it behind the name, or remove the row and the image"
    return None


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."
