"""Text files as people's editors write them."""

from __future__ import annotations

from pathlib import Path

from thulium.errors import DataError


def read_text(path: Path) -> str:
    """A UTF-8 text file, with or without a byte order mark; line breaks of every system become \\n.

    Raises:
        DataError: it is not there, or not UTF-8; names the row.
    """
    try:
        content = path.read_bytes()
        if content.count(b"\0") > len(content) // 4:
            raise DataError(f"{path}:1: is not UTF-8 text, but UTF-16 by its look: save it as UTF-8")
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        row = before.count(b"\n") + 1
        raise DataError(f"{path}:{row}: is not UTF-8 text: save it as UTF-8") from None
    except FileNotFoundError:
        raise DataError(f"{path}: no such file: put it there, or correct its name") from None
    except (IsADirectoryError, NotADirectoryError):
        raise DataError(f"{path}: is not a file: put the text file there") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}): copy it anew, or change its permissions") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_rows(path: Path) -> list[tuple[int, str]]:
    """The rows of a text file that hold something, with their numbers, which count from 1.

    Raises:
        DataError: as ``read_text``; or there is no such row.
    """
    rows = [(number, row) for number, row in enumerate(read_text(path).split("\n"), 1) if row.strip()]
    if not rows:
        raise DataError(f"{path}:1: is empty: write its rows, or take its name out of the document")
    return rows
