"""What a language model of the training lines learns from besides: ``evaluation.decoding.more_text``."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from thulium.data.bidi import scripts
from thulium.data.line import SplitName
from thulium.data.prepared import Prepared
from thulium.data.text import is_blank, normalize
from thulium.data.textfile import UnreadableText, read_rows
from thulium.runtime.errors import DataError
from thulium.runtime.progress import say
from thulium_dsl.grammar import zoo

# Times that the training lines are learned from, which are of the hand in question. A mixture of two models guesses
# lines better than one model of both, and reads no better (docs/experiments.md).
OWN = 3
KEY = "evaluation.decoding.more_text"
PLAIN = "save its text alone, a line in each row"
OTHER = "a language model is named in language_model"
# How files begin that are taken for texts by mistake, what they are, and what to do.
NO_TEXT = (
    ("\\data\\", "a language model", OTHER),
    ("# thulium:", "a language model", OTHER),
    ("# yaml-language-server:", "a document of Thulium", PLAIN),
    ("<", "a file with markup", PLAIN),
    ("{\\rtf", "a file of a word processor", PLAIN),
    ("%PDF", "a PDF", PLAIN),
    ("{", "JSON", PLAIN),
    ("[{", "JSON", PLAIN),
)
OF_AN_IMAGE = re.compile(r"\S+\.(png|jpe?g|tiff?|webp|bmp)[ \t,;]", re.IGNORECASE)
UNWRITTEN = re.compile("[\0-\x08\x0e-\x1f\x7f]")
LARGE = 20_000_000  # characters, from which on it is said that a model of them takes long
LONG = 15  # characters; shorter lines stand in many a text
LOOKED_AT = 500  # lines of a split
MAY_BE_CHANCE = 0.01  # of the lines: formulas stand in more than one text
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
    return own if more == "none" else own * OWN + rows_of(data, more)


def rows_of(data: Prepared, more: str, key: str = KEY) -> list[str]:
    """More text alone, in the form of the prepared lines.

    Args:
        more: a text of the zoo, or a file.
        key: where it was named, for messages.
    """
    symbols = data.symbols
    table = str.maketrans({odd: twin for odd, twin in TWINS if odd not in symbols and twin in symbols})
    rows = [normalize(row, data.text).translate(table) for row in _rows(more, key)]
    found = [row for row in rows if not is_blank(row)]
    _check_script(found, more, symbols, key)
    if (characters := sum(map(len, found))) > LARGE:
        say(
            f"{more}: {characters / 1e6:.0f} million characters: a language model of them takes a minute or more and "
            "some gigabytes, each time that it is made\n"
            "  help: take a part of it; a million characters of texts like yours do most of what a text can do"
        )
    return found


def say_what_is_known(rows: Sequence[str], data: Prepared, split: SplitName, more: str, key: str = KEY) -> int:
    """Warn where lines that judge stand in a text, word for word: they are no longer hard to guess.

    Returns:
        How many of the lines stand there, of those that were looked at: LOOKED_AT at most, of LONG characters or more.
    """
    looked_at = spread([text for text in data.split(split).texts if len(text) >= LONG])
    whole = "\n".join(rows)
    known = [text for text in looked_at if text in whole]
    if known and len(known) > MAY_BE_CHANCE * len(looked_at):
        say(
            f"warning: {key}: {len(known)} of {len(looked_at)} lines of {split} stand in {more} word for word, such as "
            f"{known[0]!r}: the language model knows them beforehand, and the figures will be too good\n"
            "  help: take these lines out of the text"
        )
        return len(known)
    return 0


def spread(texts: Sequence[str]) -> list[str]:
    """LOOKED_AT texts at most, as far apart from each other as there are many."""
    apart = max(1, -(-len(texts) // LOOKED_AT))
    return [text for place, text in enumerate(texts) if place % apart == 0]


def file_of(more: str) -> Path:
    """The file that is meant."""
    known = zoo.text_of(more)
    return known.path if known else Path(more)


def _check_script(rows: list[str], more: str, symbols: Collection[str], key: str) -> None:
    """Refuse a text that is mostly in other scripts than the transcriptions: nothing would come of it.

    By scripts and not by letters: a register in capitals, or of few lines, lacks most letters of its own script.
    """
    own, counts = scripts("".join(symbols)), Counter(char for row in rows for char in row if char.isalpha())
    written = sum(count for char, count in counts.items() if scripts(char).keys() & own.keys())
    if not rows:
        raise DataError(f"{key}: {more} holds no line of text\n  help: write its rows, or leave it out")
    if counts and 2 * written <= counts.total():
        raise DataError(
            f"{key}: {written:,} of the {counts.total():,} letters of {more} are in a script of the transcriptions\n"
            "  help: name a text in their script, or leave it out"
        )


def _rows(more: str, key: str) -> list[str]:
    known = zoo.text_of(more)
    if known is None:
        return _rows_of(Path(more), key)
    content = known.path.read_bytes() if known.path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != known.sha256:
        raise DataError(
            f"{key}: {known.path} is not the file of {more} that travels with Thulium\n  help: install Thulium anew"
        )
    return gzip.decompress(content).decode("utf-8").split("\n")


def _rows_of(file: Path, key: str) -> list[str]:
    try:
        rows = read_rows(file)
    except UnreadableText as error:
        help_ = f"\n  help: {key} names this file: put a text there, a line in each row"
        raise DataError(f"{key}: {error.where}: {error.what}{help_}") from None
    first = rows[0][1].lstrip()
    kind, do = next(((kind, do) for begins, kind, do in NO_TEXT if first.startswith(begins)), ("", ""))
    if OF_AN_IMAGE.match(first):
        kind, do = "a table whose rows begin with the names of images", PLAIN
    if kind:
        raise DataError(f"{key}: {file}:{rows[0][0]}: is no text, but {kind}\n  help: {do}")
    for number, row in rows:
        if odd := UNWRITTEN.search(row):
            raise DataError(
                f"{key}: {file}:{number}: has the control character U+{ord(odd[0]):04X}, which no text has\n"
                "  help: save it as plain text, a line in each row"
            )
    return [row for _, row in rows]
