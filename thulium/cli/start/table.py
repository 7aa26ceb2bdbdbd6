"""Rows of tables in text: CSV, TSV and ``metadata.jsonl``, each with the place where it stands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JSONL = "metadata.jsonl"
TABLES = (".csv", ".tsv")
ROW = '{"file_name": "NAME.png", "text": "…"}'
HEADER = 1 << 15  # bytes in which the names of the columns stand


@dataclass(frozen=True, slots=True)
class Row:
    """A row, and where it stands."""

    where: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """How a table in text begins.

    Attributes:
        sign: between the columns.
        names: of the columns, in small letters; empty where a spreadsheet added one.
        rows: until the names have been read.
    """

    sign: str
    names: list[str]
    rows: int


def head_of(table: Path) -> Head | None:
    """The beginning of a table in text; None of what is none."""
    if table.suffix.lower() not in TABLES:
        return None
    from thulium.runtime.tables import parted

    sign, header, rows = parted(iter(_beginning(table).splitlines()))
    if not header:
        return None
    try:
        names = next(csv.reader([header], delimiter=sign), [])
    except csv.Error:
        return None
    return Head(sign, [name.strip().lower().replace(" ", "_") for name in names], rows)


def _beginning(table: Path) -> str:
    """What is wrong with its characters is said when it is read as a whole."""
    from thulium.runtime.pointers import is_utf16

    try:
        with table.open("rb") as file:
            content = file.read(HEADER)
    except OSError:
        return ""
    if is_utf16(content):
        return content[: len(content) // 2 * 2].decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="replace")


def rows_of(table: Path, faults: list[str]) -> list[Row]:
    """The rows of a table; says of each that cannot be read why."""
    head = head_of(table)
    return list(_cells(table, head, faults) if head else _objects(table, faults))


def _cells(table: Path, head: Head, faults: list[str]) -> Iterator[Row]:
    from thulium.data.textfile import read_text

    reader = csv.reader(io.StringIO(read_text(table)), delimiter=head.sign, strict=True)
    try:
        for _ in range(head.rows):
            next(reader)
        for cells in reader:
            where = f"{table}:{reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue  # spreadsheets write empty rows, too
            if len(cells) == len(head.names):
                yield Row(where, dict(zip(head.names, cells, strict=True)))
            else:
                faults.append(f"{where}: {_of_columns(cells, head)}")
    except csv.Error as error:
        faults.append(f"{table}:{reader.line_num}: is no row of it ({error}): close what is in quotes")


def _of_columns(cells: Sequence[str], head: Head) -> str:
    """What is wrong with a row that has other columns than the first one."""
    what = f"has {len(cells)} column{'s' * (len(cells) != 1)}, and the first row has {len(head.names)}"
    if len(cells) < len(head.names):
        return f"{what}: add what is missing, if only {head.sign!r}"
    if any(cell.startswith(' "') for cell in cells):
        return f"{what}: take out the space before the quotation mark"
    return f"{what}: put a text with {head.sign!r} in it in quotes"


def _objects(table: Path, faults: list[str]) -> Iterator[Row]:
    from thulium.data.textfile import read_text

    for number, text in enumerate(read_text(table).split("\n"), 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
            json.dumps(row, ensure_ascii=False).encode()  # half of a character can be written, and not be a text
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            yield Row(f"{table}:{number}", row)
        else:
            faults.append(f"{table}:{number}: is no row of it: write {ROW}, or remove it")
