"""Is it learning? A look at what a model reads, for the ways in which a training commonly goes nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from thulium.evaluation.metrics import LineResult

PATIENCE = 1000  # steps: CTC begins with blanks only, and leaves them after some hundred steps if it ever does


class Watch:
    """Says once that a model still reads nothing, or the same text in every line."""

    def __init__(self, lr: float) -> None:
        """Begin to watch a training.

        Args:
            lr: the peak of its learning rate.
        """
        self.lr = lr
        self._has_spoken = False

    def look(self, results: Sequence[LineResult], steps: int, *, is_last: bool) -> str | None:
        """What to tell the user after a validation; None if there is nothing to tell.

        Args:
            results: of the validation lines.
            steps: how many were trained so far.
            is_last: whether the training ends here.
        """
        if self._has_spoken or (steps < PATIENCE and not is_last) or not (what := _failure(results)):
            return None
        self._has_spoken = True
        return (
            f"warning: after {steps} steps the model reads {what} ({len(results)} validation lines)\n"
            f"  help: {'train for longer; ' if steps < PATIENCE else ''}lower training.lr ({self.lr:g}), or lengthen "
            "training.scheduler.warmup_epochs; see in the report of prepare whether images and transcriptions belong "
            "together, and whether the writing is dark on light and high enough to read"
        )


def _failure(results: Sequence[LineResult]) -> str | None:
    read = {result.prediction for result in results}
    if len(read) != 1 or len({result.transcription for result in results}) < 2:
        return None
    return "the same text in every line" if any(read) else "nothing in any line"
