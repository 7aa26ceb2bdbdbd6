"""The alphabet that a model writes: code points and the blank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from thulium.errors import DataError


@dataclass(frozen=True)
class Charset:
    """An ordered alphabet with one class more, the blank of CTC.

    Attributes:
        symbols: distinct code points, without the blank.
        blank_index: place of the blank among the ``len(symbols) + 1`` output classes.
    """

    symbols: tuple[str, ...]
    blank_index: int = 0
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.blank_index > len(self.symbols):
            raise DataError(
                f"model.decoder.blank_index is {self.blank_index}, but the charset has {len(self.symbols)} symbols: "
                f"choose 0 to {len(self.symbols)}"
            )
        ids = {symbol: i + (i >= self.blank_index) for i, symbol in enumerate(self.symbols)}
        assert len(ids) == len(self.symbols), "symbols are distinct"
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def from_texts(cls, texts: Iterable[str], blank_index: int = 0) -> Charset:
        """The code points of the texts, in code point order."""
        return cls(tuple(sorted(set().union(*map(set, texts)))), blank_index)

    @property
    def num_classes(self) -> int:
        """Symbols and the blank."""
        return len(self.symbols) + 1

    def unknown(self, text: str) -> set[str]:
        """The code points of the text that this alphabet does not have."""
        return set(text) - self._ids.keys()

    def encode(self, text: str) -> list[int]:
        """Class of every code point; those that the alphabet does not have are left out (see ``unknown``)."""
        return [self._ids[symbol] for symbol in text if symbol in self._ids]

    def decode(self, classes: Sequence[int]) -> str:
        """Text of a sequence of classes, none of them the blank."""
        return "".join(self.symbols[c - (c > self.blank_index)] for c in classes)


def frames_needed(text: str) -> int:
    """The fewest frames in which CTC can write a text: its symbols, and a blank between equal neighbours."""
    return len(text) + sum(a == b for a, b in pairwise(text))
