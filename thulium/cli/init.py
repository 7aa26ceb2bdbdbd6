"""``thulium init``: a new project from the template that comes with the package."""

from __future__ import annotations

import logging
import os
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from thulium.cli.command import PATH, argument, command
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium.cli.start.making import Making

SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # as the template's own check has it
_HERE = Path(__file__).resolve().parent
_PLACES = (_HERE.parents[1] / "thulium_dsl" / "_template", _HERE.parents[1] / "template")


class Dataset(str, Enum):
    """The kinds of data that a new project can start with."""

    synthetic = "synthetic"
    custom = "custom"
    gt_txt = "gt_txt"
    page = "page"
    alto = "alto"
    parquet = "parquet"


@command()
@argument("folder", type=PATH, required=False, about="The project's folder, which must not exist.")
@click.option(
    "--dataset",
    type=click.Choice([kind.value for kind in Dataset]),
    show_default=Dataset.synthetic.value,
    help="The kind of data to start with.",
)
@click.option(
    "--from",
    "sources",
    type=PATH,
    multiple=True,
    metavar="FOLDER|ZIP",
    help="Start with this data: an export of pages, or line images with their texts. Once for each source.",
)
@click.option(
    "--copy/--in-place",
    "copies",
    default=None,
    show_default="copy up to 2 GB",
    help="Copy the folder of --from into the project, or leave it where it is.",
)
@click.option("--start", metavar="MODEL", help="Start from this model: zoo:NAME, hf:OWNER/NAME, or a model file.")
def init(
    folder: Path | None, dataset: str | None, sources: tuple[Path, ...], copies: bool | None, start: str | None
) -> None:
    """Start a project: params.yaml, dvc.yaml, git and DVC. With --from, a document that fits the data."""
    from thulium.cli.start import begin, several
    from thulium.cli.start.making import making

    if folder is None and len(sources) != 1:
        raise click.MissingParameter(param_hint="'FOLDER'", param_type="argument")
    if not sources:
        if copies is not None:
            raise click.UsageError("--copy and --in-place say what becomes of the folder that --from names")
        assert folder is not None
        _check(folder, "name a new folder")
        _check_start(start, dataset or Dataset.synthetic.value)
        if start:
            _start_from(start, folder, dataset or "")
        else:
            with making(folder) as place:
                _make(place, dataset or Dataset.synthetic.value)
        return
    if dataset == Dataset.synthetic.value:
        raise click.UsageError("--dataset synthetic renders its lines, and takes none by --from")
    _check_start(start, dataset or "")
    folder = folder or Path(begin.name_of(sources[0]))
    named = " ".join(f"--from {source}" for source in sources)
    _check(folder, f"name a new folder, as in: thulium init {named} {folder.name}-htr")
    os.environ["THULIUM_INIT_HAS_DATA"] = "yes"  # the template's hook then leaves it to us to say what comes next
    if len(sources) > 1:
        several.begin_several(sources, folder, dataset, copies, _make, start or "")
    else:
        begin.begin(sources[0], folder, dataset, copies, _make, start or "")


def _check_start(start: str | None, dataset: str) -> None:
    """Refuse a model that is none by its name, or that there are no lines for."""
    if start is not None and not start:
        raise ThuliumError("--start is an empty text, as of a variable that is not set: name a model")
    if start and dataset == Dataset.synthetic.value:
        raise click.UsageError("--start goes with your own lines: add --from EXPORT, or --dataset with their kind")


def _start_from(start: str, folder: Path, dataset: str) -> None:
    """Make a project that starts from a model, and whose data are still to come."""
    from thulium.cli.start import begin, starting, tell
    from thulium.cli.start.choice import Choice
    from thulium.cli.start.making import making

    with making(folder) as place:
        model = starting.bring(start, place.new())
        _make(place, dataset)
        choice = Choice(dataset, {})
        begin.start_from(model, place, choice, [None])
        begin.keep(choice, place, "A model to start from, and a document that fits it", is_copy=False)
    echo(tell.chose(choice, folder))


def _check(folder: Path, advice: str) -> None:
    if os.path.lexists(folder):
        raise ThuliumError(f"{folder} exists already: {advice}")
    if not SLUG.fullmatch(folder.name):  # before cookiecutter, which would take braces in it for a template
        raise ThuliumError(
            f"{folder.name!r} cannot be the name of a project: use letters, digits, '-', '_' and '.', and begin with a "
            "letter or a digit"
        )


def _make(place: Making, dataset: str, sources: str = "") -> None:
    from cookiecutter.exceptions import CookiecutterException
    from cookiecutter.main import cookiecutter

    logging.getLogger("cookiecutter").addHandler(logging.NullHandler())  # a hook that fails has said why
    template = next(place for place in _PLACES if place.is_dir())
    folder = place.folder
    context = {"project_slug": folder.name, "project_name": folder.name, "dataset": dataset, "_sources": sources}
    os.environ["THULIUM_INIT_FOLDER"] = os.path.relpath(folder)  # the template's hook says what comes next
    try:
        cookiecutter(str(template), no_input=True, extra_context=context, output_dir=str(place.staging))
    except (CookiecutterException, OSError) as error:  # cookiecutter raises bare OSErrors of its own
        raise ThuliumError(f"{folder} was not made: {error}") from None
