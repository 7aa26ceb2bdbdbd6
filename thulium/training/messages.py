"""What a training says, line by line, for the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from thulium.data.loader import LineLoader
from thulium.evaluation.recognise import Judged
from thulium.training.run import Run
from thulium.training.schedule import warmup_steps
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar.spec import TrainingSpec

NAMED = 20  # lines in a message
HELPLESS = 0.9  # the CER from which a model that a training starts from is said to read nothing


def beginning(trainer: HTRTrainer, train: LineLoader, val: LineLoader, training: TrainingSpec) -> Iterator[str]:
    """What begins: how many lines, how large a model, on what; and that there is no warm-up where one was asked for."""
    model = trainer.model
    weighted = f" ({train.lines_an_epoch} an epoch)" if train.lines_an_epoch != len(train.lines) else ""
    yield (
        f"training on {len(train.lines)} lines{weighted}, validating on {len(val.lines)}; "
        f"{model.num_parameters / 1e6:.2f} M parameters, {model.charset.num_classes} classes, on {trainer.device}"
    )
    if training.scheduler.warmup_epochs and warmup_steps(training.scheduler, len(train)) < 2:
        yield _lost_warmup(training, len(train))


def _lost_warmup(training: TrainingSpec, steps_per_epoch: int) -> str:
    steps = f"{steps_per_epoch} step{'' if steps_per_epoch == 1 else 's'}"
    least = f"{2 / steps_per_epoch:.2g}"
    advice = f"raise it to {least} or more, or write 0 if no warm-up is wanted"
    if float(least) >= training.epochs:
        advice = f"write 0: a training of {training.epochs * steps_per_epoch} steps has no room for a warm-up"
    return (
        "warning: training.scheduler.warmup_epochs: there is no warm-up: "
        f"{training.scheduler.warmup_epochs:g} epochs of {steps} are less than two steps, and the learning rate begins "
        f"at its height\n  help: {advice}"
    )


def untrained(values: Mapping[str, float], reading: Judged | None, *, is_started: bool) -> Iterator[str]:
    """How the model reads before it has learnt anything, and which validation lines it can never read right.

    Args:
        is_started: whether it has the weights of another model that reads.
    """
    weights = ", with the weights that it starts from" if is_started else ""
    yield f"before training: val_cer {values['val_cer']:.1%}{weights}"
    if is_started and values["val_cer"] >= HELPLESS:
        yield (
            "warning: the model that it starts from reads next to nothing in the validation lines, and may not help\n"
            "  help: see in the report of prepare whether the lines are as they should be; if its script or its kind "
            "of hand is another one, train once with an empty training.init_from, and compare"
        )
    if reading and reading.unfit:
        yield _unfit_lines(reading)


def _unfit_lines(reading: Judged) -> str:
    named = ", ".join(reading.unfit[:NAMED]) + (" ..." if len(reading.unfit) > NAMED else "")
    return (
        f"warning: {len(reading.unfit)} of {len(reading.results)} validation lines cannot be read right, since their "
        f"text needs more frames than the image gives: {named}\n"
        "  help: raise preprocessing.height or preprocessing.max_width; until then they count in every error rate, but "
        "not in val_loss"
    )


def epoch_line(epoch: int, epochs: int, values: Mapping[str, float], trainer: HTRTrainer, is_best: bool) -> str:
    """What an epoch brought, and how fast it went."""
    pace = trainer.pace
    return (
        f"epoch {epoch + 1}/{epochs}  train_loss {values['train_loss']:.3f}  val_loss {values['val_loss']:.3f}  "
        f"val_cer {values['val_cer']:.2%}  {pace.lines_per_s:.0f} lines/s  {pace.seconds:.0f} s "
        f"({pace.waiting:.0%} waiting for data){'  best' if is_best else ''}"
    )


def falling(run: Run, last: int) -> str:
    """That a run which no longer improves is not stopped, but comes to its end."""
    metric, patience = run.stopping.spec.metric, run.stopping.spec.patience
    epochs = f"{patience} epoch{'' if patience == 1 else 's'}"
    return (
        f"{metric} did not improve for {epochs}: the learning rate falls from here, and the run ends with epoch {last}"
    )


def ending(run: Run) -> Iterator[str]:
    """Why a run ended before its last epoch, and that it has no best one; of most runs there is nothing to say."""
    metric, patience = run.stopping.spec.metric, run.stopping.spec.patience
    if run.is_over:
        what = "was not a number" if run.stopping.best is None else "did not improve"
        yield f"stopped: {metric} {what} for {patience} epoch{'' if patience == 1 else 's'}"
    if run.checkpoints.save_best and run.checkpoints.best is None:
        yield (
            f"warning: there is no best checkpoint: {metric} was never a number, as where no validation line can be "
            "counted in it\n  help: look at the validation lines in the report of prepare; or choose another "
            "early_stopping.metric, or evaluation.checkpoint: last"
        )


def since_start(run: Run) -> Iterator[str]:
    """What a training has added to the model that it started from."""
    (_, untrained), *rows = run.history.rows
    best = run.checkpoints.best_epoch
    values = next((values for epoch, values in rows if best is not None and epoch == best + 1), rows[-1][1])
    before, after = untrained["val_cer"], values["val_cer"]
    yield f"the model that it started from read the validation lines with val_cer {before:.2%}, this one {after:.2%}"
    if after >= before:
        yield (
            "warning: this training has not made it better\n"
            "  help: lower training.lr, or read with the model that it started from, as it is"
        )
