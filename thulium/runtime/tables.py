r"""CSV files that a spreadsheet opens without running anything, and a terminal prints without obeying anything.

A text that a spreadsheet would take for a formula, that begins with an apostrophe, or that holds a control character
is written behind an apostrophe; there, a backslash is doubled and a control character is its code: ``=1+1`` is
written ``'=1+1``, and an apostrophe and a bell ``''\x07``. Where numbers have commas, spreadsheets part cells by
semicolons: one that a formula stands behind is its code too, so that ``a;=1+1`` is written ``'a\x3b=1+1``. Every
other text stands as it is, and so do numbers and single characters. Who reads a cell of two characters or more takes
one apostrophe off its beginning and, if there was one, undoes the rest.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from thulium.runtime.errors import DataError
from thulium.runtime.files import replace_text
from thulium.runtime.pointers import is_utf16

# Some spreadsheets pass over spaces in front of a formula, and take the wide signs for the narrow ones.
_SIGNS = r"[=+\-@＝＋－＠]"
_FORMULA = re.compile(rf"\s*{_SIGNS}")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CODED = re.compile(rf"{_CONTROL.pattern}|;(?=[\s\"]*{_SIGNS})")
_ESCAPED = re.compile(r"\\(?:(\\)|x([0-9a-f]{2}))")
QUOTE = "'"
SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs"}  # between cells; the one that the head has most often
_EMPTY = ' \r\n"' + "".join(SIGNS)  # of which the line of a row without anything is made
_SEPARATOR = re.compile(r'"?sep=([^\w\s"]|\t)"?\s*', re.IGNORECASE)  # a spreadsheet's first line


def escaped(text: str) -> str:
    """A text as it is written into a cell."""
    is_plain = len(text) == 1 or _NUMBER.fullmatch(text) or not (text.startswith(QUOTE) or _FORMULA.match(text))
    if is_plain and not _CODED.search(text):
        return text
    return QUOTE + _CODED.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\\", "\\\\"))


def unescaped(cell: str) -> str:
    """The text that a cell stands for."""
    if len(cell) < 2 or not cell.startswith(QUOTE):
        return cell
    text = _ESCAPED.sub(lambda found: found[1] or chr(int(found[2], 16)), cell[1:])
    # In a table that others wrote, an apostrophe may be the text's own, as in 'tis: we would not have written it so.
    return text if escaped(text) == cell or _FORMULA.match(text) else cell


def escaped_row(cells: Sequence[object]) -> list[object]:
    """A row as it is written: one with a semicolon begins neither like a formula nor like a number with a sign."""
    row = [escaped(cell) if isinstance(cell, str) else cell for cell in cells]
    if row and _FORMULA.match(str(row[0])) and any(";" in str(cell) for cell in row[1:]):
        row[0] = f"{QUOTE}{row[0]}"  # else it would be one with what follows, up to the semicolon
    return row


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(map(escaped_row, rows))
    replace_text(path, text.getvalue())


def read_table(path: Path, columns: Sequence[str] = (), *, lacking: str = "make it anew") -> list[dict[str, str]]:
    """The rows of such a file, as they were before they were written.

    Args:
        columns: that it must have.
        lacking: what to do where one is not there.

    Raises:
        DataError: it cannot be read, or is no such file.
    """
    return [row for _, row in read_numbered(path, columns, lacking=lacking)]


def read_numbered(
    path: Path, columns: Sequence[str] = (), *, lacking: str = "make it anew"
) -> list[tuple[int, dict[str, str]]]:
    """As ``read_table``; before each row the number of the line of the file in which it ends."""
    sign, rows = _cells(path)
    header = rows[0][1] if rows else []
    if absent := [name for name in columns if name not in header]:
        raise DataError(f"{path}: has no column {absent[0]!r}: {lacking}")
    if odd := next(((number, row) for number, row in rows if len(row) != len(header)), None):
        number, row = odd
        what = f"has {len(row)} cell{'s' * (len(row) != 1)}, its head has {len(header)}, with {SIGNS.get(sign, sign)}"
        raise DataError(f"{path}:{number}: {what} between them: put a text that has some in quotes, or make it anew")
    return [(number, dict(zip(header, map(unescaped, row), strict=True))) for number, row in rows[1:]]


def parted(lines: Iterator[str]) -> tuple[str, str, int]:
    """The sign between the cells of a table, its head, and how many lines they took.

    Where numbers have commas, spreadsheets write semicolons; some say so in a line before the head, and write empty
    rows before it, too.
    """
    said, taken = "", 0
    for taken, head in enumerate(lines, 1):
        if not said and (found := _SEPARATOR.fullmatch(head)):
            said = found[1]
        elif head.strip(_EMPTY):
            return said or max(SIGNS, key=head.count), head, taken
    return said or next(iter(SIGNS)), "", taken


def _cells(path: Path) -> tuple[str, list[tuple[int, list[str]]]]:
    """The sign between the cells of a file, and its rows with their lines, those that are empty left out."""
    rows: list[tuple[int, list[str]]] = []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:  # spreadsheets write a byte order mark
            sign, head, taken = parted(file)
            reader = csv.reader(chain([head], file), delimiter=sign, strict=True)
            rows += ((reader.line_num + taken - 1, row) for row in reader)
            return sign, [(line, row) for line, row in rows if row]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(_no_table(path, error, rows[-1][0] + 1 if rows else 1)) from None


def _no_table(path: Path, error: Exception, line: int) -> str:
    """What is wrong with a file that cannot be read as a table, and what to do.

    Args:
        line: in which the row begins that cannot be read.
    """
    if Path(path).suffix == ".safetensors":
        what = "is a model, and what it has read is asked for: `thulium evaluate --model` writes it to predictions.csv"
        return f"{path}: {what}"
    if is_utf16(path.read_bytes()):
        return f"{path}: is not UTF-8, but UTF-16 by its look: save it as 'CSV UTF-8'"
    if isinstance(error, csv.Error):
        what = f"is no CSV file from here on ({error}): put a text with quotation marks in quotes, each of them twice"
        return f"{path}:{line}: {what}, or make it anew"
    return f"{path}: is no CSV file in UTF-8 ({error}): make it anew"
