"""A column of texts, of which each is looked up when it is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import overload


class Column(Sequence[str]):
    """A sequence of texts; who inherits says how many there are, and which one stands in a place."""

    @abstractmethod
    def text(self, place: int) -> str:
        """The text in a place, which may be counted from the end."""

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self.text(place) for place in range(*index.indices(len(self)))]
        return self.text(index)
