"""When kernels of our own are used: while a CUDA graph is recorded, and where Triton works at all.

Triton comes with torch for CUDA, and compiles on the spot: it wants a C compiler and Python's headers, which many
machines do not have. So each kind of kernel is tried once, on little tensors, before it is trusted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from thulium.runtime import faults

log = logging.getLogger(__name__)

LONGEST = 200  # reason that is logged: a compiler's command is longer

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
            reason = faults.short(error).splitlines()[0][:LONGEST]
            log.warning("training without Thulium's own GPU kernels for %s, which is slower: %s", what, reason)
            _works[what] = False
        else:
            _works[what] = True
    return _works[what]
