"""Text files as people's editors write them."""

from __future__ import annotations

from pathlib import Path

from thulium.data.images.formats import verdict
from thulium.runtime.errors import DataError, visible
from thulium.runtime.pointers import SIZE, absent, is_utf16, pointer


class UnreadableText(DataError):
    """A text file that cannot be read.

    Attributes:
        where: the file, with ``:row`` where one is to blame.
        what: a sentence that goes on from it.
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(visible(f"{where}: {what}"))
        self.where = where
        self.what = what


def read_text(path: Path) -> str:
    """A UTF-8 text file, with or without a byte order mark; line breaks of every system become \\n.

    Raises:
        UnreadableText: it is not there, not UTF-8, or stands for another file; names the row.
    """
    content = _content(path)
    if said := pointer(content[:SIZE]):
        raise UnreadableText(str(path), said)
    if is_utf16(content):
        raise UnreadableText(f"{path}:1", "is not UTF-8 text, but UTF-16 by its look: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        row = before.count(b"\n") + 1
        if what := verdict(content[:SIZE]):
            kinds = "; word processors save such files" if content.startswith(b"PK") else ""
            raise UnreadableText(str(path), f"{what}{kinds}: save its text alone, as UTF-8") from None
        raise UnreadableText(f"{path}:{row}", "is not UTF-8 text: save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        what = absent(path) or "no such file: put it there, or correct its name"
    except (IsADirectoryError, NotADirectoryError):
        what = "is not a file: put the text file there"
    except OSError as error:
        what = f"cannot be read ({error.strerror}): copy it anew, or change its permissions"
    raise UnreadableText(str(path), what)


def read_rows(path: Path) -> list[tuple[int, str]]:
    """The rows of a text file that hold something, with their numbers, which count from 1.

    Raises:
        UnreadableText: as ``read_text``; or there is no such row.
    """
    rows = [(number, row) for number, row in enumerate(read_text(path).split("\n"), 1) if row.strip()]
    if not rows:
        raise UnreadableText(f"{path}:1", "is empty: write its rows, or take its name out of the document")
    return rows
