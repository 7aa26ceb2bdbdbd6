"""The door from the engine's public API to the language: documents, and the defaults that their schemas hold."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from thulium.runtime.errors import visible
from thulium_dsl.grammar.building import experiment_in
from thulium_dsl.grammar.spec import Experiment


def load(path: str | Path) -> Experiment:
    """The experiment that a document describes, its defaults filled in.

    Raises:
        DocumentError: the document has problems; the message lists them all.
    """
    from thulium_dsl.grammar import validate

    return validate.load(path)[0]


@lru_cache(maxsize=1)
def defaults() -> Experiment:
    """The experiment that an empty document describes."""
    from thulium_dsl.grammar import validate
    from thulium_dsl.text import document

    return validate.experiment_of(document.parse(""))


def section(name: str, **given: object) -> Any:
    """A section of a document in which some keys are given, and every other one has its default."""
    from thulium_dsl.grammar import resolve

    return getattr(experiment_in(resolve.complete({name: given})), name)


def kept(file: str, **parts: object) -> Experiment:
    """What was kept of a document, checked as a document is; what is not given has its default.

    Args:
        file: what it is kept in.
        parts: JSON values of sections by their name; ``text`` is that of the dataset.

    Raises:
        ValueError: it is not what was kept; the message says what is wrong, in a line.
    """
    from thulium_dsl.grammar import validate

    tree = dict(parts)
    if "text" in tree:
        lines = {"train": 1, "val": 1, "test": 1}
        tree["dataset"] = {"type": "synthetic", "lines": lines, "seed": 0, "text": tree.pop("text")}
    try:
        checked = validate.check_kept(tree, file)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if checked.tree is None:
        first, *others = checked.problems
        more = f", and {len(others)} more" if others else ""
        raise ValueError(visible(f"{first.path.removeprefix('dataset.')}: {first.what}{more}"))
    return experiment_in(checked.tree)
