"""``metadata.jsonl``, by which folders of images have texts on the Hugging Face Hub.

A row is ``{"file_name": "images/1.png", "text": "…"}``; it names an image from the folder of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from thulium.cli.start.columns import COLUMNS, meant
from thulium.cli.start.sight import Sight
from thulium_dsl.messages.problems import ThuliumError

NAME = "metadata.jsonl"
IMAGE = "file_name"
ROW = f'{{"{IMAGE}": "NAME.png", "text": "…"}}'
SHOWN = 10

Row = tuple[str, dict[str, Any]]  # where it stands, and what it says


def tables_of(sight: Sight) -> list[Path]:
    """The files of this kind."""
    return [path for path in sight.texts if path.name.lower() == NAME]


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
            image, text = table.parent / str(row.get(IMAGE, "")), row.get(column)
            if fault := _fault(row, image, root) or _fault_of_text(text, column) or _twice(image, found):
                faults.append(f"{where}: {fault}")
            elif text:
                found[image] = f"{text}\n".encode()
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise ThuliumError("\n".join([*faults[:SHOWN], *more]))
    return found


def _rows(table: Path, faults: list[str]) -> Iterator[Row]:
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
    if not image.is_file():
        return f"there is no image {image.relative_to(root)}: add it, or remove the row"
    return ""


def _fault_of_text(text: Any, column: str) -> str:
    return "" if text is None or isinstance(text, str) else f"{column!r} is not a text: put it in quotes"


def _twice(image: Path, found: dict[Path, bytes]) -> str:
    return f"the image {image.name} has a row already: keep one of them" if image in found else ""
