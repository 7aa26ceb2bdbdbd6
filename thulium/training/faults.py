"""Where a training step fails for want of memory, or in the GPU: its epoch, its step, its batch, and what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from thulium.data.batch import Batch
from thulium.runtime import faults
from thulium.runtime.device import Device
from thulium.runtime.errors import StepError


@contextlib.contextmanager
def step_named(epoch: int, step: int, parts: Sequence[Batch], device: Device, help_: str) -> Iterator[None]:
    """Tell which step it was.

    Args:
        epoch, step: counted from 0.
        parts: what this process computes of the step.
        help_: what to do where there is too little memory.

    Raises:
        StepError: the device, or the machine, has too little memory.
        DeviceError: a kernel failed on the GPU; it may be one of a step before, since kernels run behind the program.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        where = f"epoch {epoch + 1}, step {step + 1}"
        if faults.is_out_of_memory(error):
            raise StepError(f"{where}: {_too_large(parts, device)} ({faults.short(error)})\n  help: {help_}") from error
        if faults.is_of_gpu(error) and not faults.is_traced():
            raise faults.gpu_failure(error, where) from error
        raise


def _too_large(parts: Sequence[Batch], device: Device) -> str:
    largest = max(parts, key=lambda part: len(part) * part.padded)
    height, width = largest.images.shape[-2], largest.padded
    whose = "the GPU" if device.torch_device.type == "cuda" else "the machine"
    return (
        f"{whose} has too little memory for {len(largest)} lines at once, {height} pixels high and padded to {width} "
        f"({largest.step_lines * height * width:,} pixels in the whole batch)"
    )
