"""A document with several seeds: which of them a command is of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline.stages import SEEDS

if TYPE_CHECKING:
    from thulium_dsl.grammar.spec import Experiment

FOLDER = Path(SEEDS)

seed_option = click.option(
    "--seed", type=click.IntRange(0), metavar="N", help="In a project with training.seeds: which one of them."
)


def of_seed(experiment: Experiment, seed: int | None, *, is_project: bool) -> Experiment:
    """The experiment of one seed; as it is where there is one seed anyway.

    Args:
        is_project: whether the command works in a DVC project, where each seed has a folder in ``FOLDER``.

    Raises:
        ThuliumError: a seed is named that the document does not have, or none where it has several.
    """
    seeds = experiment.training.seeds
    if seeds is None:
        if seed is not None:
            raise ThuliumError(
                "--seed chooses one of training.seeds, and the document has no such list\n"
                "  help: leave it out; the seed is training.seed"
            )
        return experiment
    if not is_project:
        raise ThuliumError(
            f"training.seeds has {len(seeds)} seeds, which are stages of a DVC project, and this is none\n"
            "  help: work in a project (`thulium init`, or `thulium compile` in a DVC repository); or write "
            "'seeds: null' and one seed into training.seed"
        )
    known = ", ".join(map(str, seeds))
    if seed is None:
        raise ThuliumError(
            f"training.seeds has several seeds: {known}\n"
            f"  help: `dvc repro` runs the stages of all; for one of them, add --seed {seeds[0]}"
        )
    if seed not in seeds:
        raise ThuliumError(f"--seed {seed} is none of training.seeds: {known}\n  help: name one of them")
    return replace(experiment, training=replace(experiment.training, seed=seed, seeds=None))


def of_project(experiment: Experiment, *, is_project: bool) -> tuple[int, ...]:
    """The seeds of a project that has several.

    Raises:
        ThuliumError: it has one, or there is no project.
    """
    if experiment.training.seeds is None:
        raise ThuliumError(
            "there is one seed, so there is nothing to sum up: metrics.json has its figures\n"
            "  help: name several in training.seeds, then run: thulium compile"
        )
    if not is_project:
        raise ThuliumError("summarize is a stage of a DVC project, and this is none\n  help: run: thulium compile")
    return experiment.training.seeds
