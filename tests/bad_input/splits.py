"""Which line is in which split, by hashes, lists and the table of writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bad_input.cases import Table

BY_LISTS = {f"{split}_list": f"{split}.txt" for split in ("train", "val", "test")}

_table = Table("gt_txt")


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


CASES = _table.cases
