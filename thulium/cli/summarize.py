"""``thulium summarize``: what the models of all seeds of a project read, summed up."""

from __future__ import annotations

from pathlib import Path

from thulium.cli import engine, group, seeds, stages
from thulium.cli import output_folder as folders
from thulium.cli.command import command, document


@command()
@document
def summarize(file: Path) -> None:
    """Sum up the figures of all seeds of a document. It is a stage of a project with training.seeds."""
    group.end_with_parent()
    group.refuse("summarize")
    experiment, place = stages._open(file, None)
    numbers = seeds.of_project(experiment, is_project=place.is_project)
    with folders.held(place.out):
        with engine.importing("summarize"):
            from thulium.stages import summarize as stage
        stage.summarize(numbers=numbers, folder=seeds.FOLDER, out=place.out)
