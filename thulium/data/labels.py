"""The rows of a labels.txt, each the name of an image and what a person read in it: ``image_filename text``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from thulium.data import places
from thulium.data.images import formats
from thulium.data.line import Fault
from thulium.data.text import is_blank
from thulium.data.textfile import read_text
from thulium.runtime.errors import DataError
from thulium.runtime.pointers import absent

MOST_SPACES = 10  # of a name, when a row is searched for it
_TWINS = "two images of one name"
# Reasons that concern the text of a row alone: its image is good, or is that of a row before it.
_OF_TEXT = ("no transcription", "two rows for one image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One row of labels.txt: an image and what a person read in it.

    Attributes:
        row: counts from 1; 0 of an image that no row names.
        name: below images/, with / and composed accents, whatever the file system has.
        path: the image file.
        text: not blank, unless no text was needed.
    """

    row: int
    name: str
    path: Path
    text: str


def read_labels(folder: Path, faults: list[Fault], *, needs_text: bool = True) -> list[Label]:
    """The rows of labels.txt whose image is there; every other row and every image without a row is a fault.

    Args:
        needs_text: otherwise a row may have no text, and images without a row follow the rows; labels.txt may be
            empty, or not there at all.

    Raises:
        DataError: the folder or its labels.txt is missing, empty or not UTF-8.
    """
    file = folder / "labels.txt"
    _check_folder(folder)
    rows = _rows(file) if needs_text or file.exists() else []
    if not rows and needs_text:
        raise DataError(f"{places.printable(file)}:1: is empty; each of its rows should be: image_filename text")
    images = _images(folder / "images")
    labels: dict[str, Label] = {}
    for number, row in rows:
        name, _, text = row.partition(" ")
        key = _key(name)
        fault = _fault(folder / "images", row, labels.get(key), images)
        if fault and (needs_text or fault[0] not in _OF_TEXT):
            reason, what = fault
            faults.append(Fault(reason=reason, where=f"{file}:{number}", what=what))
        elif not fault or key not in labels:
            labels[key] = Label(row=number, name=key, path=images[key][0], text="" if is_blank(text) else text)
    named = {_key(row.partition(" ")[0]) for _, row in rows}
    for key, paths in sorted(images.items()):
        for path in paths:
            if key in named or not (formats.is_image(path) or formats.is_not_read(path)):
                continue
            if needs_text or not _is_usable(path):
                faults.append(_alone(file, path))
            elif len(paths) > 1:
                faults.append(Fault(reason=_TWINS, where=str(path), what=_twins(key)))
            else:
                labels[key] = Label(row=0, name=key, path=path, text="")
    return list(labels.values())


def _is_usable(image: Path) -> bool:
    """Whether an image that no row names can be a line of its own."""
    return not formats.is_not_read(image) and places.is_utf8(image)


def _alone(file: Path, image: Path) -> Fault:
    if formats.is_not_read(image):
        what = f"is passed over: no row of {file} names it, and {formats.kind_by_name(image)} is not read"
        return Fault(reason="image of a kind that is not read", where=str(image), what=what, is_error=False)
    hint = "add one, or remove the image"
    if " " in image.name:
        hint = "the space in it ends a name: rename the image"
    if not places.is_utf8(image):
        hint = "it is not UTF-8: rename the image"
    what = f"no row of {file} names this image: {hint}"
    return Fault(reason="image without a row", where=str(image), what=what)


def _key(name: str) -> str:
    return places.key_of(PurePosixPath(name))


def _images(folder: Path) -> dict[str, list[Path]]:
    """The files below a folder by their key; links are followed, since DVC may keep data behind them.

    Two files have one key if only the writing of an accent tells their names apart.
    """
    keyed = sorted((places.key_of(path.relative_to(folder)), path) for path in places.walk(folder))
    return {key: [path for _, path in group] for key, group in groupby(keyed, key=lambda pair: pair[0])}


def _check_folder(folder: Path) -> None:
    for path, hint in (
        (folder, "it should hold images/ and labels.txt"),
        (folder / "images", "put the line images there"),
    ):
        if not path.is_dir():
            raise DataError(f"{places.printable(path)}: {absent(path) or 'no such folder'}; {hint}")


def _rows(file: Path) -> list[tuple[int, str]]:
    shown = places.printable
    if not file.is_file():
        what = "is not a file" if file.exists() else absent(file) or "no such file"
        raise DataError(f"{shown(file)}: {what}; each of its rows should be: image_filename text")
    return [(number, row) for number, row in enumerate(read_text(file).split("\n"), 1) if row.strip()]


def _fault(place: Path, row: str, before: Label | None, images: Mapping[str, list[Path]]) -> tuple[str, str] | None:
    """Why a row cannot be used: the reason, and a sentence; or None."""
    name, _, text = row.partition(" ")
    if unfit := _unfit(place, name):
        return unfit
    if before:
        return "two rows for one image", f"the image {name} has a row already, row {before.row}: keep one of them"
    found = images.get(_key(name), [])
    if not found:
        return "missing image", _missing(place, row, images)
    if len(found) > 1:
        return _TWINS, _twins(name)
    if is_blank(text):
        what = f"the image {name} has no transcription: write it behind the name, or remove the row and the image"
        return "no transcription", what
    return None


def _twins(name: str) -> str:
    return f"two images are named {name}, which differ in how an accent is written only: rename or remove one"


def _unfit(place: Path, name: str) -> tuple[str, str] | None:
    """Why a name cannot be one: the reason, and a sentence; or None."""
    if not name:
        return "not a row", "begins with a space, and should be: image_filename text"
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        what = f"the image name {name!r} points out of {place}: put the image there, and name it from there"
        return "name outside the folder", what
    if "\t" in name:
        return "not a row", "a tab stands where a space should divide name and text: write a space"
    if "\0" in name:
        return "not a row", "the image name holds a NUL character: remove it"
    return None


def _missing(place: Path, row: str, images: Mapping[str, list[Path]]) -> str:
    """What to do about a row whose image is not there."""
    name, _, text = row.partition(" ")
    path = _short(str(place / name))
    if said := absent(place / name):
        return f"the image {path} {said}"
    if os.path.isdir(place / name):  # unlike Path.is_dir, it answers for a name of any length
        return f"{path} is a folder, not an image: put the image there, or remove the row"
    ends = [*(end for end, symbol in enumerate(row) if symbol == " "), len(row)][1:MOST_SPACES]
    longer = next((row[:end] for end in ends if _key(row[:end]) in images), None)
    if longer:
        hint = f"the name {longer!r} has a space, and a name ends at the first space: rename the image"
    elif name.startswith(f"{place.name}/") and _key(name.removeprefix(f"{place.name}/")) in images:
        hint = f"write the name without {place.name}/"
    elif os.path.isfile(place / name):
        hint = "names that begin with a dot are passed over: rename it"
    elif "\\" in name:
        hint = "write / between folders, not a backslash"
    elif meant := _with_another_ending(name, images):
        hint = f"did you mean {' or '.join(meant[:3])}? write the whole name, with its ending"
    elif text and formats.is_image(name):
        hint = "add the image, or remove the row"
    else:
        hint = "the row should be: image_filename text, or remove the row"
    return f"there is no image {path} ({hint})"


def _with_another_ending(name: str, images: Mapping[str, list[Path]]) -> list[str]:
    """The images that are called as a name is but for its ending, which it may lack."""
    plain = PurePosixPath(_key(name))
    stem = plain.with_suffix("") if formats.is_image(plain) or formats.is_not_read(plain) else plain
    endings = sorted(formats.IMAGE_ENDINGS)
    return [key for ending in (*endings, *map(str.upper, endings)) if (key := f"{stem}{ending}") in images]


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."
