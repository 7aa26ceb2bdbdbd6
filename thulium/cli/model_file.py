"""The model that a command is given: a file, a folder that has one, a name, or a revision of the project."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from thulium.cli.screen import echo
from thulium_dsl.grammar import names, zoo
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline.stages import FOLDS, SEEDS

PARAMS, METRICS = "params.yaml", "metrics.json"
DOCUMENTS = (PARAMS, "experiment.yaml")  # of a project, and of an output folder
TRAIN_METRICS = Path("metrics") / "train.json"
SUMMARY = "summary.json"  # the metrics.json of all seeds of a revision, beside that of its model
NAMES = ("best.safetensors", "last.safetensors")
LOCK = "dvc.lock"


@contextlib.contextmanager
def model_file(given: str) -> Iterator[Path]:
    """The path of a model file; one of another revision is there until the block ends.

    Args:
        given: a path, a name such as zoo:latin-small, a git revision, or the name of a DVC experiment.

    Raises:
        ThuliumError: there is none; says what to do.
    """
    path = Path(given)
    if path.is_dir():
        yield _in_folder(path)
    elif names.is_name(given) and not path.exists():
        yield _named(given)
    elif path.exists() or path.suffix == ".safetensors":
        yield path
    else:
        root = project_root()
        if root is None:
            do = f"did you mean 'zoo:{given}'?" if zoo.find(given) else "name a model file, such as best.safetensors"
            raise ThuliumError(
                f"{given}: no such file or folder, and this is no DVC project, whose revision or experiment it could "
                f"be: {do}"
            )
        with tempfile.TemporaryDirectory(prefix="thulium-") as folder:
            yield _of_revision(given, root, Path(folder))


def _named(given: str) -> Path:
    """The file of a model that has a name: one that travels with Thulium, or was fetched into this project."""
    from thulium.models.zoo import file_of

    fault, name = names.fault(given), names.parse(given)
    if fault is None and name is not None:
        fetched = Path(name.path)
        if name.scheme == "zoo":
            return file_of(given)
        if fetched.is_file():
            return fetched
        fault = f"{given}: is not here ({fetched})", f"`thulium fetch {given}` brings it"
    what, do = fault or (given, "")
    raise ThuliumError(f"{what}\n  help: {do}")


def _in_folder(folder: Path) -> Path:
    """The model in a folder of checkpoints, an output folder, a project or a publication; the best one of several.

    Of a project with several seeds, it is that of the seed with the lowest CER on the validation lines.
    """
    places = (folder, folder / _save_dir(folder))
    tried = [*(place / name for place in dict.fromkeys(places) for name in NAMES), folder / names.MODEL]
    if found := next((path for path in tried if path.is_file()), None):
        _say_last(found)
        if found.parent == places[1]:
            _say_unfinished(found, folder)
        return found
    from thulium.runtime.pointers import absent

    for path in tried:
        if said := absent(path):
            raise ThuliumError(f"{path}: {said}")
    is_known = (folder / LOCK).exists()
    do = (
        "`dvc pull` brings it, if it was pushed; `dvc repro` trains it" if is_known else "train first, or name the file"
    )
    raise ThuliumError(f"{folder}: holds no {NAMES[0]}, and neither does {places[1]}: {do}")


def _say_last(file: Path) -> None:
    best, last = NAMES
    if file.name == last:
        echo(f"note: there is no {best}: {last} is taken, the model of the last epoch", err=True)


def _say_unfinished(file: Path, folder: Path) -> None:
    """Say if a model may be that of a training which was cut: one that has ended has written its figures."""
    if folder / SEEDS in file.parents:  # whose figures are summed up, or it would not have been chosen
        return
    if any((folder / name).is_file() for name in DOCUMENTS) and not (folder / TRAIN_METRICS).exists():
        echo(
            f"note: the training of {file} has not ended, as far as is known ({folder / TRAIN_METRICS} is not there): "
            "this is what it had come to; the command that began it goes on",
            err=True,
        )


def _save_dir(folder: Path) -> str:
    """Where the checkpoints of a folder lie, by its document if it has one."""
    for name in DOCUMENTS:
        if (folder / name).exists():
            text = text_of(folder / name)
            return f"{_folder_of_best(text, folder / METRICS, str(folder), _name_one)}{save_dir_in(text)}"
    project = folder.absolute().parent.parent / PARAMS  # of the folder of a seed or a fold
    return save_dir_in(text_of(project) if folder.absolute().parent.name in (SEEDS, FOLDS) else "")


def _folder_of_best(text: str, metrics: Path, name: str, how_to_name: Callable[[str], str]) -> str:
    """The folder of the seed to read with, ending in ``/``; empty where a document has one seed.

    Args:
        name: what was named, for a message.
        how_to_name: the model of a folder, such as that of one fold: what to do to read with it.

    Raises:
        ThuliumError: there are several, and nothing says which is the best; or there are folds, and none is.
    """
    if _has_folds(text):
        raise ThuliumError(
            f"{name}: has a model for each fold, there to be judged: each has learned from a part of the lines\n"
            f"  help: {how_to_name(f'{FOLDS}/1')}; or train one on all pages: empty dataset.split.folds, run `thulium "
            "compile` and `dvc repro`"
        )
    seeds = _seeds_in(text)
    if not seeds:
        return ""
    try:
        best = json.loads(text_of(metrics)).get("best_seed")
    except (ValueError, AttributeError):
        best = None
    if best not in seeds:
        raise ThuliumError(
            f"{name}: has models of several seeds, and metrics.json does not say which reads the validation lines best"
            f"\n  help: `dvc repro` sums them up; or {how_to_name(f'{SEEDS}/{seeds[0]}')}"
        )
    return f"{SEEDS}/{best}/"


def _name_one(folder: str) -> str:
    return f"name one, such as {folder}"


def _seeds_in(text: str) -> list[object]:
    """The seeds of a document that has several."""
    from thulium_dsl.text.document import parse

    section = (parse(text).tree or {}).get("training")
    seeds = section.get("seeds") if isinstance(section, dict) else None
    return seeds if isinstance(seeds, list) else []


def _has_folds(text: str) -> bool:
    from thulium_dsl.text.document import parse

    section = (parse(text).tree or {}).get("dataset")
    split = section.get("split") if isinstance(section, dict) else None
    return isinstance(split, dict) and split.get("folds") is not None


def text_of(path: Path) -> str:
    """What a document holds; empty of one that cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # then the default is as good as any
        return ""


def save_dir_in(text: str) -> str:
    """Where a document has its checkpoints, from its folder."""
    from thulium_dsl.grammar import schemas
    from thulium_dsl.text.document import parse

    section = (parse(text).tree or {}).get("checkpointing")
    named = section.get("save_dir") if isinstance(section, dict) else None
    return str(named or schemas.default_of("checkpointing.save_dir"))


def project_root() -> Path | None:
    """The DVC project that this folder is in."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), None)


def _of_revision(revision: str, root: Path, folder: Path) -> Path:
    """Fetch the model of a revision or an experiment out of DVC's cache, or its remote."""
    if revision.startswith("-"):
        raise ThuliumError(f"{revision}: is no revision: name a model file, or a revision such as HEAD~1")
    params = folder / PARAMS
    said = fetch(PARAMS, revision, root, params)
    if not params.exists():
        raise ThuliumError(_no_revision(revision, said))
    save_dir = _folder_in_revision(revision, root, folder) + save_dir_in(text_of(params))
    for name in NAMES:
        fetch(f"{save_dir.rstrip('/')}/{name}", revision, root, folder / name)
        if (folder / name).exists():
            _say_last(folder / name)
            return folder / name
    raise ThuliumError(
        f"{revision}: its model, {save_dir.rstrip('/')}/{NAMES[0]}, is not in DVC's cache here\n"
        "  help: `dvc pull` brings the models of this revision, `dvc exp pull` those of an experiment, if they were "
        "pushed; where nothing had been trained yet, name a later revision"
    )


def _folder_in_revision(revision: str, root: Path, folder: Path) -> str:
    """The folder of the seed that a revision reads with, as ``_folder_of_best``; its document lies in ``folder``."""
    text = text_of(folder / PARAMS)
    if _seeds_in(text) and not (folder / SUMMARY).exists():
        fetch(METRICS, revision, root, folder / SUMMARY)
    file = f"{save_dir_in(text).rstrip('/')}/{NAMES[0]}"
    # DVC writes into the folder that is worked in, and says so if there is something.
    how = "`dvc get . {0}/" + file + " --rev " + shlex.quote(revision) + " --out {1}.safetensors` brings one to name"
    return _folder_of_best(text, folder / SUMMARY, revision, lambda one: how.format(one, one.replace("/", "-")))


def fetch_metrics(revision: str, root: Path, folder: Path) -> None:
    """Copy the figures of a revision's model, if they are there, beside the model file that ``model_file`` brought."""
    fetch(_folder_in_revision(revision, root, folder) + METRICS, revision, root, folder / METRICS)


def fetch(path: str, revision: str, root: Path, to: Path) -> str:
    """Copy a file of a revision, if it is there; otherwise what DVC says of it."""
    words = [sys.executable, "-m", "dvc", "get", ".", path, "--rev", revision, "--out", str(to)]
    try:
        done = subprocess.run(words, cwd=root, capture_output=True, text=True, errors="replace")
    except OSError as error:
        return str(error)
    rows = [row.removeprefix("ERROR: ") for row in done.stderr.splitlines() if row.startswith("ERROR: ")]
    return rows[0] if rows else "DVC says nothing of it"


def _no_revision(revision: str, said: str) -> str:
    what = f"{revision}: no such file or folder, and no revision or experiment of this project with a params.yaml"
    if zoo.find(revision):
        return f"{what} ({said})\n  help: did you mean 'zoo:{revision}'?"
    return f"{what} ({said})\n  help: `dvc exp show` lists the experiments, `git log` the revisions"
