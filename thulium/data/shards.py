"""Prepared lines on disk: Arrow IPC files with borders that the data decide, read by memory map.

A folder holds ``00000.arrow``, ``00001.arrow`` … with the columns of SCHEMA. A new file begins at a page whose name's
digest says so, once the last file has MIN_LINES; so lines that are added or removed change the files around them and
no others, and DVC, which compares whole files, stores and sends only those.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
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
MIN_LINES = 64
MAX_LINES = 1024
BORDER_ONE_IN = 8  # pages


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


def write_split(rows: Iterable[Row], folder: Path) -> int:
    """Write rows to a new folder, in their order; returns how many."""
    folder.mkdir(parents=True)
    pending: list[Row] = []
    num_files = num_rows = 0
    for row in rows:
        if pending and _is_border(pending, row):
            _write_file(pending, folder / f"{num_files:05}.arrow")
            pending, num_files = [], num_files + 1
        pending.append(row)
        num_rows += 1
    if pending:
        _write_file(pending, folder / f"{num_files:05}.arrow")
    return num_rows


def _is_border(pending: list[Row], row: Row) -> bool:
    if len(pending) < MIN_LINES or row.page == pending[-1].page:
        return len(pending) >= MAX_LINES
    digest = hashlib.sha256(row.page.encode()).digest()
    return digest[0] % BORDER_ONE_IN == 0 or len(pending) >= MAX_LINES


def _write_file(rows: list[Row], path: Path) -> None:
    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names}
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        writer.write_table(pa.table(columns, schema=SCHEMA))


class Split:
    """The prepared lines of one split. Images stay on disk until they are asked for.

    Attributes:
        ids, texts, pages: one entry a line.
        widths: (N,) int32, pixels.
        height: pixels, the same for all lines.
    """

    def __init__(self, folder: Path, left_out: frozenset[int] = frozenset()) -> None:
        """Open a folder of shards; ``left_out`` are places of lines to pass over."""
        self.folder, self._left_out = folder, left_out
        paths = sorted(folder.glob("*.arrow"))
        if not paths:
            raise DataError(f"{folder}: holds no prepared lines (*.arrow): run `dvc repro` or `thulium prepare` first")
        table = pa.concat_tables([_open(path) for path in paths])
        self._places = np.array([i for i in range(len(table)) if i not in left_out])
        kept = table.select(["id", "text", "page", "width"]).take(self._places)
        self.ids: list[str] = kept["id"].to_pylist()
        self.texts: list[str] = kept["text"].to_pylist()
        self.pages: list[str] = kept["page"].to_pylist()
        self.widths: npt.NDArray[np.int32] = kept["width"].to_numpy()
        self.height: int = table["height"][0].as_py()
        self._images = table["image"]

    def __len__(self) -> int:
        return len(self.ids)

    def __reduce__(self) -> tuple[Any, ...]:
        return Split, (self.folder, self._left_out)  # another process maps the files again

    def without(self, places: Iterable[int]) -> Split:
        """The same split with the lines at some places left out."""
        return Split(self.folder, self._left_out | {int(self._places[place]) for place in places})

    def _buffer(self, index: int) -> Any:
        return self._images[int(self._places[index])].as_buffer()

    def png(self, index: int) -> bytes:
        """The bytes of a line's PNG."""
        return bytes(self._buffer(index))

    def image(self, index: int) -> Image.Image:
        """A line's image, mode "L"."""
        return Image.open(io.BytesIO(self._buffer(index))).convert("L")


def _open(path: Path) -> pa.Table:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: is damaged ({error}): remove it and prepare the data again") from error
