"""``thulium init``: a new project from the template that comes with the package."""

from __future__ import annotations

import logging
import os
import re
from enum import Enum
from pathlib import Path

import click

from thulium.cli.command import PATH, argument, command
from thulium_dsl.messages.problems import ThuliumError

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
@argument("folder", type=PATH, about="The project's folder, which must not exist.  [required]")
@click.option(
    "--dataset",
    type=click.Choice([kind.value for kind in Dataset]),
    default=Dataset.synthetic.value,
    help="The kind of data to start with.",
)
def init(folder: Path, dataset: str) -> None:
    """Start a project: params.yaml, dvc.yaml, git and DVC."""
    from cookiecutter.exceptions import CookiecutterException
    from cookiecutter.main import cookiecutter

    if os.path.lexists(folder):
        raise ThuliumError(f"{folder} exists already: name a new folder")
    if not SLUG.fullmatch(folder.name):  # before cookiecutter, which would take braces in it for a template
        raise ThuliumError(
            f"{folder.name!r} cannot be the name of a project: use letters, digits, '-', '_' and '.', and begin with a "
            "letter or a digit"
        )
    logging.getLogger("cookiecutter").addHandler(logging.NullHandler())  # a hook that fails has said why
    template = next(place for place in _PLACES if place.is_dir())
    context = {"project_slug": folder.name, "project_name": folder.name, "dataset": dataset}
    os.environ["THULIUM_INIT_FROM"] = os.getcwd()  # the template's hook says what comes next
    try:
        cookiecutter(str(template), no_input=True, extra_context=context, output_dir=str(folder.parent))
    except (CookiecutterException, OSError) as error:  # cookiecutter raises bare OSErrors of its own
        raise ThuliumError(f"{folder} was not made: {error}") from None
