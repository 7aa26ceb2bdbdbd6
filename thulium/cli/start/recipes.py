"""How a training starts from another model, by the number of its lines: one table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What `thulium init --start` writes for about so many training lines.

    Beside these, a document keeps its defaults: nothing is frozen, lines are augmented, and the characters of model and
    lines are united.

    Attributes:
        lines: of training.
        cer: of validation lines of one unseen hand, from nothing and from zoo:latin-small, in fractions; None: not
            measured.
    """

    lines: int
    epochs: int
    lr: float
    batch_size: int
    cer: tuple[float, float] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Dotted key -> value."""
        return {
            "training.epochs": self.epochs,
            "training.lr": self.lr,
            "training.batch_size": self.batch_size,
        }


RECIPES = (
    Recipe(lines=16, epochs=30, lr=0.0005, batch_size=4),
    Recipe(lines=64, epochs=20, lr=0.0005, batch_size=4, cer=(0.45, 0.10)),
    Recipe(lines=256, epochs=20, lr=0.0005, batch_size=8, cer=(0.38, 0.08)),
    Recipe(lines=2000, epochs=12, lr=0.001, batch_size=16, cer=(0.054, 0.037)),
)
UNKNOWN = 256  # lines, where nobody has counted them


def recipe_for(lines: int | None) -> Recipe:
    """The row whose number of lines is nearest, by ratio."""
    wanted = math.log(max(lines or UNKNOWN, 1))
    return min(RECIPES, key=lambda recipe: abs(math.log(recipe.lines) - wanted))
