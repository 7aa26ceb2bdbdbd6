"""Text files that name pages: the lists of the splits, and the table of writers; and which names their rows mean.

A row names a line, a page or a document. It may be written as people find it in their file manager: with the ending of
the XML or of the image, with folders before it, in other letter case; as long as only one name can be meant.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from thulium.data.images.formats import IMAGE_ENDINGS
from thulium.data.line import Fault, Origin
from thulium.data.textfile import read_rows

Parts = tuple[str, ...]

ENDINGS = (".gt.txt", ".xml", ".parquet")
VARIANTS = (".nrm", ".bin", ".dew")  # of an image, between its name and its ending
XML_FOLDERS = (("page",), ("alto",))  # which a page's name leaves out
SUGGESTED = 3  # names, where a row may mean any of them


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: a name, what the file says of it, and file:row."""

    name: str
    value: str
    place: str


def read_list(path: Path, value: str, faults: list[Fault]) -> list[Row]:
    """The rows of a list of names, each with the same value. What a spreadsheet puts behind a name is empty cells.

    Raises:
        DataError: as ``read_rows``.
    """
    rows = []
    for number, row in read_rows(path):
        cells = [cell for cell in row.split("\t") if cell.strip()]
        if len(cells) == 1:
            rows.append(Row(nfc(cells[0].strip()), value, f"{path}:{number}"))
        else:
            what = f"has {len(cells)} columns, {' and '.join(map(repr, cells[:2]))}: leave one, the name"
            faults.append(Fault(reason="not a name", where=f"{path}:{number}", what=what))
    return rows


def read_table(path: Path, faults: list[Fault]) -> list[Row]:
    """The rows of a table of writers: a page, a tab, its writer.

    Raises:
        DataError: as ``read_rows``.
    """
    rows = []
    for number, row in read_rows(path):
        page, _, writer = row.partition("\t")
        if page.strip() and writer.strip():
            rows.append(Row(nfc(page.strip()), writer.strip(), f"{path}:{number}"))
        else:
            what = "the row should be a page, a tab and its writer"
            faults.append(Fault(reason="table of writers", where=f"{path}:{number}", what=what))
    return rows


@dataclass(slots=True)
class Names:
    """The names of a data set, as far as they are known before its lines are read.

    Attributes:
        root: the folder of the data, absolute.
        all, pages: names of lines, pages and documents; of pages alone.
        has_lines: whether those of lines are known.
    """

    root: Path
    all: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)
    has_lines: bool = False
    _by_last: dict[str, dict[str, Parts]] = field(default_factory=dict)  # last part -> names that end so, and theirs

    @classmethod
    def of(cls, origins: Iterable[Origin], root: str) -> Names:
        """The names of lines, pages and documents."""
        names = cls(Path(root).absolute())
        for origin in origins:
            names.pages.add(origin.page)
            names.has_lines = names.has_lines or bool(origin.id)
            names.all.update(filter(None, (origin.id, origin.page, origin.document)))
        return names

    def meant(self, written: str) -> list[str]:
        """The names that a row may mean: itself, if it is one; else those that it is another way of writing of."""
        parts = _parts(written)
        if written in self.all:
            return [written]
        if not parts:
            return []
        found = self._ending_in(parts[-1])
        same = [name for name, others in found.items() if others == parts or self._is_below_root(parts, others)]
        ending = [name for name, others in found.items() if others[-len(parts) :] == parts]
        return same or ending or self._lines(written)

    def similar(self, written: str) -> list[str]:
        """Names that somebody may have had in mind, the likeliest first."""
        parts = _parts(written)
        found = list(self._ending_in(parts[-1])) if parts else []
        if not found and parts and parts[-1].isdecimal():  # a spreadsheet takes 0007 for a number
            found = [name for last in self._by_last if last.lstrip("0") == parts[-1] for name in self._by_last[last]]
        return (found or difflib.get_close_matches(written, sorted(self.pages), SUGGESTED))[:SUGGESTED]

    def _ending_in(self, last: str) -> dict[str, Parts]:
        if not self._by_last:  # made when a name is first written otherwise: there may be millions of lines
            for name in sorted(self.all):
                if parts := _parts(name):
                    self._by_last.setdefault(parts[-1], {})[name] = parts
        return self._by_last.get(last, {})

    def _lines(self, written: str) -> list[str]:
        """Lines of pages that are there: those of XML are known only when it is read."""
        page, _, line = written.rpartition("/")
        if self.has_lines or not page or not line:
            return []
        return [f"{name}/{line}" for name in self.meant(page) if name in self.pages]

    def _is_below_root(self, parts: Parts, others: Parts) -> bool:
        """Whether a path names something by folders above the root, or by its whole path."""
        above, root = parts[: -len(others)], tuple(part.casefold() for part in self.root.parts[1:])
        root = root[:-1] if root[-1:] in XML_FOLDERS else root
        return parts[-len(others) :] == others and bool(above) and root[-len(above) :] == above


def resolve(rows: Iterable[Row], names: Names, clash: str, faults: list[Fault]) -> tuple[dict[str, Row], list[Row]]:
    """What the rows name: name -> its row; and the rows that name nothing.

    A row that may mean several names, and two rows that say different things of one name, are faults.

    Args:
        clash: what is wrong with a name of which two rows say different things.
    """
    resolved: dict[str, Row] = {}
    unknown: list[Row] = []
    for row in rows:
        meant = names.meant(row.name)
        if not meant:
            unknown.append(row)
        elif len(meant) > 1:
            shown = " or ".join(map(repr, meant[:SUGGESTED])) + (" or others" if len(meant) > SUGGESTED else "")
            what = f"{row.name!r} may be {shown}: write the name in full"
            faults.append(Fault(reason="name of several pages", where=row.place, what=what))
        elif (before := resolved.setdefault(meant[0], row)).value != row.value:
            name = repr(row.name) if row.name in (meant[0], before.name) else f"{row.name!r} is {meant[0]!r}, which"
            what = f"{name} {clash}, {before.place}: keep one of them"
            faults.append(Fault(reason="named twice", where=row.place, what=what))
    return resolved, unknown


def unknown_name(row: Row, names: Names) -> Fault:
    """The fault of a row that names nothing."""
    similar = names.similar(row.name)
    hint = f"did you mean {' or '.join(map(repr, similar))}? Correct" if similar else "correct"
    what = f"no page, document or line is named {row.name!r}: {hint} the name, or remove the row"
    return Fault(reason="unknown name in a list", where=row.place, what=what, num_lines=0)


def nfc(text: str) -> str:
    """A name as names are compared: some systems write an accented letter as two characters, some as one."""
    return unicodedata.normalize("NFC", text)


def _parts(name: str) -> Parts:
    """The folders and the last part of a name, as they are compared where names are not written alike."""
    parts = tuple(part for part in re.split(r"[/\\]", nfc(name).strip('"').casefold()) if part not in ("", "."))
    if not parts or ".." in parts:
        return ()
    folders = parts[:-1]
    return (*(folders[:-1] if folders[-1:] in XML_FOLDERS else folders), _without_endings(parts[-1]))


def _without_endings(name: str) -> str:
    while True:
        ending = Path(name).suffix
        if shorter := next((name.removesuffix(end) for end in ENDINGS if name.endswith(end)), ""):
            name = shorter
        elif ending in IMAGE_ENDINGS or ending in VARIANTS:
            name = name.removesuffix(ending)
        else:
            return name
