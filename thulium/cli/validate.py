"""``thulium validate``: say everything that is wrong with some documents, to a person or to a program."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from thulium.cli.screen import echo


class Format(str, Enum):
    """Who reads the problems: a person, a program, or GitHub."""

    text = "text"
    json = "json"
    github = "github"


Documents = Annotated[
    list[Path] | None,
    typer.Argument(help="The documents.", metavar="[FILE]...", show_default="params.yaml"),
]


def validate(
    files: Documents = None,
    format_: Annotated[Format, typer.Option("--format", help="How problems are written.")] = Format.text,
) -> None:
    """Say everything that is wrong with a document, or with several."""
    from thulium_dsl import formats
    from thulium_dsl.document import read
    from thulium_dsl.problems import DocumentError
    from thulium_dsl.validate import check

    found = {file: check(read(file)).problems for file in files or [Path("params.yaml")]}
    # Two documents may include one broken file: that is one mistake.
    problems = tuple(dict.fromkeys(problem for problems in found.values() for problem in problems))
    if format_ is Format.text:
        for file, own in found.items():
            if not own:
                echo(f"{file} is valid")
        if problems:
            raise DocumentError(problems)
        return
    written = formats.as_json(problems) if format_ is Format.json else formats.as_github(problems)
    if written:
        echo(written)
    if problems:
        raise typer.Exit(2)


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(validate)
