"""A step that has too little memory, or whose GPU fails, says which it was."""

from __future__ import annotations

import pytest
import torch

from thulium.data.charset import Charset
from thulium.data.loader import create_dataloader
from thulium.data.prepared import open_prepared
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import DeviceError, StepError
from thulium.training.trainer import HTRTrainer


def failing(experiment, prepared, error: Exception, at: int) -> None:
    """An epoch whose step fails, counted from 1."""
    data = open_prepared(prepared)
    model = HTRModel(experiment.model, Charset(data.symbols), data.preprocessing)
    trainer = HTRTrainer(model, 1e-3, device="cpu", mixed_precision=False)
    steps, whole = [], trainer._step

    def step(parts):
        steps.append(parts)
        if len(steps) == at:
            raise error
        return whole(parts)

    trainer._step = step
    trainer.train_epoch(create_dataloader(prepared / "train", batch_size=4, seed=1), 1)


def allocation() -> RuntimeError:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize("make", [allocation, lambda: torch.OutOfMemoryError("CUDA out of memory."), MemoryError])
def test_a_step_without_memory_names_itself_its_batch_and_the_way_out(experiment, prepared, make):
    with pytest.raises(StepError) as caught:
        failing(experiment, prepared, make(), 2)
    what, help_ = str(caught.value).splitlines()
    assert what.startswith(
        "epoch 2, step 2: the machine has too little memory for 4 lines at once, 24 pixels high and "
    )
    assert "pixels in the whole batch)" in what
    for key in ("training.accumulation", "training.batch_size", "training.max_pixels"):
        assert key in help_


def test_a_kernel_that_fails_is_no_memory_that_is_short(experiment, prepared):
    with pytest.raises(DeviceError, match=r"^epoch 2, step 1: the GPU failed: CUDA error: an illegal memory access"):
        failing(experiment, prepared, RuntimeError("CUDA error: an illegal memory access was encountered\nmore"), 1)


def test_a_mistake_of_ours_passes_as_it_is(experiment, prepared):
    with pytest.raises(RuntimeError, match=r"^shapes do not fit$"):
        failing(experiment, prepared, RuntimeError("shapes do not fit"), 1)
