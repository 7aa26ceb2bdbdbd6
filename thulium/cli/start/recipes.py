"""How a training begins, by the number of its lines: from another model, and from nothing. One table each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NOTHING = "nothing"  # the start of a training that starts from no model
SMALL: Mapping[str, Any] = {
    "preprocessing.height": 64,
    "model.backbone.config_name": "resnet_tiny",
    "model.head.hidden_size": 128,
}
LATIN, TEXT = "Latin", "zoo:latin"  # a script, and the text of the zoo that is in it
UNKNOWN = 256  # lines, where nobody has counted them


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What `thulium init` writes for about so many training lines.

    Beside these, a document keeps its defaults: nothing is frozen, lines are augmented, and the characters of model and
    lines are united.

    Attributes:
        lines: of training.
    """

    lines: int
    epochs: int
    lr: float
    batch_size: int

    @property
    def values(self) -> dict[str, Any]:
        """Dotted key -> value."""
        return {
            "training.epochs": self.epochs,
            "training.lr": self.lr,
            "training.batch_size": self.batch_size,
        }


@dataclass(frozen=True, slots=True)
class Rates:
    """What a recipe came to: the CER of validation lines of one unseen hand, in fractions.

    Attributes:
        with_text: read with a language model of the training lines and of the zoo's text.
    """

    greedy: float
    with_text: float


FROM_MODEL = (
    Recipe(lines=16, epochs=100, lr=0.0005, batch_size=4),
    Recipe(lines=64, epochs=40, lr=0.0005, batch_size=4),
    Recipe(lines=256, epochs=40, lr=0.0005, batch_size=8),
    Recipe(lines=2000, epochs=12, lr=0.001, batch_size=16),
)
# With SMALL; the last row is what is measured, and documents of so many lines keep the defaults.
FROM_NOTHING = (
    Recipe(lines=16, epochs=200, lr=0.001, batch_size=4),
    Recipe(lines=64, epochs=120, lr=0.001, batch_size=4),
    Recipe(lines=256, epochs=80, lr=0.001, batch_size=8),
    Recipe(lines=2000, epochs=20, lr=0.001, batch_size=16),
)
MANY = FROM_NOTHING[-1].lines
# As `make bench-starts` measured them: docs/guides/fine-tuning.md.
RATES: Mapping[int, Mapping[str, Rates]] = {
    16: {NOTHING: Rates(0.87, 0.76), "zoo:latin-tiny": Rates(0.185, 0.153), "zoo:latin-small": Rates(0.142, 0.117)},
    64: {NOTHING: Rates(0.247, 0.195), "zoo:latin-tiny": Rates(0.122, 0.094), "zoo:latin-small": Rates(0.092, 0.075)},
    256: {NOTHING: Rates(0.109, 0.078), "zoo:latin-tiny": Rates(0.083, 0.063), "zoo:latin-small": Rates(0.061, 0.047)},
    2000: {NOTHING: Rates(0.069, 0.048), "zoo:latin-tiny": Rates(0.053, 0.039), "zoo:latin-small": Rates(0.037, 0.03)},
}


def recipe_for(lines: int | None, recipes: Sequence[Recipe] = FROM_MODEL) -> Recipe:
    """The row whose number of lines is nearest, by ratio."""
    wanted = math.log(max(lines or UNKNOWN, 1))
    return min(recipes, key=lambda recipe: abs(math.log(recipe.lines) - wanted))


def reading(script: str, text: str = TEXT) -> dict[str, Any]:
    """How lines are read: dotted key -> value; of another script than Latin, as by default.

    The language model is of the lines themselves and of a text. One that is in another language than they are hardly
    costs anything (docs/experiments.md); one of another script is refused.
    """
    if script != LATIN:
        return {}
    keys = {"language_model": "train", "more_text": text, "alpha": 0.4, "beta": 1.0}
    return {"evaluation.decoding": {"type": "beam"}} | {f"evaluation.decoding.{key}": keys[key] for key in keys}


def reasons_of_reading(script: str) -> Iterator[str]:
    """Why lines are read so."""
    if reading(script):
        yield f"evaluation.decoding: with a language model of your lines and of {TEXT}, old texts in {script} script"


def percent(rate: float) -> str:
    """A rate in two figures: 9.5%, 24%."""
    return f"{100 * rate:.2g}%"
