"""Asks the engine what is in some data. Where its packages are not installed, nobody knows, and that is no error."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thulium.cli import engine
from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium.ingest.overview import Overview


def _overview() -> Any:
    """The module of the engine that reads; None where a package is missing."""
    try:
        with engine.importing("init --from"):
            return importlib.import_module("thulium.ingest.overview")
    except ThuliumError:  # its only one is that of a missing package
        return None


def count(kind: str, values: dict[str, Any], roots: dict[str, Path], num_files: int) -> Overview | None:
    """What some data hold, read as a document would have it.

    Args:
        values: dotted key -> value, where that is not the default.
        roots: key of the dataset -> where the data lie.

    Raises:
        DataError: the data do not lie as they should.
    """
    from thulium_dsl.grammar.validate import experiment_of
    from thulium_dsl.text.document import parse

    module = _overview()
    if module is None:
        return None
    experiment = experiment_of(parse(document(kind, values, roots)))
    seen: Overview = module.overview(experiment.dataset, experiment.preprocessing, num_files)
    return seen


def columns(tables: list[Path]) -> list[str] | None:
    """The names of the columns that each of some tables has, in the order of the first."""
    module = _overview()
    if module is None:
        return None
    first, *others = (list(module.columns(table)) for table in tables)
    return [name for name in first if all(name in other for other in others)]


def labelled(folder: Path) -> list[tuple[str, Path, str]]:
    """The rows of a folder with labels.txt."""
    with engine.importing("init --from"):
        from thulium.ingest.overview import labelled as rows_of
    return rows_of(folder)


def document(kind: str, values: dict[str, Any], roots: dict[str, Path]) -> str:
    """The smallest document of some data."""
    from thulium_dsl.text import written

    dataset: dict[str, Any] = {"type": kind, **{key: str(path) for key, path in roots.items()}}
    for key, value in values.items():
        _, *between, last = key.split(".")
        section = dataset
        for name in between:
            section = section.setdefault(name, {})
        section[last] = value
    return "".join(f"{line}\n" for line in written.block("dataset", dataset))
