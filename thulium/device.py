"""Where the model computes, and with how many bits and threads."""

from __future__ import annotations

import contextlib
import ctypes
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

import torch

from thulium.errors import DeviceError

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # from malloc.h
GAIN = 1.2  # so many times as fast must 16 bits be on a processor; where they are of use at all, it is nearer to 2


@dataclass(frozen=True, slots=True)
class Device:
    """A device and the precision it computes in.

    Attributes:
        torch: torch's name for it.
        half: the 16-bit type of mixed precision, or None for 32 bits throughout.
    """

    torch: torch.device
    half: torch.dtype | None

    def autocast(self) -> AbstractContextManager[object]:
        """The context to compute a model's output in."""
        if self.half is None:
            return contextlib.nullcontext()
        return torch.autocast(self.torch.type, dtype=self.half)

    def __str__(self) -> str:
        bits = {None: "32-bit", torch.bfloat16: "bfloat16", torch.float16: "float16"}[self.half]
        name = (
            torch.cuda.get_device_name(self.torch)
            if self.torch.type == "cuda"
            else f"{torch.get_num_threads()} threads"
        )
        return f"{self.torch} ({name}, {bits})"


def name_of(device: str, gpus: Sequence[int], local_rank: int = 0, local_size: int = 1) -> str:
    """The device of one of the processes on this machine.

    Args:
        device: auto, cpu, cuda or cuda:N, for a process alone.
        gpus: numbers of GPUs, one a process; where there are none, auto and cuda give each process the next GPU.

    Raises:
        DeviceError: there are fewer GPUs than processes.
    """
    if gpus:
        if local_rank >= len(gpus):
            raise DeviceError(f"{local_size} processes, but {len(gpus)} GPUs are named in resources.devices")
        return f"cuda:{gpus[local_rank]}"
    if local_size > 1 and device in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{local_rank}"
    return device


def choose(name: str, *, mixed_precision: bool) -> Device:
    """The device that a name asks for.

    Args:
        name: auto, cpu, cuda or cuda:N; auto takes a GPU if there is one.
        mixed_precision: whether 16 bits may be used; they are only where the processor computes them itself, and
            faster.

    Raises:
        DeviceError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        _check_cuda(device)
        device = torch.device("cuda", device.index or 0)  # set_device wants a number
        torch.cuda.set_device(device)
        # 32 bits means 32: by default, a GPU's convolutions would drop half of the digits.
        torch.backends.cudnn.allow_tf32 = mixed_precision
    return Device(device, _half(device) if mixed_precision else None)


def _check_cuda(device: torch.device) -> None:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise DeviceError(
            f'device "{device}": no CUDA GPU was found here; use device "auto", which takes a GPU if there is one, '
            'or "cpu"'
        )
    if (device.index or 0) >= count:
        raise DeviceError(f'device "{device}": there are {count} GPUs here, cuda:0 to cuda:{count - 1}')


def _half(device: torch.device) -> torch.dtype | None:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    is_there = bool({"avx512_bf16", "amx_bf16"} & _processor_flags())
    return torch.bfloat16 if is_there and _gain(torch.bfloat16) >= GAIN else None


@cache  # a process decides once
def _gain(half: torch.dtype) -> float:
    """How many times as fast a convolution learns with 16 bits as with 32, on this processor: a look of some 0.1 s."""
    # Zeros: drawing random numbers would move those of the training.
    kernel = torch.zeros(64, 64, 3, 3, requires_grad=True)
    images = torch.zeros(4, 64, 16, 128).to(memory_format=torch.channels_last)

    def seconds(is_on: bool) -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=half, enabled=is_on):
            out = torch.nn.functional.conv2d(images, kernel, padding=1)
        out.sum().backward()
        return time.perf_counter() - start

    times = [(seconds(False), seconds(True)) for _ in range(6)][1:]  # the first pair prepares the kernels
    full, halved = (statistics.median(column) for column in zip(*times, strict=True))
    return full / halved


def _processor_flags() -> set[str]:
    """What the processor says of itself, on Linux; elsewhere nothing is known, and 32 bits are safe."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            rows = (line for line in file if line.startswith("flags"))
            return set(next(rows, "").split())
    except OSError:
        return set()


def set_threads(threads: int, processes: int = 1) -> None:
    """Use so many threads on the CPU; 0 is one for each core that this process may use, shared with others."""
    torch.set_num_threads(threads or max(1, _cores() // processes))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # on Linux, a job may have fewer cores than the machine
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_memory() -> None:
    """Keep freed memory in this process instead of giving it back to the system at every step.

    Large buffers come and go at each step, and glibc would map and unmap them each time (docs/results.md has what that
    costs). Does nothing where the C library is another.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
