"""``thulium show``: a document as it counts, defaults and included files written out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

Document = Annotated[Path, typer.Argument(help="The document.", metavar="[FILE]", show_default="params.yaml")]


def show(
    file: Document = Path("params.yaml"),
    origin: Annotated[bool, typer.Option("--origin", help="Say beside each value where it came from.")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Print only what differs from the defaults.")] = False,
) -> None:
    """Print the whole experiment that a document describes."""
    from thulium_dsl.grammar.include import read
    from thulium_dsl.grammar.local import with_local
    from thulium_dsl.manual import show as shown

    if origin and changed:
        raise ThuliumError("--origin and --changed do not go together: choose one of them")
    document = with_local(read(file))
    echo(shown.changed(document) if changed else shown.show(document, origin), nl=False)


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(show)
