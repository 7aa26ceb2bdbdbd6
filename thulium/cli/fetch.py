"""``thulium fetch`` and ``thulium models``: what lies elsewhere, brought into the project as files."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thulium.cli import engine
from thulium.cli import output_folder as folders
from thulium.cli.command import PATH, argument, command
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium.exchange.fetch import Fetched
    from thulium_dsl.grammar.names import Name


@command()
@argument(
    "what",
    default="params.yaml",
    metavar="[NAME | FILE]",
    about="A name, such as hf:owner/name; or a document, whose names are fetched.  [default: params.yaml]",
)
@click.option("--into", type=PATH, metavar="DIR", help="Fetch a collection of lines into this folder, not a model.")
@click.option("--update", is_flag=True, help="Take what the name stands for now, and not what it did at first.")
def fetch(what: str, into: Path | None, update: bool) -> None:
    """Bring a model, or lines, from elsewhere. DVC tracks the files."""
    from thulium_dsl.grammar import names

    is_document = not names.is_name(what)
    if is_document and into:
        raise ThuliumError("--into is for the name of a collection of lines, such as hf:owner/name: add one")
    module = engine.load("fetch", "thulium.exchange.fetch")
    with folders.alone("fetch", Path()):
        if is_document:
            _fetch_named(module, Path(what), update)
        else:
            _fetch_one(module, what, into, update)


def _fetch_one(module: Any, what: str, into: Path | None, update: bool) -> None:
    name, root = _name(what), Path()
    if into is None:
        engine.load("fetch", "thulium.models.header")
        fetched = module.fetch_model(name, root, update=update)
    else:
        fetched = module.fetch_lines(name, _folder(into), root, update=update)
    _say(fetched)
    _track(fetched, root)
    _say_how_to_use(fetched, what, into)


@command()
def models() -> None:
    """List the models that Thulium knows by name."""
    from thulium_dsl.grammar import zoo

    for model in zoo.MODELS:
        echo(f"zoo:{model.name}  {model.size / 1e6:.1f} MB, {'on this machine' if model.path else 'to be fetched'}")
        echo(f"    {model.summary}")
        echo(f"    languages: {', '.join(model.languages)}; scripts: {', '.join(model.scripts)}")
        echo(f"    licence: {model.license}; sha256 {model.sha256}")
    if zoo.MODELS:
        name = zoo.MODELS[0].name
        echo(f"to start from one: thulium init NAME --start zoo:{name} --from EXPORT")
        echo(f"to read with it as it is: thulium predict zoo:{name} line.png")
    else:
        echo("this version of Thulium comes with no models; training.init_from also takes hf:owner/name and doi:…")


def _name(text: str) -> Name:
    """The name that a person gave.

    Raises:
        ThuliumError: it is none; says what it may have been.
    """
    from thulium_dsl.grammar import names

    name = names.parse(text)
    if name is None or (name.scheme == "zoo" and names.fault(text)):
        what, do = names.fault(text) or (f"'{text}' is no name", "")
        raise ThuliumError(f"{what}\n  help: {do}" if do else what)
    return name


def _folder(into: Path) -> str:
    """The folder of --into, as the lock names it.

    Raises:
        ThuliumError: it lies outside of this one, or is this one.
    """
    relative = os.path.relpath(into).replace(os.sep, "/")
    if relative == "." or relative.startswith("../"):
        raise ThuliumError(f"--into {into}: must be a folder below this one, such as data/foreign")
    return relative


def _fetch_named(module: Any, file: Path, update: bool) -> None:
    """Fetch what a document names, and the lines that were fetched for it before and are not here."""
    from thulium.exchange import lock
    from thulium_dsl.grammar import names
    from thulium_dsl.grammar.paths import paths_of
    from thulium_dsl.grammar.validate import load
    from thulium_dsl.pipeline.project import root_of_names

    experiment, root = load(file).experiment, root_of_names(file)
    start, known = experiment.training.init_from, lock.read(root)
    found = []
    if start and names.is_name(start):
        engine.load("fetch", "thulium.models.header")
        found.append(module.fetch_model(_name(start), root, update=update))
    for path in paths_of("dataset", asdict(experiment.dataset)).values():
        place = next((p for p in known if path == p or path.startswith(f"{p}/")), None)
        if place is not None:
            found.append(module.fetch_lines(_name(known[place].name), place, root, update=update))
    if not found:
        echo(f"{file} names nothing that lies elsewhere: nothing was fetched")
    for fetched in found:
        _say(fetched)
        _track(fetched, root)


def _say(fetched: Fetched) -> None:
    entry = fetched.entry
    revision = f" at {entry.revision[:12]}" if entry.revision else ""
    size, license_ = f"{fetched.size / 1e6:.1f} MB", f"licence: {entry.license or 'it names none'}"
    if fetched.is_new:
        echo(f"fetched {entry.name}{revision}: {fetched.place}, {size}; {license_}")
    else:
        echo(f"{entry.name}{revision} is here, and as it was fetched: {fetched.place}")


def _track(fetched: Fetched, root: Path) -> None:
    """Let DVC track what was fetched, where there is a DVC project.

    Raises:
        ThuliumError: DVC does not.
    """
    here = root.resolve()
    if not any((folder / ".dvc").is_dir() for folder in (here, *here.parents)):
        if fetched.is_new:
            echo("this is no DVC project: keep the files with your data; thulium.lock says what they are")
        return
    pointer = root / f"{fetched.place}.dvc"
    if pointer.exists() and not fetched.is_new:
        return
    words = [sys.executable, "-m", "dvc", "add", "--quiet", fetched.place]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise ThuliumError(
            f"{fetched.place}: was fetched, but DVC does not track it: {said}\n  help: run: dvc add {fetched.place}"
        )
    echo(f"tracked by DVC: {pointer}; commit it with thulium.lock, and `dvc push` shares the files")


def _say_how_to_use(fetched: Fetched, given: str, into: Path | None) -> None:
    if into is None:
        echo(f"to start from it: 'init_from: {given}' below 'training:' in params.yaml, then: thulium compile")
    elif any(file.path.endswith(".parquet") for file in fetched.entry.files):
        beside = "; beside lines of your own: an item of dataset.sources"
        echo(f"to read it: 'dataset: {{type: parquet, root: {fetched.place}}}' in params.yaml{beside}")
