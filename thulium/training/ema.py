"""Averaged weights: smoother than the trained ones, and better for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Ema:
    """An exponential moving average of a model's weights; buffers are copied.

    The decay rises from 0.1 to its value, so that the average is of use from the first epoch on.

    Source: Polyak & Juditsky 1992; the rise as in TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._steps = 0  # counted here: asking the average would wait for the device
        self._averaged = AveragedModel(model, multi_avg_fn=self._average)
        for module in self._averaged.modules():
            if isinstance(module, nn.LSTM):
                module.flatten_parameters()  # a copy's weights lie apart, which CUDA would mend at every call

    @property
    def model(self) -> nn.Module:
        """The model with averaged weights."""
        return self._averaged.module

    def update(self, model: nn.Module) -> None:
        """Take a step's weights in."""
        self._averaged.update_parameters(model)
        self._steps += 1

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to go on from here."""
        return {"averaged": self._averaged.state_dict(), "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where ``state_dict`` was asked."""
        self._averaged.load_state_dict(state["averaged"])
        self._steps = state["steps"]

    def _average(self, averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Tensor | int) -> None:
        decay = min(self.decay, (1 + self._steps) / (10 + self._steps))
        get_ema_multi_avg_fn(decay)(averaged, current, num_averaged)
