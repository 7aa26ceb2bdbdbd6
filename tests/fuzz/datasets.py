"""Data as people have them, through prepare: labels.txt, pairs, PAGE, ALTO, parquet, and images of each format."""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bad_input import good
from PIL import Image

from fuzz import changes
from fuzz.kind import Kind, pick
from thulium.data.images.files import ImageFault
from thulium.data.images.grey import open_grey, preprocess
from thulium.ingest.readers import image_search
from thulium.runtime.documents import defaults
from thulium.runtime.errors import DataError
from thulium.stages import prepare as stage
from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

WRITTEN_EVERY = 8  # cases: the others are read and counted, and nothing is written
STEMS = ("a b", "é", "e\u0301", "-x", "x\x1b[31m", "X", "x.png", "", "手", "a" * 200)


@lru_cache
def _experiment(kind: str, on_error: str) -> Experiment:
    return experiment_of(parse(good.document(kind, on_error, {})))


def _read(kind: str) -> Callable[[Path, int], None]:
    def read(folder: Path, number: int) -> None:
        experiment = _experiment(kind, "fail" if number % 4 == 0 else "skip")
        parts: dict[str, Any] = {
            "dataset": experiment.dataset,
            "preprocessing": experiment.preprocessing,
            "resources": experiment.resources,
        }
        image_search._listed.cache_clear()  # it knows folders by name and time
        with contextlib.chdir(folder) if hasattr(contextlib, "chdir") else _inside(folder):
            try:
                if number % WRITTEN_EVERY:
                    stage.check(**parts, out=None)
                else:
                    stage.prepare(**parts, out=Path("out"))
            finally:
                shutil.rmtree("out", ignore_errors=True)

    return read


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _labels(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    labels = pick(folder, rng, "data/*/labels.txt")
    images = sorted(folder.glob("data/*/images/*.png"))
    content = labels.read_bytes()
    if rng.random() < 0.2:  # another name for a line's image, in both places
        name, known = f"{rng.choice(STEMS)}.png", rng.choice(sorted((labels.parent / "images").iterdir()))
        content = content.replace(known.name.encode(), name.encode(), 1)
        return {
            labels.relative_to(folder).as_posix(): content,
            (labels.parent / "images" / name).relative_to(folder).as_posix(): known.read_bytes(),
        }
    return {labels.relative_to(folder).as_posix(): changes.of_text(content, rng, rng.choice(images).read_bytes())}


def _pairs(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    text = pick(folder, rng, "data/lines/*/*/*.gt.txt")
    name = text.relative_to(folder).as_posix()
    if rng.random() < 0.2:
        name = text.with_name(f"{rng.choice(STEMS)}.gt.txt").relative_to(folder).as_posix()
    return {name: changes.of_text(text.read_bytes(), rng, b"\x00\xff\xfe")}


def _sheets(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    sheet = pick(folder, rng, "data/pages/*/*.xml")
    return {sheet.relative_to(folder).as_posix(): changes.of_xml(sheet.read_bytes(), rng)}


def _tables(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    table = pick(folder, rng, "data/tables/*.parquet")
    content = table.read_bytes()
    if rng.random() < 0.4:
        changed = _rewritten(pq.read_table(table).to_pylist(), rng)
    else:
        end = len(content)
        reach = rng.choice([end, end, 200])
        changed = changes.of_bytes(content, rng, reach=reach)
        if rng.random() < 0.5:  # the footer, where the structure is
            footer = int.from_bytes(content[-8:-4], "little") + 8
            changed = content[:-footer] + changes.of_bytes(content[-footer:], rng)
    return {table.relative_to(folder).as_posix(): changed}


ODD_CELLS: tuple[Any, ...] = (
    *(leaf for leaf in changes.LEAVES if not isinstance(leaf, str) or leaf != "\ud800"),
    *(b"", b"\x00", b"\xff" * 100, {"bytes": b"x"}, {"path": "../x"}, {"path": "/nowhere/at/all"}),
    *({"bytes": None, "path": None}, {"bytes": "x", "path": 3}),
)
ODD_TYPES = (pa.large_string(), pa.large_binary(), pa.binary(), pa.int8(), pa.dictionary(pa.int8(), pa.string()))


def _rewritten(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    """A table with other cells and types, packed in any of parquet's ways."""
    changed = changes.of_tree(rows, rng, ODD_CELLS)
    if not isinstance(changed, list):
        changed = rows
    buffer = io.BytesIO()
    try:
        table = pa.Table.from_pylist([row for row in changed if isinstance(row, dict)])
        if rng.random() < 0.3:
            name = rng.choice(table.column_names)
            kind = rng.choice(ODD_TYPES)
            table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
        packing = rng.choice(["none", "snappy", "zstd", "gzip"])
        pq.write_table(table, buffer, compression=packing, row_group_size=rng.choice([1, 3, 1000]))
    except (pa.ArrowException, ValueError, TypeError, IndexError, OverflowError):  # no table holds that
        pq.write_table(pa.table({"image": [b"x"], "text": ["x"]}), buffer)
    return buffer.getvalue()


FORMATS: dict[str, tuple[str, str, dict[str, Any]]] = {  # name -> mode, format, how it is saved
    "grey.png": ("L", "PNG", {}),
    "palette.png": ("P", "PNG", {"transparency": 3}),
    "deep.png": ("I;16", "PNG", {}),
    "clear.png": ("RGBA", "PNG", {}),
    "bits.png": ("1", "PNG", {}),
    "colour.jpg": ("RGB", "JPEG", {}),
    "grey.jpg": ("L", "JPEG", {"progressive": True}),
    "print.jpg": ("CMYK", "JPEG", {}),
    "raw.tif": ("L", "TIFF", {}),
    "fax.tif": ("1", "TIFF", {"compression": "group4"}),
    "lzw.tif": ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    "packed.tif": ("L", "TIFF", {"compression": "tiff_adobe_deflate"}),
    "jpeg.tif": ("RGB", "TIFF", {"compression": "jpeg"}),
    "deep.tif": ("I;16", "TIFF", {}),
    "float.tif": ("F", "TIFF", {}),
    "colour.bmp": ("RGB", "BMP", {}),
    "moving.gif": ("P", "GIF", {}),
    "colour.webp": ("RGB", "WEBP", {}),
    "sharp.webp": ("RGBA", "WEBP", {"lossless": True}),
}


def _draw(folder: Path) -> None:
    grey = np.random.default_rng(1).integers(0, 255, (24, 60)).astype(np.uint8)
    for name, (mode, kind, how) in FORMATS.items():
        image = Image.fromarray(grey)
        image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(folder / name, kind, **how, **({"exif": exif} if kind in ("JPEG", "PNG") else {}))


def _images(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    image, other = pick(folder, rng, "*.*"), pick(folder, rng, "*.*")
    reach = rng.choice([None, None, 100])
    return {f"changed{image.suffix}": changes.of_bytes(image.read_bytes(), rng, other.read_bytes(), reach)}


def _look(folder: Path, _number: int) -> None:
    for path in folder.glob("changed.*"):
        try:
            preprocess(open_grey(path), defaults().preprocessing)
        except ImageFault as fault:
            raise DataError(str(fault)) from None


def _made(kind: str) -> Callable[[Path], None]:
    return lambda folder: good.write(kind, folder) and None


KINDS = (
    Kind(name="labels", make=_made("custom"), change=_labels, read=_read("custom")),
    Kind(name="gt_txt", make=_made("gt_txt"), change=_pairs, read=_read("gt_txt")),
    Kind(name="page", make=_made("page"), change=_sheets, read=_read("page")),
    Kind(name="alto", make=_made("alto"), change=_sheets, read=_read("alto")),
    Kind(name="parquet", make=_made("parquet"), change=_tables, read=_read("parquet")),
    Kind(name="images", make=_draw, change=_images, read=_look),
)
