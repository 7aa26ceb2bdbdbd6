"""The commands that touch data: prepare, train and evaluate, in a DVC project and without one.

Where a dvc.yaml lies beside the document, a command is a stage of that project: it works in the project's folder and
refuses to run when dvc.yaml is not what the document compiles to. Elsewhere, or with ``--output-dir``, everything goes
into one folder.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thulium.cli import engine, finished, folds, group, warnings
from thulium.cli import output_folder as folders
from thulium.cli import seeds as several
from thulium.cli.command import PATH, command, document
from thulium.cli.screen import echo
from thulium.cli.sources import said_in
from thulium_dsl.messages.problems import ThuliumError, harmless

if TYPE_CHECKING:
    from thulium.runtime.world import World
    from thulium_dsl.grammar.spec import DatasetSpec, Experiment
    from thulium_dsl.grammar.validate import Loaded

output_dir = click.option(
    "--output-dir", type=PATH, metavar="DIR", help="Work without DVC: read and write everything in this folder."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command reads and writes.

    Attributes:
        out: the folder that checkpoints/, plots/, metrics/ and reports/ stand in.
        prepared: the folder of the prepared data.
        run_dir: the folder of TensorBoard's files.
        is_project: whether DVC runs the command, or could.
        document: the file that says what to do.
    """

    out: Path
    prepared: Path
    run_dir: Path
    is_project: bool
    document: Path


@command()
@document
@click.option(
    "--output-dir", type=PATH, metavar="DIR", help="Work without DVC: write the prepared lines into this folder."
)
@click.option(
    "--dry", is_flag=True, help="Read and check everything, write no lines; with --output-dir, only the report."
)
def prepare(file: Path, output_dir: Path | None, dry: bool) -> None:
    """Read and check the lines, and store them for training."""
    group.end_with_parent()
    group.refuse("prepare")
    experiment, place = _open(file, output_dir)
    prepared = output_dir or place.prepared
    if (prepared / folders.KEPT).exists():
        raise ThuliumError(
            f"{prepared}: is the output folder of a training\n  help: its lines belong into {prepared / 'prepared'}"
        )
    if dry:
        with said_in(file):
            report = _try(experiment, output_dir, prepared)
        written = f"; the report is {output_dir / 'report.html'}" if output_dir else ""
        echo(f"read {warnings.counts(report)}, wrote none{written}")
    else:
        with folders.held(output_dir or place.out), _unchanged(experiment, place):
            report = _prepare(experiment, prepared, file)
        echo(f"prepared {warnings.counts(report)} in {prepared}; see {prepared / warnings.page(report)}")
    if accounts := warnings.accounts(report):
        echo(accounts)
    _warn(report, experiment.dataset)


def _unchanged(experiment: Experiment, place: Place) -> contextlib.AbstractContextManager[None]:
    if not place.is_project:  # else DVC notes what the data are afterwards
        return contextlib.nullcontext()
    return folders.unchanged(lambda: folders.digest_of_data(experiment), "dataset", "dvc repro")


def _prepare(experiment: Experiment, out: Path, file: Path) -> dict[str, Any]:
    with engine.importing("prepare"):
        from thulium.stages import prepare as stage

    with said_in(file):
        return stage.prepare(
            dataset=experiment.dataset, preprocessing=experiment.preprocessing, resources=experiment.resources, out=out
        )


def _try(experiment: Experiment, out: Path | None, prepared: Path) -> dict[str, Any]:
    with engine.importing("prepare"):
        from thulium.stages import prepare as stage

    return stage.check(
        dataset=experiment.dataset,
        preprocessing=experiment.preprocessing,
        resources=experiment.resources,
        out=out,
        prepared=prepared,
    )


def _warn(report: dict[str, Any], dataset: DatasetSpec) -> None:
    for warning in warnings.of(report, dataset):
        echo(f"warning: {harmless(warning, is_one_line=True)}", err=True)


@command()
@document
@output_dir
@click.option(
    "--restart", is_flag=True, help="Train anew, whatever the folder holds of a finished or an unfinished run."
)
@click.option("--gpus", metavar="N,N", help="Train on these GPUs, such as 0,1: resources.devices for once.")
@several.seed_option
@folds.fold_option
def train(
    file: Path, output_dir: Path | None, restart: bool, gpus: str | None, seed: int | None, fold: int | None
) -> None:
    """Train the model of a document. A training that was cut is resumed where it was."""
    group.end_with_parent()
    experiment, place = _open_one(file, output_dir, seed, fold)
    experiment = _on_gpus(experiment, gpus)
    _check_first_weights(experiment.training.init_from)
    if group.has_started(experiment.resources):
        return
    engine.load("train", "torch")
    with group.member() as world, folders.held(place.out) if world.is_main else contextlib.nullcontext():
        _train(file, experiment, place, world, restart)


def _check_first_weights(path: str | None) -> None:
    """Refuse a file that is not there before anything is prepared."""
    from thulium.runtime.pointers import absent, pointer_at
    from thulium_dsl.grammar import names

    if path is None:
        return
    if name := names.parse(path):
        with engine.importing("train"):
            from thulium.exchange.fetch import refuse_other
        refuse_other(name, Path())
        return
    said = pointer_at(Path(path)) if Path(path).is_file() else absent(Path(path)) or "no such file"
    if said:
        remedy = "name a model file that `thulium train` or `thulium pretrain` wrote, or leave init_from out"
        raise ThuliumError(f"training.init_from: {path}: {said}\n  help: {remedy}")


def _train(file: Path, experiment: Experiment, place: Place, world: World, restart: bool) -> None:
    with engine.importing("train"):
        from thulium.runtime.errors import Interrupted
        from thulium.runtime.unfinished import FOLDER
        from thulium.stages import train as stage

    root = Path(os.environ.get("DVC_ROOT", ".")) if place.is_project else place.out
    if not place.is_project:
        if world.is_main:
            _check_folder(experiment, place, restart)
        _prepare_for(experiment, place, world)
        if world.broadcast(world.is_main and not restart and _is_finished(experiment, place)):
            return
        if world.is_main:
            # What was trained on other data must not pass for a finished run, wherever this one ends.
            (place.out / "metrics" / "train.json").unlink(missing_ok=True)
            folders.keep_document(file, place.out)
    try:
        stage.train(
            model=experiment.model,
            training=experiment.training,
            augmentation=experiment.augmentation,
            early_stopping=experiment.early_stopping,
            checkpointing=experiment.checkpointing,
            logging=experiment.logging,
            resources=experiment.resources,
            prepared=place.prepared,
            out=place.out,
            run_dir=place.run_dir,
            resume_dir=root / FOLDER,
            world=world,
            restart=restart,
            on_pace=_keeper_of_pace(experiment) if place.is_project else _keep_no_pace,
        )
    except Interrupted as end:
        if world.size > 1:
            raise
        echo(str(end), err=True)
        raise click.exceptions.Exit(128 + end.number) from None
    if world.is_main:
        echo(f"trained: {place.out / experiment.checkpointing.save_dir}")


def _check_folder(experiment: Experiment, place: Place, restart: bool) -> None:
    """Refuse an output folder of other origin, or one whose finished run came of another document."""
    folders.refuse_foreign(experiment, place.out)
    if not restart and (place.out / "metrics" / "train.json").exists():
        folders.check_same(experiment, place.out)


def _prepare_for(experiment: Experiment, place: Place, world: World) -> None:
    """Prepare the lines, once for all processes that see the folder; not where they are as they would come out."""
    from thulium.runtime.world import in_turns

    def work() -> str:
        if not folders.is_prepared(experiment, place.out):
            _prepare_anew(experiment, place)
        return _digest(place)

    in_turns(work, lambda outcome: _digest(place) != outcome, world)


def _prepare_anew(experiment: Experiment, place: Place) -> None:
    """Prepare the lines of an output folder; what the data had that is not among them is said."""
    with folders.preparing(experiment, place.out):
        report = _prepare(experiment, place.prepared, place.document)
    if accounts := warnings.accounts(report):
        echo(accounts, err=True)
    _warn(report, experiment.dataset)


def _digest(place: Place) -> str:
    from thulium.training.same import digest_of_lines

    return digest_of_lines(place.prepared)


def _is_finished(experiment: Experiment, place: Place) -> bool:
    return finished.is_finished(place.out, experiment.checkpointing, _digest(place))


def _on_gpus(experiment: Experiment, gpus: str | None) -> Experiment:
    """The experiment on the GPUs of the command line, where some are named."""
    if gpus is None:
        return experiment
    numbers = gpus.split(",")
    if not all(number.isdigit() for number in numbers) or len(set(numbers)) < len(numbers):
        raise ThuliumError(f"--gpus takes numbers of GPUs, each once, such as 0,1; found '{gpus}'")
    resources = replace(experiment.resources, device="auto", devices=tuple(map(int, numbers)), processes=1)
    return replace(experiment, resources=resources)


@command()
@document
@output_dir
@click.option(
    "--model", metavar="MODEL", help="Judge this model file, or zoo:NAME, in place of the model trained here."
)
@several.seed_option
@folds.fold_option
def evaluate(file: Path, output_dir: Path | None, model: str | None, seed: int | None, fold: int | None) -> None:
    """Count the errors of the trained model on unseen lines. Another model file can be named."""
    group.end_with_parent()
    group.refuse("evaluate")
    if model:
        experiment, place = _open(file, output_dir)
        place = _place_of_other(file, place, folds.prepared(experiment, fold))
    else:
        experiment, place = _open_one(file, output_dir, seed, fold)
    checkpoints = place.out / experiment.checkpointing.save_dir
    with folders.held(place.out):
        is_own = not place.is_project and place.prepared == place.out / "prepared"
        if is_own and place.prepared.exists() and folders.have_changed(experiment, place.out):
            _prepare_anew(experiment, place)
        with engine.importing("evaluate"):
            from thulium.models import zoo
            from thulium.stages import evaluate as stage
        stage.evaluate(
            evaluation=experiment.evaluation,
            resources=experiment.resources,
            prepared=place.prepared,
            checkpoints=checkpoints,
            out=place.out,
            model_file=zoo.file_of(model) if model else None,
        )


def _place_of_other(file: Path, place: Place, prepared: Path) -> Place:
    """Where a model that is not the document's own is judged: on the folder's prepared lines, or on the project's.

    Raises:
        ThuliumError: it would write over what the project says of its own model.
    """
    if place.is_project:
        raise ThuliumError(
            "--model writes metrics.json, predictions.csv and reports/, which are those of the project's own model "
            "here\n  help: add --output-dir with a folder for it; the lines are the project's"
        )
    project = file.parent / prepared
    is_borrowed = not place.prepared.exists() and (file.parent / "dvc.yaml").exists() and project.exists()
    return replace(place, prepared=project) if is_borrowed else place


def _open(file: Path, output_dir: Path | None) -> tuple[Experiment, Place]:
    from thulium_dsl.grammar import local
    from thulium_dsl.grammar.validate import load
    from thulium_dsl.pipeline.graph import PARAMS

    loaded = load(file)
    experiment = loaded.experiment
    if not group.is_member():
        for remark in local.remarks(loaded.document):
            echo(f"note: {remark}", err=True)
    if output_dir is None and file.name == PARAMS and (file.parent / "dvc.yaml").exists():
        _check_project(file, loaded)
        return experiment, Place(
            Path(), Path("data/prepared"), _run_dir(experiment.logging.tensorboard.log_dir), True, file
        )
    out = output_dir or Path("runs") / file.stem
    if (out / "dvc.yaml").exists():
        raise ThuliumError(f"{out} is a DVC project, whose files would be mixed up: name a folder of its own")
    return experiment, Place(out, out / "prepared", out / "tensorboard", False, file)


def _open_one(file: Path, output_dir: Path | None, seed: int | None, fold: int | None) -> tuple[Experiment, Place]:
    """The experiment of one seed or fold and its place: each of several has a folder of its own."""
    experiment, place = _open(file, output_dir)
    one = several.of_seed(experiment, seed, is_project=place.is_project)
    if (number := folds.of_fold(experiment, fold, is_project=place.is_project)) is not None:
        prepared, out, name = folds.prepared(experiment, number), folds.FOLDER / str(number), f"fold-{number}"
    elif experiment.training.seeds is not None:
        prepared, out, name = place.prepared, several.FOLDER / str(seed), f"seed-{seed}"
    else:
        return one, place
    run_dir = place.run_dir.with_name(f"{place.run_dir.name}-{name}")
    return one, replace(place, out=out, prepared=prepared, run_dir=run_dir)


def _check_project(file: Path, loaded: Loaded) -> None:
    from thulium_dsl.grammar import idle
    from thulium_dsl.grammar import include as compose
    from thulium_dsl.pipeline import project

    compose.refuse_includes(file)
    if file.parent.resolve() != Path.cwd():
        raise ThuliumError(f"{file} belongs to a DVC project: run this in {file.parent}, or add --output-dir")
    project.refuse_stale(file.parent, loaded, must_be_complete=False)
    if not group.is_member():
        for remark in idle.remarks(loaded.document):
            echo(f"note: {remark}", err=True)


def _run_dir(log_dir: str) -> Path:
    """A new folder for a run of a DVC project; in the project itself also when DVC runs it in a temporary copy."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.environ.get('DVC_EXP_NAME') or 'run'}"
    folder = Path(os.environ.get("DVC_ROOT", ".")) / log_dir
    names = (name, *(f"{name}-{number}" for number in range(2, 1000)))  # a run of the same second keeps its curves
    return next((folder / free for free in names if not (folder / free).exists()), folder / name)


def _keeper_of_pace(experiment: Experiment) -> Callable[[float, str], None]:
    """Writes down how fast a project's training goes, also when DVC runs it in a temporary copy: `plan` reads it."""
    from thulium_dsl.pipeline import pace

    digest = pace.digest(asdict(experiment))
    root = Path(os.environ.get("DVC_ROOT", "."))
    with contextlib.suppress(OSError):
        pace.sweep(root)

    def keep(lines_per_s: float, device: str) -> None:
        with contextlib.suppress(OSError):  # an estimate is not worth a training
            pace.write(root, pace.Pace(round(lines_per_s, 2), device, digest))

    return keep


def _keep_no_pace(lines_per_s: float, device: str) -> None:
    """Outside of a project, nobody asks."""
