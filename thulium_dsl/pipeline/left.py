"""What no stage writes any more, as after folds or seeds were switched on or off: and nobody removes it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from thulium_dsl.grammar.names import local_path
from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.pipeline import graph as graphs
from thulium_dsl.pipeline.stages import FOLDS, POOL, PREPARED, PRETRAIN, SEEDS, STAGES, SUMMARIZE
from thulium_dsl.pipeline.taken import is_within, lock_of, outputs

OURS = {row.name for row in (*STAGES, PRETRAIN, SUMMARIZE, POOL)}


def left(root: Path, experiment: Experiment) -> tuple[str, ...]:
    """Files that stages of this document wrote before, by dvc.lock, and that are none's now; whole folders as such."""
    stages = lock_of(root).get("stages")
    before = {name: stage for name, stage in (stages if isinstance(stages, dict) else {}).items() if _is_ours(name)}
    now = (*_written(root, experiment), *_read(experiment))
    found = {
        path
        for path in outputs({"stages": before})
        # What prepare wrote into its folder, it replaces itself.
        if not is_within(path, PREPARED) and os.path.lexists(root / path)
        if not any(is_within(path, other) or is_within(other, path) for other in now)
    }
    while bigger := {folder for folder in map(posixpath.dirname, found) if folder and _is_all(root, folder, found)}:
        found = {path for path in found if not any(is_within(path, folder) for folder in bigger)} | bigger
    return tuple(sorted(found))


def _is_ours(name: object) -> bool:
    return str(name).partition("@")[0] in OURS


def _written(root: Path, experiment: Experiment) -> Iterator[str]:
    """Every path that a stage writes, those of each fold and each seed written out."""
    numbers: Iterable[int]
    for path in graphs.written(graphs.build(experiment, root)):
        top = path.partition("/")[0]
        numbers = range(1, (graphs.folds_of(experiment) or 0) + 1) if top == FOLDS else experiment.training.seeds or ()
        if top in (FOLDS, SEEDS) and "${" in path:
            head, _, rest = path.partition("${")
            yield from (f"{head}{number}{rest.partition('}')[2]}" for number in numbers)
        else:
            yield path


def _read(experiment: Experiment) -> Iterator[str]:
    """The model that the training starts from: it may be of a pretraining that is in the document no more."""
    if experiment.training.init_from:
        yield posixpath.normpath(local_path(experiment.training.init_from))


def _is_all(root: Path, folder: str, found: set[str]) -> bool:
    """Whether a folder holds nothing else."""
    names = {name for name in os.listdir(root / folder) if name != ".gitignore"}
    return names == {posixpath.basename(path) for path in found if posixpath.dirname(path) == folder}
