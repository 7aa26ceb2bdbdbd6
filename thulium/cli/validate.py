"""``thulium validate``: say everything that is wrong with some documents, to a person or to a program."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from thulium.cli.command import PATH, argument, command
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import Problem

if TYPE_CHECKING:
    from thulium_dsl.grammar.validate import Loaded


class Format(str, Enum):
    """Who reads the problems: a person, a program, or GitHub."""

    text = "text"
    json = "json"
    github = "github"


@command()
@argument("files", type=PATH, nargs=-1, metavar="[FILE]...", about="One document, or several.  [default: params.yaml]")
@click.option(
    "--format",
    "format_",
    type=click.Choice([reader.value for reader in Format]),
    default=Format.text.value,
    help="How problems are written.",
)
def validate(files: tuple[Path, ...], format_: str) -> None:
    """Say everything that is wrong with a document. In a project, also whether dvc.yaml is out of date."""
    from thulium_dsl.messages import formats
    from thulium_dsl.messages.problems import DocumentError

    found = {file: _problems(file) for file in files or (Path("params.yaml"),)}
    # Two documents may include one broken file: that is one mistake.
    problems = tuple(dict.fromkeys(problem for problems in found.values() for problem in problems))
    if format_ == Format.text:
        for file, own in found.items():
            if not own:
                echo(f"{file} is valid")
        if problems:
            raise DocumentError(problems)
        return
    written = formats.as_json(problems) if format_ == Format.json else formats.as_github(problems)
    if written:
        echo(written)
    if problems:
        raise click.exceptions.Exit(2)


def _problems(file: Path) -> tuple[Problem, ...]:
    """Those of the document; where it has none, those of the project that it belongs to."""
    from thulium_dsl.grammar.include import read
    from thulium_dsl.grammar.local import with_local
    from thulium_dsl.grammar.validate import Loaded, check, experiment_of
    from thulium_dsl.pipeline import project

    document = read(file)
    whole = with_local(document)
    if problems := check(whole).problems:
        return problems
    loaded = Loaded(experiment_of(whole), document)
    say_remarks(file, loaded)
    return tuple(project.staleness(file, loaded))


def say_remarks(file: Path, loaded: Loaded) -> None:
    """Say what a valid document holds that does nothing, and warn of what does not work in every run of its project."""
    from thulium_dsl.grammar import idle
    from thulium_dsl.pipeline import project

    for option in idle.idle_in(loaded.document.tree):
        echo(f"note: {option}", err=True)
    for remark in project.remarks(file, loaded.experiment):
        echo(f"warning: {remark}", err=True)
