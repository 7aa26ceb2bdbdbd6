"""Tables that have a text for each image of a folder: ``metadata.jsonl``, as on the Hugging Face Hub, CSV and TSV.

A row is ``{"file_name": "images/1.png", "text": "…"}``, or has columns for the two; it names an image from the folder
of the table, or from the folder ``images`` beside it. It may say its page and its split, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from os.path import isfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from thulium.cli.start import folders
from thulium.cli.start.sight import Sight, is_image
from thulium.cli.start.table import JSONL, Row, head_of, rows_of
from thulium_dsl.grammar.column_names import IMAGES, TEXTS
from thulium_dsl.messages.problems import ThuliumError

IMAGE = "file_name"
FOLDER = "images"
SPLITS = ("train", "val", "test")
SHOWN = 10


@dataclass
class Found:
    """What some tables say.

    Attributes:
        texts: image -> its text, as it is in a file.
        folders: image -> the folders of its split and page, into which it goes below its own.
        rows: image -> where its row stands.
        names: image without its ending -> the image.
        said: how the texts were found, and what of the tables is not read; one line each.
    """

    texts: dict[Path, bytes] = field(default_factory=dict)
    folders: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    rows: dict[Path, str] = field(default_factory=dict)
    names: dict[Path, Path] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def tables_of(sight: Sight) -> list[Path]:
    """The files of this kind."""
    return [path for path in sight.texts if path.name.lower() == JSONL or _names_texts(path)]


def naming_images(tables: Sequence[Path], sight: Sight) -> list[Path]:
    """The tables of which some row names an image that is there; one without rows may do so."""
    images = _Images(sight)
    return [table for table in tables if _is_of_images(table, images)]


def _is_of_images(table: Path, images: _Images) -> bool:
    rows = rows_of(table, [])
    there = {name for row in rows for name in row.values if name.lower() in IMAGES}
    return not rows or any(_names_images(table, [row.values.get(name) for row in rows], images) for name in there)


def _names_texts(table: Path) -> bool:
    head = head_of(table)
    if head is None:
        return False
    return any(name in IMAGES for name in head.names) and any(name in TEXTS for name in head.names)


def _check_columns(table: Path) -> None:
    """Refuse a table with two columns of one name, if it is a name that counts."""
    head = head_of(table)
    named = [name for name in head.names if name in IMAGES or name in TEXTS] if head else []
    if name := next((name for name in named if named.count(name) > 1), None):
        raise ThuliumError(f"{table}: two columns are called {name!r}: keep one, or call the others otherwise")


def called(tables: Sequence[Path]) -> str:
    """What a sentence calls some of them."""
    return " and ".join(sorted({path.name for path in tables}))


def texts_of(tables: Sequence[Path], sight: Sight) -> Found:
    """The texts that some tables have for the images beside or below them.

    Raises:
        ThuliumError: rows that cannot be used, each named; or no text at all.
    """
    found, faults, images = Found(), list[str](), _Images(sight)
    num_rows = 0
    for table in tables:
        _check_columns(table)
        rows = rows_of(table, faults)
        num_rows += len(rows)
        if rows:
            _take(table, rows, found, faults, images)
    faults += _of_splits(found, tables)
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise ThuliumError("\n".join([*faults[:SHOWN], *more]))
    if not found.texts:
        rows_are = f"{num_rows:,} row{'s' * (num_rows != 1)}, and none has a text" if num_rows else "no rows of texts"
        shown = " and ".join(str(table) for table in tables[:SHOWN])
        raise ThuliumError(f"{shown}: {rows_are}: write the text of each image into its row")
    found.said += _torn(found)
    return found


def _torn(found: Found) -> Iterator[str]:
    """That pages lie in several splits, if any do."""
    splits: dict[tuple[Path | str, ...], set[str]] = {}
    for image, below in found.folders.items():
        if below[:1] and below[0] in SPLITS and below[1:]:
            splits.setdefault((image.parent, *below[1:]), set()).add(below[0])
    torn = [page for page, own in splits.items() if len(own) > 1]
    if torn:
        pages, shown = "1 page has" if len(torn) == 1 else f"{len(torn):,} pages have", "/".join(map(str, torn[0][1:]))
        yield (
            f"{pages} lines in several splits, such as {shown!r}: lines of one page are alike, so the test will look "
            "better than the model is"
        )


def _take(table: Path, rows: Sequence[Row], found: Found, faults: list[str], images: _Images) -> None:
    """Take the texts of one table."""
    there = list(dict.fromkeys(name for row in rows for name in row.values if name))
    column, own = _text_column(table, rows, there), _image_column(table, rows, there, images)
    further = folders.columns(there, rows)
    for row in rows:
        name, text = row.values.get(own), row.values.get(column)
        image = images.named(table, name) if isinstance(name, str) else None
        fault = _fault_of_image(name, own, image, images) or _fault_of_text(text, column) or _twice(image, found)
        if fault := fault or (folders.fault(row, further) if text else ""):
            faults.append(f"{row.where}: {fault}")
        elif text and image:
            found.texts[image], found.folders[image] = f"{text}\n".encode(), folders.of(row, further)
            found.rows[image], found.names[image.with_suffix("")] = row.where, image
    found.said += folders.said(table, further)
    if others := [repr(name) for name in there if name not in (column, own, *further.values())]:
        found.said.append(
            f"{table.name}: {own!r} names the images and {column!r} is their text; not read: {', '.join(others)}"
        )


class _Images:
    """The images of a folder, as rows name them."""

    def __init__(self, sight: Sight) -> None:
        from thulium.data import places

        self._key_of = places.key_of
        self.root = sight.root
        self._by_name: dict[str, list[Path]] = {}
        self._called: dict[str, list[Path]] | None = None  # of the last part of each name; most tables do without
        for image in sight.images:
            self._by_name.setdefault(self._key(image.with_suffix("")), []).append(image)

    def _key(self, path: Path) -> str:
        return self._key_of(path).casefold()

    def named(self, table: Path, name: str) -> Path | None:
        """The image of a name: as it stands there, with the slashes of Windows, or the only one of that name without
        its ending and whatever its case, as XML may name it, too."""
        if not name or "\0" in name or _points_out(name):
            return None
        for form in (name, name.replace("\\", "/")):
            for path in (table.parent / form, table.parent / FOLDER / form):
                if is_image(path.name) and isfile(path):  # unlike Path.is_file, also of a name that no file can have
                    return path
        return self._only(table, name.replace("\\", "/"))

    def elsewhere(self, name: str) -> str:
        """What to do where images of a name lie in other folders; nothing where none does."""
        if self._called is None:
            self._called = {}
            for image in chain.from_iterable(self._by_name.values()):
                self._called.setdefault(image.name.casefold(), []).append(image.relative_to(self.root))
        found = self._called.get(PureWindowsPath(name).name.casefold(), [])
        if len(found) == 1:
            return f" there, but {found[0]} is called so: move the table beside it, or name its folder, too"
        several = f"{len(found):,} others are called so, such as {min(found)}" if found else ""
        return several and f" there, but {several}: name the folder, too"

    def _only(self, table: Path, name: str) -> Path | None:
        for path in (table.parent / name, table.parent / FOLDER / name):
            if path.name:
                found = [
                    *self._by_name.get(self._key(path), []),
                    *self._by_name.get(self._key(path.with_suffix("")), []),
                ]
                if len(set(found)) == 1:
                    return found[0]
        return None


def _points_out(name: str) -> bool:
    is_absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute()
    return is_absolute or ".." in PureWindowsPath(name).parts


def _text_column(table: Path, rows: Sequence[Row], there: Sequence[str]) -> str:
    """The column of texts: the only one that is called so and has some; of several, where they say the same."""
    found = [name for name in there if name.lower() in TEXTS]
    filled = [name for name in found if any(isinstance(row.values.get(name), str) and row.values[name] for row in rows)]
    if len(filled) <= 1 and found:
        return (filled or found)[0]
    for row in rows:
        texts = {text for name in filled if isinstance(text := row.values.get(name), str)}
        if len(texts) > 1:
            shown = ", ".join(map(repr, filled))
            raise ThuliumError(
                f"{row.where}: which are the texts? {shown} differ: keep one, or call the others otherwise"
            )
    if filled:
        return filled[0]
    own, shown = TEXTS[0], ", ".join(map(repr, there))
    raise ThuliumError(f"{table}: which holds the texts? There are {shown}\n  help: call it {own!r}")


def _image_column(table: Path, rows: Iterable[Row], there: Sequence[str], images: _Images) -> str:
    """The column of images: of several that are called so, the one that names some."""
    found = [name for name in there if name.lower() in IMAGES]
    if len(found) > 1:
        found = [
            name for name in found if _names_images(table, [row.values.get(name) for row in rows], images)
        ] or found
    if len(found) > 1:
        shown = ", ".join(map(repr, found))
        raise ThuliumError(f"{table}: which names the images? {shown} could: keep one, or call the others otherwise")
    return found[0] if found else IMAGE


def _names_images(table: Path, names: Sequence[Any], images: _Images) -> bool:
    return any(isinstance(name, str) and images.named(table, name) for name in names)


def _of_splits(found: Found, tables: Sequence[Path]) -> Iterator[str]:
    """What is wrong with the splits that rows name, taken together."""
    splits = [next((name for name in below[:1] if name in SPLITS), "") for below in found.folders.values()]
    missing = [split for split in SPLITS if split not in splits]
    if any(splits) and not all(splits):
        where = next(found.rows[image] for image, split in zip(found.folders, splits, strict=True) if not split)
        yield f"{where}: has no split, and other rows have one: write train, val or test into each row, or into none"
    elif any(splits) and missing:
        yield (
            f"{called(tables)}: no row is of the split {' or '.join(missing)}: write it into some rows; or remove that "
            "column, and the lines are divided here"
        )


def _fault_of_image(name: Any, column: str, image: Path | None, images: _Images) -> str:
    if image:
        is_hidden = any(part.startswith(".") for part in image.relative_to(images.root).parts)
        return f"the image {name} lies where it is hidden, and is passed over: move it" if is_hidden else ""
    if not isinstance(name, str) or not name.strip():
        return f"has no {column!r}: write the image's name, or remove the row"
    if "://" in name:
        return f"the image {name} is an address: download it into the folder, and name the file"
    if _points_out(name):
        return f"the image {name!r} points out of the folder: put it beside this file, and name it from there"
    return f"there is no image {name}{images.elsewhere(name) or ': add it, or remove the row'}"


def _fault_of_text(text: Any, column: str) -> str:
    return "" if text is None or isinstance(text, str) else f"{column!r} is not a text: put it in quotes"


def _twice(image: Path | None, found: Found) -> str:
    """Two rows of one image, or of two whose texts would have one name."""
    if image is None:
        return ""
    if image in found.texts:
        return f"the image {image.name} has a row already, {found.rows[image]}: keep one, or move that table away"
    if other := found.names.get(image.with_suffix("")):
        return f"the images {other.name} and {image.name} have one name but for the ending: keep one, or rename it"
    return ""
