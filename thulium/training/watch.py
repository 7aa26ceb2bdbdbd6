"""Is it learning? A look at what a model reads, for the ways in which a training commonly goes nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thulium.evaluation.metrics import LineResult

PATIENCE = 1000  # steps: CTC begins with blanks only, and leaves them after some hundred steps if it ever does
FEW_LINES = 500  # of 63 lines a model learns to read somehow, if at all (docs/guides/training.md)
SMALL_BATCH = 4  # lines; smaller batches are not advised


@dataclass(frozen=True, slots=True)
class Training:
    """What the advice depends on.

    Attributes:
        num_lines: that the model learns from.
        batch_size: lines of a step.
        lr: the peak of the learning rate.
        is_fresh: whether the model starts from nothing, not from another's weights.
    """

    num_lines: int
    batch_size: int
    lr: float
    is_fresh: bool


class Watch:
    """Says that a model still reads nothing, or the same text in every line: once in time, and again at the end."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self._has_spoken = False

    def look(self, results: Sequence[LineResult], steps: int, *, is_last: bool, is_stopped: bool = False) -> list[str]:
        """What to tell the user after a validation, mostly nothing.

        Args:
            results: of the validation lines.
            steps: how many were trained so far.
            is_last: whether the training ends here.
            is_stopped: whether early stopping ends it.
        """
        is_due = is_last or (steps >= PATIENCE and not self._has_spoken)
        if not is_due or not (what := reads_nothing(results)):
            return []
        self._has_spoken = True
        advice = "; ".join(self._advice(steps, is_last, is_stopped))
        looked_at = _count(len(results), "validation line")
        return [f"warning: after {_count(steps, 'step')} the model reads {what} ({looked_at})\n  help: {advice}"]

    def _advice(self, steps: int, is_last: bool, is_stopped: bool) -> list[str]:
        training, advice = self.training, []
        is_short = is_last and steps < PATIENCE
        if is_short:
            keys = "training.epochs" + (" and early_stopping.patience" if is_stopped else "")
            smaller = f", or lower training.batch_size ({training.batch_size})" * (training.batch_size > SMALL_BATCH)
            advice.append(f"{_count(steps, 'step')} are few: raise {keys}{smaller}")
        if training.is_fresh and training.num_lines < FEW_LINES:
            advice.append(
                f"{_count(training.num_lines, 'line')} are few to learn from nothing: start from a model that reads "
                "already (training.init_from), or add lines"
            )
        if not is_short:
            advice.append(f"lower training.lr ({training.lr:g}), or lengthen training.scheduler.warmup_epochs")
        if not is_short or not training.is_fresh:
            advice.append(
                "see in the report of prepare whether images and transcriptions belong together, and whether the "
                "writing is dark on light and high enough to read"
            )
        return advice


def reads_nothing(results: Sequence[LineResult]) -> str | None:
    """How a model fails that does not read yet, in words: all it reads is nothing, or one text; None where it reads."""
    read = {result.prediction for result in results}
    if read == {""} and any(result.transcription for result in results):
        return "nothing in any line"
    if len(read) == 1 and len({result.transcription for result in results}) > 1:
        return "the same text in every line"
    return None


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
