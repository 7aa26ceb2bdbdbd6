"""A model's features as CUDA graphs: a recording for each shape of batch, replayed instead of being computed anew.

A step of a small network is hundreds of short kernels, and an LSTM alone is a row of them for every frame: launching
them one by one takes several times as long as they run (docs/results.md, "On a GPU"). A graph is launched as a whole.
The decoder and the loss stay outside, since CTC wants its lengths on the CPU.

Source: Nguyen et al. 2021, Accelerating PyTorch with CUDA Graphs. torch's own ``make_graphed_callables`` forbids all
threads to call CUDA while it records, and those that pin batches do.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from thulium.models.decoders.base import Features
from thulium.models.fused import use
from thulium.models.wrappers import HTRModel
from thulium.runtime import faults
from thulium.runtime.device import Device
from thulium.runtime.errors import DeviceError
from thulium.runtime.world import World

log = logging.getLogger(__name__)

PLAIN_STEPS = 2  # of a shape, before it is recorded: many a small training meets a shape once
WARM_UPS = 1  # libraries have chosen their kernels in the steps before; on a stream of its own, as torch wants it
MOST = 64  # recordings, each of which holds a copy of the gradients

Compute = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def may_record(device: Device, world: World) -> bool:
    """Whether there are graphs here: not for several processes, which exchange figures in the middle of the network."""
    return device.torch_device.type == "cuda" and world.size == 1


class GraphedFeatures:
    """Features of batches to learn from, from recordings where there are some."""

    def __init__(self, model: HTRModel, device: Device) -> None:
        """
        Args:
            model: on the device; which of its parameters learn, and where its tensors lie, must stay as it is.
        """
        self.model, self.device = model, device
        self._met: Counter[tuple[int, ...]] = Counter()
        self._recordings: dict[tuple[int, ...], Recording] = {}
        self._pool: Any = None
        # The decoder's have no part in the features.
        seeing = (model.backbone, model.span_mask, model.head)
        self._learning = [p for module in seeing if module for p in module.parameters() if p.requires_grad]
        self._is_on = bool(self._learning)

    def __call__(self, images: Tensor, widths: Tensor) -> Features:
        """The same as the model's ``features``, while training."""
        shape = tuple(images.shape)
        self._met[shape] += 1
        is_due = self._met[shape] > PLAIN_STEPS and len(self._recordings) < MOST
        if self._is_on and is_due and shape not in self._recordings:
            self._try_to_record(shape, images, widths)
        if recording := self._recordings.get(shape):
            return Features(*recording(images, widths))
        return self.model.features(images, widths)

    def _try_to_record(self, shape: tuple[int, ...], images: Tensor, widths: Tensor) -> None:
        try:
            self._recordings[shape] = self._record(images, widths)
        except Exception as error:  # Triton's are no RuntimeErrors
            if not faults.is_out_of_memory(error):  # then torch cannot draw random numbers any more
                where = f"the network could not be recorded as a CUDA graph ({faults.short(error)})"
                raise DeviceError(f"{where}\n  help: set resources.cuda_graphs to false") from error
            self._is_on = False
            self._recordings.clear()
            log.warning("training without CUDA graphs, which is slower: %s", faults.short(error))

    def _record(self, images: Tensor, widths: Tensor) -> Recording:
        """Leave no trace: neither in the running figures of normalisation nor in the random numbers that come next."""
        device = self.device.torch_device
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        random, buffers = torch.cuda.get_rng_state(device), [buffer.clone() for buffer in self.model.buffers()]
        try:
            return Recording(self._compute, (images, widths.to(device)), self._learning, self._pool)
        finally:
            torch.cuda.set_rng_state(random, device)
            for buffer, before in zip(self.model.buffers(), buffers, strict=True):
                buffer.copy_(before)

    def _compute(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # Without its cache: what is cast within a recording lives in the recording's memory.
        dtype = self.device.amp_dtype
        autocast = torch.autocast("cuda", dtype=dtype, enabled=dtype is not None, cache_enabled=False)
        with autocast, use.recording():
            features = self.model.features(images, widths)
        return features.head, features.backbone, features.frames


class Recording:
    """Features of batches of one shape, forward and backward."""

    def __init__(self, compute: Compute, inputs: Sequence[Tensor], parameters: Sequence[Tensor], pool: Any) -> None:
        """Record.

        Args:
            inputs: of the shape; on the GPU.
            parameters: those that learn.
            pool: memory that recordings share, since they are never replayed at once.
        """
        self.inputs, self.parameters = [tensor.clone() for tensor in inputs], list(parameters)
        self._warm_up(compute)
        # Other threads may call CUDA meanwhile: "thread_local".
        self._forward, self._backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._forward, pool=pool, capture_error_mode="thread_local"):
            outputs = compute(*self.inputs)
        learning = [output for output in outputs if output.requires_grad]
        self._towards = [torch.empty_like(output) for output in learning]
        with torch.cuda.graph(self._backward, pool=pool, capture_error_mode="thread_local"):
            self._gradients = self._grad(learning, self._towards)
        self.learns = [output.requires_grad for output in outputs]
        self.outputs = [output.detach() for output in outputs]

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What ``compute`` gives, whose gradients reach the parameters. It is overwritten by the next call."""
        for own, given in zip(self.inputs, inputs, strict=True):
            own.copy_(given, non_blocking=True)
        outputs: tuple[Tensor, ...] = _Replay.apply(self, *self.parameters)
        return outputs

    def _warm_up(self, compute: Compute) -> None:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                learning = [output for output in compute(*self.inputs) if output.requires_grad]
                self._grad(learning, [torch.zeros_like(output) for output in learning])
        torch.cuda.current_stream().wait_stream(stream)

    def _grad(self, outputs: Sequence[Tensor], towards: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        return torch.autograd.grad(outputs, self.parameters, towards, allow_unused=True)


class _Replay(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, recording: Recording, *_: Tensor) -> tuple[Tensor, ...]:
        recording._forward.replay()
        ctx.recording = recording
        outputs = tuple(output.detach() for output in recording.outputs)
        resting = [output for output, learns in zip(outputs, recording.learns, strict=True) if not learns]
        ctx.mark_non_differentiable(*resting)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        recording = ctx.recording
        given = [gradient for gradient, learns in zip(gradients, recording.learns, strict=True) if learns]
        torch._foreach_copy_(recording._towards, given)
        recording._backward.replay()
        # Copies: the next replay overwrites its own, while those of this part of a step are still summed up.
        found = [gradient for gradient in recording._gradients if gradient is not None]
        copies = iter(torch._foreach_add(found, 0))
        return None, *(None if gradient is None else next(copies) for gradient in recording._gradients)
