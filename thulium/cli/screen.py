"""What the command line prints: the one door to the terminal."""

from __future__ import annotations

import click

from thulium_dsl.messages.problems import harmless


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text, without what would steer the terminal, whatever names and texts of the data stand in it.

    Args:
        err: on standard error.
        nl: end the line.
    """
    click.echo(harmless(text), err=err, nl=nl)
