"""``thulium pool``: what the models of all folds of a project read, counted together."""

from __future__ import annotations

from pathlib import Path

from thulium.cli import engine, folds, group, stages
from thulium.cli import output_folder as folders
from thulium.cli.command import command, document


@command()
@document
def pool(file: Path) -> None:
    """Count the errors of all folds of a document together. It is a stage of a project with dataset.split.folds."""
    group.end_with_parent()
    group.refuse("pool")
    experiment, place = stages._open(file, None)
    number = folds.of_project(experiment, is_project=place.is_project)
    with folders.held(place.out):
        with engine.importing("pool"):
            from thulium.stages import pool as stage
        stage.pool(folds=number, folder=folds.FOLDER, out=place.out)
