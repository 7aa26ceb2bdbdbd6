"""Which of two epochs is the better one: the same answer for the best checkpoint and for early stopping."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

TIE_BREAK = "val_loss"  # lower is better: it falls for long before a model writes its first character


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order among the validations of a training.

    Attributes:
        metric: the name of the figure that decides; where two epochs have exactly the same, ``val_loss`` does.
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
        return {name: metrics[name] for name in (self.metric, TIE_BREAK) if name in metrics}

    def is_better(self, new: Mapping[str, float], old: Mapping[str, float] | None, min_delta: float = 0.0) -> bool:
        """Whether an epoch is better than the best before it, if there is one; one without a number never is.

        Args:
            new, old: figures of the two epochs; without ``val_loss``, a tie is no improvement.
            min_delta: what does not exceed this is no improvement.
        """
        value = new[self.metric]
        if math.isnan(value):
            return False
        if old is None:
            return True
        if value == old[self.metric]:
            return old.get(TIE_BREAK, math.nan) - new.get(TIE_BREAK, math.nan) > min_delta
        sign = 1 if self.mode == "min" else -1
        return sign * value < sign * old[self.metric] - min_delta
