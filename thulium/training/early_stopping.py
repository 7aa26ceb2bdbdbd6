"""When a run that no longer improves ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from thulium.training.best import READS, Ranking
from thulium_dsl.grammar.spec import EarlyStoppingSpec


class EarlyStopping:
    """Counts epochs without improvement, once the model has begun to read.

    CTC writes nothing, or one text for every line, for some hundred steps, in which the error rate says nothing: these
    epochs are not waited for.

    Attributes:
        best: the best epoch's figures, or None.
        waited: epochs since then.
        has_read: whether the model has read something in any epoch.
    """

    def __init__(self, spec: EarlyStoppingSpec) -> None:
        self.spec = spec
        self.ranking = Ranking(spec.metric, spec.mode)
        self.best: dict[str, float] | None = None
        self.waited = 0
        self.has_read = False

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to resume from here."""
        return {"best": self.best, "waited": self.waited, "has_read": self.has_read}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from where ``state_dict`` was asked."""
        self.best, self.waited, self.has_read = state["best"], state["waited"], state["has_read"]

    def should_stop(self, metrics: Mapping[str, float]) -> bool:
        """Take in an epoch's validation; whether the run should end."""
        figures = self.ranking.figures(metrics)
        self.has_read = self.has_read or figures.get(READS, 1) > 0
        if self.ranking.is_better(figures, self.best, self.spec.min_delta):
            self.best, self.waited = figures, 0
        elif self.has_read or math.isnan(figures[self.spec.metric]):  # what is never a number would never end
            self.waited += 1
        return self.spec.enabled and self.waited >= self.spec.patience
