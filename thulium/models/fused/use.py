"""When kernels of our own are used: while a CUDA graph is recorded, and where Triton works at all.

Triton comes with torch for CUDA, and compiles on the spot: it wants a C compiler and Python's headers, which many
machines do not have. So each kind of kernel is tried once, on little tensors, before it is trusted.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec

import torch
from torch import Tensor

from thulium.runtime import faults

log = logging.getLogger(__name__)

LONGEST = 200  # reason that is logged: a compiler's command is longer

HALF = 2  # bytes of a value: 32 bits are for those who want torch's own results
NEAR = 0.1  # of all values together: what 16 bits leave of a difference
HELP = "install a C compiler and Python's headers (gcc and python3-dev, say)"

_is_recording = ContextVar("is_recording", default=False)
_works: dict[str, bool] = {}


@contextmanager
def recording() -> Iterator[None]:
    """What is computed within is recorded, or rehearsed for that."""
    token = _is_recording.set(True)
    try:
        yield
    finally:
        _is_recording.reset(token)


def is_wanted(x: Tensor) -> bool:
    """Whether what is computed with a tensor is recorded on a GPU: that which Triton launches its kernels on."""
    return x.is_cuda and _is_recording.get() and x.device.index == torch.cuda.current_device()


def works(what: str, trial: Callable[[], None]) -> bool:
    """Whether a trial went well, which is made once a process.

    Args:
        what: the kernels in words, which tell the trial from others.
        trial: runs them, and raises where they fail or give something wrong.
    """
    if what not in _works:
        try:
            trial()
        except Exception as error:
            _works[what] = False
            _say(what, error)
        else:
            _works[what] = True
    return _works[what]


def _say(what: str, error: Exception) -> None:
    without = f"training without Thulium's own GPU kernels for {what}, which is slower"
    if find_spec("triton") is None:  # as for Windows: nothing is broken
        log.info("%s: this torch comes without Triton", without)
    else:
        log.warning("%s: %s\n  help: %s", without, (faults.short(error) or type(error).__name__)[:LONGEST], HELP)


def mixed(*shape: int, device: torch.device) -> Tensor:
    """Values between -1 and 1 that follow no pattern, made without touching the random numbers of the training."""
    return torch.arange(math.prod(shape), dtype=torch.float32, device=device).square().sin().view(shape)


def compare(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> None:
    """Raise where tensors are others, beyond what 16 bits leave open."""
    for ours, theirs in zip(found, wanted, strict=True):
        away = (ours.float() - theirs.float()).norm() / theirs.float().norm()
        if not away < NEAR:  # also where it is no number
            raise RuntimeError("they give other results than torch")
