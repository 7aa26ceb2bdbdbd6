"""How a training starts from another model, by the number of its lines: one table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What `thulium init --start` writes for about so many training lines.

    Attributes:
        lines: of training.
        freeze, freeze_epochs: as in the section training; nothing is frozen where ``freeze`` is empty.
        augments: whether lines are augmented, by the default transforms.
        cer: of test lines of one unseen hand, from nothing and from zoo:latin-small, in fractions; None: not measured.
    """

    lines: int
    epochs: int
    lr: float
    batch_size: int
    freeze: tuple[str, ...]
    freeze_epochs: int
    augments: bool
    extend_charset: str
    cer: tuple[float, float] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Dotted key -> value."""
        return {
            "training.epochs": self.epochs,
            "training.lr": self.lr,
            "training.batch_size": self.batch_size,
            "training.freeze": list(self.freeze),
            "training.freeze_epochs": self.freeze_epochs,
            "training.extend_charset": self.extend_charset,
            "augmentation.enabled": self.augments,
        }


RECIPES = (
    Recipe(
        lines=16,
        epochs=30,
        lr=0.0005,
        batch_size=4,
        freeze=(),
        freeze_epochs=1,
        augments=True,
        extend_charset="union",
    ),
    Recipe(
        lines=64,
        epochs=20,
        lr=0.0005,
        batch_size=4,
        freeze=(),
        freeze_epochs=1,
        augments=True,
        extend_charset="union",
    ),
    Recipe(
        lines=256,
        epochs=20,
        lr=0.0005,
        batch_size=8,
        freeze=(),
        freeze_epochs=1,
        augments=True,
        extend_charset="union",
    ),
    Recipe(
        lines=2000,
        epochs=12,
        lr=0.001,
        batch_size=16,
        freeze=(),
        freeze_epochs=1,
        augments=True,
        extend_charset="union",
    ),
)
UNKNOWN = 256  # lines, where nobody has counted them


def recipe_for(lines: int | None) -> Recipe:
    """The row whose number of lines is nearest, by ratio."""
    wanted = math.log(max(lines or UNKNOWN, 1))
    return min(RECIPES, key=lambda recipe: abs(math.log(recipe.lines) - wanted))
