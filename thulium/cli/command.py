"""What all commands are made of: click's parts, and the two that it lacks in some versions that Thulium takes."""

from __future__ import annotations

import difflib
import functools
from pathlib import Path
from typing import Any

import click

# Whoever reads a file says what is wrong with it, and better than click: it checks nothing here.
PATH = click.Path(path_type=Path, readable=False)


class Argument(click.Argument):
    """An argument that ``--help`` explains."""

    def __init__(self, *names: Any, about: str, **more: Any) -> None:
        super().__init__(*names, **more)
        self.about = about


class Command(click.Command):
    """A command whose ``--help`` lists its arguments, as it does the options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        arguments = [
            (parameter.make_metavar(ctx), parameter.about)
            for parameter in self.get_params(ctx)
            if isinstance(parameter, Argument)
        ]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        super().format_options(ctx, formatter)


class Group(click.Group):
    """Commands in the order in which they were added; one that is misspelt is guessed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            guesses = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not guesses:
                raise
            raise click.UsageError(f"No such command '{args[0]}'. Did you mean '{guesses[0]}'?", ctx) from error


command = functools.partial(click.command, cls=Command)
argument = functools.partial(click.argument, cls=Argument)
document = argument("file", type=PATH, default="params.yaml", about="The document.  [default: params.yaml]")
