"""Which of two epochs is the better one: the same answer for the best checkpoint and for early stopping."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from thulium.training.state import is_number

LOSS = "val_loss"  # falls for long before a model reads, and decides as long as nothing else can
READS = "val_reads"  # 0 for a model that reads nothing, or one text in every line: its error rates say nothing


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order among the validations of a training.

    A model that reads is better than one that does not read yet; of two that do not, the one with the lower loss is; of
    two that do, the metric decides, and where both have exactly the same, the loss.

    Attributes:
        metric: the name of the figure that decides.
        mode: "min" if a lower figure is better, "max" if a higher one is.
    """

    metric: str
    mode: str = "min"

    def figures(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """What has to be kept of an epoch to compare others with it.

        Raises:
            ValueError: the metric is not among the figures.
        """
        if self.metric not in metrics:
            raise ValueError(f"no {self.metric!r} in the metrics {sorted(metrics)}")
        return {name: metrics[name] for name in (self.metric, LOSS, READS) if name in metrics}

    def is_sound(self, figures: object) -> bool:
        """Whether these could be the figures of an epoch, read from a file; None is no epoch."""
        if figures is None:
            return True
        return isinstance(figures, dict) and self.metric in figures and all(map(is_number, figures.values()))

    def is_better(self, new: Mapping[str, float], old: Mapping[str, float] | None, min_delta: float = 0.0) -> bool:
        """Whether an epoch is better than the best before it, if there is one; one without a number never is.

        Args:
            new, old: figures of the two epochs. Without ``val_reads``, both read; without ``val_loss``, a tie is none.
            min_delta: what does not exceed this is no improvement.
        """
        value = new[self.metric]
        if math.isnan(value):
            return False
        if old is None:
            return True
        reads, read = new.get(READS, 1), old.get(READS, 1)
        if reads != read and self.metric != LOSS:
            return reads > read
        before = old[self.metric]
        if value == before or (not reads and LOSS in new and LOSS in old):
            return old.get(LOSS, math.nan) - new.get(LOSS, math.nan) > min_delta
        sign = 1 if self.mode == "min" else -1
        return sign * value < sign * before - min_delta
