"""``thulium init --from`` without a model to start from: a training that few lines are enough for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thulium.cli.start.recipes import (
    FROM_NOTHING,
    LATIN,
    MANY,
    NOTHING,
    RATES,
    SMALL,
    Recipe,
    percent,
    reading,
    reasons_of_reading,
    recipe_for,
)
from thulium.cli.start.starting import Lines

BEST = "zoo:latin-small"


def values(lines: Lines) -> dict[str, Any]:
    """What the document says, for such training lines: dotted key -> value, where that is not the default."""
    recipe = _recipe(lines)
    return reading(lines.script) | ({} if recipe is None else {**SMALL, **recipe.values})


def reasons(lines: Lines) -> Iterator[str]:
    """What was chosen and why."""
    if recipe := _recipe(lines):
        yield (
            f"model, training: a small network ({SMALL['model.backbone.config_name']}), as for {recipe.lines} lines, "
            f"and there are {lines.number}: {recipe.epochs} epochs, lr {recipe.lr:g}, batches of {recipe.batch_size}"
        )
    yield from reasons_of_reading(lines.script)


def remarks(lines: Lines) -> Iterator[str]:
    """What to expect of so few training lines, and what would help."""
    if recipe := _recipe(lines):
        rates = RATES[recipe.lines]
        said = f"what to expect: with {recipe.lines} lines of one hand, a training from nothing came to a CER of "
        if lines.script == LATIN:
            own, best = (percent(rates[name].with_text) for name in (NOTHING, BEST))
            yield f"{said}{own}, one with --start {BEST} to {best}; yours may differ"
        else:
            yield (
                f"{said}{percent(rates[NOTHING].greedy)}; yours may differ, and a model that reads such a script needs "
                "fewer lines (--start MODEL)"
            )


def _recipe(lines: Lines) -> Recipe | None:
    """The row for so few lines; None where there are many, or nobody has counted them."""
    if lines.number is None:
        return None
    recipe = recipe_for(lines.number, FROM_NOTHING)
    return None if recipe.lines == MANY else recipe
