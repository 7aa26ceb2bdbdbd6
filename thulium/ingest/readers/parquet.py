"""``type: parquet``: tables with a column of images and one of texts, as Hugging Face's data sets have them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from thulium.data import places
from thulium.data.images.files import ImageFault
from thulium.data.images.grey import open_grey
from thulium.data.line import Fault, Line, Origin, SplitName
from thulium.data.text import is_blank
from thulium.ingest.readers.choice import choose
from thulium.runtime.errors import DataError, list_faults
from thulium.runtime.pointers import absent, pointer_at
from thulium_dsl.grammar.spec import ParquetDataset

ENDING = ".parquet"
ROWS_AT_A_TIME = 64
BUFFER = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class RowGroupUnit:
    """A row group of a file.

    Attributes:
        key: the file's name relative to the root.
        first: number of the group's first row in the file.
        num_rows: in the group.
    """

    key: str
    path: Path
    group: int
    first: int
    num_rows: int


def is_table(name: str) -> bool:
    """Whether a file is a table by its name; some systems write endings in capital letters."""
    return name[-len(ENDING) :].lower() == ENDING


def units(dataset: ParquetDataset, needs_text: bool = True) -> list[RowGroupUnit | Fault]:
    """The row groups of all tables below a folder.

    Raises:
        DataError: there is no such folder, or no table in it; or its columns are not those that the document names.
    """
    root = Path(dataset.root)
    unfit: list[str] = []
    there = list(places.files(root, is_table))
    if not there:
        raise DataError(f"{root}: holds no tables (*.parquet); dataset.root names the folder of the data")
    wanted, left_out = choose(there, dataset)
    found: list[RowGroupUnit | Fault] = [*left_out]
    for key, path in wanted:
        try:
            file = pq.ParquetFile(path)
        except PermissionError:
            what = f"cannot be read ({os.strerror(errno.EACCES)}): change its permissions, or remove it"
            found.append(Fault(reason="unreadable table", where=str(path), what=what, is_page=True, num_lines=0))
            continue
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # of a name of a column
            what = f"is no parquet file, or a damaged one ({_first_line(error)}): write or copy it anew"
            what = pointer_at(path) or absent(path) or what
            found.append(Fault(reason="unreadable table", where=str(path), what=what, is_page=True, num_lines=0))
            continue
        with file:
            unfit += _unfit(path, file.schema_arrow.names, dataset, needs_text)
            first = 0
            for group in range(file.num_row_groups):
                num_rows = file.metadata.row_group(group).num_rows
                found.append(RowGroupUnit(key, path, group, first, num_rows))
                first += num_rows
    if unfit:
        raise DataError(list_faults(unfit))
    return found


def names(found: Iterable[RowGroupUnit | Fault], dataset: ParquetDataset) -> Iterator[Origin]:
    """The lines, pages and documents that lists may name."""
    columns = [name for name in (dataset.id_column, dataset.page_column, dataset.document_column) if name]
    for unit in found:
        if not isinstance(unit, RowGroupUnit):
            continue
        # What cannot be read is a fault when its lines are read.
        with contextlib.suppress(pa.ArrowException, OSError, UnicodeDecodeError), pq.ParquetFile(unit.path) as file:
            rows = file.read_row_group(unit.group, columns).to_pylist() or [{}] * unit.num_rows
            yield from (_origin(unit, number, row, dataset) for number, row in enumerate(rows, unit.first + 1))


def read(unit: RowGroupUnit, dataset: ParquetDataset, needs_text: bool = True) -> Iterator[Line | Fault]:
    """The lines of a row group."""
    number = unit.first
    try:
        # By default, all of a group's bytes come at once; a table of which only the lines are wanted may be one group.
        options = {} if needs_text else {"buffer_size": BUFFER, "pre_buffer": False}
        with pq.ParquetFile(unit.path, **options) as file:
            columns = _columns(dataset)
            if not needs_text and file.schema_arrow.names.count(dataset.text_column) != 1:
                columns.remove(dataset.text_column)
            for batch in file.iter_batches(ROWS_AT_A_TIME, row_groups=[unit.group], columns=columns):
                for place in range(batch.num_rows):
                    number += 1
                    yield _row(unit, number, batch, place, dataset, needs_text)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        what = f"is damaged from row {number + 1} on ({_first_line(error)}): write or copy it anew"
        lost = unit.first + unit.num_rows - number
        yield Fault(reason="unreadable table", where=str(unit.path), what=what, is_page=True, num_lines=lost)


def _columns(dataset: ParquetDataset) -> list[str]:
    named = (dataset.id_column, dataset.page_column, dataset.document_column, dataset.writer_column)
    return list(dict.fromkeys([dataset.image_column, dataset.text_column, *(name for name in named if name)]))


def _unfit(path: Path, there: list[str], dataset: ParquetDataset, needs_text: bool) -> Iterator[str]:
    """What is wrong with the columns of a table, in a sentence each."""
    where = places.printable(path)
    keys = ("image_column", "text_column", "id_column", "page_column", "document_column", "writer_column")
    for key in keys:
        if key == "text_column" and not needs_text:
            continue
        name = getattr(dataset, key)
        if name and name not in there:
            columns = ", ".join(map(repr, there)) or "none"
            yield f"{where}: has no column {name!r}, but {columns}: correct dataset.{key}, or add the column"
        if there.count(name) > 1:
            yield f"{where}: has two columns named {name!r}: rename or remove one"


def _row(
    unit: RowGroupUnit, number: int, batch: pa.RecordBatch, place: int, dataset: ParquetDataset, needs_text: bool
) -> Line | Fault:
    where = f"{unit.path}:{number}"
    try:  # a text becomes one only here: tables are read without a look at what is in them
        row = {
            name: _cell(column, place, needs_text or name != dataset.text_column)
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
    except UnicodeDecodeError:
        what = "holds a text that is not UTF-8: write the table anew"
        return Fault(reason="unreadable text", where=where, what=what)
    if unnamed := _unnamed(where, row, dataset):
        return unnamed
    origin = _origin(unit, number, row, dataset)
    line = _line(unit, row, dataset, origin, needs_text)
    return replace(line, origin=origin) if isinstance(line, Fault) else line


def _cell(column: pa.Array, place: int, must_be: bool) -> Any:
    """What stands in a column of a row; None where that is a text that is none, and need not be one."""
    try:
        return column[place].as_py()
    except UnicodeDecodeError:
        if must_be:
            raise
        return None


def _origin(unit: RowGroupUnit, number: int, row: dict[str, Any], dataset: ParquetDataset) -> Origin:
    name = f"{unit.key[: -len(ENDING)]}/{number}"
    line_id = str(row[dataset.id_column]) if dataset.id_column else name
    return Origin(
        id=line_id,
        page=str(row[dataset.page_column]) if dataset.page_column else line_id,
        document=str(row[dataset.document_column]) if dataset.document_column else unit.key,
        writer=str(row.get(dataset.writer_column) or "") if dataset.writer_column else "",
        split=_split(unit.key),
        source=f"{unit.path}:{number}",
    )


def _unnamed(where: str, row: dict[str, Any], dataset: ParquetDataset) -> Fault | None:
    """A fault where a row lacks a name that the document takes from a column."""
    named = {"id": dataset.id_column, "page": dataset.page_column, "document": dataset.document_column}
    for kind, column in named.items():
        if column and str("" if row[column] is None else row[column]).strip() == "":
            what = (
                f"the column {column!r} is empty, so its {kind} is not known: fill it, or change dataset.{kind}_column"
            )
            return Fault(reason=f"{kind} unknown", where=where, what=what)
    return None


def _line(
    unit: RowGroupUnit, row: dict[str, Any], dataset: ParquetDataset, origin: Origin, needs_text: bool
) -> Line | Fault:
    where = origin.source
    text, image = _text(row.get(dataset.text_column), where, dataset), row[dataset.image_column]
    if isinstance(text, Fault) and needs_text:
        return text
    content = _content(image)
    if content is None:
        what = (
            f"the column {dataset.image_column!r} holds neither an image's bytes nor a path: add one, or remove the row"
        )
        return Fault(reason="missing image", where=where, what=what)
    if isinstance(content, str) and (outside := _outside(content)):
        return Fault(reason="name outside the folder", where=where, what=outside)
    return Line(
        id=origin.id,
        text="" if isinstance(text, Fault) else text,
        page=origin.page,
        document=origin.document,
        writer=origin.writer,
        split=origin.split,
        source=where,
        load=partial(_load, content, Path(dataset.root), unit.path.parent),
    )


def _text(text: Any, where: str, dataset: ParquetDataset) -> str | Fault:
    """A cell of the text column as a transcription; or why it is none."""
    if text is None or (isinstance(text, str) and is_blank(text)):
        what = f"the column {dataset.text_column!r} is empty: nobody has transcribed this line"
        return Fault(reason="no transcription", where=where, what=what, is_error=False)
    if not isinstance(text, str):
        what = f"the column {dataset.text_column!r} holds a value of the type {type(text).__name__}, not a text"
        what += ": convert it, or correct dataset.text_column"
        return Fault(reason="not a text", where=where, what=what)
    return text


def _content(image: Any) -> bytes | str | None:
    """The bytes of an image, or its path."""
    if isinstance(image, dict):
        image = image.get("bytes") or image.get("path")
    return image if isinstance(image, (bytes, str)) and image else None


def _outside(path: str) -> str | None:
    parts = PurePosixPath(path.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts:
        return f"the image {path!r} points out of dataset.root: put it below, and write its path from there"
    return None


def _load(content: bytes | str, root: Path, folder: Path) -> Any:
    if isinstance(content, bytes):
        return open_grey(io.BytesIO(content))
    tried = (root / content, folder / content)
    path = next(filter(os.path.isfile, tried), None)
    if path is None:
        if said := next(filter(None, map(absent, tried)), None):
            raise ImageFault(f"{_short(content)!r} {said}")
        raise ImageFault(
            f"{_short(content)!r} is neither below {root} nor beside the table: put it there, or correct the path"
        )
    return open_grey(path)


def _split(key: str) -> SplitName | None:
    """By a folder, or by the file's own name."""
    return places.split_of(key) or places.split_of_name(PurePosixPath(key).name)


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]


def _short(path: str) -> str:
    return path if len(path) <= 100 else f"{path[:97]}..."
