"""A training that ends at a step, as far as it can tell: what comes after goes on from what was kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from thulium.training.run import Keeper


class Cut(BaseException):
    """The process is gone, as far as the training can tell."""


def cutting(patch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function by which the next training is cut after so many steps and batches read."""
    on_step, left = Keeper.on_step, [0]

    def watched(keeper: Keeper) -> None:
        on_step(keeper)
        left[0] -= 1
        if not left[0]:
            raise Cut

    patch.setattr(Keeper, "on_step", watched)
    return lambda steps: left.__setitem__(0, steps)
