"""The good data set of each kind, before it is spoilt: few lines, tiny images, nothing to report."""

from __future__ import annotations

import atexit
import json
import shutil
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import lab
import lab_data
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

PAGES = (("train", "p0"), ("train", "p1"), ("val", "p2"), ("test", "p3"))
ROOTS = {"gt_txt": "data/lines", "page": "data/pages", "alto": "data/pages", "parquet": "data/tables"}
LINES = {split: len(texts) for split, texts in lab.TEXTS.items()}
COUNTS: dict[str, dict[str, int]] = {
    "custom": LINES,
    "gt_txt": LINES,
    "parquet": LINES,
    "page": {"train": 8, "val": 4, "test": 4},
    "alto": {"train": 8, "val": 4, "test": 4},
}


def write(kind: str, folder: Path) -> Path:
    """Write data/ into a folder; returns what a case spoils: data/ of custom, the root of the other kinds."""
    shutil.copytree(_drawn(kind), folder, dirs_exist_ok=True)
    return folder / ROOTS.get(kind, "data")


@lru_cache
def _drawn(kind: str) -> str:
    """A folder with the data of a kind, drawn once, and removed when the process ends."""
    place = mkdtemp()
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    root = Path(place) / ROOTS.get(kind, "data")
    draw = {
        "custom": lab.write_data,
        "gt_txt": _pairs,
        "page": partial(_pages, sheet=lab_data.page_xml),
        "alto": partial(_pages, sheet=lab_data.alto_xml),
        "parquet": _tables,
    }
    draw[kind](root)
    return place


def document(kind: str, on_error: str, changes: Mapping[str, Any]) -> str:
    """A document for the data: the splits as they lie, one process."""
    dataset: dict[str, Any] = {"type": kind, "on_error": on_error, "max_skipped": 1.0}
    if kind != "custom":
        dataset |= {"root": ROOTS[kind], "split": {"by": "given"}}
    whole: dict[str, Any] = {
        "dataset": dataset,
        "preprocessing": {"height": 32, "max_width": 512},
        "resources": {"prepare_workers": 1},
    }
    for name, value in changes.items():
        section, _, key = name.rpartition("/")
        whole.setdefault(section or "dataset", {})[key] = value
    return json.dumps(whole, ensure_ascii=False, indent=2)  # which is YAML, with every text in quotes


def _pairs(root: Path) -> None:
    for split, texts in lab.TEXTS.items():
        folder = root / split / "p0"
        folder.mkdir(parents=True)
        for number, text in enumerate(texts):
            lab_data.draw_line(text).save(folder / f"{number:03}.png")
            (folder / f"{number:03}.gt.txt").write_text(f"{text}\n", encoding="utf-8")


def _pages(root: Path, sheet: Callable[[str, tuple[int, int], int], str]) -> None:
    for number, (split, name) in enumerate(PAGES):
        folder = root / split
        folder.mkdir(parents=True, exist_ok=True)
        image = _page_image(number)
        image.save(folder / f"{name}.png")
        text = sheet(f"{name}.png", image.size, number)
        # A row for each line, so that messages have rows to name.
        text = text.replace("?><", "?>\n<").replace("<TextLine", "\n<TextLine")
        (folder / f"{name}.xml").write_text(text, encoding="utf-8")


def _page_image(number: int) -> Image.Image:
    image = Image.new("L", (420, 2 * lab_data.TOP + lab_data.LINE_HEIGHT * len(lab_data.PAGE_TEXTS)), 230)
    for place, text in enumerate(lab_data.PAGE_TEXTS):
        corner = (lab_data.LEFT, lab_data.TOP + lab_data.LINE_HEIGHT * place)
        ImageDraw.Draw(image).text(corner, f"{text} {number}", fill=20, font_size=30)
    return image


def rows(split: str) -> list[dict[str, Any]]:
    """The rows of a split's table."""
    return [{"image": {"bytes": _png(text)}, "text": text} for text in lab.TEXTS[split]]


@lru_cache
def _png(text: str) -> bytes:
    return lab_data.png_of(lab_data.draw_line(text))


def write_table(path: Path, content: list[dict[str, Any]], **columns: pa.DataType) -> None:
    """A parquet file of rows; some columns of a type of their own."""
    table = pa.Table.from_pylist(content)
    for name, kind in columns.items():
        values = pa.array([row[name] for row in content], kind)
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pq.write_table(table, path)


def _tables(root: Path) -> None:
    root.mkdir(parents=True)
    for split in lab.TEXTS:
        write_table(root / f"{split}.parquet", rows(split))
