"""The commands that touch data: prepare, train and evaluate, in a DVC project and without one.

Where a dvc.yaml lies beside the document, a command is a stage of that project: it works in the project's folder and
refuses to run when dvc.yaml is not what the document compiles to. Elsewhere, or with ``--output-dir``, everything goes
into one folder.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from thulium.cli import group, warnings
from thulium_dsl.problems import ThuliumError

KEPT = "experiment.yaml"  # the complete document beside what came of it

Document = Annotated[Path, typer.Argument(help="The document.", metavar="[FILE]", show_default="params.yaml")]
OutputDir = Annotated[
    Path | None, typer.Option(help="Work without DVC: read and write everything in this folder.", metavar="DIR")
]
PreparedDir = Annotated[
    Path | None, typer.Option(help="Work without DVC: write the prepared lines into this folder.", metavar="DIR")
]
Dry = Annotated[
    bool, typer.Option("--dry", help="Read and check everything, write no lines; with --output-dir, only the report.")
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Train anew, whatever the folder holds of a finished or an unfinished run.")
]
ModelFile = Annotated[
    Path | None,
    typer.Option("--model", help="Judge this model file, in the place of the one trained here.", metavar="FILE"),
]
Gpus = Annotated[
    str | None, typer.Option(help="Train on these GPUs, such as 0,1: resources.devices for once.", metavar="N,N")
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command reads and writes.

    Attributes:
        out: the folder that checkpoints/, plots/, metrics/ and reports/ stand in.
        prepared: the folder of the prepared data.
        run_dir: the folder of TensorBoard's files.
        is_project: whether DVC runs the command, or could.
    """

    out: Path
    prepared: Path
    run_dir: Path
    is_project: bool


def prepare(file: Document = Path("params.yaml"), output_dir: PreparedDir = None, dry: Dry = False) -> None:
    """Read the lines, check them, and store them the way training reads them."""
    group.end_with_parent()
    group.refuse("prepare")
    experiment, place = _open(file, output_dir)
    prepared = output_dir or place.prepared
    if dry:
        report = _run("prepare", experiment, "check", out=output_dir)
        written = f"; the report is {output_dir / 'report.html'}" if output_dir else ""
        typer.echo(f"read {_counts(report)} lines, wrote none{written}")
    else:
        report = _run("prepare", experiment, out=prepared)
        typer.echo(f"prepared {_counts(report)} lines in {prepared}; see {prepared / 'report.html'}")
    for warning in warnings.of(report, experiment.dataset):
        typer.echo(f"warning: {warning}", err=True)


def _counts(report: dict[str, Any]) -> str:
    return ", ".join(f"{split['lines']} {name}" for name, split in report["splits"].items())


def train(
    file: Document = Path("params.yaml"),
    output_dir: OutputDir = None,
    restart: Restart = False,
    gpus: Gpus = None,
) -> None:
    """Train the model of a document. A training that was cut goes on where it was."""
    group.end_with_parent()
    experiment, place = _open(file, output_dir)
    experiment = _on_gpus(experiment, gpus)
    _check_first_weights(experiment.training.init_from)
    processes = len(experiment.resources.devices) or experiment.resources.processes
    if processes > 1 and not group.is_member():
        if not _is_finished(experiment, place, restart):
            group.start(processes)
        return
    _load("train", "torch")
    with group.member() as world:
        _train(file, experiment, place, world, restart)


def _check_first_weights(path: str | None) -> None:
    """Refuse a file that is not there before anything is prepared."""
    if path is not None and not Path(path).is_file():
        raise ThuliumError(
            f"training.init_from: {path}: no such file\n"
            "  help: name a model file that `thulium train` wrote, or leave init_from out"
        )


def _train(file: Path, experiment: Any, place: Place, world: Any, restart: bool) -> None:
    from thulium.errors import Interrupted
    from thulium.unfinished import FOLDER

    root = Path(os.environ.get("DVC_ROOT", ".")) if place.is_project else place.out
    if world.share(world.is_main and _is_finished(experiment, place, restart)):
        return
    if not place.is_project:
        _prepare_for(experiment, place, world)
        if world.is_main:
            # The data are new: what was trained on old ones must not pass for a finished run, wherever this one ends.
            (place.out / "metrics" / "train.json").unlink(missing_ok=True)
            _keep_document(file, place.out)
    more = {"on_pace": _keeper_of_pace(experiment)} if place.is_project else {}
    places = {"prepared": place.prepared, "out": place.out, "run_dir": place.run_dir, "resume_dir": root / FOLDER}
    try:
        _run("train", experiment, **places, world=world, restart=restart, **more)
    except Interrupted as end:
        if world.size > 1:
            raise
        typer.echo(str(end), err=True)
        raise typer.Exit(128 + end.number) from None
    if world.is_main:
        typer.echo(f"trained: {place.out / experiment.checkpointing.save_dir}")


def _is_finished(experiment: Any, place: Place, restart: bool) -> bool:
    """Whether there is nothing to train: outside of a project, where DVC knows that, a finished run is left alone."""
    if place.is_project or restart or not (place.out / "metrics" / "train.json").exists():
        return False
    _check_same(experiment, place.out)
    typer.echo(f"{place.out} holds a finished run; nothing was done (add --restart to train anew)")
    return True


def _prepare_for(experiment: Any, place: Place, world: Any) -> None:
    """Prepare the lines, once for all processes that see the folder."""
    from thulium.world import in_turns

    def work() -> str:
        _run("prepare", experiment, out=place.prepared)
        return digest()

    def digest() -> str:
        from thulium.training.resume import digest_of

        return digest_of([place.prepared])

    in_turns(work, lambda outcome: digest() != outcome, world)


def _on_gpus(experiment: Any, gpus: str | None) -> Any:
    """The experiment on the GPUs of the command line, where some are named."""
    if gpus is None:
        return experiment
    numbers = gpus.split(",")
    if not all(number.isdigit() for number in numbers) or len(set(numbers)) < len(numbers):
        raise ThuliumError(f"--gpus takes numbers of GPUs, each once, such as 0,1; found '{gpus}'")
    resources = replace(experiment.resources, device="auto", devices=tuple(map(int, numbers)), processes=1)
    return replace(experiment, resources=resources)


def evaluate(file: Document = Path("params.yaml"), output_dir: OutputDir = None, model: ModelFile = None) -> None:
    """Read unseen lines with the trained model, or with a model file that is named, and count its errors."""
    group.end_with_parent()
    group.refuse("evaluate")
    experiment, place = _open(file, output_dir)
    if model:
        place = _place_of_other(file, place)
    places = {"prepared": place.prepared, "checkpoints": place.out / experiment.checkpointing.save_dir}
    _run("evaluate", experiment, **places, out=place.out, model_file=model)


def _place_of_other(file: Path, place: Place) -> Place:
    """Where a model that is not the document's own is judged: on the folder's prepared lines, or on the project's.

    Raises:
        ThuliumError: it would write over what the project says of its own model.
    """
    from thulium_dsl.graph import PREPARED

    if place.is_project:
        raise ThuliumError(
            "--model writes metrics.json, predictions.csv and reports/, which are those of the project's own model "
            "here\n  help: add --output-dir with a folder for it; the lines are the project's"
        )
    project = file.parent / PREPARED
    is_borrowed = not place.prepared.exists() and (file.parent / "dvc.yaml").exists() and project.exists()
    return replace(place, prepared=project) if is_borrowed else place


def _open(file: Path, output_dir: Path | None) -> tuple[Any, Place]:
    from thulium_dsl.graph import PARAMS
    from thulium_dsl.validate import load

    experiment, _ = load(file)
    if output_dir is None and file.name == PARAMS and (file.parent / "dvc.yaml").exists():
        _check_project(file, experiment)
        return experiment, Place(Path(), Path("data/prepared"), _run_dir(experiment.logging.tensorboard.log_dir), True)
    out = output_dir or Path("runs") / file.stem
    if (out / "dvc.yaml").exists():
        raise ThuliumError(f"{out} is a DVC project, whose files would be mixed up: name a folder of its own")
    return experiment, Place(out, out / "prepared", out / "tensorboard", False)


def _check_project(file: Path, experiment: Any) -> None:
    from thulium_dsl import compose, dvc_yaml

    compose.refuse_includes(file)
    if file.parent.resolve() != Path.cwd():
        raise ThuliumError(f"{file} belongs to a DVC project: run this in {file.parent}, or add --output-dir")
    differences = dvc_yaml.differences(file.parent, experiment)
    if differences:
        raise ThuliumError(
            "\n".join([*(f"dvc.yaml is out of date: {what}" for what in differences), "  help: run: thulium compile"])
        )


def _run_dir(log_dir: str) -> Path:
    """A new folder for a run of a DVC project; in the project itself also when DVC runs it in a temporary copy."""
    name = os.environ.get("DVC_EXP_NAME") or "run"
    return Path(os.environ.get("DVC_ROOT", ".")) / log_dir / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"


def _keeper_of_pace(experiment: Any) -> Callable[[float, str], None]:
    """Writes down how fast a project's training goes, also when DVC runs it in a temporary copy: `plan` reads it."""
    from thulium_dsl import pace

    digest = pace.digest(asdict(experiment))
    root = Path(os.environ.get("DVC_ROOT", "."))

    def keep(lines_per_s: float, device: str) -> None:
        with contextlib.suppress(OSError):  # an estimate is not worth a training
            pace.write(root, pace.Pace(round(lines_per_s, 2), device, digest))

    return keep


def _run(name: str, experiment: Any, function: str = "", **more: Any) -> Any:
    """Run a stage, or another function of its module, with the sections that the stage reads, and no others."""
    from thulium_dsl.graph import STAGES

    stage = next(stage for stage in STAGES if stage.name == name)
    sections = {section: getattr(experiment, section) for section in (*stage.reads, *stage.also)}
    module = _load(name, f"thulium.stages.{name}")
    return getattr(module, function or name)(**sections, **more)


def _load(name: str, module: str) -> Any:
    """Import what a command needs of the engine, or say how to install it."""
    # Read by oneDNN when torch is loaded: room for the convolutions of all widths of a run (see docs/results.md).
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "100000")
    # Read by OpenMP likewise: how long a thread that waits for the others keeps its core. The default is so long that a
    # busy program beside us costs ten times the pace; no time at all halves it (see docs/results.md).
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("thulium"):
            raise  # ours to mend
        raise ThuliumError(
            f"'thulium {name}' needs the package {error.name}, which is not installed: pip install 'thulium[training]'"
        ) from None


def _check_same(experiment: Any, out: Path) -> None:
    """Refuse a folder whose finished run came of other settings."""
    from thulium_dsl.graph import STAGES
    from thulium_dsl.validate import load

    kept = out / KEPT
    if not kept.exists():
        return
    before = load(kept).experiment
    tracked = [section for stage in STAGES if stage.name != "evaluate" for section in stage.reads]
    changed = [section for section in tracked if getattr(before, section) != getattr(experiment, section)]
    if changed:
        raise ThuliumError(
            f"{out} holds a finished run of another document: {', '.join(changed)} differ from {kept}\n"
            "  help: name another --output-dir, or add --restart to train anew"
        )


def _keep_document(file: Path, folder: Path) -> None:
    """Put the complete document beside what comes of it."""
    from thulium.files import replace_text
    from thulium_dsl.document import read
    from thulium_dsl.fill import fill

    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / KEPT, fill(read(file)).text)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (prepare, train, evaluate):
        app.command()(command)


__all__ = ["add_to"]
