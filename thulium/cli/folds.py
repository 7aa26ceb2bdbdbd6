"""A document with folds: which of them a command is of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline.stages import FOLDS

if TYPE_CHECKING:
    from thulium_dsl.grammar.spec import Experiment

FOLDER = Path(FOLDS)

fold_option = click.option(
    "--fold", type=click.IntRange(1), metavar="N", help="In a project with dataset.split.folds: which one of them."
)


def number_of(experiment: Experiment) -> int | None:
    """How many folds a document has; None where it has none."""
    from thulium_dsl.pipeline.graph import folds_of

    return folds_of(experiment)


def prepared(experiment: Experiment, fold: int | None) -> Path:
    """Where the lines of a project lie; with folds, those of one.

    Raises:
        ThuliumError: as ``of_fold``.
    """
    from thulium_dsl.pipeline.stages import PREPARED, prepared_folder

    number = of_fold(experiment, fold, is_project=True)
    return Path(PREPARED if number is None else prepared_folder(number_of(experiment), number))


def of_fold(experiment: Experiment, fold: int | None, *, is_project: bool) -> int | None:
    """The fold that a command is of; None where the document has none.

    Args:
        is_project: whether the command works in a DVC project, where each fold has a folder in ``FOLDER``.

    Raises:
        ThuliumError: a fold is named that the document does not have, or none where it has some.
    """
    folds = number_of(experiment)
    if folds is None:
        if fold is not None:
            raise ThuliumError(
                "--fold chooses one of dataset.split.folds, and the document has none\n  help: leave it out"
            )
        return None
    if not is_project:
        raise ThuliumError(
            f"dataset.split.folds makes {folds} folds, which are stages of a DVC project, and this is none\n"
            "  help: work in a project (`thulium init`, or `thulium compile` in a DVC repository); or leave folds "
            "empty, for one model that dataset.split.test judges"
        )
    if fold is None:
        raise ThuliumError(
            f"dataset.split.folds makes {folds} folds\n"
            "  help: `dvc repro` runs the stages of all; for one of them, add --fold 1"
        )
    if fold > folds:
        raise ThuliumError(f"--fold {fold}: there are {folds} folds\n  help: name one of 1 to {folds}")
    return fold


def of_project(experiment: Experiment, *, is_project: bool) -> int:
    """The number of folds of a project that has some.

    Raises:
        ThuliumError: it has none, or there is no project.
    """
    folds = number_of(experiment)
    if folds is None:
        raise ThuliumError(
            "there are no folds, so there is nothing to pool: metrics.json has the figures of the one model\n"
            "  help: write a number into dataset.split.folds, then run: thulium compile"
        )
    if not is_project:
        raise ThuliumError("pool is a stage of a DVC project, and this is none\n  help: run: thulium compile")
    return folds
