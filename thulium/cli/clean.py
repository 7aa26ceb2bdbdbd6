"""``thulium clean``: what is kept of trainings that were cut and that nobody means to resume, and of pretrainings."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from thulium.cli import output_folder as folders
from thulium.cli.command import PATH, argument, command
from thulium.cli.screen import echo


@command()
@argument("folder", type=PATH, default=".", metavar="[DIR]", about="A project, or an --output-dir.  [default: .]")
@click.option("--dry-run", is_flag=True, help="Only list them.")
def clean(folder: Path, dry_run: bool) -> None:
    """Remove what is kept of unfinished trainings. Each is named, and would start anew.

    Lines that a pretraining has converted are removed, too; the next one reads them again.
    """
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
    _clean_lines(folder, dry_run)


def _clean_lines(folder: Path, dry_run: bool) -> None:
    """The lines that a pretraining has converted, which the next one would read again."""
    from thulium.cli.pretrain import LINES, SOURCES, WORK

    lines = folder / WORK / LINES
    if not lines.is_dir():
        return
    size = sum(file.stat().st_size for file in lines.rglob("*") if file.is_file())
    what = f"{lines}: lines of a pretraining, {size / 1e6:.1f} MB"
    if dry_run:
        echo(f"would remove {what}")
        return
    with folders.held(folder):
        (folder / WORK / SOURCES).unlink(missing_ok=True)
        shutil.rmtree(lines)
    echo(f"removed {what}")
