"""What torch raises when memory is short or a GPU fails, told from other errors and said in words.

torch has a type for some of it, and for some of it only a text: that of the CPU's allocator, and, before it had
AcceleratorError, that of CUDA.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

import torch
import torch.distributed as dist

from thulium.runtime.errors import DeviceError

_MEMORY = re.compile(r"out of memory|DefaultCPUAllocator|not enough memory|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)
_GPU = re.compile(r"CUDA(?:[ _]\w+)? (?:error|failure)|CUBLAS_|CUDNN_|CUFFT_|device-side assert", re.IGNORECASE)
_PEER = re.compile(r"gloo|connect|socket|store|timed? ?out|peer|pipe|closed|NCCL", re.IGNORECASE)
_PLACE = re.compile(r"^\[enforce fail at [^\]]*\][^A-Z]*(?:err == 0\. )?")  # of a line in torch's own source
_MORE = re.compile(r"\s*(?: Including non-PyTorch memory|\n)")  # what follows is of use to who knows torch's allocator

LATE = "CUDA_LAUNCH_BLOCKING"  # set to 1, each call waits for its kernels: then a traceback names the right one


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or the machine, has less memory than was asked of it."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and bool(_MEMORY.search(str(error)))


def is_of_gpu(error: BaseException) -> bool:
    """Whether a kernel or a library on the GPU failed, for another reason than memory."""
    if not isinstance(error, RuntimeError) or is_out_of_memory(error):
        return False
    kind = getattr(torch, "AcceleratorError", None)  # newer than the oldest torch that we take
    return (kind is not None and isinstance(error, kind)) or bool(_GPU.search(str(error)))


def is_of_peer(error: BaseException) -> bool:
    """Whether a talk with other processes failed since they are not there, as gloo, NCCL or the store say it."""
    if not isinstance(error, RuntimeError) or is_out_of_memory(error) or is_of_gpu(error):
        return False
    return isinstance(error, dist.DistError) or bool(_PEER.search(str(error)))


def short(error: BaseException) -> str:
    """What torch says of it, without the places in its own source and the state of its allocator."""
    text = _PLACE.sub("", str(error).strip())
    return _MORE.split(text)[0].rstrip(". ") or type(error).__name__


def gpu_failure(error: BaseException, where: str) -> DeviceError:
    """The error to raise where ``is_of_gpu`` holds.

    Args:
        where: what was going on, such as "epoch 1, step 3".
    """
    return DeviceError(
        f"{where}: the GPU failed: {short(error)}\n"
        "  help: run the same command again, which resumes from the last state that was kept; if it fails at the same "
        f"place, set {LATE}=1 and report the traceback that comes then; if at others, look at the GPU (nvidia-smi -q)"
    )


def is_traced() -> bool:
    """Whether someone looks for the call that makes a GPU fail, and wants a traceback."""
    return os.environ.get(LATE) == "1"


@contextlib.contextmanager
def named(where: str, advice: str) -> Iterator[None]:
    """Say what was going on when memory fell short or the GPU failed, and what to do; other errors pass.

    Raises:
        DeviceError: one of the two.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise DeviceError(f"{where}: too little memory ({short(error)})\n  help: {advice}") from error
        if is_of_gpu(error) and not is_traced():
            raise gpu_failure(error, where) from error
        raise
