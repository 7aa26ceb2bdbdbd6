"""Memory that falls short, GPUs that fail and peers that are gone: each is told from the others."""

from __future__ import annotations

import click
import pytest
import torch
import torch.distributed as dist

from thulium.cli import engine
from thulium.runtime import faults, world
from thulium.runtime.errors import DeviceError, LostPeer

# As torch 2.11 and 2.14 say it.
GPU_IS_FULL = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 139.80 GiB of which 1.94 GiB is "
    "free. Including non-PyTorch memory, this process has 137.85 GiB memory in use. Of the allocated memory 136 GiB is"
)
ASSERTED = "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported"
CLOSED = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:41234"

MEMORY = (
    torch.OutOfMemoryError(GPU_IS_FULL),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    dist.DistBackendError("NCCL error: unhandled cuda error. Last error: Cuda failure 2 'out of memory'"),
    MemoryError(),
)
GPU = (
    RuntimeError(ASSERTED),
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    dist.DistBackendError(
        "NCCL error: unhandled cuda error. Last error: Cuda failure 719 'unspecified launch failure'"
    ),
)
PEER = (
    RuntimeError(CLOSED),
    RuntimeError("Application timeout caused pair closure"),
    dist.DistNetworkError("failed to recv, got 0 bytes"),
    dist.DistStoreError("wait timeout after 60000ms, keys: /thulium/outcome"),
    dist.DistBackendError("NCCL communicator was aborted on rank 1."),
)
OURS = (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), ValueError("out of memory"))


@pytest.mark.parametrize(
    ("errors", "kinds"), [(MEMORY, (True, False, False)), (GPU, (False, True, False)), (PEER, (False, False, True))]
)
def test_an_error_is_of_one_kind(errors, kinds):
    for error in errors:
        found = (faults.is_out_of_memory(error), faults.is_of_gpu(error), faults.is_of_peer(error))
        assert found == kinds, error


@pytest.mark.parametrize("error", OURS)
def test_a_mistake_of_ours_is_of_none(error):
    assert not any((faults.is_out_of_memory(error), faults.is_of_gpu(error), faults.is_of_peer(error)))


def test_memory_that_the_machine_really_lacks_is_seen_and_said():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert faults.is_out_of_memory(caught.value)
    said = faults.short(caught.value)
    assert said.startswith(
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1152921504606846976 bytes"
    )


def test_of_what_torch_says_the_first_sentences_stay():
    assert faults.short(MEMORY[0]).endswith("of which 1.94 GiB is free")
    assert faults.short(GPU[0]) == "CUDA error: device-side assert triggered"
    assert faults.short(MemoryError()) == "MemoryError"


@pytest.mark.parametrize("error", [*MEMORY[:4], *GPU, OURS[0]])
def test_only_a_peer_that_is_gone_is_called_lost(error):
    with pytest.raises(type(error)) as caught, world._waiting():
        raise error
    assert caught.value is error


@pytest.mark.parametrize("error", PEER)
def test_a_peer_that_is_gone_is_called_lost(error):
    with pytest.raises(LostPeer, match="the connection to the other processes broke: "), world._waiting():
        raise error


def test_a_failing_gpu_is_named_unless_a_traceback_is_wanted(monkeypatch):
    with pytest.raises(DeviceError) as caught, faults.named("thulium evaluate", "use a larger one"):
        raise GPU[0]
    first, help_ = str(caught.value).splitlines()
    assert first == "thulium evaluate: the GPU failed: CUDA error: device-side assert triggered"
    assert "CUDA_LAUNCH_BLOCKING=1" in help_
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    with pytest.raises(RuntimeError, match="device-side assert"), faults.named("thulium evaluate", ""):
        raise GPU[0]


def test_too_little_memory_is_named_with_what_to_do():
    with pytest.raises(DeviceError) as caught, faults.named("thulium evaluate", "use a larger one"):
        raise MEMORY[0]
    said = str(caught.value)
    assert said.startswith("thulium evaluate: too little memory (CUDA out of memory. Tried to allocate 2.00 GiB. ")
    assert said.endswith(" is free)\n  help: use a larger one")


def test_any_command_says_that_memory_is_short_and_passes_other_errors_on():
    context = click.Context(click.Command("main"))
    context.invoked_subcommand = "evaluate"
    with context, pytest.raises(DeviceError, match=r"^thulium evaluate: too little memory"), engine.faults_named():
        raise MEMORY[0]
    for error in (OURS[0], click.exceptions.Exit(2)):
        with pytest.raises(type(error)) as caught, engine.faults_named():
            raise error
        assert caught.value is error
