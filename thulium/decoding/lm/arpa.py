"""Language models as text, in the ARPA format that SRILM, KenLM and others read and write.

A token is one character. White space and what cannot be seen is written as <space> or <U+00A0>. A file whose name ends
with .gz is compressed, to a quarter; whether one that is read is, its content says.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast, get_args

from thulium.data.bidi import Order
from thulium.decoding.lm.ngrams import BEGIN, END, UNKNOWN, NgramModel
from thulium.runtime.errors import DataError, visible
from thulium.runtime.files import replace_bytes
from thulium.runtime.pointers import SIZE, absent, pointer

SPECIAL = {BEGIN: "<s>", END: "</s>", UNKNOWN: "<unk>", " ": "<space>"}
TOKENS = {token: symbol for symbol, token in SPECIAL.items()} | {"<UNK>": UNKNOWN}
NUMBERED = re.compile(r"<U\+([0-9A-F]{4,6})>")
LONGEST = 32  # symbols in an n-gram; three times what any use of characters has
LONGEST_LINE = 10_000  # characters: no n-gram of characters needs as many
LARGEST = 1000.0  # log10 of a probability or a back-off, up or down
ROUNDING = 1e-6  # log10 by which a probability that was rounded may lie above 1
ORDERS: dict[str, Order] = {order: order for order in get_args(Order)}
READING = re.compile(r"# thulium: characters in (\w+) order")  # KenLM passes over such lines
BINARY = b"mmap lm http://kheafield.com/code"  # what KenLM's own files begin with
GZIP = b"\x1f\x8b"
NEVER = -99.0  # log10 p of what is never predicted, by custom

BESIDE = "language_model.arpa.gz"  # beside a model file, and travels with it
HELP = "write one with `thulium lm`"


def write(model: NgramModel, path: Path) -> None:
    """Write a model, whole or not at all. The same model gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{line}\n" for line in _lines(model)).encode("utf-8")
    replace_bytes(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _lines(model: NgramModel) -> Iterator[str]:
    grams: list[list[str]] = [[] for _ in range(model.order)]
    for gram in sorted({*model.log_probs, BEGIN}):
        grams[len(gram) - 1].append(gram)
    if model.reading:
        yield f"# thulium: characters in {model.reading} order"
    yield "\\data\\"
    yield from (f"ngram {length}={len(level)}" for length, level in enumerate(grams, 1))
    for length, level in enumerate(grams, 1):
        yield from ("", f"\\{length}-grams:")
        for gram in level:
            log_prob = model.log_probs[gram] / math.log(10) if gram in model.log_probs else NEVER
            backoff = f"\t{model.backoffs[gram] / math.log(10):.6f}" if gram in model.backoffs else ""
            yield f"{log_prob:.6f}\t{' '.join(map(_token, gram))}{backoff}"
    yield from ("", "\\end\\")


def _token(symbol: str) -> str:
    if symbol in SPECIAL:
        return SPECIAL[symbol]
    return symbol if symbol.isprintable() and not symbol.isspace() else f"<U+{ord(symbol):04X}>"


def read(path: Path) -> NgramModel:
    """Read a model of characters.

    Raises:
        DataError: it is not there, is none, or is one of words; with the line where that shows.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(SIZE)
        if said := pointer(head):
            raise DataError(f"{path}: {said}")
        if head.startswith(BINARY):
            raise DataError(f"{path}: is a binary file of KenLM: name the ARPA file that it was made from, or {HELP}")
        with open(path, "rb") as raw:
            stream: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if head.startswith(GZIP) else raw
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="\n")
            return _Reader(path, iter(lambda: text.readline(LONGEST_LINE + 2), "")).model()
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise DataError(f"{path}: is damaged, or was cut: copy it anew") from None
    except OSError as error:
        raise DataError(f"{path}: {absent(path) or f'cannot be read ({error.strerror}); {HELP}'}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is no text in UTF-8, so no ARPA file: {HELP}") from None


class _Reader:
    """A walk through the lines of a file that knows where it is."""

    def __init__(self, path: Path, lines: Iterator[str]) -> None:
        self.path, self.lines, self.number = path, lines, 0
        self.log_probs: dict[str, float] = {}
        self.backoffs: dict[str, float] = {}
        self.symbols: dict[str, str] = dict(TOKENS)

    def model(self) -> NgramModel:
        reading, counts = self._head()
        for length, count in enumerate(counts, 1):
            self._level(length, count, is_last=length == len(counts))
        if END not in self.log_probs:
            raise self._error("no 1-gram </s>, which says how lines end")
        if UNKNOWN not in self.log_probs:
            self.log_probs[UNKNOWN] = min(value for gram, value in self.log_probs.items() if len(gram) == 1)
        return NgramModel(len(counts), self.log_probs, self.backoffs, reading)

    def _head(self) -> tuple[Order | None, list[int]]:
        reading: Order | None = None
        counts: list[int] = []
        line = self._next()
        while line != "\\data\\":
            if (found := READING.fullmatch(line)) and found[1] in ORDERS:
                reading = ORDERS[found[1]]
            elif line and not line.startswith("#"):
                raise self._error(f"found {line[:40]!r} where an ARPA file has \\data\\")
            line = self._next()
        line = self._next()
        while not line.startswith("\\"):
            if line:
                if not (found := re.fullmatch(rf"ngram {len(counts) + 1}\s*=\s*([0-9]{{1,15}})", line)):
                    raise self._error(f"found {line[:40]!r} instead of 'ngram {len(counts) + 1}=' and a number")
                if len(counts) == LONGEST:
                    raise self._error(f"n-grams of more than {LONGEST} characters: {HELP}")
                counts.append(int(found[1]))
            line = self._next()
        if line != "\\1-grams:" or not counts:
            raise self._error(f"found {line[:40]!r} instead of the 1-grams")
        return reading, counts

    def _level(self, length: int, count: int, *, is_last: bool) -> None:
        """Read the n-grams of a length, and the header of what follows them."""
        found = 0
        while not (line := self._next()).startswith("\\") or re.split(r"[ \t]", line, maxsplit=1)[1:]:
            if line:
                self._gram(line, length, is_last)
                found += 1
        if found != count:
            raise self._error(f"{found} {length}-grams, but the head of the file says {count}")
        if line not in ("\\end\\", f"\\{length + 1}-grams:"):
            raise self._error(f"found {line[:40]!r} behind the {length}-grams")

    def _gram(self, line: str, length: int, is_last: bool) -> None:
        parts = re.split(r"[ \t]+", line)  # not split(): other white space may be a token
        if not length + 1 <= len(parts) <= length + 2:
            raise self._error(f"{line[:40]!r} is no {length}-gram between its logarithms")
        log_prob = self._logarithm(line, parts[0], length)
        backoff = self._logarithm(line, parts[-1], length) if len(parts) == length + 2 else 0.0
        if log_prob > ROUNDING:
            raise self._error(f"{parts[0][:20]} is the logarithm of more than 1, so of no probability: {HELP}")
        gram = "".join(map(self._symbol, parts[1 : length + 1]))
        if gram in self.log_probs:
            raise self._error(f"the {length}-gram {' '.join(parts[1 : length + 1])!r} stands twice: remove one")
        if gram != BEGIN:
            self.log_probs[gram] = min(log_prob, 0.0) * math.log(10)
        if backoff and not is_last:  # nothing is longer, so nothing backs off
            self.backoffs[gram] = backoff * math.log(10)

    def _logarithm(self, line: str, written: str, length: int) -> float:
        try:
            value = float(written)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self._error(f"{line[:40]!r} is no {length}-gram between its logarithms")
        if abs(value) > LARGEST:
            raise self._error(f"{written[:20]} is no logarithm that a probability or a back-off has: {HELP}")
        return value

    def _symbol(self, token: str) -> str:
        if token not in self.symbols:
            symbol = _decoded(token)
            if len(token) > 1 and symbol == token:
                raise self._error(
                    f"{token[:40]!r} is {len(token)} characters; a model of single characters is needed: {HELP}"
                )
            if not _is_character(symbol):
                raise self._error(f"{token[:40]!r} is no character: {HELP}")
            self.symbols[token] = symbol
        return self.symbols[token]

    def _next(self) -> str:
        try:
            line = next(self.lines)
        except StopIteration:
            raise self._error("ends before its \\end\\") from None
        self.number += 1
        if len(line) > LONGEST_LINE:
            raise self._error(f"is over {LONGEST_LINE:,} characters long, and so no line of an ARPA file: {HELP}")
        return line.strip(" \t\r\n")

    def _error(self, what: str) -> DataError:
        return DataError(visible(f"{self.path}:{self.number}: {what}"))


def _decoded(token: str) -> str:
    """The symbol that a token stands for; the token itself, where it does not say."""
    if not (found := NUMBERED.fullmatch(token)):
        return token
    code = int(found[1], 16)
    return chr(code) if code <= sys.maxunicode else ""


def _is_character(symbol: str) -> bool:
    """Whether a text can hold a symbol: it is no half of one, and none that stands for something else here."""
    return len(symbol) == 1 and not "\ud800" <= symbol <= "\udfff" and symbol not in (BEGIN, END, UNKNOWN)
