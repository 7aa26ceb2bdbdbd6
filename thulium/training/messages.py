"""What a training says, line by line, for the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from thulium.evaluation.recognise import Reading
from thulium.training.run import Run
from thulium.training.schedule import warmup_steps
from thulium.training.trainer import HTRTrainer
from thulium_dsl.spec import CosineSpec

NAMED = 20  # lines in a message


def first_line(trainer: HTRTrainer, num_train: int, num_val: int) -> str:
    """What begins: how many lines, how large a model, on what."""
    model = trainer.model
    return (
        f"training on {num_train} lines, validating on {num_val}; "
        f"{model.num_parameters / 1e6:.2f} M parameters, {model.charset.num_classes} classes, on {trainer.device}"
    )


def lost_warmup(spec: CosineSpec, steps_per_epoch: int) -> str | None:
    """That a warm-up was asked for, and is too short to be one; None where there is nothing to say."""
    if not spec.warmup_epochs or warmup_steps(spec, steps_per_epoch) > 1:
        return None
    steps = f"{steps_per_epoch} step{'' if steps_per_epoch == 1 else 's'}"
    return (
        f"warning: training.scheduler.warmup_epochs: there is no warm-up: {spec.warmup_epochs:g} epochs of {steps} "
        "are less than two steps, and the learning rate begins at its height\n"
        f"  help: raise it to {2 / steps_per_epoch:.2g} or more, or write 0 if no warm-up is wanted"
    )


def unfit_lines(reading: Reading | None) -> str | None:
    """Which validation lines can never be read right; None if there are none."""
    if not reading or not reading.unfit:
        return None
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


def ending(run: Run) -> Sequence[str]:
    """Why a run ended before its last epoch, and that it has no best one: nothing of either is most usual."""
    said, stopping = [], run.stopping
    metric, patience = stopping.spec.metric, f"{stopping.spec.patience} epochs"
    if run.is_over:
        was_number = stopping.best is not None
        what = f"did not improve for {patience}" if was_number else f"was not a number for {patience}"
        said.append(f"stopped: {metric} {what}")
    if run.checkpoints.save_best and run.checkpoints.best is None:
        said.append(
            f"warning: there is no best checkpoint: {metric} was never a number, as where no validation line can be "
            "counted in it\n  help: look at the validation lines in the report of prepare; or choose another "
            "early_stopping.metric, or evaluation.checkpoint: last"
        )
    return said
