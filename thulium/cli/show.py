"""``thulium show``: a document as it counts, defaults and included files written out."""

from __future__ import annotations

from pathlib import Path

import click

from thulium.cli.command import command, document
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError


@command()
@document
@click.option("--origin", is_flag=True, help="Say beside each value where it came from.")
@click.option("--changed", is_flag=True, help="Print only what differs from the defaults.")
def show(file: Path, origin: bool, changed: bool) -> None:
    """Print the whole experiment that a document describes."""
    from thulium_dsl.grammar.include import read
    from thulium_dsl.grammar.local import with_local
    from thulium_dsl.manual import show as shown

    if origin and changed:
        raise ThuliumError("--origin and --changed do not go together: choose one of them")
    document = with_local(read(file))
    echo(shown.changed(document) if changed else shown.show(document, origin), nl=False)
