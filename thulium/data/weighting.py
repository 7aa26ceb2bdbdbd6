"""Lines that count more or less than others: which ones an epoch has, and how often.

An epoch has as many lines of a group as its weight says, to the nearest line: with a weight of 2 each of them twice,
with 0.5 one half of them, and the other half in the next epoch. Which ones is a function of seed and epoch alone, and
after as many epochs as a group has lines, each has been there as often as any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from thulium.data.columns import Column
from thulium.data.line import source_of
from thulium.data.readers import Lines

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """Lines that have a weight in common.

    Attributes:
        places: of the lines.
        weight: how often each of them is seen in an epoch, on the average.
    """

    places: Places
    weight: float

    @property
    def lines_an_epoch(self) -> int:
        """How many lines of the group an epoch has; at least one."""
        return max(1, round(len(self.places) * self.weight))

    def times(self, seed: int, number: int, epoch: int) -> Places:
        """How often each of its lines is seen in an epoch.

        Args:
            number: of the group; another one is divided in another way.
        """
        size, a_epoch = len(self.places), self.lines_an_epoch
        order = np.random.default_rng([seed, number]).permutation(size)
        # The lines stand in a ring; each epoch takes the next ones, as many as it has, once or several times around.
        return (epoch * a_epoch + a_epoch + order) // size - (epoch * a_epoch + order) // size


def shares_of(ids: Iterable[str], weights: Mapping[str, float]) -> list[Share]:
    """The groups of a split whose lines do not all count the same; none where they do.

    Args:
        ids: of the lines, which begin with the names of their sources.
        weights: of the sources.
    """
    if set(weights.values()) <= {1.0}:
        return []
    found: dict[str, list[int]] = {name: [] for name in weights}
    for place, line_id in enumerate(ids):
        found[source_of(line_id)].append(place)
    return [Share(np.array(places, np.int64), weights[name]) for name, places in found.items() if places]


class Copies:
    """Lines of a split, each as many times as an epoch may have it: the copies have ids of their own, so that they are
    augmented in their own ways."""

    def __init__(self, lines: Lines, shares: Sequence[Share], seed: int) -> None:
        """Make a copy of each line for each time that an epoch may have it.

        Args:
            shares: groups that have each line once in all.
            seed: decides which lines an epoch has.
        """
        self.lines, self.shares, self.seed = lines, list(shares), seed
        self._most = [-(-share.lines_an_epoch // len(share.places)) for share in self.shares]
        self.places = np.concatenate(
            [np.tile(share.places, most) for share, most in zip(self.shares, self._most, strict=True)]
        )
        self._numbers = np.concatenate(
            [np.repeat(np.arange(most), len(share.places)) for share, most in zip(self.shares, self._most, strict=True)]
        )
        self.widths: npt.NDArray[np.int32] = np.asarray(lines.widths, np.int32)[self.places]
        self.height = lines.height
        self.ids, self.texts, self.pages = _Ids(self), _Of(self, "texts"), _Of(self, "pages")

    def __len__(self) -> int:
        return len(self.places)

    def __reduce__(self) -> tuple[type[Copies], tuple[Lines, list[Share], int]]:
        return Copies, (self.lines, self.shares, self.seed)

    def image(self, index: int) -> Image.Image:
        """A line's image."""
        return self.lines.image(int(self.places[index]))

    def number(self, index: int) -> int:
        """Which copy of its line it is, from 0."""
        return int(self._numbers[index])

    def in_epoch(self, epoch: int) -> list[int]:
        """The places of the copies that an epoch has: as many in each epoch."""
        first, found = 0, list[int]()
        for number, (share, most) in enumerate(zip(self.shares, self._most, strict=True)):
            times = share.times(self.seed, number, epoch)
            for copy in range(most):
                found += (first + np.flatnonzero(times > copy)).tolist()
                first += len(times)
        return found


class _Of(Column):
    """A column of the copies."""

    def __init__(self, copies: Copies, name: str) -> None:
        self._copies, self._name = copies, name

    def __len__(self) -> int:
        return len(self._copies)

    def text(self, place: int) -> str:
        column: Sequence[str] = getattr(self._copies.lines, self._name)
        return column[int(self._copies.places[place])]


class _Ids(_Of):
    """Their ids: that of the line, with a number behind it for its second copy and those that follow."""

    def __init__(self, copies: Copies) -> None:
        super().__init__(copies, "ids")

    def text(self, place: int) -> str:
        number = self._copies.number(place)
        return super().text(place) + (f" ({number + 1})" if number else "")
