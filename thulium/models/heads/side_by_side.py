"""Two modules computed at once on a CPU, forward and backward, each with half of the threads.

An LSTM shares each of its many small steps among all threads, and each step ends when the slowest of them has come.
Where another program has one of the cores for a while, all wait for it thousands of times in a training step. Two
LSTMs beside each other wait once. So they are no slower on a free machine, and much faster on a busy one
(docs/results.md, "Beside busy programs").
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")


def side_by_side(first: nn.Module, second: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """What two modules make of a tensor each.

    Args:
        first, second: each takes a tensor and returns one, or a tuple that begins with it; they share no parameters,
            draw no random numbers and change no buffers.
    """
    if not _pays(x):
        return _first(first(x)), _first(second(y))
    if not torch.is_grad_enabled():
        return _both(lambda: _first(first(x)), lambda: _first(second(y)))
    both: tuple[Tensor, Tensor] = _SideBySide.apply(first, second, x, y, *first.parameters(), *second.parameters())
    return both


def _pays(x: Tensor) -> bool:
    """On a CPU with two threads; not where torch records the model to compile or to export it."""
    is_recorded = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return x.device.type == "cpu" and torch.get_num_threads() > 1 and not is_recorded


class _SideBySide(torch.autograd.Function):
    """Both graphs are recorded while computing forward, each in its own thread, and walked back likewise."""

    @staticmethod
    def forward(ctx: Any, first: nn.Module, second: nn.Module, x: Tensor, y: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
        needs_x, needs_y = ctx.needs_input_grad[2:4]
        x, y = x.detach().requires_grad_(needs_x), y.detach().requires_grad_(needs_y)
        with torch.enable_grad():
            outputs = _both(lambda: _first(first(x)), lambda: _first(second(y)))
        ctx.sides = [(x, *first.parameters()), (y, *second.parameters())]
        ctx.outputs = outputs
        return tuple(output.detach() for output in outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        walks = [_walk(*side) for side in zip(ctx.outputs, ctx.sides, gradients, strict=True)]
        (of_x, *of_first), (of_y, *of_second) = _both(*walks)
        del ctx.outputs, ctx.sides  # the graphs, which hold the memory of a step
        return None, None, of_x, of_y, *of_first, *of_second


def _walk(output: Tensor, leaves: tuple[Tensor, ...], gradient: Tensor) -> Callable[[], list[Tensor | None]]:
    """What finds the gradients of some leaves, None for those that want none."""

    def walk() -> list[Tensor | None]:
        wanted = [leaf for leaf in leaves if leaf.requires_grad]
        if not wanted:
            return [None] * len(leaves)
        found = iter(torch.autograd.grad(output, wanted, gradient))
        return [next(found) if leaf.requires_grad else None for leaf in leaves]

    return walk


def _both(ours: Callable[[], T], theirs: Callable[[], T]) -> tuple[T, T]:
    """Compute one thing in this thread and one in another, under the same settings of torch's."""
    threads = torch.get_num_threads()
    state = _State()
    other = _helper(os.getpid()).submit(lambda: state.run(theirs, threads // 2))
    try:
        return state.run(ours, threads // 2), other.result()
    finally:
        other.exception()  # it may still be computing, when ours failed
        torch.set_num_threads(threads)


@cache
def _helper(_process: int) -> ThreadPoolExecutor:
    """The other thread; a forked process needs one of its own."""
    return ThreadPoolExecutor(1, thread_name_prefix="thulium-side")


class _State:
    """Settings that torch keeps for each thread."""

    def __init__(self) -> None:
        self.has_grad, self.is_inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        self.amp_dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None

    def run(self, compute: Callable[[], T], threads: int) -> T:
        torch.set_num_threads(threads)
        with self._entered():
            return compute()

    @contextlib.contextmanager
    def _entered(self) -> Iterator[None]:
        dtype = self.amp_dtype or torch.bfloat16
        with (
            torch.inference_mode(self.is_inference),
            torch.set_grad_enabled(self.has_grad),
            torch.autocast("cpu", dtype=dtype, enabled=self.amp_dtype is not None),
        ):
            yield


def _first(output: Any) -> Tensor:
    tensor: Tensor = output if isinstance(output, Tensor) else output[0]
    return tensor
