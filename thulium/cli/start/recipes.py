"""How a training starts from another model, by the number of its lines: one table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What `thulium init --start` writes for about so many training lines.

    Beside these, a document keeps its defaults: nothing is frozen, lines are augmented, and the characters of model and
    lines are united.

    Attributes:
        lines: of training.
        nothing: the CER of validation lines of one unseen hand, trained from nothing, in a fraction; None: not
            measured.
        cer: the same from models of the zoo, by their names.
    """

    lines: int
    epochs: int
    lr: float
    batch_size: int
    nothing: float | None = None
    cer: Mapping[str, float] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """Dotted key -> value."""
        return {
            "training.epochs": self.epochs,
            "training.lr": self.lr,
            "training.batch_size": self.batch_size,
        }


def _of_zoo(tiny: float, small: float) -> dict[str, float]:
    return {"zoo:latin-tiny": tiny, "zoo:latin-small": small}


RECIPES = (
    Recipe(lines=16, epochs=30, lr=0.0005, batch_size=4, cer=_of_zoo(0.187, 0.146)),
    Recipe(lines=64, epochs=20, lr=0.0005, batch_size=4, nothing=0.45, cer=_of_zoo(0.133, 0.095)),
    Recipe(lines=256, epochs=20, lr=0.0005, batch_size=8, nothing=0.38, cer=_of_zoo(0.089, 0.063)),
    Recipe(lines=2000, epochs=12, lr=0.001, batch_size=16, nothing=0.054, cer=_of_zoo(0.047, 0.037)),
)
UNKNOWN = 256  # lines, where nobody has counted them


def recipe_for(lines: int | None) -> Recipe:
    """The row whose number of lines is nearest, by ratio."""
    wanted = math.log(max(lines or UNKNOWN, 1))
    return min(RECIPES, key=lambda recipe: abs(math.log(recipe.lines) - wanted))
