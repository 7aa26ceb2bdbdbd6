"""Averaged weights: smoother than the trained ones, and better for it."""

from __future__ import annotations

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class Ema(Generic[M]):
    """An exponential moving average of a model's weights; buffers are copied.

    The decay rises from 0.1 to its value, so that the average is of use from the first epoch on.

    Source: Polyak & Juditsky 1992; the rise as in TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, model: M, decay: float) -> None:
        self.decay = decay
        self._steps = 0
        self.model: M = copy.deepcopy(model)  # the model with averaged weights
        for module in self.model.modules():
            if isinstance(module, nn.LSTM):
                module.flatten_parameters()  # a copy's weights lie apart, which CUDA would mend at every call

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take a step's weights in."""
        # Not torch's AveragedModel: it copies its own count to the device at every step, and waits for that.
        ours: list[Tensor] = list(self.model.parameters())
        theirs: list[Tensor] = list(model.parameters())
        if self._steps:
            decay = min(self.decay, (1 + self._steps) / (10 + self._steps))
            torch._foreach_lerp_(ours, theirs, 1 - decay)
        else:
            torch._foreach_copy_(ours, theirs)
        torch._foreach_copy_(list(self.model.buffers()), list(model.buffers()))
        self._steps += 1

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to resume from here."""
        return {"model": self.model.state_dict(), "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from where ``state_dict`` was asked."""
        self.model.load_state_dict(state["model"])
        self._steps = state["steps"]
