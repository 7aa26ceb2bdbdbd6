"""Prepared lines on disk: Arrow IPC files with borders that the data decide, read by memory map.

A folder holds ``00000.arrow``, ``00001.arrow`` … with the columns of SCHEMA. A file ends behind a page whose name's
digest says so, the likelier the more lines it has; so lines that are added or removed change the files around them and
no others, and DVC, which compares whole files, stores and sends only those.

Beside them lies a small index with each line's file and width, so that a split of a million lines opens at once: its
files are opened when a line of theirs is asked for.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import eq
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from thulium.data.arrowfile import AGAIN, ArrowFile, damaged
from thulium.data.columns import Column
from thulium.data.images.files import DAMAGE
from thulium.data.images.grey import MAX_PIXELS
from thulium.runtime.errors import DataError, visible
from thulium.runtime.files import FULL

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
TEXTS = ("id", "text", "page")  # what is asked of a line
PNG = b"\x89PNG\r\n\x1a\n"
# Small files, since a file is what DVC stores and sends anew; not so small that there are many (see docs/results.md).
INDEX = "index.ipc"
INDEX_SCHEMA = pa.schema({"file": pa.int32(), "width": pa.int32()})
OPEN_FILES = 128  # kept open in each process that reads
KNOWN_FILES = 1024  # whose texts and places are kept: looking through one takes as long as reading some lines
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


def join_splits(parts: Sequence[Path], folder: Path) -> None:
    """Make a new split of the lines of several, in their order. Files are linked; copied where that cannot be."""
    folder.mkdir(parents=True)
    files, widths, first = [], [], 0
    for part in parts:
        own, own_widths = _read_index(part / INDEX)
        for number in range(int(own[-1]) + 1):
            _link(part / file_name(number), folder / file_name(first + number))
        files.append(own + first)
        widths.append(own_widths)
        first += int(own[-1]) + 1
    columns = {"file": np.concatenate(files), "width": np.concatenate(widths)}
    _write_table(pa.table(columns, schema=INDEX_SCHEMA), folder / INDEX)


def _link(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except OSError as error:
        if error.errno in FULL:
            raise
        shutil.copyfile(path, other)  # a file system without links


def file_name(number: int) -> str:
    """The name of a split's file."""
    return f"{number:05}.arrow"


def _write_table(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


class StoredColumn(Column):
    """A column of texts that stays on disk."""

    def __init__(self, split: Split, name: str) -> None:
        self._split, self._name = split, name

    def __len__(self) -> int:
        return len(self._split)

    def text(self, place: int) -> str:
        return self._split.value(place, self._name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # how Python says "cannot be hashed"; typeshed has object's method


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
            DataError: there are none, or one is missing or damaged. Each file is looked through when a line of it is
                first asked for, so that any method may raise it.
        """
        self.folder, self._left_out = folder, left_out
        if not (folder / INDEX).is_file():
            raise DataError(f"{folder}: holds no prepared lines: run `dvc repro` or `thulium prepare` first")
        files, widths = _read_index(folder / INDEX)
        self._first_rows = np.flatnonzero(np.diff(files, prepend=-1))  # of each file
        self._check_files()
        self._places = np.delete(np.arange(len(files)), sorted(left_out))
        self.widths: npt.NDArray[np.int32] = widths[self._places]
        opened = lru_cache(OPEN_FILES)(_Opened)
        by_file = np.split(widths, self._first_rows[1:])
        self._shard = lru_cache(KNOWN_FILES)(lambda number: _Shard(folder / file_name(number), by_file[number], opened))
        self.ids, self.texts, self.pages = (StoredColumn(self, name) for name in ("id", "text", "page"))
        self.height: int = self._shard(0).height

    def __len__(self) -> int:
        return len(self._places)

    def __reduce__(self) -> tuple[Any, ...]:
        return Split, (self.folder, self._left_out)  # another process opens the files again

    def without(self, places: Iterable[int]) -> Split:
        """The same split with the lines at some places left out."""
        return Split(self.folder, self._left_out | {int(self._places[place]) for place in places})

    def value(self, index: int, column: str) -> str:
        """What a column of TEXTS holds for a line."""
        shard, row = self._find(index)
        return shard.texts[column][row]

    def png(self, index: int) -> bytes:
        """The bytes of a line's PNG."""
        shard, row = self._find(index)
        return shard.png(row)

    def image(self, index: int) -> Image.Image:
        """A line's image, mode "L"."""
        shard, row = self._find(index)
        try:
            return Image.open(io.BytesIO(shard.png(row)), formats=["PNG"]).convert("L")
        except DAMAGE as error:
            raise shard.error(row, f"cannot be decoded: {error}") from error

    def _find(self, index: int) -> tuple[_Shard, int]:
        """The file of a line, and its row in it."""
        place = int(self._places[index])
        number = int(np.searchsorted(self._first_rows, place, side="right")) - 1
        shard = self._shard(number)
        if shard.height != self.height:
            raise damaged(shard.path, f"its lines are {shard.height} pixels high, those before it {self.height}")
        return shard, place - int(self._first_rows[number])

    def _check_files(self) -> None:
        there = {path.name for path in self.folder.glob("*.arrow")}
        names = map(file_name, range(len(self._first_rows)))
        if lacking := next((name for name in names if name not in there), None):
            raise DataError(f"{self.folder / lacking}: is missing: {AGAIN}")


class _Opened:
    """A file that is open for reading, until nobody holds this."""

    def __init__(self, path: Path) -> None:
        self.file = _open(path)
        facts = os.fstat(self.file.fileno())
        self.state = (facts.st_ino, facts.st_size, facts.st_mtime_ns)

    def __del__(self) -> None:
        if hasattr(self, "file"):
            self.file.close()


class _Shard:
    """A file of a split: its texts in memory, its images on disk.

    They are read, not mapped: a file that is cut short meanwhile is an error then, and not the end of the process.

    Attributes:
        path: the file.
        texts: column of TEXTS -> a text for each row.
        height: pixels, of each line.
    """

    def __init__(self, path: Path, widths: npt.NDArray[np.int32], opened: Callable[[Path], _Opened]) -> None:
        """Look through a file whose lines should have some widths; ``opened`` keeps files open that were asked for."""
        self.path, self._widths, self._opened = path, widths, opened
        self._look_through(opened(path))

    def _look_through(self, opening: _Opened) -> None:
        path, widths = self.path, self._widths
        arrow = ArrowFile(opening.file, SCHEMA)
        table = pa.Table.from_batches(arrow.batches, SCHEMA)
        if not np.array_equal(table["width"].to_numpy(), widths):
            raise damaged(path, f"its lines are others than those of {path.with_name(INDEX)}")
        heights = table["height"].to_numpy()
        self.height = int(heights[0])
        if (heights != self.height).any() or not 0 < self.height * int(widths.max()) <= MAX_PIXELS:
            raise damaged(path, "the sizes of its lines are none that lines have")
        self.texts: dict[str, list[str]] = {name: table[name].to_pylist() for name in TEXTS}
        spans = [_spans(arrow, batch.column("image")) for batch in arrow.batches]
        self._starts, self._ends = np.concatenate(spans, axis=1)
        self._state = opening.state

    def png(self, row: int) -> bytes:
        opening = self._opened(self.path)
        if opening.state != self._state:
            # Written anew meanwhile; or on a network, where the same file comes under other numbers.
            height = self.height
            self._look_through(opening)
            if self.height != height:
                raise damaged(self.path, f"its lines are {self.height} pixels high, and were {height}")
        start, end = int(self._starts[row]), int(self._ends[row])
        try:
            content = os.pread(opening.file.fileno(), end - start, start)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if len(content) < end - start:
            raise damaged(self.path, "it has become shorter")
        if not content.startswith(PNG + _head(int(self._widths[row]), self.height)):
            raise self.error(row, "is none, or of another size than it should be")
        return content

    def error(self, row: int, why: str) -> DataError:
        """The error of a row whose image cannot be used."""
        return damaged(self.path, f"the image of line {visible(self.texts['id'][row])} {why}")


def _read_index(path: Path) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The number of each line's file, and its width."""
    with _open(path) as file:
        table = pa.Table.from_batches(ArrowFile(file, INDEX_SCHEMA).batches, INDEX_SCHEMA)
        files, widths = (table[name].to_numpy().copy() for name in INDEX_SCHEMA.names)
    steps = np.diff(files.astype(np.int64), prepend=-1)
    if not len(files):
        raise DataError(f"{path.parent}: holds no lines: {AGAIN}")
    if steps[0] != 1 or steps.min() < 0 or steps.max() > 1 or widths.min() < 1:
        raise damaged(path, "its numbers are none that an index has")
    return files, widths


def _spans(arrow: ArrowFile, images: pa.Array) -> npt.NDArray[np.int64]:
    """(2, N) where each value of a binary column begins and ends in its file."""
    _, offsets, content = images.buffers()
    first = arrow.position(content) if content else 0
    borders = first + np.frombuffer(offsets, np.int32, len(images) + 1).astype(np.int64)
    return np.stack([borders[:-1], borders[1:]])


def _head(width: int, height: int) -> bytes:
    """How the header of a grey PNG begins."""
    return struct.pack(">I4sIIBB", 13, b"IHDR", width, height, 8, 0)


def _open(path: Path) -> IO[bytes]:
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return DataError(f"{path}: cannot be opened ({error.strerror}): allow more of them (`ulimit -n 1024`)")
    return DataError(f"{path}: cannot be read ({error.strerror}): {AGAIN}, or change its permissions")
