"""The readings that a command is given: a table, a folder that has one, or a revision of the project."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from thulium.cli.model_file import fetch, project_root
from thulium_dsl.messages.problems import ThuliumError

# What it is called, its predictions, and its metrics, which may be absent, or None: there are none.
Found = tuple[str, Path, Path | None]

PREDICTIONS, METRICS = "predictions.csv", "metrics.json"
WORKSPACE = "workspace"


@contextlib.contextmanager
def outcomes(given: Sequence[str]) -> Iterator[list[Found]]:
    """Where the readings lie that are named; those of revisions are there until the block ends.

    Args:
        given: paths, git revisions, names of DVC experiments, or ``workspace``. One stands beside the workspace; none:
            the workspace stands beside ``HEAD``.

    Raises:
        ThuliumError: one is not there; says what to do.
    """
    names = list(given) or ["HEAD"]
    names += [WORKSPACE] if len(names) == 1 else []
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ThuliumError(f"{twice}: is named twice: name what it is to be compared with")
    with tempfile.TemporaryDirectory(prefix="thulium-") as folder:
        yield [_outcome(name, Path(folder) / f"{number}") for number, name in enumerate(names)]


def _outcome(name: str, folder: Path) -> Found:
    path = Path() if name == WORKSPACE and not Path(name).exists() else Path(name)
    if path.is_dir():
        return name, _table_in(path, name), path / METRICS
    if path.exists() or path.suffix == ".csv":
        # Another table may lie in a project, beside metrics.json of the project's own model.
        return name, path, path.with_name(METRICS) if path.name == PREDICTIONS else None
    root = project_root()
    if root is None:
        raise ThuliumError(
            f"{name}: no such file or folder, and this is no DVC project, whose revision or experiment it could be: "
            f"name a {PREDICTIONS}, or a folder that has one"
        )
    return _of_revision(name, root, folder)


def _table_in(folder: Path, name: str) -> Path:
    table = folder / PREDICTIONS
    if not table.is_file():
        do = "`dvc pull` brings it, if it was pushed; `dvc repro` or `thulium evaluate` makes it"
        raise ThuliumError(f"{name}: holds no {PREDICTIONS}: {do}")
    return table


def _of_revision(revision: str, root: Path, folder: Path) -> Found:
    """Fetch the readings of a revision or an experiment out of DVC's cache, or its remote."""
    if revision.startswith("-"):
        raise ThuliumError(f"{revision}: is no revision: name one such as HEAD~1")
    folder.mkdir()
    table, metrics = folder / PREDICTIONS, folder / METRICS
    said = fetch(PREDICTIONS, revision, root, table)
    if not table.exists():
        raise ThuliumError(
            f"{revision}: no such file or folder, and no revision or experiment whose {PREDICTIONS} is in DVC's cache "
            f"here ({said})\n  help: `dvc exp show` lists the experiments; `dvc pull` brings what a revision has, `dvc "
            "exp pull` what an experiment has, if it was pushed; `dvc exp apply` and `dvc repro` make it again"
        )
    fetch(METRICS, revision, root, metrics)
    return revision, table, metrics
