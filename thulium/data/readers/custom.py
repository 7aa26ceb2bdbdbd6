"""``type: custom``: a folder with images/ and labels.txt, where a line is ``image_filename text``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from thulium.data.image import ImageFault, open_grey
from thulium.data.line import Line
from thulium.errors import DataError

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One row of labels.txt: an image and what a person read in it."""

    row: int  # 1-based
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
        name = label.path.relative_to(folder / "images").as_posix()
        # The source names no row: a row added on top must not change what is stored of all the others.
        yield Line(id=name, image=image, text=label.text, page=name, source=str(label.path))


def read_labels(folder: Path, faults: list[str]) -> list[Label]:
    """The rows of labels.txt whose image is there; every other row and every image without a row is a fault.

    Raises:
        DataError: as ``read``.
    """
    file = folder / "labels.txt"
    rows = _rows(folder, file)
    labels: dict[str, Label] = {}
    for number, row in rows:
        name, _, text = row.partition(" ")
        fault = _fault(folder, name, text, labels)
        if fault:
            faults.append(f"{file}:{number}: {fault}")
        else:
            labels[name] = Label(row=number, path=folder / "images" / name, text=text)
    named = {row.partition(" ")[0] for _, row in rows}
    faults += [
        f"{path}: no row of {file} names this image: add one, or remove the image"
        for path in sorted((folder / "images").rglob("*"))
        if path.suffix.lower() in IMAGE_ENDINGS and path.relative_to(folder / "images").as_posix() not in named
    ]
    return list(labels.values())


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


def _fault(folder: Path, name: str, text: str, labels: dict[str, Label]) -> str | None:
    """Why a row cannot be used, or None."""
    images = folder / "images"
    if "\0" in name or not (images / name).resolve().is_relative_to(images.resolve()):
        return f"the image name {name!r} points out of {images}"
    if name in labels:
        return f"the image {name} has a row already, row {labels[name].row}: keep one of them"
    if not (images / name).is_file():
        hint = "a name cannot hold a space: rename the image" if text else "the row should be: image_filename text"
        return f"there is no image {images / name} ({hint}, or remove the row)"
    if not text.strip():
        return f"the image {name} has no transcription: write it behind the name, or remove the row and the image"
    return None
