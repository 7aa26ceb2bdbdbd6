"""Where the model computes, and with how many bits and threads."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from thulium.runtime import processor
from thulium.runtime.errors import DeviceError

M = TypeVar("M", bound=nn.Module)

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # from malloc.h


@dataclass(frozen=True, slots=True)
class Device:
    """A device and the precision it computes in.

    Attributes:
        torch_device: torch's name for it.
        amp_dtype: the 16-bit type of mixed precision, or None for 32 bits throughout.
    """

    torch_device: torch.device
    amp_dtype: torch.dtype | None

    def autocast(self) -> AbstractContextManager[object]:
        """The context to compute a model's output in."""
        if self.amp_dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.torch_device.type, dtype=self.amp_dtype)

    def place(self, model: M) -> M:
        """Move a model here to train, laid out the way in which convolutions are fastest."""
        # The stubs of nn.Module.to know no memory_format beside a device; torch takes both.
        moved: M = model.to(self.torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return moved

    def scaler(self) -> torch.amp.GradScaler:
        """Scales gradients where float16 would lose them; elsewhere it changes nothing."""
        return torch.amp.GradScaler(self.torch_device.type, enabled=self.amp_dtype is torch.float16)

    def facts(self) -> dict[str, object]:
        """What decides the last digits of what is computed here, beside the version of torch: JSON values."""
        is_gpu = self.torch_device.type == "cuda"
        return {
            "device": self.torch_device.type,
            "processor": torch.cuda.get_device_name(self.torch_device) if is_gpu else processor.name(),
            "precision": self.precision,
            "threads": torch.get_num_threads(),
        }

    def __str__(self) -> str:
        if self.torch_device.type == "cuda":
            return f"{self.torch_device} ({torch.cuda.get_device_name(self.torch_device)}, {self.precision})"
        threads = torch.get_num_threads()
        return f"{self.torch_device} ({threads} thread{'' if threads == 1 else 's'}, {self.precision})"

    @property
    def precision(self) -> str:
        """The type that most of the model is computed in, by torch's name."""
        return str(self.amp_dtype or torch.float32).removeprefix("torch.")


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


def may_be_gpu(device: str) -> bool:
    """Whether a device of this name is a GPU here, told before it is opened."""
    return device != "cpu" and torch.cuda.is_available()


def choose(name: str, *, mixed_precision: bool) -> Device:
    """The device that a name asks for.

    Args:
        name: auto, cpu, cuda or cuda:N; auto takes a GPU if there is one.
        mixed_precision: whether 16 bits may be used; they are only where the processor computes them itself.

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
    return Device(device, _amp_dtype(device) if mixed_precision else None)


def _check_cuda(device: torch.device) -> None:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise DeviceError(
            f'device "{device}": no CUDA GPU was found here; use device "auto", which takes a GPU if there is one, '
            'or "cpu"'
        )
    if (device.index or 0) >= count:
        raise DeviceError(f'device "{device}": there are {count} GPUs here, cuda:0 to cuda:{count - 1}')


def _amp_dtype(device: torch.device) -> torch.dtype | None:
    """The 16-bit type that a device computes in itself. By what it says of itself, never by a timing: beside a busy
    program a timing comes out differently, and the same experiment would write other figures.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if processor.has_bfloat16() else None


def set_threads(threads: int, processes: int = 1) -> None:
    """Compute with so many threads on the CPU; 0: see ``processor.threads``."""
    torch.set_num_threads(processor.threads(threads, processes))


def keep_memory() -> None:
    """Keep freed memory in this process instead of giving it back to the system at every step.

    Large buffers come and go at each step, and glibc would map and unmap them each time (docs/results.md has what that
    costs). Does nothing where the C library is another.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
