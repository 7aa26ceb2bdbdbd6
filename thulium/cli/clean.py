"""``thulium clean``: what is kept of trainings that were cut and that nobody means to go on with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thulium.cli.screen import echo

Folder = Annotated[Path, typer.Argument(help="A project, or an --output-dir.", metavar="[DIR]", show_default="here")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list them.")]


def clean(folder: Folder = Path(), dry_run: DryRun = False) -> None:
    """List and remove what is kept of unfinished trainings, so that they would start anew."""
    from thulium.runtime.unfinished import FOLDER, remove, sweep, unfinished

    if not dry_run:
        sweep(folder / FOLDER)
    found = unfinished(folder)
    for training in found:
        at = training.at or "nothing kept yet"
        what = f"{training.path}: {at}, {training.size / 1e6:.1f} MB, into {training.out}"
        if training.is_held:
            echo(f"kept {what}: a process is at it")
        elif dry_run:
            echo(f"would remove {what}")
        else:
            remove(training.path)
            echo(f"removed {what}")
    if not found:
        echo(f"no unfinished training in {folder}")


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(clean)
