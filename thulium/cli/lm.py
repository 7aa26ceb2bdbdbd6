"""``thulium lm`` and ``thulium tune-decoding``: a language model as a file, and how much it should count."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from thulium.cli import engine, folds, seeds, stages
from thulium.cli.command import PATH, command, document
from thulium.cli.own_files import named, refuse_foreign
from thulium.cli.screen import echo

if TYPE_CHECKING:
    from thulium.evaluation.tuning import Tuned
    from thulium_dsl.grammar.spec import Experiment

DECODING = "evaluation.decoding"


@command()
@document
@click.option("--output", type=PATH, metavar="FILE", default="lm.arpa", help="Where to write it.")
@click.option(
    "--order",
    type=click.IntRange(1, 12),
    metavar="N",
    show_default="the document's",
    help="Characters in the longest n-grams.",
)
@click.option(
    "--text",
    type=PATH,
    metavar="FILE",
    help="Learn from the rows of this file alone, not from the training lines and more_text.",
)
@stages.output_dir
@folds.fold_option
def lm(
    file: Path, output: Path, order: int | None, text: Path | None, output_dir: Path | None, fold: int | None
) -> None:
    """Write a language model of characters. It is for evaluation.decoding.language_model."""
    refuse_foreign(output, b"# thulium: ", "lm")
    experiment, place = stages._open(file, output_dir)
    prepared = folds.prepared(experiment, fold) if place.is_project else place.prepared
    length, training = order or _order(experiment), experiment.training
    more_text = getattr(experiment.evaluation.decoding, "more_text", "none")
    module = engine.load("lm", "thulium.stages.language_model")
    with named(output):
        written = module.language_model(
            prepared=prepared,
            order=length,
            text=text,
            output=output,
            more_text=more_text,
            lines=training.lines,
            seed=training.seed,
        )
    own = f"{written.num_own} training lines" if written.num_own else ""
    more = f"{written.num_more} rows of {text or more_text}" if written.num_more else ""
    parts = " and ".join(filter(None, (own, more)))
    echo(f"wrote {output}: {written.num_grams} n-grams up to length {length}, of {parts}")
    echo(f"perplexity on the validation lines: {written.perplexity:.2f} a character")


def _order(experiment: Experiment) -> int:
    from thulium_dsl.grammar import schemas

    return int(getattr(experiment.evaluation.decoding, "order", schemas.default_of(f"{DECODING}.order")))


@command("tune-decoding")
@document
@stages.output_dir
@seeds.seed_option
@folds.fold_option
def tune_decoding(file: Path, output_dir: Path | None, seed: int | None, fold: int | None) -> None:
    """Find how much the language model should count. That is tried on the validation lines."""
    experiment, place = stages._open_one(file, output_dir, seed, fold)
    checkpoints = place.out / experiment.checkpointing.save_dir
    with engine.importing("tune-decoding"):
        from thulium.stages.evaluate import tune
    tuned = tune(
        evaluation=experiment.evaluation,
        resources=experiment.resources,
        prepared=place.prepared,
        checkpoints=checkpoints,
    )
    for row in _table(tuned):
        echo(row)
    best = tuned.best
    if best.cer >= tuned.greedy:
        echo(f"nothing here is better than greedy, {tuned.greedy:.2%}: write 'decoding: {{type: greedy}}'")
        return
    echo(f"best: CER {best.cer:.2%} with alpha {best.alpha:g} and beta {best.beta:g}; greedy {tuned.greedy:.2%}")
    spec = experiment.evaluation.decoding
    if spec.type == "beam" and (spec.alpha, spec.beta) != (best.alpha, best.beta):
        echo(f"write into {file}, below {DECODING}:\n  alpha: {best.alpha}\n  beta: {best.beta}")


def _table(tuned: Tuned) -> list[str]:
    """The grid: a row an alpha, a column a beta."""
    betas = sorted({trial.beta for trial in tuned.trials})
    cers = {(trial.alpha, trial.beta): trial.cer for trial in tuned.trials}
    rows = [f"CER on {tuned.num_lines} validation lines", "alpha  " + "".join(f"beta {b:<5g}" for b in betas)]
    for alpha in sorted({trial.alpha for trial in tuned.trials}):
        cells = (f"{cers[alpha, beta]:<10.2%}" if (alpha, beta) in cers else " " * 10 for beta in betas)
        rows.append(f"{alpha:<7g}{''.join(cells)}".rstrip())
    return rows
