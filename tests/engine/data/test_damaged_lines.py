"""Prepared lines that are damaged, or made to do harm: refused by file, with nothing of them believed."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from thulium.data import shards
from thulium.data.arrowfile import ArrowFile
from thulium.data.images.grey import encode_png
from thulium.data.loader import LineLoader
from thulium.data.prepared import Prepared, open_prepared, write_manifest
from thulium.data.readers import Readers
from thulium.data.shards import INDEX_SCHEMA, SCHEMA, Row, Split, write_split
from thulium.runtime.documents import defaults
from thulium.runtime.errors import DataError

HEIGHT = 24
CONTROL = "\x1b[31m"
Damage = Callable[[Path], None]


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prepared data set of 40 lines in two files."""
    monkeypatch.setattr("thulium.data.shards.MAX_LINES", 20)
    rows = []
    for number in range(40):
        png = encode_png(Image.new("L", (40 + number, HEIGHT), number))
        texts = {"id": f"l{number}", "text": f"text {number}", "page": "p", "source": "p.xml"}
        rows.append(Row(**texts, image=png, width=40 + number, height=HEIGHT))
    write_split(rows, tmp_path / "data" / "train")
    spec = replace(defaults().preprocessing, height=HEIGHT)
    write_manifest(Prepared(tmp_path / "data", defaults().dataset.text, "logical", spec, tuple("etx ")))
    return tmp_path / "data"


def read(folder: Path) -> list[tuple[str, str, int]]:
    split = open_prepared(folder).split("train")
    return [(split.ids[i], split.texts[i], int(np.asarray(split.image(i))[0, 0])) for i in range(len(split))]


def test_whole_lines_are_read(lines: Path) -> None:
    assert read(lines) == [(f"l{number}", f"text {number}", number) for number in range(40)]


def rewritten(change: Callable[[pa.Table], pa.Table], **options: Any) -> Damage:
    """What writes a file anew with another table."""

    def write(folder: Path) -> None:
        path = folder / "train" / "00000.arrow"
        with open(path, "rb") as file:
            rows = pa.Table.from_batches(ArrowFile(file, SCHEMA).batches).to_pylist()
        changed = change(pa.Table.from_pylist(rows, schema=SCHEMA))
        with pa.ipc.new_file(path, changed.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
            writer.write_table(changed)

    return write


def with_column(name: str, change: Callable[[list[Any]], list[Any]], kind: pa.DataType | None = None) -> Damage:
    def changed(table: pa.Table) -> pa.Table:
        values = pa.array(change(table[name].to_pylist()), kind or SCHEMA.field(name).type)
        return table.set_column(SCHEMA.get_field_index(name), pa.field(name, values.type), values)

    return rewritten(changed)


def with_first(name: str, value: Any) -> Damage:
    return with_column(name, lambda values: [value, *values[1:]])


def overwritten(column: str, place: int, value: int, name: str = "00000.arrow") -> Damage:
    """What puts an integer into a column, where Arrow keeps its offsets or its values."""

    def write(folder: Path) -> None:
        path, schema = folder / "train" / name, INDEX_SCHEMA if name == "index.ipc" else SCHEMA
        with open(path, "rb") as file:
            arrow = ArrowFile(file, schema)
            at = arrow.position(arrow.batches[0].column(column).buffers()[1]) + 4 * place
        content = bytearray(path.read_bytes())
        struct.pack_into("<i", content, at, value)
        path.write_bytes(content)

    return write


def in_index(column: str, place: int, value: int) -> Damage:
    return overwritten(column, place, value, "index.ipc")


def cut(name: str, keep: int) -> Damage:
    return lambda folder: os.truncate(folder / "train" / name, keep)


def latin(texts: list[str]) -> list[bytes]:
    return [b"\xff", *(text.encode() for text in texts[1:])]


def half_a_character(table: pa.Table) -> pa.Table:
    texts = pa.array(latin(table["text"].to_pylist()), pa.binary()).view(pa.string())
    return table.set_column(SCHEMA.get_field_index("text"), "text", texts)


PNG, OTHER_PNG = (encode_png(Image.new("L", (width, HEIGHT))) for width in (40, 9999))
NOTHING = b"ARROW1\0\0\xff\xff\xff\xff\0\0\0\0ARROW1"
TWO = 2**31 - 1
FILE, IMAGE = r"00000\.arrow: is damaged", "the image of line l0 is none, or of another"
SIZES = "the sizes of its lines are none"
LINES, INDEX = "its lines are others than those of .*index", r"index\.ipc: is damaged .its numbers"
DAMAGE: dict[str, tuple[Damage, str]] = {
    "an offset beyond the file": (overwritten("text", 3, 2**30), FILE),
    "an offset below": (overwritten("text", 3, -8), FILE),
    "an image that begins in the one before": (overwritten("image", 1, 1), IMAGE),
    "images beyond the file": (overwritten("image", 20, TWO), FILE),
    "a column of bytes": (with_column("text", latin, pa.binary()), "its columns are others"),
    "half a character": (rewritten(half_a_character), f"{FILE} .*Invalid UTF8"),
    "empty cells": (with_first("text", None), f"{FILE} .it has empty cells"),
    "a column of another type": (with_column("width", list, pa.int64()), "its columns are others"),
    "another width": (with_first("width", 7), LINES),
    "another height": (with_first("height", 3), SIZES),
    "no height": (with_column("height", lambda heights: [0] * len(heights)), SIZES),
    "a height without end": (with_column("height", lambda heights: [TWO] * len(heights)), SIZES),
    "heights that no image has": (with_column("height", lambda heights: [3] * len(heights)), "not of the size|high"),
    "an image of another size": (with_first("image", OTHER_PNG), IMAGE),
    "an image that is none": (with_first("image", b""), IMAGE),
    "an image without pixels": (with_first("image", PNG[:40]), "cannot be decoded"),
    "no images": (with_column("image", lambda images: [b""] * len(images)), IMAGE),
    "fewer lines": (rewritten(lambda table: table.slice(1)), LINES),
    "packed": (rewritten(lambda table: table, compression="zstd"), f"{FILE} .it is compressed"),
    "half": (cut("00000.arrow", 700), f"{FILE} .it does not begin and end"),
    "empty": (cut("00000.arrow", 0), FILE),
    "no messages": (lambda folder: (folder / "train" / "00000.arrow").write_bytes(NOTHING), "its columns are others"),
    "half an index": (cut("index.ipc", 100), r"index\.ipc: is damaged"),
    "an index of other files": (in_index("file", 1, 7), INDEX),
    "an index that goes back": (in_index("file", 39, -1), INDEX),
    "an index without a width": (in_index("width", 5, 0), INDEX),
    "an index of a width without end": (in_index("width", 5, TWO), f"not of the size|{LINES}|{SIZES}"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_lines_are_refused_by_file(lines: Path, name: str) -> None:
    damage, says = DAMAGE[name]
    damage(lines)
    with pytest.raises(DataError, match=says) as refused:
        read(lines)
    assert "prepare the data again" in str(refused.value)


def test_an_id_that_would_steer_a_terminal_is_written_as_its_code(lines: Path) -> None:
    with_first("id", CONTROL)(lines)
    with_first("image", OTHER_PNG)(lines)
    with pytest.raises(DataError, match=r"the image of line \\x1b\[31m is none"):
        read(lines)


def test_text_that_is_packed_small_and_says_that_it_is_huge_takes_no_memory(lines: Path) -> None:
    rewritten(lambda table: table, compression="lz4")(lines)
    path = lines / "train" / "00000.arrow"
    content, size = path.read_bytes(), struct.pack("<q", sum(len(f"text {number}") for number in range(20)))
    assert size in content  # of the texts, unpacked
    path.write_bytes(content.replace(size, struct.pack("<q", 2**45), 1))
    with pytest.raises(DataError, match=f"{FILE} .it is compressed"):
        read(lines)


def test_a_file_that_is_cut_short_while_it_is_open_is_an_error(lines: Path) -> None:
    split = open_prepared(lines).split("train")
    assert split.image(0).size == (40, HEIGHT)
    os.truncate(lines / "train" / "00000.arrow", 100)
    with pytest.raises(DataError, match=r"00000\.arrow: is damaged \(it has become shorter\): prepare the data again"):
        split.png(3)


def test_a_file_that_is_opened_again_is_looked_through_again_only_where_it_is_another(lines: Path, monkeypatch) -> None:
    looked_through: list[str] = []

    class Counted(ArrowFile):
        def __init__(self, file, schema) -> None:
            looked_through.append(Path(file.name).name)
            super().__init__(file, schema)

    monkeypatch.setattr(shards, "OPEN_FILES", 1)
    monkeypatch.setattr(shards, "ArrowFile", Counted)
    split = open_prepared(lines).split("train")
    looked_through.clear()
    first = [split.png(0), split.png(len(split) - 1)]
    assert [split.png(0), split.png(len(split) - 1)] == first
    assert sorted(looked_through) == ["00001.arrow"]  # the first was, to learn the height
    path = lines / "train" / "00000.arrow"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert split.png(0) == first[0]
    assert sorted(looked_through) == ["00000.arrow", "00001.arrow"]
    split.png(len(split) - 1)
    path.write_bytes((lines / "train" / "00001.arrow").read_bytes())
    with pytest.raises(DataError, match=r"00000\.arrow: is damaged \(its lines are others than those of"):
        split.png(0)
    split.png(len(split) - 1)
    path.write_bytes(content)
    higher(path)
    with pytest.raises(DataError, match=r"00000\.arrow: is damaged \(its lines are 25 pixels high, and were 24\)"):
        split.png(0)


def higher(path: Path) -> None:
    """Write a file anew whose lines say that they are a pixel higher."""
    with open(path, "rb") as file:
        table = pa.Table.from_batches(ArrowFile(file, SCHEMA).batches)
        heights = pa.array([HEIGHT + 1] * len(table), pa.int32())
        table = pa.Table.from_pylist(table.set_column(3, "height", heights).to_pylist(), schema=SCHEMA)
    with pa.ipc.new_file(path, SCHEMA) as writer:
        writer.write_table(table)


def test_a_file_that_is_not_as_high_as_the_first_is_named(lines: Path) -> None:
    higher(lines / "train" / "00001.arrow")
    with pytest.raises(
        DataError, match=r"00001\.arrow: is damaged \(its lines are 25 pixels high, those before it 24\)"
    ):
        read(lines)


def test_an_error_in_a_loaders_process_is_told_without_a_traceback(lines: Path) -> None:
    with_first("image", OTHER_PNG)(lines)
    loader = LineLoader(Split(lines / "train"), batch_size=8, shuffle=False, readers=Readers(1))
    with pytest.raises(DataError, match=r"^/.*00000\.arrow: is damaged \(the image .*\): prepare the data again$"):
        list(loader)


LIMITED = """
import resource, sys
from pathlib import Path
from thulium.data.readers import Readers
from thulium.data.shards import Split
from thulium.runtime.errors import DataError
split = Split(Path(sys.argv[1]))
free = len(list(Path("/proc/self/fd").iterdir())) - 1
resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))
try:
    split.ids[39]
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux")
def test_where_no_more_files_may_be_open_the_data_are_not_called_damaged(lines: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(lines / "train")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "00001.arrow: cannot be opened (Too many open files): allow more of them" in said


def setting(name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    def change(manifest: dict[str, Any]) -> None:
        manifest["preprocessing"][name] = value

    return change


OF_SIZE = "its lines are not of the size"
MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a list": (lambda _: [1], "is damaged"),
    "nothing": (lambda _: {}, "is damaged"),
    "another format": (lambda m: m | {"format": CONTROL}, r"has format \\x1b\[31m, this version reads"),
    "no height": (lambda m: m["preprocessing"].pop("height") and None, "preprocessing.height: is missing"),
    "a height of text": (setting("height", "a"), "preprocessing.height: must be a whole number"),
    "a height without end": (setting("height", 10**9), "preprocessing.height: must be at most"),
    "another height": (setting("height", 64), OF_SIZE),
    "narrower lines": (setting("max_width", 50), OF_SIZE),
    "a key that steers": (setting(CONTROL, 1), "unknown key"),
    "no order": (lambda m: m | {"order": "x"}, "its reading order is none"),
    "a symbol twice": (lambda m: m | {"symbols": ["a", "a"]}, "a character stands twice"),
    "half a symbol": (lambda m: m | {"symbols": ["\ud800"]}, r"'\\ud800' in its alphabet is no character"),
    "two in one": (lambda m: m | {"symbols": ["ab"]}, "'ab' in its alphabet is no character"),
    "numbers": (lambda m: m | {"symbols": [1]}, "its alphabet is no list of characters"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_is_none_is_refused(lines: Path, name: str) -> None:
    change, says = MANIFESTS[name]
    manifest = json.loads((lines / "prepared.json").read_text())
    changed = change(manifest)
    (lines / "prepared.json").write_text(json.dumps(manifest if changed is None else changed))
    with pytest.raises(DataError, match=says) as refused:
        open_prepared(lines).split("train")
    assert "prepare the data again" in str(refused.value)
    assert CONTROL not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff", b'{"format": ' + b"9" * 5000 + b"}"])
def test_a_manifest_that_is_no_json_is_refused(lines: Path, content: bytes) -> None:
    (lines / "prepared.json").write_bytes(content)
    with pytest.raises(DataError, match=r"prepared\.json: is damaged .*prepare the data again"):
        open_prepared(lines)
