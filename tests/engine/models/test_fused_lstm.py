"""LSTMs of a kernel a frame give what torch's own operations give: tried on the CPU, by Triton's interpreter."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from thulium.models.fused import lstm, use
from thulium.models.heads import unrolled

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="this torch comes without Triton")
is_interpreted = os.environ.get("TRITON_INTERPRET") == "1"
interpreted = pytest.mark.skipif(not is_interpreted, reason="run by the first test, in a process with an interpreter")


@pytest.mark.skipif(is_interpreted, reason="this is the process with the interpreter")
def test_the_kernels_under_the_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", __file__]
    run = subprocess.run(command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


@interpreted
@pytest.mark.parametrize(("num_frames", "num_lines", "size"), [(4, 5, 16), (3, 37, 48), (1, 2, 32), (5, 33, 64)])
def test_states_and_gradients_are_those_of_two_kernels_a_frame(num_frames, num_lines, size) -> None:
    given = _given(num_frames, num_lines, size, torch.float32)
    for ours, theirs in zip(_found(lstm.Fused, *given), _found(unrolled._Unrolled, *given)):
        torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=2e-5)


@interpreted
def test_float16_is_as_near_as_its_rounding() -> None:
    given = _given(6, 19, 32, torch.float16)
    exact = [part.float() for part in given]
    for ours, theirs in zip(_found(lstm.Fused, *given), _found(unrolled._Unrolled, *exact)):
        assert ours.dtype == torch.float16
        torch.testing.assert_close(ours.float(), theirs, atol=5e-3 * float(theirs.abs().max()), rtol=0)


@interpreted
def test_a_gradient_that_float16_cannot_hold_stays_a_number() -> None:
    gates, onwards, towards = _given(9, 2, 16, torch.float16)
    for gradient in _found(lstm.Fused, 0 * gates, 0 * onwards + 60, towards.abs())[1:2]:
        assert bool(gradient.isfinite().all())


@interpreted
def test_two_lstms_are_torchs(monkeypatch) -> None:
    monkeypatch.setattr(use, "is_wanted", lambda _x: True)
    torch.manual_seed(1)
    sides, x = [nn.LSTM(12, 16, batch_first=True) for _ in range(2)], torch.randn(2, 3, 7, 12)
    for ours, side, frames in zip(unrolled.unrolled(*sides, *x), sides, x):
        torch.testing.assert_close(ours, side(frames)[0], atol=1e-5, rtol=1e-5)
    assert use._works == {"LSTMs of 16 in torch.float32": True}


def _given(num_frames, num_lines, size, dtype):
    """What the frames bring to the gates, weights, the gradients of the states."""
    torch.manual_seed(1)
    gates, onwards = torch.randn(num_frames, 2, num_lines, 4 * size), torch.randn(2, 4 * size, size) / size**0.5
    return gates.to(dtype), onwards.to(dtype), torch.randn(num_frames, 2, num_lines, size).to(dtype)


def _found(steps, gates, onwards, towards):
    gates, onwards = gates.clone().requires_grad_(), onwards.clone().requires_grad_()
    states = steps.apply(gates, onwards)
    states.backward(towards)
    return states.detach(), gates.grad, onwards.grad
