"""``thulium pretrain``: learning from lines that nobody has transcribed, in a DVC project and without one.

The lines are read and converted into ``.thulium/pretraining`` of the folder that the command works in, and are used
again as long as neither they nor what is done to them have changed.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thulium.cli import engine, group, stages, warnings
from thulium.cli import output_folder as folders
from thulium.cli.command import command, document
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError, harmless
from thulium_dsl.text.files import object_in

if TYPE_CHECKING:
    from thulium.cli.stages import Place
    from thulium.runtime.world import World
    from thulium_dsl.grammar.spec import Experiment, PretrainingSpec

WORK = folders.STATE / "pretraining"
LINES = "lines"  # below it: prepared lines without texts
SOURCES = "sources.json"  # digests of what they were made of, and of themselves
MADE_OF = "made_of.json"  # outside of a project: the settings of the pretraining that was begun last


@command()
@document
@stages.output_dir
@click.option(
    "--restart", is_flag=True, help="Pretrain anew, whatever the folder holds of a finished or an unfinished run."
)
@click.option("--gpus", metavar="N,N", help="Pretrain on these GPUs, such as 0,1: resources.devices for once.")
def pretrain(file: Path, output_dir: Path | None, restart: bool, gpus: str | None) -> None:
    """Learn from lines without transcriptions. A pretraining that was cut is resumed where it was."""
    group.end_with_parent()
    experiment, place = stages._open(file, output_dir)
    experiment = stages._on_gpus(experiment, gpus)
    spec = _section_of(experiment, file)
    if group.has_started(experiment.resources):
        return
    engine.load("pretrain", "torch")
    with group.member() as world, _alone(experiment, spec, place) if world.is_main else contextlib.nullcontext():
        is_new = _pretrain(experiment, spec, place, world, restart)
    if is_new and world.is_main:
        from thulium_dsl.pipeline.stages import PRETRAINED

        echo(f"pretrained: {place.out / PRETRAINED}; a training starts from it by training.init_from")


@contextlib.contextmanager
def _alone(experiment: Experiment, spec: PretrainingSpec, place: Place) -> Iterator[None]:
    """Have the folder for this command, and the lines as they are."""
    again = "dvc repro" if place.is_project else "the same command with --restart"
    with folders.held(place.out), folders.unchanged(lambda: _digest(experiment, spec), spec.dataset.root, again):
        yield


def _section_of(experiment: Experiment, file: Path) -> PretrainingSpec:
    if experiment.pretraining is None:
        raise ThuliumError(
            f"{file}: has no section pretraining, so there is nothing to pretrain on\n"
            "  help: write one: 'pretraining: {dataset: {type: images, root: data/untranscribed}}'"
        )
    return experiment.pretraining


def _pretrain(experiment: Experiment, spec: PretrainingSpec, place: Place, world: World, restart: bool) -> bool:
    """Pretrain, unless that is done already; whether it was not."""
    with engine.importing("pretrain"):
        from thulium.runtime.errors import Interrupted
        from thulium.runtime.unfinished import FOLDER
        from thulium.stages import pretrain as stage

    root = Path(os.environ.get("DVC_ROOT", ".")) if place.is_project else place.out
    if world.is_main and not place.is_project:
        _refuse_others(experiment, place, restart)
    lines = _lines(experiment, spec, place, world)
    if not place.is_project:
        if world.broadcast(world.is_main and _is_finished(place, lines, restart)):
            return False
        if world.is_main:
            _note(experiment, place)
    try:
        stage.pretrain(
            model=experiment.model,
            pretraining=spec,
            augmentation=experiment.augmentation,
            preprocessing=experiment.preprocessing,
            resources=experiment.resources,
            lines=lines,
            out=place.out,
            resume_dir=root / FOLDER,
            world=world,
            restart=restart,
        )
    except Interrupted as end:
        if world.size > 1:
            raise
        echo(str(end), err=True)
        raise click.exceptions.Exit(128 + end.number) from None
    return True


def _lines(experiment: Experiment, spec: PretrainingSpec, place: Place, world: World) -> Path:
    """The folder of the prepared lines; read anew where they, or what is done to them, have changed."""
    from thulium.runtime.world import in_turns
    from thulium.training.same import digest_of_lines

    folder = place.out / WORK / LINES

    def work() -> str:
        now = {"sources": _digest(experiment, spec), "lines": digest_of_lines(folder)}
        report = object_in(folder / "report.json")
        if report and now == object_in(place.out / WORK / SOURCES):
            echo(f"{_counts(report)}, as they were read before", err=True)
            return now["lines"]
        return _read(experiment, spec, place)

    in_turns(work, lambda outcome: digest_of_lines(folder) != outcome, world)
    return folder


def _read(experiment: Experiment, spec: PretrainingSpec, place: Place) -> str:
    """Read the lines; returns a digest of what was written."""
    from thulium.ingest import untranscribed
    from thulium.runtime.files import replace_text
    from thulium.training.same import digest_of_lines

    work = place.out / WORK
    work.mkdir(parents=True, exist_ok=True)
    (work / SOURCES).unlink(missing_ok=True)
    sources = _digest(experiment, spec)  # before: what changes meanwhile may have been read already
    report = untranscribed.prepare(
        dataset=spec.dataset,
        preprocessing=experiment.preprocessing,
        workers=experiment.resources.prepare_workers,
        out=work / LINES,
    )
    digest = digest_of_lines(work / LINES)
    replace_text(work / SOURCES, json.dumps({"sources": sources, "lines": digest}) + "\n")
    echo(f"{_counts(report)}; see {work / LINES / 'report.json'}", err=True)
    if accounts := warnings.accounts(report):
        echo(accounts, err=True)
    for warning in (*warnings.left_out(report), *warnings.looks(report)):
        echo(f"warning: {harmless(warning, is_one_line=True)}", err=True)
    return digest


def _counts(report: dict[str, Any]) -> str:
    splits = {name: split["lines"] for name, split in report["splits"].items()}
    return f"{sum(splits.values())} lines without transcriptions, {splits['val']} of them held out to watch the loss on"


def _digest(experiment: Experiment, spec: PretrainingSpec) -> str:
    from thulium_dsl.grammar.paths import paths_of

    values = asdict(spec)
    settings = [values["dataset"], asdict(experiment.preprocessing)]
    return folders.digest_of_files(settings, paths_of("pretraining", values).values())


def _refuse_others(experiment: Experiment, place: Place, restart: bool) -> None:
    """Refuse an output folder with files of another origin, or with a finished pretraining of other settings.

    Raises:
        ThuliumError: names them.
    """
    from thulium_dsl.pipeline.plan import differences
    from thulium_dsl.pipeline.stages import PRETRAIN

    written = (*PRETRAIN.outs, *PRETRAIN.metrics, *(plot.path for plot in PRETRAIN.plots))
    taken = [path for path in written if os.path.lexists(place.out / path)]
    before, now = object_in(place.out / WORK / MADE_OF), _settings(experiment)
    if taken and before is None:
        raise ThuliumError(
            f"{place.out}: holds {', '.join(taken)}, which no pretraining has written there and this would replace\n"
            "  help: name another --output-dir"
        )
    if before is not None and _finished(place) and not restart:
        changed = [str(each) for name in now for each in differences(before.get(name), now[name], name)]
        _refuse_changed(place, changed)


def _refuse_changed(place: Place, changed: list[str]) -> None:
    if changed:
        raise ThuliumError(
            f"{place.out} holds a finished pretraining, and since then has changed: {'; '.join(changed)}\n"
            "  help: name another --output-dir, or add --restart to pretrain anew"
        )


def _is_finished(place: Place, lines: Path, restart: bool) -> bool:
    """Whether there is nothing to do: outside of a project, where DVC knows that, a finished run is left alone.

    Raises:
        ThuliumError: a pretraining is finished, but of other lines than there are now.
    """
    from thulium.runtime.unfinished import FOLDER, forget_finished
    from thulium.training.same import digest_of_lines

    figures = _finished(place)
    if restart or not figures:
        return False
    same = (figures.get("computed") or {}).get("data") == digest_of_lines(lines)
    _refuse_changed(place, [] if same else ["the lines"])
    forget_finished(place.out / FOLDER)
    echo(f"{place.out} holds a finished pretraining; nothing was done (add --restart to pretrain anew)")
    return True


def _finished(place: Place) -> dict[str, Any] | None:
    """The figures of a finished pretraining, whose model is there; None: there is none."""
    from thulium_dsl.pipeline.stages import PRETRAIN, PRETRAINED

    (metrics,) = PRETRAIN.metrics
    return object_in(place.out / metrics) if (place.out / PRETRAINED).exists() else None


def _note(experiment: Experiment, place: Place) -> None:
    """Note of what the pretraining is that begins, or goes on; what is there of another is not finished any more."""
    from thulium.runtime.files import replace_text
    from thulium_dsl.pipeline.stages import PRETRAIN

    for path in PRETRAIN.metrics:
        (place.out / path).unlink(missing_ok=True)
    replace_text(place.out / WORK / MADE_OF, json.dumps(_settings(experiment), indent=2) + "\n")


def _settings(experiment: Experiment) -> dict[str, Any]:
    """The sections that decide what comes of it, as JSON has them."""
    from thulium_dsl.pipeline.stages import PRETRAIN

    values = asdict(experiment)
    settings: dict[str, Any] = json.loads(json.dumps({name: values[name] for name in PRETRAIN.sections}))
    return settings
