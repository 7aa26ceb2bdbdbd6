"""How a training starts from another model, by the number of its lines: one table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOTHING = "nothing"  # the start of a training that starts from no model


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What `thulium init --start` writes for about so many training lines.

    Beside these, a document keeps its defaults: nothing is frozen, lines are augmented, and the characters of model and
    lines are united.

    Attributes:
        lines: of training.
        greedy: the CER of validation lines of one unseen hand, in a fraction, from models of the zoo and from NOTHING.
        with_text: the same, read with a language model of these lines and of the zoo's text.
    """

    lines: int
    epochs: int
    lr: float
    batch_size: int
    greedy: Mapping[str, float] = field(default_factory=dict)
    with_text: Mapping[str, float] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """Dotted key -> value."""
        return {
            "training.epochs": self.epochs,
            "training.lr": self.lr,
            "training.batch_size": self.batch_size,
        }


def _rates(nothing: float, tiny: float, small: float) -> dict[str, float]:
    return {NOTHING: nothing, "zoo:latin-tiny": tiny, "zoo:latin-small": small}


# The rates are those of `make bench-starts`: docs/guides/fine-tuning.md.
RECIPES = (
    Recipe(
        lines=16,
        epochs=30,
        lr=0.0005,
        batch_size=4,
        greedy=_rates(0.9, 0.187, 0.146),
        with_text=_rates(0.9, 0.155, 0.119),
    ),
    Recipe(
        lines=64,
        epochs=20,
        lr=0.0005,
        batch_size=4,
        greedy=_rates(0.239, 0.133, 0.095),
        with_text=_rates(0.189, 0.102, 0.076),
    ),
    Recipe(
        lines=256,
        epochs=20,
        lr=0.0005,
        batch_size=8,
        greedy=_rates(0.2, 0.089, 0.063),
        with_text=_rates(0.2, 0.069, 0.049),
    ),
    Recipe(
        lines=2000,
        epochs=12,
        lr=0.001,
        batch_size=16,
        greedy=_rates(0.054, 0.053, 0.041),
        with_text=_rates(0.05, 0.039, 0.031),
    ),
)
UNKNOWN = 256  # lines, where nobody has counted them


def reading(text: str) -> dict[str, Any]:
    """How lines are read with a language model of theirs and of a text: dotted key -> value."""
    keys = {"language_model": "train", "more_text": text, "alpha": 0.4, "beta": 1.0}
    return {"evaluation.decoding": {"type": "beam"}} | {f"evaluation.decoding.{key}": keys[key] for key in keys}


def recipe_for(lines: int | None) -> Recipe:
    """The row whose number of lines is nearest, by ratio."""
    wanted = math.log(max(lines or UNKNOWN, 1))
    return min(RECIPES, key=lambda recipe: abs(math.log(recipe.lines) - wanted))
