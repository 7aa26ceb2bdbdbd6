"""Parquet tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lab_data
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from bad_input import good
from bad_input.cases import Spoil, Table
from bad_input.images import LFS

FILE = "data/tables/train.parquet"
Rows = list[dict[str, Any]]

_table = Table("parquet")


def _changed(change: Callable[[Rows], object], **columns: pa.DataType) -> Spoil:
    """Writes train.parquet with other rows."""

    def spoil(root: Path) -> None:
        rows = good.rows("train")
        change(rows)
        good.write_table(root / "train.parquet", rows, **columns)

    return spoil


def _first(**cells: Any) -> Spoil:
    """Other cells in the first row."""
    return _changed(lambda rows: rows[0].update(cells))


def _each(column: str, values: Callable[[int], Any], **columns: pa.DataType) -> Spoil:
    """Other values in all rows of a column, by their number."""
    return _changed(lambda rows: [row.update({column: values(i)}) for i, row in enumerate(rows)], **columns)


def _in_all(column: str, value: Callable[[str, int], Any]) -> Spoil:
    """A column more in the tables of all splits."""

    def spoil(root: Path) -> None:
        for split in ("train", "val", "test"):
            rows = good.rows(split)
            for number, row in enumerate(rows):
                row[column] = value(split, number)
            good.write_table(root / f"{split}.parquet", rows)

    return spoil


@_table.refused(
    "No column of texts", FILE, "data/tables/val.parquet", "'transcription'", document={"text_column": "transcription"}
)
def _no_column(_root: Path) -> None:
    pass


_table.left_out("A null in the column of texts", f"{FILE}:1", skipped={"no transcription": 1})(_first(text=None))
_table.left_out("An empty text", f"{FILE}:1", skipped={"no transcription": 1})(_first(text=" "))
_table.skippable("A null in the column of images", f"{FILE}:1", skipped={"missing image": 1})(_first(image=None))
_table.skippable("An image of no bytes", f"{FILE}:1", skipped={"missing image": 1})(_first(image={"bytes": b""}))
_table.skippable("Bytes that are no image", f"{FILE}:1", skipped={"unreadable image": 1})(
    _first(image={"bytes": b"Anno 1742"})
)
_table.skippable("Bytes of an image that is cut off", f"{FILE}:1", skipped={"unreadable image": 1})(
    _changed(lambda rows: rows[0].update(image={"bytes": rows[0]["image"]["bytes"][:150]}))
)
_table.refused("A column of numbers in place of texts", f"{FILE}:1")(_each("text", lambda number: number))
_table.refused("A column of numbers in place of images", f"{FILE}:1")(_each("image", lambda number: number))
_table.refused("Images as lists of numbers", f"{FILE}:1")(_each("image", lambda _: {"bytes": [1, 2, 3]}))


@_table.skippable("A text that is not UTF-8", f"{FILE}:1", skipped={"unreadable text": 1})
def _latin1(root: Path) -> None:
    rows = good.rows("train")
    texts = [row["text"].encode() for row in rows]
    texts[0] = "été".encode("latin-1")
    bad = pa.array(texts, pa.binary()).view(pa.string())
    pq.write_table(pa.table({"image": [row["image"] for row in rows], "text": bad}), root / "train.parquet")


@_table.kept("Paths of images below the root")
def _paths(root: Path) -> None:
    rows = good.rows("train")
    (root / "images").mkdir()
    for number, row in enumerate(rows):
        (root / "images" / f"{number}.png").write_bytes(row["image"]["bytes"])
        row["image"] = f"images/{number}.png"
    good.write_table(root / "train.parquet", rows)


def _first_path(path: str) -> Spoil:
    """The first image as a path, the others as bytes and no path."""
    return _changed(
        lambda rows: (
            [row["image"].update(bytes=row["image"]["bytes"], path="") for row in rows]
            and rows[0].update(image={"bytes": None, "path": path})
        )
    )


_table.skippable("The path of an image that is not there", f"{FILE}:1", skipped={"unreadable image": 1})(
    _first_path("images/gone.png")
)
_table.skippable("The path of an image outside the folder", f"{FILE}:1", skipped={"name outside the folder": 1})(
    _first_path("../../outside.png")
)
_table.skippable("A path that begins at the root of the disk", f"{FILE}:1", skipped={"name outside the folder": 1})(
    _first_path("/archive/outside.png")
)
_table.skippable("A path that is too long for any disk", f"{FILE}:1", skipped={"unreadable image": 1})(
    _first_path("x" * 300 + ".png")
)


@_table.refused("Two columns of one name", FILE, "'text'")
def _two_columns(root: Path) -> None:
    table = pq.read_table(root / "train.parquet")
    pq.write_table(table.append_column("text", table["text"]), root / "train.parquet")


@_table.skippable("A damaged table", "data/tables/train-2.parquet", skipped={"unreadable table": 1}, lost=0)
def _damaged(root: Path) -> None:
    content = (root / "train.parquet").read_bytes()
    (root / "train-2.parquet").write_bytes(content[: len(content) // 2])


@_table.skippable(
    "A table whose middle is damaged", "data/tables/train-2.parquet", skipped={"unreadable table": 1}, lost=0
)
def _damaged_inside(root: Path) -> None:
    content = bytearray((root / "train.parquet").read_bytes())
    content[4:60] = b"x" * 56
    (root / "train-2.parquet").write_bytes(bytes(content))


@_table.skippable(
    "A Git LFS pointer in place of a table", "data/tables/train-2.parquet", skipped={"unreadable table": 1}, lost=0
)
def _lfs(root: Path) -> None:
    (root / "train-2.parquet").write_bytes(LFS)


@_table.kept("Tables as the Hub converts them (default/train/0000.parquet)")
def _converted(root: Path) -> None:
    for path in list(root.glob("*.parquet")):
        (root / "default" / path.stem).mkdir(parents=True)
        path.rename(root / "default" / path.stem / "0000.parquet")


@_table.skippable("A table of 0 bytes", "data/tables/train-2.parquet", skipped={"unreadable table": 1}, lost=0)
def _empty_file(root: Path) -> None:
    (root / "train-2.parquet").write_bytes(b"")


@_table.kept("A table without rows among others")
def _no_rows(root: Path) -> None:
    table = pq.read_table(root / "train.parquet")
    pq.write_table(table.slice(0, 0), root / "train-2.parquet")


@_table.refused("A folder without any table", "data/tables")
def _no_tables(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


_table.skippable("A row without its page", f"{FILE}:1", skipped={"page unknown": 1}, document={"page_column": "page"})(
    _in_all("page", lambda split, number: f"{split} {number}" if number or split != "train" else None)
)
_table.skippable("A row without its id", f"{FILE}:1", skipped={"id unknown": 1}, document={"id_column": "name"})(
    _in_all("name", lambda split, number: f"{split} {number}" if number or split != "train" else None)
)


_table.skippable(
    "Two rows with one id", f"{FILE}:2", f"{FILE}:1", skipped={"id twice": 1}, document={"id_column": "name"}
)(_in_all("name", lambda split, number: f"{split} {max(1, number) if split == 'train' else number}"))


@_table.skippable("A table that belongs to no split", "data/tables/lines.parquet:1", skipped={"in no split": 2}, lost=0)
def _no_split(root: Path) -> None:
    good.write_table(root / "lines.parquet", good.rows("val"))


@_table.left_out(
    "The same, where the document leaves it out",
    "1 file not read (excluded 1)",
    skipped={"excluded": 1},
    lost=0,
    document={"exclude": ["lines.*"]},
)
def _table_left_out(root: Path) -> None:
    _no_split(root)


@_table.reported("An image of one pixel", f"{FILE}:1", found="images/tiny")
def _speck(root: Path) -> None:
    rows = good.rows("train")
    rows[0]["image"] = {"bytes": lab_data.png_of(Image.new("L", (1, 1), 20))}
    good.write_table(root / "train.parquet", rows)


CASES = _table.cases
