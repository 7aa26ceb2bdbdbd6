"""``thulium plan``: what `dvc repro` would run and why, before hours are spent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thulium.cli.command import command, document
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium_dsl.grammar.validate import Loaded


@command()
@document
@click.option("--json", "as_json", is_flag=True, help="Print it for a machine.")
def plan(file: Path, as_json: bool) -> None:
    """Say which stages would run and why. Also how big the training is. Nothing is run."""
    from thulium_dsl.pipeline import job, start
    from thulium_dsl.pipeline import plan as plans
    from thulium_dsl.pipeline.project import unused

    root = _project_of(file)
    loaded, tree = _current(file, root)
    status = _status(root)  # first: DVC says best what is wrong with its own files
    lock = _yaml(root / "dvc.lock")
    steps = plans.plan(status, _yaml(root / "dvc.yaml"), lock, tree)
    names = [step.name for step in steps]
    size, known = None, None
    trainings = [name for name in names if name.partition("@")[0] == "train"]
    if trainings:
        project = Path(os.environ.get("DVC_ROOT", root))
        size = job.size(root, project, tree, lock, is_stale="prepare" in names)
        known = start.start(root, tree, is_stale="prepare" in names)
    if as_json:
        stages = [{"name": step.name, "reasons": [reason.as_data() for reason in step.reasons]} for step in steps]
        said = {"stages": stages, "job": size and asdict(size), "start": known and asdict(known)}
        echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    for step in steps:
        echo(str(step))
    for remark in unused(loaded.experiment):
        echo(f"warning: {remark}", err=True)
    if not steps:
        echo("nothing would run")
    which = "the training" if len(trainings) == 1 else f"each of the {len(trainings)} trainings"
    which += job.spread(root, tree)
    if size:
        echo(f"\n{which}: {size}")
    elif trainings:
        echo(f"\n{which}: its size is not known before the data are prepared: dvc repro prepare")
    if trainings:
        for sentence in [*([str(known)] if known else []), *_kept(root)]:
            echo(sentence)


def _kept(root: Path) -> list[str]:
    """What is kept of trainings that were cut, a sentence each."""
    from thulium.runtime.unfinished import unfinished

    return [
        f"kept of a training that was cut: {training.at}; it resumes from there if its settings, its lines and the "
        "engine are still the same (`thulium clean` lists and removes what is kept)"
        for training in unfinished(Path(os.environ.get("DVC_ROOT", root)))
        if training.at and not training.is_held
    ]


def _project_of(file: Path) -> Path:
    """The folder of the DVC project that the document belongs to."""
    from thulium_dsl.pipeline import graph

    if not file.exists():
        return file.parent  # reading it says so
    root = graph.root_of(file)
    if not any((folder / ".dvc").is_dir() for folder in (root.resolve(), *root.resolve().parents)):
        raise ThuliumError(
            f"{file} belongs to no DVC project, so there is nothing that would run\n"
            "  help: run: git init && dvc init, or start a project with: thulium init"
        )
    if not (root / "dvc.yaml").is_file():
        raise ThuliumError(f"{file}: there is no dvc.yaml beside it\n  help: run: thulium compile")
    return root


def _current(file: Path, root: Path) -> tuple[Loaded, dict[str, Any]]:
    """The document, and its complete tree; refused where the project does not say the same."""
    from thulium_dsl.grammar import validate
    from thulium_dsl.pipeline import project

    loaded = validate.load(file)
    project.refuse_stale(root, loaded)
    return loaded, validate.complete_tree(loaded.document)


def _status(root: Path) -> Any:
    """What DVC says, in its own words."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"], cwd=root, capture_output=True, encoding="utf-8"
    )
    try:
        if done.returncode == 0:
            return json.loads(done.stdout)
    except ValueError:
        pass
    said = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
    raise ThuliumError(f"`dvc status` failed in {root.resolve()}, so there is no plan:\n{said}")


def _yaml(path: Path) -> dict[str, Any]:
    from thulium_dsl.pipeline.plan import read_yaml

    try:
        return read_yaml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
