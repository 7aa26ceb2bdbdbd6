"""The alphabet that a model writes: code points and the blank."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path

from thulium.data.bidi import Order, resolve, to_logical, to_visual, with_mirrored
from thulium.data.text import BREAK
from thulium.data.textfile import read_text
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import TextSpec


@dataclass(frozen=True)
class Charset:
    """An ordered alphabet with one class more, the blank of CTC.

    Attributes:
        symbols: distinct code points, without the blank.
        blank_index: place of the blank among the ``len(symbols) + 1`` output classes.
        order: in which symbols follow each other in classes; texts come and go in logical order.
    """

    symbols: tuple[str, ...]
    blank_index: int = 0
    order: Order = "logical"
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.blank_index > len(self.symbols):
            raise DataError(
                f"model.decoder.blank_index is {self.blank_index}, but the charset has {len(self.symbols)} symbols: "
                f"choose 0 to {len(self.symbols)}"
            )
        ids = {symbol: i + (i >= self.blank_index) for i, symbol in enumerate(self.symbols)}
        if len(ids) < len(self.symbols):
            raise ValueError("a symbol stands twice in the charset")
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def from_texts(cls, texts: Iterable[str], blank_index: int = 0) -> Charset:
        """The code points of the texts, in code point order."""
        return cls(tuple(sorted(set().union(*map(set, texts)))), blank_index)

    @classmethod
    def from_document(cls, rules: TextSpec, texts: Iterable[str], blank_index: int = 0) -> Charset:
        """The alphabet that a document asks for, given its normalised training texts.

        Raises:
            DataError: the document's own alphabet cannot be used.
        """
        found = Counter(chain.from_iterable(texts))
        given, order = charset_of(rules), resolve(rules.order, found)
        return cls(alphabet(found if given is None else given, order), blank_index, order)

    @property
    def num_classes(self) -> int:
        """Symbols and the blank."""
        return len(self.symbols) + 1

    @property
    def classes(self) -> Mapping[str, int]:
        """The class of each symbol."""
        return self._ids

    def unknown(self, text: str) -> set[str]:
        """The code points of the text that this alphabet does not have."""
        return set(to_visual(text, self.order)) - self._ids.keys()

    def encode(self, text: str) -> list[int]:
        """Class of every code point; those that the alphabet does not have are left out (see ``unknown``)."""
        return [self._ids[symbol] for symbol in to_visual(text, self.order) if symbol in self._ids]

    def decode(self, classes: Sequence[int]) -> str:
        """Text of a sequence of classes, none of them the blank."""
        return to_logical("".join(map(self.symbol, classes)), self.order)

    def symbol(self, place: int) -> str:
        """The symbol of a class that is not the blank."""
        return self.symbols[place - (place > self.blank_index)]

    def frames_needed(self, text: str) -> int:
        """The fewest frames in which CTC can write a text in this alphabet's order."""
        return frames_needed(to_visual(text, self.order))


def frames_needed(text: Sequence[str] | Sequence[int]) -> int:
    """The fewest frames in which CTC can write a text, or its classes: and a blank between equal neighbours."""
    return len(text) + sum(a == b for a, b in pairwise(text))


def alphabet(symbols: Collection[str], order: Order) -> tuple[str, ...]:
    """What a model must be able to write, in code point order: the symbols, and brackets as they are seen."""
    return tuple(sorted(with_mirrored(symbols, order)))


def charset_of(rules: TextSpec) -> frozenset[str] | None:
    """The characters that a document allows, in its Unicode form; None where they are taken from the training lines.

    Raises:
        DataError: an entry is not one character, or the file cannot be read or holds none.
    """
    if rules.charset == "auto":
        return None
    if isinstance(rules.charset, str):
        return _charset_of_file(Path(rules.charset), rules)
    symbols = [unicodedata.normalize(rules.unicode_form, entry) for entry in rules.charset]
    for entry, symbol in zip(rules.charset, symbols, strict=True):
        if len(symbol) != 1:
            named = " ".join(f"U+{ord(part):04X}" for part in symbol) or "none"
            raise DataError(
                f"dataset.text.charset: {entry!r} is {len(symbol)} characters in {rules.unicode_form} ({named}): "
                "write one an entry"
            )
    if not symbols:
        raise DataError("dataset.text.charset: is empty: list characters, or write auto")
    return frozenset(symbols)


def _charset_of_file(path: Path, rules: TextSpec) -> frozenset[str]:
    text = BREAK.sub("", unicodedata.normalize(rules.unicode_form, read_text(path)))
    if not text:
        raise DataError(f"{path}: holds no characters; dataset.text.charset names it")
    return frozenset(text)


def characters(written: object) -> tuple[str, ...]:
    """An alphabet as it was kept in a file.

    Raises:
        ValueError: it is no list of different characters.
    """
    if not isinstance(written, list) or not all(isinstance(symbol, str) for symbol in written):
        raise ValueError("its alphabet is no list of characters")
    if odd := [symbol for symbol in written if len(symbol) != 1 or "\ud800" <= symbol <= "\udfff"]:
        raise ValueError(f"{ascii(odd[0])[:20]} in its alphabet is no character")
    if len(set(written)) < len(written):
        raise ValueError("a character stands twice in its alphabet")
    return tuple(written)


def unknown_symbols(text: str, symbols: Collection[str]) -> list[str]:
    """The characters of a text that are not among the symbols, each once, in code point order."""
    return sorted(set(text).difference(symbols))
