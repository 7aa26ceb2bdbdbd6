"""The loss of a part of a step, whose gradients are summed over all processes: torch's DistributedDataParallel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from thulium.data.batch import Batch
from thulium.models.decoders.base import Features
from thulium.models.wrappers import HTRModel
from thulium.runtime.device import Device
from thulium.runtime.world import World
from thulium.training.graphs import GraphedFeatures, may_record


class PartLoss(nn.Module):
    """Model and loss in one, since DistributedDataParallel looks for what took part in a module's output.

    Attributes:
        features: the model's, or what computes the same.
    """

    features: Callable[[Tensor, Tensor], Features]

    def __init__(self, model: HTRModel, world_size: int) -> None:
        super().__init__()
        self.model, self.features = model, model.features
        # Takes part in nothing: where DistributedDataParallel looks for such parameters, it warns if there is none.
        self.idle = nn.Parameter(torch.zeros(()), requires_grad=world_size > 1)

    def forward(self, part: Batch, num_symbols: int, device: Device) -> Tensor:
        """Nats a symbol, this part's share of its step.

        Args:
            num_symbols: of the step, in all parts and processes. So the gradients are summed, and not averaged:
                processes may have different numbers of symbols.
        """
        with device.autocast():
            output = self.model.output(self.features(part.images, part.widths), part)
        loss = self.model.loss(part, output, num_symbols)
        return loss * 0 if part.is_filler else loss


class Parallel:
    """A model's losses and gradients in several processes."""

    def __init__(self, model: HTRModel, world: World, graphs_on: Device | None = None) -> None:
        """
        Args:
            graphs_on: a GPU on which the network may be recorded; None: it is computed anew at each step.
        """
        self.world = world
        self._graphed = (model, graphs_on) if graphs_on and may_record(graphs_on, world) else None
        self._loss = PartLoss(model, world.size)
        self._module: nn.Module | None = None
        self._learning: list[bool] = []

    def begin_epoch(self) -> None:
        """Look which parameters learn: they may be others than before."""
        learning = [parameter.requires_grad for parameter in self._loss.parameters()]
        if self._module is None or learning != self._learning:
            self._module, self._learning = None, learning  # the old one first: it holds on to the parameters
            if self._graphed:
                self._loss.features = GraphedFeatures(*self._graphed)
            self._module = self.world.data_parallel(self._loss)

    def loss(self, part: Batch, num_symbols: int, device: Device) -> Tensor:
        """See PartLoss."""
        if self._module is None:
            self.begin_epoch()
        assert self._module is not None
        loss: Tensor = self._module(part, num_symbols, device)
        return loss

    def accumulating(self) -> AbstractContextManager[None]:
        """Within it, gradients are kept here: a later part of the same step sends them."""
        module = self._module
        return module.no_sync() if isinstance(module, DistributedDataParallel) else contextlib.nullcontext()
