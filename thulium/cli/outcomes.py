"""The readings that a command is given: a table, a folder that has one, or a revision of the project."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from thulium.cli.model_file import LOCK, fetch, project_root
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline.stages import SEEDS

# What it is called, its predictions, its metrics, which may be absent, or None: there are none; and the predictions of
# each of several seeds.
Found = tuple[str, Path, Path | None, dict[int, Path]]

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
        if seeds := {seed: path / SEEDS / str(seed) for seed in _seeds_in(path / METRICS)}:
            tables = {seed: _table_in(folder, str(folder)) for seed, folder in seeds.items()}
            return name, next(iter(tables.values())), path / METRICS, tables
        return name, _table_in(path, name), path / METRICS, {}
    if path.suffix.lower() == ".json" and path.is_file():
        raise ThuliumError(f"{name}: has no readings: name the {PREDICTIONS} that lies beside it, or the folder")
    if path.exists() or path.suffix == ".csv":
        # Another table may lie in a project, beside metrics.json of the project's own model.
        return name, path, path.with_name(METRICS) if path.name == PREDICTIONS else None, {}
    root = project_root()
    if root is None:
        raise ThuliumError(
            f"{name}: no such file or folder, and this is no DVC project, whose revision or experiment it could be: "
            f"name a {PREDICTIONS}, or a folder that has one"
        )
    return _of_revision(name, root, folder)


def _seeds_in(metrics: Path) -> list[int]:
    """The seeds that a metrics.json sums up; none where it is of one model, or says nothing."""
    try:
        seeds = json.loads(metrics.read_text(encoding="utf-8"))["measured"]["seeds"]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    return [seed for seed in seeds if isinstance(seed, int)] if isinstance(seeds, list) else []


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
    metrics = folder / METRICS
    fetch(METRICS, revision, root, metrics)
    seeds = _seeds_in(metrics)
    places = {seed: f"{SEEDS}/{seed}/{PREDICTIONS}" for seed in seeds}
    tables = {seed: _table_of(place, revision, root, folder / f"{seed}.csv") for seed, place in places.items()}
    table = tables[seeds[0]] if seeds else _table_of(PREDICTIONS, revision, root, folder / PREDICTIONS)
    return revision, table, metrics, tables


def _has_no_results(revision: str, root: Path) -> bool:
    """Whether it is a commit without a dvc.lock, as before the first results are committed."""
    return _knows(f"{revision}^{{commit}}", root) and not _knows(f"{revision}:./{LOCK}", root)


def _knows(name: str, root: Path) -> bool:
    """Whether Git knows an object of a name."""
    try:
        return subprocess.run(["git", "cat-file", "-e", name], cwd=root, capture_output=True).returncode == 0
    except OSError:
        return False


def _table_of(place: str, revision: str, root: Path, table: Path) -> Path:
    said = fetch(place, revision, root, table)
    if not table.exists() and _has_no_results(revision, root):
        raise ThuliumError(
            f"{revision}: no results are committed there, only what is before them\n"
            "  help: after `dvc repro`, `git add .` and `git commit` keep them, and later ones stand beside those; "
            "experiments, folders and tables are compared by their names"
        )
    if not table.exists():
        raise ThuliumError(
            f"{revision}: no such file or folder, and no revision or experiment whose {place} is in DVC's cache "
            f"here ({said})\n  help: `dvc exp show` lists the experiments; `dvc pull` brings what a revision has, `dvc "
            "exp pull` what an experiment has, if it was pushed; `dvc exp apply` and `dvc repro` make it again"
        )
    return table
