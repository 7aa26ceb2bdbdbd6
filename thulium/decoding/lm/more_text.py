"""What a language model of the training lines learns from besides: ``evaluation.decoding.more_text``."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from thulium.data.prepared import Prepared
from thulium.data.text import is_blank, normalize
from thulium.data.textfile import UnreadableText, read_rows
from thulium.runtime.errors import DataError
from thulium_dsl.grammar import zoo

# Times that the training lines are learned from, which are of the hand in question. A mixture of two models guesses
# lines better than one model of both, and reads no better (docs/experiments.md).
OWN = 3
KEY = "evaluation.decoding.more_text"
NO_TEXT = ("\\data\\", "# thulium:", "# yaml-language-server:")  # how files begin that are taken for texts by mistake
# An apostrophe has two shapes, and a collection has one of them: a text with the other one is brought to it.
TWINS = (("'", "\u2019"), ("\u2019", "'"))


def texts_of(data: Prepared, more: str) -> list[str]:
    """The training lines, and more text in the same form, in logical order.

    What counts are the characters of the prepared lines: a model that started from another one may write more.

    Args:
        more: ``none``, a text of the zoo, or a file.

    Raises:
        DataError: the text cannot be read, or has no line.
    """
    own = list(data.split("train").texts)
    if more == "none":
        return own
    symbols = data.symbols
    table = str.maketrans({odd: twin for odd, twin in TWINS if odd not in symbols and twin in symbols})
    rows = [normalize(row, data.text).translate(table) for row in _rows(more)]
    found = [row for row in rows if not is_blank(row)]
    _check_script(found, more, symbols)
    return own * OWN + found


def file_of(more: str) -> Path:
    """The file that is meant."""
    known = zoo.text_of(more)
    return known.path if known else Path(more)


def _check_script(rows: list[str], more: str, symbols: Collection[str]) -> None:
    """Refuse a text that is mostly of other letters than the transcriptions: nothing would come of it."""
    counts = Counter(char for row in rows for char in row if char.isalpha())
    written = sum(count for char, count in counts.items() if char in symbols)
    if not rows:
        raise DataError(f"{KEY}: {more} holds no line of text\n  help: write its rows, or 'more_text: none'")
    if counts and 2 * written <= counts.total():
        raise DataError(
            f"{KEY}: the transcriptions have {written:,} of the {counts.total():,} letters of {more}\n"
            "  help: name a text in their script, or write 'more_text: none'"
        )


def _rows(more: str) -> list[str]:
    known = zoo.text_of(more)
    if known is None:
        return _rows_of(Path(more))
    content = known.path.read_bytes() if known.path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != known.sha256:
        raise DataError(
            f"{KEY}: {known.path} is not the file of {more} that travels with Thulium\n  help: install Thulium anew"
        )
    return gzip.decompress(content).decode("utf-8").split("\n")


def _rows_of(file: Path) -> list[str]:
    try:
        rows = [row for _, row in read_rows(file)]
    except UnreadableText as error:
        help_ = f"\n  help: {KEY} names this file: put a text there, a line in each row, or write 'none'"
        raise DataError(f"{KEY}: {error.where}: {error.what}{help_}") from None
    if rows[0].startswith(NO_TEXT):
        raise DataError(
            f"{KEY}: {file}:1: is no text, but a language model or another file of Thulium\n"
            "  help: a language model is named in language_model"
        )
    return rows
