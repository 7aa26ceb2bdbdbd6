"""What a language model of the training lines learns from besides: ``evaluation.decoding.more_text``."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path

from thulium.data.prepared import Prepared
from thulium.data.text import normalize
from thulium.data.textfile import read_rows
from thulium.runtime.errors import DataError
from thulium_dsl.grammar import zoo

# Times that the training lines are learned from, which are of the hand in question. One model of both reads better than
# a mixture of two, although that one guesses lines better (docs/experiments.md).
OWN = 3
# An apostrophe has two shapes, and a collection has one of them: a text with the other one is brought to it.
TWINS = (("'", "\u2019"), ("\u2019", "'"))


def texts_of(data: Prepared, more: str, symbols: Collection[str]) -> list[str]:
    """The training lines, and more text in the same form, in logical order.

    Args:
        more: ``none``, a text of the zoo, or a file.
        symbols: that the model writes.

    Raises:
        DataError: the text cannot be read, or has no line.
    """
    own = list(data.split("train").texts)
    if more == "none":
        return own
    table = str.maketrans({odd: twin for odd, twin in TWINS if odd not in symbols and twin in symbols})
    rows = [normalize(row, data.text).translate(table) for row in _rows(more)]
    found = [row for row in rows if row]
    if not found:
        raise DataError(f"evaluation.decoding.more_text: {more} holds no line of text")
    return own * OWN + found


def file_of(more: str) -> Path:
    """The file that is meant."""
    known = zoo.text_of(more)
    return known.path if known else Path(more)


def _rows(more: str) -> Iterator[str]:
    known = zoo.text_of(more)
    if known is None:
        yield from (row for _, row in read_rows(Path(more)))
        return
    content = known.path.read_bytes() if known.path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != known.sha256:
        raise DataError(
            f"evaluation.decoding.more_text: {known.path} is not the file of {more} that travels with Thulium\n"
            "  help: install Thulium anew"
        )
    yield from gzip.decompress(content).decode("utf-8").splitlines()
