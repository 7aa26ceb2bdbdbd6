"""When a run that no longer improves ends."""

from __future__ import annotations

import math
from typing import Any

from thulium_dsl.spec import EarlyStoppingSpec


class EarlyStopping:
    """Counts epochs without improvement.

    Attributes:
        best: the best value seen, or None.
        waited: epochs since then.
    """

    def __init__(self, spec: EarlyStoppingSpec) -> None:
        self.spec = spec
        self.best: float | None = None
        self.waited = 0

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to go on from here."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where ``state_dict`` was asked."""
        self.best, self.waited = state["best"], state["waited"]

    def should_stop(self, value: float) -> bool:
        """Take in an epoch's value; whether the run should end."""
        sign = 1 if self.spec.mode == "min" else -1
        if self.best is None or math.isnan(self.best) or sign * value < sign * self.best - self.spec.min_delta:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.spec.enabled and self.waited >= self.spec.patience
