"""Columns of a table that say the page and the split of each line: these become folders, as ``gt_txt`` reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from thulium.cli.start.columns import MORE_COLUMNS, SPLIT_COLUMNS
from thulium.cli.start.table import Row

SPLIT, PAGE, DOCUMENT = "split", "page", "document"
LONGEST = 200  # bytes of a folder's name; file systems take some more

Columns = dict[str, str]  # what it says -> the name of the column


def columns(there: Sequence[str], rows: Sequence[Row]) -> Columns:
    """Which of the columns of a table say so."""
    found: Columns = {}
    names = {SPLIT: SPLIT_COLUMNS, PAGE: MORE_COLUMNS["page_column"], DOCUMENT: MORE_COLUMNS["document_column"]}
    for what, called in names.items():
        if named := [name for name in there if name.lower() in called]:
            found[what] = named[0]
    if SPLIT in found and not all(_is_split(_value(row, found[SPLIT])) for row in rows):
        del found[SPLIT]
    if PAGE not in found:  # a document's folder would pass for a page
        found.pop(DOCUMENT, None)
    return found


def of(row: Row, found: Columns) -> tuple[str, ...]:
    """The folders of a row, one in the other: its split, its document and its page."""
    split = _value(row, found[SPLIT]) if SPLIT in found else ""
    page = _value(row, found[PAGE]) if PAGE in found else ""
    document = _value(row, found[DOCUMENT]) if page and DOCUMENT in found else ""
    return (*([split] if split else []), *_parts(document), *_parts(page))


def fault(folders: Sequence[str]) -> str:
    """What is wrong with them, if anything."""
    for name in folders:
        if name.startswith(".") or "\0" in name or len(name.encode()) > LONGEST:
            return f"the page {name[:30]!r} cannot be the name of a folder: call it otherwise"
    return ""


def said(table: Path, found: Columns) -> Iterator[str]:
    """What they were taken for."""
    for what, name in found.items():
        yield f"{table.name}: {name!r} says the {what} of each line, and its folder is called so now"


def _value(row: Row, column: str) -> str:
    value = row.values.get(column)
    return str(value).strip() if isinstance(value, (str, int)) else ""


def _is_split(value: str) -> bool:
    from thulium.data import places

    return not value or places.split_of(f"{value}/line") is not None


def _parts(value: str) -> Iterator[str]:
    """A page's name as folders; none is called as a split."""
    from thulium.data import places

    for part in value.replace("\\", "/").split("/"):
        if name := part.strip():
            yield name if places.split_of(f"{name}/line") is None else f"page {name}"
