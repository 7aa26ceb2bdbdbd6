"""Tables that have a text for each image of a folder: ``metadata.jsonl``, as on the Hugging Face Hub, CSV and TSV.

A row is ``{"file_name": "images/1.png", "text": "…"}``, or has columns for the two; it names an image from the folder
of the table, or from the folder ``images`` beside it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from os.path import isfile
from pathlib import Path, PurePosixPath
from typing import Any

from thulium.cli.start.columns import COLUMNS, meant
from thulium.cli.start.sight import Sight
from thulium_dsl.messages.problems import ThuliumError

NAME = "metadata.jsonl"
IMAGE = "file_name"
IMAGES = (IMAGE, "file", "filename", "image_name", "name", "path")  # and what tables with images in them call these
FOLDER = "images"
SIGNS = {".csv": ",;\t", ".tsv": "\t"}  # between the columns; the one that the header has most often
ROW = f'{{"{IMAGE}": "NAME.png", "text": "…"}}'
SHOWN = 10
HEADER = 1 << 14  # characters of a header, at most
_NAMES = (*IMAGES, *COLUMNS["image_column"])

Row = tuple[str, dict[str, Any]]  # where it stands, and what it says


def tables_of(sight: Sight) -> list[Path]:
    """The files of this kind."""
    return [path for path in sight.texts if path.name.lower() == NAME or _columns(path)]


def called(tables: Sequence[Path]) -> str:
    """What a sentence calls some of them."""
    return " and ".join(sorted({path.name for path in tables}))


def texts_of(tables: Sequence[Path], root: Path) -> dict[Path, bytes]:
    """The texts that some files have for the images beside or below them.

    Raises:
        ThuliumError: rows that cannot be used; names each.
    """
    found: dict[Path, bytes] = {}
    faults: list[str] = []
    for table in tables:
        rows = list(_rows(table, faults))
        column = _text_column(table, [row for _, row in rows]) if rows else ""
        for where, row in rows:
            image, text = _image(table, str(row.get(IMAGE, ""))), row.get(column)
            if fault := _fault(row, image, root) or _fault_of_text(text, column) or _twice(image, found):
                faults.append(f"{where}: {fault}")
            elif text:
                found[image] = f"{text}\n".encode()
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise ThuliumError("\n".join([*faults[:SHOWN], *more]))
    return found


def _image(table: Path, name: str) -> Path:
    beside, below = table.parent / name, table.parent / FOLDER / name
    return below if isfile(below) and not isfile(beside) else beside


def _columns(table: Path) -> tuple[str, list[str]] | None:
    """The sign between the columns of a table in text, and their names; None where they are not images and texts."""
    if table.suffix.lower() not in SIGNS:
        return None
    try:
        with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:  # what is wrong, rows will say
            header = file.readline(HEADER)
    except OSError:
        return None
    sign = max(SIGNS[table.suffix.lower()], key=header.count)
    try:
        names = next(csv.reader([header], delimiter=sign), [])
    except csv.Error:
        return None
    named = [name.strip().lower() for name in names]
    called = [name for name in named if name]  # spreadsheets add columns without a name
    is_one = len(set(called)) == len(called) and sum(name in _NAMES for name in called) == 1
    return (sign, named) if is_one and meant("text_column", named) else None


def _rows(table: Path, faults: list[str]) -> Iterator[Row]:
    if columns := _columns(table):
        yield from _cells(table, *columns, faults)
    else:
        yield from _objects(table, faults)


def _cells(table: Path, sign: str, columns: Sequence[str], faults: list[str]) -> Iterator[Row]:
    """The rows of a table in text; the column of images is called as in ``metadata.jsonl``."""
    from thulium.data.textfile import read_text

    names = [IMAGE if name in _NAMES else name for name in columns]
    reader = csv.reader(io.StringIO(read_text(table)), delimiter=sign, strict=True)
    try:
        next(reader)
        for cells in reader:
            where = f"{table}:{reader.line_num}"
            if not any(cells):
                continue  # spreadsheets write empty rows, too
            if len(cells) == len(names):
                yield where, dict(zip(names, cells, strict=True))
            else:
                what = f"has {len(cells)} columns, and the first row has {len(names)}"
                faults.append(f"{where}: {what}: put a text with {sign!r} in it in quotes")
    except csv.Error as error:
        faults.append(f"{table}:{reader.line_num}: is no row of it ({error}): close what is in quotes")


def _objects(table: Path, faults: list[str]) -> Iterator[Row]:
    from thulium.data.textfile import read_text

    for number, text in enumerate(read_text(table).split("\n"), 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError:
            row = None
        if isinstance(row, dict):
            yield f"{table}:{number}", row
        else:
            faults.append(f"{table}:{number}: is no row of it: write {ROW}, or remove it")


def _text_column(table: Path, rows: Iterable[dict[str, Any]]) -> str:
    there = list(dict.fromkeys(name for row in rows for name in row))
    if name := meant("text_column", there):
        return name
    own, shown = COLUMNS["text_column"][0], ", ".join(map(repr, there))
    raise ThuliumError(f"{table}: which key holds the texts? There are {shown}\n  help: call it {own!r}")


def _fault(row: dict[str, Any], image: Path, root: Path) -> str:
    name = row.get(IMAGE)
    if not isinstance(name, str) or not name:
        return f"has no {IMAGE!r}: write the image's name, or remove the row"
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return f"the image {name!r} points out of the folder: put it beside this file, and name it from there"
    if not isfile(image):  # unlike Path.is_file, also of a name that no file can have
        return f"there is no image {image.relative_to(root)}: add it, or remove the row"
    return ""


def _fault_of_text(text: Any, column: str) -> str:
    return "" if text is None or isinstance(text, str) else f"{column!r} is not a text: put it in quotes"


def _twice(image: Path, found: dict[Path, bytes]) -> str:
    return f"the image {image.name} has a row already: keep one of them" if image in found else ""
