"""Columns of a table that say the page and the split of each line: these become folders, as ``gt_txt`` reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from thulium.cli.start.columns import MORE_COLUMNS, SPLIT_COLUMNS
from thulium.cli.start.table import Row

SPLIT, PAGE, DOCUMENT = "split", "page", "document"
LONGEST = 200  # bytes of a folder's name; file systems take some more

Columns = dict[str, str]  # what it says -> the name of the column


def columns(there: Sequence[str], rows: Sequence[Row]) -> Columns:
    """Which of the columns of a table say so: those that do for some row."""
    found: Columns = {}
    names = {SPLIT: SPLIT_COLUMNS, PAGE: MORE_COLUMNS["page_column"], DOCUMENT: MORE_COLUMNS["document_column"]}
    for what, called in names.items():
        named = [name for name in there if name.lower() in called and any(_value(row, name) for row in rows)]
        if named:
            found[what] = named[0]
    if SPLIT in found and not any(_split(_value(row, found[SPLIT])) for row in rows):
        del found[SPLIT]  # such as the numbers of folds
    if PAGE not in found:  # a document's folder would pass for a page
        found.pop(DOCUMENT, None)
    return found


def of(row: Row, found: Columns) -> tuple[str, ...]:
    """The folders of a row, one in the other: its split, its document and its page."""
    split = _split(_value(row, found[SPLIT])) if SPLIT in found else ""
    page = _value(row, found[PAGE]) if PAGE in found else ""
    document = _value(row, found[DOCUMENT]) if page and DOCUMENT in found else ""
    return (*([split] if split else []), *_parts(document), *_parts(page))


def fault(row: Row, found: Columns) -> str:
    """What is wrong with them, if anything."""
    for what, name in found.items():
        value = row.values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int, float))):
            return f"{name!r} is neither a text nor a number: write the {what}'s name"
    split = _value(row, found[SPLIT]) if SPLIT in found else "train"
    if not _split(split):
        return f"{found[SPLIT]!r} is {split[:30]!r}: write train, val or test into each row, or into none"
    for name in of(row, found):
        if name.startswith(".") or "\0" in name or len(name.encode()) > LONGEST:
            return (
                f"{name[:30]!r} cannot be the name of a folder, which it becomes: no dot first, {LONGEST} bytes at most"
            )
    return ""


def said(table: Path, found: Columns) -> Iterator[str]:
    """What they were taken for."""
    for what, name in found.items():
        yield f"{table.name}: {name!r} says the {what} of each line, and its folder is called so now"


def _value(row: Row, column: str) -> str:
    value: Any = row.values.get(column)
    if isinstance(value, float):
        if not isfinite(value):
            return ""  # as NaN is written where a row has none
        value = int(value) if value.is_integer() else value  # as 7.0 is written where other rows have none
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def _split(value: str) -> str:
    """train, val or test; empty of another word. Only these become folders: a value may be a path that leads out."""
    from thulium.data import places

    return "" if "/" in value or "\\" in value else places.split_of(f"{value}/line") or ""


def _parts(value: str) -> Iterator[str]:
    """A page's name as folders; none is called as a split."""
    from thulium.data import places

    for part in value.replace("\\", "/").split("/"):
        if name := part.strip():
            yield name if places.split_of(f"{name}/line") is None else f"page {name}"
