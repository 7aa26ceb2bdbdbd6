"""``thulium show``: a document as it counts, defaults and included files written out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thulium.cli.screen import echo

Document = Annotated[Path, typer.Argument(help="The document.", metavar="[FILE]", show_default="params.yaml")]


def show(
    file: Document = Path("params.yaml"),
    origin: Annotated[bool, typer.Option("--origin", help="Say beside each value where it came from.")] = False,
) -> None:
    """Print the whole experiment that a document describes."""
    from thulium_dsl.document import read
    from thulium_dsl.show import show as shown

    echo(shown(read(file), origin), nl=False)


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(show)
