"""``type: parquet``: tables with a column of images and one of texts, as Hugging Face's data sets have them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from thulium.data.image import ImageFault, open_grey
from thulium.data.line import Fault, Line, SplitName
from thulium.data.readers import places
from thulium.errors import DataError
from thulium_dsl.spec import ParquetDataset

ROWS_AT_A_TIME = 64


@dataclass(frozen=True, slots=True)
class Unit:
    """A row group of a file.

    Attributes:
        key: the file's name relative to the root.
        first: number of the group's first row in the file.
    """

    key: str
    path: Path
    group: int
    first: int


def units(dataset: ParquetDataset) -> list[Unit | Fault]:
    """The row groups of all tables below a folder.

    Raises:
        DataError: there is no such folder, or no table in it; or a table lacks a column that the document names.
    """
    root = Path(dataset.root)
    found: list[Unit | Fault] = []
    for key, path in places.files(root, lambda name: name.endswith(".parquet")):
        try:
            file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            what = f"is no parquet file, or a damaged one ({_first_line(error)})"
            found.append(Fault(reason="unreadable table", where=str(path), what=what, is_page=True))
            continue
        with file:
            _check_columns(path, file.schema_arrow.names, dataset)
            first = 0
            for group in range(file.num_row_groups):
                found.append(Unit(key, path, group, first))
                first += file.metadata.row_group(group).num_rows
    if not found:
        raise DataError(f"{root}: holds no tables (*.parquet)")
    return found


def read(unit: Unit, dataset: ParquetDataset) -> Iterator[Line | Fault]:
    """The lines of a row group."""
    number = unit.first
    try:
        with pq.ParquetFile(unit.path) as file:
            for batch in file.iter_batches(ROWS_AT_A_TIME, row_groups=[unit.group], columns=_columns(dataset)):
                for row in batch.to_pylist():
                    number += 1
                    yield _line(unit, number, row, dataset)
    except (pa.ArrowException, OSError) as error:
        what = f"is damaged behind row {number} ({_first_line(error)})"
        yield Fault(reason="unreadable table", where=str(unit.path), what=what, is_page=True)


def _columns(dataset: ParquetDataset) -> list[str]:
    named = (dataset.id_column, dataset.page_column, dataset.document_column, dataset.writer_column)
    return list(dict.fromkeys([dataset.image_column, dataset.text_column, *(name for name in named if name)]))


def _check_columns(path: Path, there: list[str], dataset: ParquetDataset) -> None:
    lacking = [name for name in _columns(dataset) if name not in there]
    if lacking:
        raise DataError(
            f"{path}: has no column {' or '.join(map(repr, lacking))}; it has {', '.join(there)}\n"
            "  help: name the columns in dataset.image_column, dataset.text_column ..."
        )


def _line(unit: Unit, number: int, row: dict[str, Any], dataset: ParquetDataset) -> Line | Fault:
    where = f"{unit.path}:{number}"
    text, image = row[dataset.text_column], row[dataset.image_column]
    if text is None or (isinstance(text, str) and not text.strip()):
        what = f"the column {dataset.text_column!r} is empty: nobody has transcribed this line"
        return Fault(reason="no transcription", where=where, what=what, is_error=False)
    if not isinstance(text, str):
        what = f"the column {dataset.text_column!r} holds a {type(text).__name__}, not a text"
        return Fault(reason="not a text", where=where, what=what)
    content = _content(image)
    if content is None:
        what = f"the column {dataset.image_column!r} holds neither an image's bytes nor a path"
        return Fault(reason="missing image", where=where, what=what)
    if isinstance(content, str) and (outside := _outside(content)):
        return Fault(reason="name outside the folder", where=where, what=outside)
    name = f"{unit.key.removesuffix('.parquet')}/{number}"
    line_id = str(row[dataset.id_column]) if dataset.id_column else name
    return Line(
        id=line_id,
        text=text,
        page=str(row[dataset.page_column]) if dataset.page_column else line_id,
        document=str(row[dataset.document_column]) if dataset.document_column else unit.key,
        writer=str(row[dataset.writer_column] or "") if dataset.writer_column else "",
        split=_split(unit.key),
        source=where,
        load=partial(_load, content, Path(dataset.root), unit.path.parent),
    )


def _content(image: Any) -> bytes | str | None:
    """The bytes of an image, or its path."""
    if isinstance(image, dict):
        return image.get("bytes") or image.get("path") or None
    return image if isinstance(image, (bytes, str)) and image else None


def _outside(path: str) -> str | None:
    parts = PurePosixPath(path.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts:
        return f"the image {path!r} points out of dataset.root"
    return None


def _load(content: bytes | str, root: Path, folder: Path) -> Any:
    if isinstance(content, bytes):
        return open_grey(io.BytesIO(content))
    path = next((place / content for place in (root, folder) if (place / content).is_file()), None)
    if path is None:
        raise ImageFault(f"{content} is neither below {root} nor beside the table")
    return open_grey(path)


def _split(key: str) -> SplitName | None:
    """By a folder, or by the file's own name."""
    return places.split_of(key) or places.split_of(PurePosixPath(key).name)


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]
