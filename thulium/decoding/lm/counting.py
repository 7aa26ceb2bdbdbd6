"""The n-grams of some lines, all of a length at once. N different n-grams, E symbols of all lines together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grams:
    """The different n-grams of one length, in the order of their code points.

    Attributes:
        length: in symbols.
        places: (N,) where each begins for the first time, from the beginning of all lines.
        counts: (N,) how often each was seen.
        histories: (N,) which of the n-grams that are one shorter stands before its last symbol; of single symbols, 0.
        endings: (N,) which of them stands behind its first symbol; of single symbols, 0.
        is_first: (N,) whether it begins with the beginning of a line.
    """

    length: int
    places: Ints
    counts: Ints
    histories: Ints
    endings: Ints
    is_first: npt.NDArray[np.bool_]


def grams(lines: str, begin: str, order: int) -> Iterator[Grams]:
    """The n-grams of lines, by their length from 1 to ``order``; none goes over the beginning of a line.

    Single symbols have the beginning of a line among them, which no other n-gram ends with.

    Args:
        lines: one behind the other, each with a symbol before it that marks its beginning.
        begin: that symbol.
    """
    points = np.frombuffer(lines.encode("utf-32-le"), np.uint32)
    symbols, first, codes, counts = np.unique(points, return_index=True, return_inverse=True, return_counts=True)
    nothing = np.zeros(len(symbols), np.int64)
    yield Grams(1, first, counts, nothing, nothing, symbols == ord(begin))
    places = np.arange(len(points))
    behind = places - np.maximum.accumulate(np.where(points == ord(begin), places, 0))  # symbols behind its beginning
    # Of each place, which of the n-grams of the length before ends there: numbered, they fit for any order.
    before = codes.astype(np.int64).reshape(-1)
    for length in range(2, order + 1):
        (ends,) = np.nonzero(behind >= length - 1)
        keys = before[ends - 1] * len(symbols) + codes.reshape(-1)[ends]
        found, first, numbers, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        last = ends[first]
        is_first = behind[last] == length - 1
        yield Grams(length, last - length + 1, counts, found // len(symbols), before[last], is_first)
        now = np.full(len(points), -1, np.int64)
        now[ends] = numbers.reshape(-1)
        before = now
