"""Which line is in which split, by hashes, lists and the table of writers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bad_input.cases import Table

BY_LISTS = {f"{split}_list": f"{split}.txt" for split in ("train", "val", "test")}

_table, _pages = Table("gt_txt"), Table("page")


def _lists(root: Path, **more: str | bytes) -> None:
    """The three lists as the folders have it; some with something behind."""
    for split in ("train", "val", "test"):
        content = more.get(split, "")
        content = content.encode() if isinstance(content, str) else content
        (root.parent.parent / f"{split}.txt").write_bytes(f"{split}/p0\n".encode() + content)


def _by(kind: str, **more: Any) -> dict[str, Any]:
    return {"split": {"val": 0.1, "test": 0.1, "by": kind, "seed": 1}, **more}


@_table.refused("Three pages, of which chance puts none into val", "val", document=_by("page"))
def _few_pages(_root: Path) -> None:
    pass


@_table.refused("Two pages for three splits", "val", document=_by("page"))
def _two_pages(root: Path) -> None:
    for path in (root / "test" / "p0").iterdir():
        path.unlink()


@_table.kept("Lists of pages", document=BY_LISTS)
def _good_lists(root: Path) -> None:
    _lists(root)


@_table.skippable(
    "A name in a list that no page has", "train.txt:2", skipped={"unknown name in a list": 1}, lost=0, document=BY_LISTS
)
def _unknown_name(root: Path) -> None:
    _lists(root, train="train/p7\n")


@_table.refused("A name in two lists", "val.txt:2", "train.txt:1", document=BY_LISTS)
def _two_lists(root: Path) -> None:
    _lists(root, val="train/p0\n")


@_table.left_out(
    "A line that no list names", "data/lines/extra/000.png", skipped={"in no list": 1}, lost=0, document=BY_LISTS
)
def _in_no_list(root: Path) -> None:
    _lists(root)
    (root / "extra").mkdir()
    for ending in ("png", "gt.txt"):
        (root / "extra" / f"000.{ending}").write_bytes((root / "val" / "p0" / f"000.{ending}").read_bytes())


@_table.refused("An empty list", "test.txt:1", document=BY_LISTS)
def _empty_list(root: Path) -> None:
    _lists(root)
    (root.parent.parent / "test.txt").write_text("")


@_table.refused("A list that is not there", "test.txt", document=BY_LISTS)
def _no_list(root: Path) -> None:
    _lists(root)
    (root.parent.parent / "test.txt").unlink()


@_table.refused("A list that is not UTF-8", "val.txt:2", document=BY_LISTS)
def _latin1(root: Path) -> None:
    _lists(root, val="café\n".encode("latin-1"))


@_table.refused(
    "A row without a tab in the table of writers", "writers.tsv:2", document=_by("writer", writers="writers.tsv")
)
def _no_tab(root: Path) -> None:
    (root.parent.parent / "writers.tsv").write_text("train/p0\tAnna\nval/p0 Berta\n")


@_table.refused(
    "Pages whose writer is not known", "data/lines/val/p0/000.png", document=_by("writer", writers="writers.tsv")
)
def _no_writer(root: Path) -> None:
    (root.parent.parent / "writers.tsv").write_text("train/p0\tAnna\ntest/p0\tBerta\n")


@_table.kept("Lists as a spreadsheet saves them: byte order mark, Windows line ends, empty cells", document=BY_LISTS)
def _spreadsheet(root: Path) -> None:
    for split in ("train", "val", "test"):
        (root.parent.parent / f"{split}.txt").write_bytes(f"\ufeff{split}/p0\t\t\r\n\r\n".encode())


@_table.refused("A list with two columns", "train.txt:2", "'x'", document=BY_LISTS)
def _two_columns(root: Path) -> None:
    _lists(root, train="train/p0\tx\n")


def _page_lists(root: Path, *names: str) -> None:
    """Lists of the four good pages, as somebody writes them."""
    for split, written in zip(("train", "val", "test"), (f"{names[0]}\n{names[1]}", *names[2:]), strict=True):
        (root.parent.parent / f"{split}.txt").write_text(f"{written}\n", encoding="utf-8")


@_pages.kept("Lists with the endings of files, with folders, and in other letter case", document=BY_LISTS)
def _endings(root: Path) -> None:
    _page_lists(root, "train/p0.xml", "data/pages/train/p1.png", "P2.XML", "test\\p3")


@_pages.refused("A name in a list that two pages have", "train.txt:1", "'p0'", "'val/p0'", document=BY_LISTS)
def _two_pages_of_a_name(root: Path) -> None:
    shutil.copy(root / "train" / "p0.png", root / "val")
    shutil.copy(root / "train" / "p0.xml", root / "val")
    _page_lists(root, "p0", "p1", "p2", "p3")


@_pages.refused("One page in two lists, written in two ways", "val.txt:1", "train.txt:1", document=BY_LISTS)
def _two_ways(root: Path) -> None:
    _page_lists(root, "train/p0.xml", "p1", "train/P0", "p3")


CASES = [*_table.cases, *_pages.cases]
