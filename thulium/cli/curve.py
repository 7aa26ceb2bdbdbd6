"""``thulium curve``: how many lines are needed, from trainings on smaller and smaller parts of those that are there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from thulium.cli import curve_runs, engine
from thulium.cli import output_folder as folders
from thulium.cli import plan as plans
from thulium.cli.command import PATH, command, document
from thulium.cli.curve_runs import Finished
from thulium.cli.own_files import refuse_foreign
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

SIZES, SEEDS = 5, 3
LEAST = 16  # lines of the smallest size that is chosen without being asked
NAME = "curve-"  # how experiments of this command begin
MARK = b"lines,pages,seed,cer,expected"
SHOWN = 3  # names in a sentence
_ANEW = (
    "the prepared lines are not those of the document and the data any more, so it is not known how many there are\n"
    "  help: run: dvc repro prepare"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A training of the curve.

    Attributes:
        lines: that are learnt from.
        name: of its experiment.
        overrides: of the document, as ``dvc exp run -S`` takes them.
    """

    lines: int
    seed: int
    name: str
    overrides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """What a curve is of.

    Attributes:
        tree: the complete document.
        document: what of it decides what a training yields.
        total: training lines that there are.
        files: path -> digest of what trainings depend on.
    """

    root: Path
    tree: Mapping[str, Any]
    document: Mapping[str, Any]
    total: int
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What is trained of a curve.

    Attributes:
        rates: lines -> seed -> CER.
        characters: that each CER is over; None where that is not known.
        left_out: which experiments of this command are not of this curve, and why, a sentence each.
    """

    rates: Mapping[int, Mapping[int, float]]
    characters: int | None
    left_out: Sequence[str]

    def missing(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """Those that are not trained yet."""
        return [each for each in wanted if each.seed not in self.rates.get(each.lines, {})]


@command()
@document
@click.option(
    "--sizes", metavar="N,N", show_default="all lines, and four times half of them", help="How many lines to train on."
)
@click.option("--seeds", metavar="N,N", show_default="training.seed and the next two", help="Seeds for each size.")
@click.option("--run", "is_run", is_flag=True, help="Train what is missing, one after the other.")
@click.option("--queue", "is_queued", is_flag=True, help="Put what is missing into DVC's queue.")
@click.option(
    "--output-dir",
    type=PATH,
    metavar="DIR",
    default=Path("reports") / "curve",
    help="The folder for curve.csv, curve.svg, curve.png and curve.html.",
)
def curve(file: Path, sizes: str | None, seeds: str | None, is_run: bool, is_queued: bool, output_dir: Path) -> None:
    """Say how many lines are needed. Smaller and smaller parts of the training lines are learnt from, each anew."""
    if is_run and is_queued:
        raise ThuliumError("--run trains here and --queue lets DVC's queue do it: choose one of them")
    project = _project(file)
    wanted = _wanted(project, sizes, seeds)
    found, states = _found(project), curve_runs.waiting(project.root)
    missing = found.missing(wanted)
    free = [each for each in missing if states.get(each.name) not in ("queued", "running")]
    echo(_plan(project, wanted, missing))
    if (is_run or is_queued) and free:
        _refuse_unready(project.root)
        (_train if is_run else _queue)(project, free, states)
        found, states = _found(project), curve_runs.waiting(project.root)
        missing = found.missing(wanted)
    if found.rates:
        _show(project, found, wanted, output_dir)
    for sentence in _next(missing, states):
        echo(sentence)


def _project(file: Path) -> Project:
    """What the curve is of.

    Raises:
        ThuliumError: it is no project, it has several seeds or folds, or nothing is prepared.
    """
    from thulium_dsl.pipeline import job, trained
    from thulium_dsl.pipeline.stages import PREPARED, folds_in

    root = plans._project_of(file)
    tree = plans._current(file, root)[1]
    if tree["training"]["seeds"] is not None:
        raise ThuliumError(
            "training.seeds: a curve has seeds of its own for each size, and needs a document with one\n"
            "  help: write 'seeds: null', run `thulium compile`, and name them here: thulium curve --seeds "
            + ",".join(map(str, tree["training"]["seeds"]))
        )
    if folds_in(tree) is not None:
        raise ThuliumError(
            "dataset.split.folds: a curve has one test for all sizes, and folds have one each\n"
            "  help: leave folds empty, and run `thulium compile` and `dvc repro prepare`"
        )
    lock = plans._yaml(root / "dvc.lock")
    total, files = job.lines_in(root / PREPARED), trained.prepared_files(lock)
    if total is None or not files:
        raise ThuliumError(
            "nothing is prepared yet, so it is not known how many lines there are\n  help: run: dvc repro prepare"
        )
    if not trained.is_prepared_of(lock, tree):
        raise ThuliumError(_ANEW)
    return Project(root, tree, trained.document_of(tree), total, {**files, **_named_files(root, tree)})


def _wanted(project: Project, sizes: str | None, seeds: str | None) -> list[Wanted]:
    """The trainings that a curve is made of, seed by seed, so that one seed's curve is there early."""
    from thulium_dsl.pipeline.trained import digest_of

    first = int(project.tree["training"]["seed"])
    numbers = _numbers(seeds, "--seeds", least=0) if seeds else [first + more for more in range(SEEDS)]
    chosen = _numbers(sizes, "--sizes", least=1) if sizes else _halves(project.total)
    if chosen[-1] > project.total:
        raise ThuliumError(f"--sizes: {chosen[-1]:,} lines are more than there are: {project.total:,} training lines")
    digest = digest_of(project.document, project.files)
    return [
        Wanted(
            lines,
            seed,
            f"{NAME}{lines}-{seed}-{digest}",
            (f"training.lines={'null' if lines == project.total else lines}", f"training.seed={seed}"),
        )
        for seed in numbers
        for lines in chosen
    ]


def _numbers(text: str, option: str, *, least: int) -> list[int]:
    words = text.replace(" ", "").split(",")
    numbers = [int(word) for word in words if word.isascii() and word.isdigit()]
    if len(numbers) < len(words) or len(set(numbers)) < len(numbers) or min(numbers) < least:
        raise ThuliumError(f"{option} takes whole numbers from {least} on, each once, such as 1,2,3; found '{text}'")
    return sorted(numbers)


def _halves(total: int) -> list[int]:
    """All lines, half of them, half of those and so on, rising."""
    sizes = [total // 2**times for times in range(SIZES)]
    return sorted({size for size in sizes if size >= LEAST} | {total})


def _found(project: Project) -> Found:
    """What is trained of the project's curve."""
    from thulium_dsl.pipeline.trained import agree

    rates: dict[int, dict[int, float]] = {}
    characters: int | None = None
    elsewhere: list[Finished] = []
    for each in curve_runs.finished(project.root):
        if each.of.document != project.document or not agree(each.of.files, project.files):
            elsewhere.append(each)
            continue
        lines = min(each.of.lines or project.total, project.total)
        rates.setdefault(lines, {}).setdefault(each.of.seed, each.cer)
        characters = each.characters or characters
    ours = [each for each in elsewhere if each.name.startswith(NAME)]
    return Found(rates, characters, list(_left_out(project, ours)))


def _named_files(root: Path, tree: Mapping[str, Any]) -> dict[str, str]:
    """The digests of the files that a document names for training and evaluation, such as first weights."""
    from thulium_dsl.grammar.names import local_path
    from thulium_dsl.grammar.paths import paths_of

    named = [path for section in ("training", "evaluation") for path in paths_of(section, tree[section]).values()]
    files = {path: root / path for path in map(local_path, named)}
    return {
        path: hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        for path, file in files.items()
        if file.is_file()
    }


def _left_out(project: Project, others: Sequence[Finished]) -> Iterator[str]:
    """What differs in experiments of this command that are not of this curve, a sentence each."""
    from thulium_dsl.pipeline.plan import differences

    found: dict[str, list[str]] = {}
    for each in others:
        keys = [str(reason.name).lstrip(".") for reason in differences(each.of.document, project.document, "")]
        paths = [path for path, digest in each.of.files.items() if project.files.get(path, digest) != digest]
        found.setdefault(_some(keys or paths), []).append(each.name)
    for what, names in found.items():
        one = len(names) == 1
        yield (f"not in this curve: {_some(names)}, whose {what} {'is' if one else 'are'} not what the project has now")


def _some(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _plan(project: Project, wanted: Sequence[Wanted], missing: Sequence[Wanted]) -> str:
    """What a curve is made of, how much of it is missing, and how long that takes."""
    sizes, seeds = sorted({each.lines for each in wanted}), sorted({each.seed for each in wanted})
    named = f"{', '.join(f'{size:,}' for size in sizes)} of {project.total:,} training lines"
    rows = [
        f"{len(wanted)} trainings: {named}, with the seeds {', '.join(map(str, seeds))}; "
        f"there: {len(wanted) - len(missing)}, missing: {len(missing)}"
    ]
    if missing:
        rows.append(_time(project, missing))
    return "\n".join(rows)


def _time(project: Project, missing: Sequence[Wanted]) -> str:
    from thulium_dsl.pipeline import pace as paces
    from thulium_dsl.pipeline.job import duration, lines_an_epoch
    from thulium_dsl.pipeline.stages import PREPARED

    lines = sum(each.lines for each in missing)
    epochs, pace = project.tree["training"]["epochs"], paces.read(project.root)
    most = "1 epoch" if epochs == 1 else f"at most {epochs:,} epochs"
    size = f"what is missing: {lines:,} lines in all, {most} of each as in the document: fewer lines have fewer steps"
    if pace is None or pace.digest != paces.digest(project.tree) or pace.lines_per_s <= 0:
        return f"{size}\nno run of this model was timed here, so there is no estimate of how long it takes"
    weighted = lines_an_epoch(project.root / PREPARED) or project.total
    seconds = lines * weighted / project.total * epochs / pace.lines_per_s
    speed = f"at the last run's {pace.lines_per_s:.0f} lines/s on {pace.device}"
    each = "the training" if len(missing) == 1 else f"each of the {len(missing)} trainings"
    besides = f"{each} also has to begin, to be evaluated and to be kept by DVC, which takes longer where lines are few"
    return f"{size}\nabout {duration(seconds)} {speed}, for the learning alone: {besides}"


def _refuse_unready(root: Path) -> None:
    """Refuse a project whose copies would not find its prepared lines."""
    if "prepare" in plans._status(root):
        raise ThuliumError(_ANEW)
    if not curve_runs.is_tracked(root, "dvc.lock"):
        raise ThuliumError(
            "dvc.lock is not known to git, and each training works in a copy of what git knows\n"
            "  help: run: git add dvc.lock"
        )


def _train(project: Project, missing: Sequence[Wanted], _states: Mapping[str, str]) -> None:
    with folders.alone("curve", project.root):
        for number, each in enumerate(missing, 1):
            echo(f"\n{number} of {len(missing)}: {each.lines:,} lines, seed {each.seed} ({each.name})", err=True)
            curve_runs.train(project.root, each.name, each.overrides)


def _queue(project: Project, missing: Sequence[Wanted], states: Mapping[str, str]) -> None:
    for each in missing:
        if each.name in states:
            curve_runs.forget(project.root, each.name)
        curve_runs.queue(project.root, each.name, each.overrides)
        echo(f"queued {each.name}", err=True)


def _show(project: Project, found: Found, wanted: Sequence[Wanted], out: Path) -> None:
    from thulium_dsl.pipeline.stages import PREPARED

    stage = engine.load("curve", "thulium.stages.curve")
    refuse_foreign(out / "curve.csv", MARK, "curve", "--output-dir")
    curve = stage.curve(
        found.rates,
        sizes=[each.lines for each in wanted],
        seeds=[each.seed for each in wanted],
        prepared=project.root / PREPARED,
        characters=found.characters,
        split=project.tree["evaluation"]["split"],
        notes=[*found.left_out, *_language_model(project)],
    )
    echo(f"\n{stage.as_text(curve)}", nl=False)
    stage.write(curve, out)
    echo(f"wrote {', '.join(stage.NAMES[:-1])} and {stage.NAMES[-1]} in {out}")


def _language_model(project: Project) -> list[str]:
    named = project.tree["evaluation"]["decoding"].get("language_model", "none")
    if named in ("none", "train"):
        return []
    return [
        f"evaluation.decoding.language_model: {named} is the same for all sizes: if it is of the training lines, the "
        "smaller sizes look better than they are"
    ]


def _next(missing: Sequence[Wanted], states: Mapping[str, str]) -> Iterator[str]:
    """What is left to do, a sentence each."""
    of = [states.get(each.name) for each in missing]
    for each, state in zip(missing, of, strict=True):
        if state == "failed":
            yield f"{each.name} failed in DVC's queue: `dvc queue logs {each.name}` says why"
    running, waiting = of.count("running"), of.count("queued")
    if running or waiting:
        yield (
            f"in DVC's queue: {waiting} waiting, {running} running; `dvc queue start --jobs 1` works on them, "
            "`dvc queue status` shows them, and `thulium curve` the curve as it grows"
        )
    if running + waiting < len(missing):
        yield (
            "to train what is missing: `thulium curve --run` (here, one after the other) or `thulium curve --queue` "
            "(in DVC's queue); what is there is not trained again"
        )
