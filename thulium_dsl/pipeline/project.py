"""What a DVC project has to say about a document beside the document itself: is its dvc.yaml current, can runs find its
data?
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from thulium_dsl.edit.fill import fill
from thulium_dsl.grammar import names
from thulium_dsl.grammar.idle import idle_in
from thulium_dsl.grammar.paths import paths_of
from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.grammar.validate import Loaded
from thulium_dsl.messages.problems import Problem, ThuliumError
from thulium_dsl.pipeline import dvc_yaml
from thulium_dsl.pipeline.graph import PARAMS
from thulium_dsl.pipeline.left import left
from thulium_dsl.pipeline.stages import PRETRAINED


def is_project(file: Path) -> bool:
    """Whether a document is the one that a dvc.yaml beside it was compiled from."""
    return file.name == PARAMS and (file.parent / dvc_yaml.NAME).is_file()


def root_of_names(file: Path) -> Path:
    """The folder that a document's paths start from: its project's, and elsewhere the one that one works in."""
    return file.parent if is_project(file) else Path()


def staleness(file: Path, loaded: Loaded) -> Iterator[Problem]:
    """A problem where a project's dvc.yaml is not what its document compiles to."""
    if not is_project(file):
        return
    name = str(file.parent / dvc_yaml.NAME)
    try:
        found = dvc_yaml.differences(file.parent, loaded.experiment, idle_in(loaded.document.tree))
    except ThuliumError as error:
        said, _, hint = str(error).partition("\n  help: ")
        place = re.match(rf"{re.escape(name)}(?::(\d+):(\d+))?: ", said)
        line, column = (int(number or 0) for number in place.groups()) if place else (0, 0)
        yield Problem(name, line, column, "", said[place.end() if place else 0 :], hint)
        return
    if found:
        yield Problem(name, 0, 0, "", f"is out of date: {', '.join(found)}", "run: thulium compile")


def refuse_stale(root: Path, loaded: Loaded, *, must_be_complete: bool = True) -> None:
    """Refuse a project whose dvc.yaml is not what its document compiles to.

    Args:
        must_be_complete: whether a document that leaves something to defaults is refused, too: DVC tracks what stands
            in the text, and changes nothing else.

    Raises:
        ThuliumError: says what is out of date.
    """
    document = loaded.document
    missing = fill(document).added if must_be_complete else ()
    stale = [f"{document.file} is not complete: {', '.join(missing)}"] if missing else []
    differences = dvc_yaml.differences(root, loaded.experiment, idle_in(document.tree))
    stale += [f"{root / dvc_yaml.NAME} is out of date: {what}" for what in differences]
    if stale:
        raise ThuliumError("\n".join([*stale, "  help: run: thulium compile"]))


def remarks(file: Path, experiment: Experiment) -> Iterator[str]:
    """What works in the project and not in every run of it, in a sentence each."""
    yield from _unfetched(file, experiment)
    yield from unused(experiment)
    if not is_project(file):
        return
    yield from _left(file.parent, experiment)
    yield from _unmade(experiment)
    root = Path(os.path.abspath(file.parent))
    paths = (
        paths_of("dataset", asdict(experiment.dataset))
        | paths_of("training", asdict(experiment.training))
        | paths_of("evaluation", asdict(experiment.evaluation))
        | (paths_of("pretraining", asdict(experiment.pretraining)) if experiment.pretraining else {})
    )
    for key, path in paths.items():
        if not posixpath.isabs(path) and not _is_below(Path(os.path.normpath(root / path)), root):
            yield (
                f"{key}: {path} lies outside of the project, where `dvc repro` finds it, but `dvc exp run --temp` and "
                "the queue do not, since they work in a copy of the project\n"
                f"  help: write its absolute path, or bring it into the project: dvc add, dvc import-url"
            )


def unused(experiment: Experiment) -> Iterator[str]:
    """That no training starts from what the pretraining makes: so one compares, and so one forgets the key."""
    start = experiment.training.init_from
    # Outside of a project, it may lie in another folder.
    if experiment.pretraining is None or (start and f"/{posixpath.normpath(start)}".endswith(f"/{PRETRAINED}")):
        return
    said = f"training.init_from is {start}" if start else "training.init_from is not set"
    yield (
        f"pretraining: nothing uses what it makes, since {said}\n"
        f"  help: write 'init_from: {PRETRAINED}' below training, unless this is the training to compare with"
    )


def _unmade(experiment: Experiment) -> Iterator[str]:
    """That a training starts from what a pretraining made which is in the document no more: no clone has it."""
    start = experiment.training.init_from
    if experiment.pretraining is None and start and posixpath.normpath(start) == PRETRAINED:
        yield (
            f"training.init_from: no stage makes {PRETRAINED} any more, and git and DVC do not keep it\n"
            f"  help: write the section pretraining again, or keep the file elsewhere: mv {PRETRAINED} "
            "models/pretrained.safetensors, `dvc add` that, and name it"
        )


def _unfetched(file: Path, experiment: Experiment) -> Iterator[str]:
    """That a model which lies elsewhere has not been brought yet: the document is valid, and cannot be run."""
    start = experiment.training.init_from
    if start and names.is_name(start) and not (root_of_names(file) / names.local_path(start)).is_file():
        yield f"training.init_from: {start} is not here yet\n  help: run: thulium fetch {file}"


def _left(root: Path, experiment: Experiment) -> Iterator[str]:
    """What other stages have written, which would pass for results of now."""
    if found := left(root, experiment):
        them = "it" if len(found) == 1 else "them"
        yield (
            f"no stage writes {', '.join(found)} any more, since the document has changed: what is there "
            f"is of before\n  help: move {them} away, or remove {them}: rm -r {' '.join(map(shlex.quote, found))}"
        )


def _is_below(path: Path, root: Path) -> bool:
    return path == root or root in path.parents
