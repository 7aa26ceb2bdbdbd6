"""Prepared lines on disk: Arrow IPC files with borders that the data decide, read by memory map.

A folder holds ``00000.arrow``, ``00001.arrow`` … with the columns of SCHEMA. A file ends behind a page whose name's
digest says so, the likelier the more lines it has; so lines that are added or removed change the files around them and
no others, and DVC, which compares whole files, stores and sends only those.

Beside them lies a small index with each line's file and width, so that a split of a million lines opens at once: its
files are opened when a line of theirs is asked for.
"""

from __future__ import annotations

import hashlib
import io
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import eq
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from thulium.errors import DataError

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "image": pa.binary(),
        "width": pa.int32(),
        "height": pa.int32(),
        "text": pa.string(),
        "page": pa.string(),
        "source": pa.string(),
    }
)
# Small files, since a file is what DVC stores and sends anew; not so small that there are many (see docs/results.md).
INDEX = "index.ipc"
INDEX_SCHEMA = pa.schema({"file": pa.int32(), "width": pa.int32()})
OPEN_FILES = 128  # kept open in each process that reads
MEAN_LINES = 64  # between two places where a file may end
MIN_LINES = 16
MAX_LINES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A prepared line: its image as the bytes of a grey PNG of the given size."""

    id: str
    image: bytes
    width: int  # pixels
    height: int  # pixels
    text: str
    page: str
    source: str


class ShardWriter:
    """Writes rows into a new folder, in the order in which they come. Holds one file's rows in memory."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder, self.num_rows = folder, 0
        self._num_files = 0
        self._pending: list[Row] = []
        self._of_page = 0  # rows of the page that is being written
        self._files, self._widths = array("i"), array("i")  # of each row

    def add(self, row: Row) -> None:
        """Write a row, sooner or later."""
        is_new_page = bool(self._pending) and row.page != self._pending[-1].page
        if len(self._pending) >= MAX_LINES or (is_new_page and self._ends_here()):
            self._flush()
        self._of_page = 1 if is_new_page else self._of_page + 1
        self._pending.append(row)
        self._files.append(self._num_files)
        self._widths.append(row.width)
        self.num_rows += 1

    def close(self) -> None:
        """Write what has not been written, and the index."""
        if self._pending:
            self._flush()
        columns = {"file": np.asarray(self._files), "width": np.asarray(self._widths)}
        _write_table(pa.table(columns, schema=INDEX_SCHEMA), self.folder / INDEX)

    def _ends_here(self) -> bool:
        """Whether the page that was written last ends its file."""
        if len(self._pending) < MIN_LINES:
            return False
        digest = hashlib.sha256(self._pending[-1].page.encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64 < self._of_page / MEAN_LINES

    def _flush(self) -> None:
        columns = {name: [getattr(row, name) for row in self._pending] for name in SCHEMA.names}
        _write_table(pa.table(columns, schema=SCHEMA), self.folder / file_name(self._num_files))
        self._pending = []
        self._num_files += 1


def write_split(rows: Iterable[Row], folder: Path) -> int:
    """Write rows to a new folder, in their order; returns how many."""
    writer = ShardWriter(folder)
    for row in rows:
        writer.add(row)
    writer.close()
    return writer.num_rows


def file_name(number: int) -> str:
    """The name of a split's file."""
    return f"{number:05}.arrow"


def _write_table(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


class Column(Sequence[str]):
    """A column of texts that stays on disk; each is read when it is asked for."""

    def __init__(self, split: Split, name: str) -> None:
        self._split, self._name = split, name

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        value: str = self._split.value(index, self._name)
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]


class Split:
    """The prepared lines of one split. Everything but widths stays on disk until it is asked for.

    Attributes:
        ids, texts, pages: one entry a line.
        widths: (N,) int32, pixels.
        height: pixels, the same for all lines.
    """

    def __init__(self, folder: Path, left_out: frozenset[int] = frozenset()) -> None:
        """Open a folder of shards; ``left_out`` are places of lines to pass over.

        Raises:
            DataError: there are none, or one is missing or damaged.
        """
        self.folder, self._left_out = folder, left_out
        self._table = lru_cache(OPEN_FILES)(lambda number: _open(folder / file_name(number)))
        if not (folder / INDEX).is_file():
            raise DataError(f"{folder}: holds no prepared lines: run `dvc repro` or `thulium prepare` first")
        index = _open(folder / INDEX)
        files = index["file"].to_numpy()
        self._first_rows = np.flatnonzero(np.diff(files, prepend=-1))  # of each file
        self._check_files()
        self._places = np.delete(np.arange(len(files)), sorted(left_out))
        self.widths: npt.NDArray[np.int32] = index["width"].to_numpy()[self._places]
        self.ids, self.texts, self.pages = (Column(self, name) for name in ("id", "text", "page"))
        self.height: int = self._table(0)["height"][0].as_py()

    def __len__(self) -> int:
        return len(self._places)

    def __reduce__(self) -> tuple[Any, ...]:
        return Split, (self.folder, self._left_out)  # another process maps the files again

    def without(self, places: Iterable[int]) -> Split:
        """The same split with the lines at some places left out."""
        return Split(self.folder, self._left_out | {int(self._places[place]) for place in places})

    def value(self, index: int, column: str) -> Any:
        """What a column of SCHEMA holds for a line."""
        return self._scalar(index, column).as_py()

    def png(self, index: int) -> bytes:
        """The bytes of a line's PNG."""
        return bytes(self._scalar(index, "image").as_buffer())

    def image(self, index: int) -> Image.Image:
        """A line's image, mode "L"."""
        return Image.open(io.BytesIO(self._scalar(index, "image").as_buffer()), formats=("PNG",)).convert("L")

    def _scalar(self, index: int, column: str) -> Any:
        place = int(self._places[index])
        number = int(np.searchsorted(self._first_rows, place, side="right")) - 1
        return self._table(number)[column][place - int(self._first_rows[number])]

    def _check_files(self) -> None:
        there = {path.name for path in self.folder.glob("*.arrow")}
        names = map(file_name, range(len(self._first_rows)))
        if lacking := next((name for name in names if name not in there), None):
            raise DataError(f"{self.folder / lacking}: is missing: prepare the data again")


def _open(path: Path) -> pa.Table:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: is damaged ({error}): remove it and prepare the data again") from error
