"""The fused normalisation gives what torch gives step by step: tried on the CPU, by Triton's interpreter."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from thulium.models.backbones.resnet import ResNet
from thulium.models.fused import norm as fused_norm
from thulium.models.fused import use
from thulium.models.masks import column_mask

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="this torch comes without Triton")
is_interpreted = os.environ.get("TRITON_INTERPRET") == "1"
interpreted = pytest.mark.skipif(not is_interpreted, reason="run by the first test, in a process with an interpreter")

SHAPES = [(2, 16, 4, 12), (3, 96, 2, 7), (5, 48, 3, 9), (1, 320, 1, 5)]


@pytest.mark.skipif(is_interpreted, reason="this is the process with the interpreter")
def test_the_kernels_under_the_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", __file__]
    run = subprocess.run(command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


@interpreted
@pytest.mark.parametrize(("shape", "has_mask"), [(shape, place % 3 > 0) for place, shape in enumerate(SHAPES)])
@pytest.mark.parametrize(("has_around", "relu"), [(False, True), (True, True), (False, False), (True, False)])
def test_outputs_figures_and_gradients_are_torchs(shape, has_mask, has_around, relu) -> None:
    given = _given(shape, torch.float32, has_mask, has_around)
    for ours, wanted in zip(_found(fused_norm.fused, *given, relu), _found(fused_norm.normed, *given, relu)):
        torch.testing.assert_close(ours, wanted, atol=2e-5, rtol=2e-5)


@interpreted
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("has_around", [False, True])
def test_half_precision_is_rounded_once(dtype, has_around) -> None:
    given = _given((3, 96, 2, 7), dtype, True, has_around)
    whole = [None if part is None else part.float() for part in given]
    kept = _found(fused_norm.fused, *given, True)
    step = torch.finfo(dtype).eps
    for ours, wanted in zip(kept, _found(fused_norm.normed, *whole, True)):
        torch.testing.assert_close(ours.float(), wanted.float(), atol=2 * step, rtol=step)


@interpreted
def test_a_large_mean_costs_no_precision() -> None:
    x, towards, mask, around = _given((3, 32, 8, 31), torch.float32, True, False)
    x = x + 1000
    exact = [None if part is None else part.double() for part in (x, towards, mask, around)]
    for ours, wanted in zip(
        _found(fused_norm.fused, x, towards, mask, around, True), _found(fused_norm.normed, *exact, True)
    ):
        torch.testing.assert_close(ours.double(), wanted.double(), atol=1e-3, rtol=1e-3)


@interpreted
def test_many_programs_and_tiles_of_any_size_give_the_same(monkeypatch) -> None:
    given = _given((3, 96, 4, 31), torch.float32, True, True)
    wanted = _found(fused_norm.normed, *given, True)
    monkeypatch.setattr(fused_norm, "_processors", lambda _device: 7)
    for tile in (64, 512):
        monkeypatch.setattr(fused_norm, "TILE", tile)
        for ours, theirs in zip(_found(fused_norm.fused, *given, True), wanted):
            torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=2e-5)


@interpreted
def test_a_network_of_them_learns_the_same(monkeypatch) -> None:
    torch.manual_seed(1)
    net = ResNet("resnet_tiny").to(memory_format=torch.channels_last)
    images, widths = torch.rand(2, 1, 16, 32), torch.tensor([32, 19])
    found = []
    for wanted in (False, True):
        monkeypatch.setattr(use, "is_wanted", lambda _x, wanted=wanted: wanted)
        net.zero_grad()
        frames, _ = net(images, widths)
        frames.square().sum().backward()
        found.append({name: parameter.grad.clone() for name, parameter in net.named_parameters()} | {"": frames})
    for name, theirs in found[0].items():
        torch.testing.assert_close(found[1][name], theirs, atol=1e-3, rtol=1e-3, msg=name)


@interpreted
def test_the_trial_goes_well() -> None:
    fused_norm._try(torch.device("cpu"), torch.bfloat16)


def test_without_triton_training_goes_on_and_says_so_once(caplog) -> None:
    def fail() -> None:
        raise RuntimeError("Failed to find C compiler.")

    for _ in range(2):
        assert not use.works("a test", fail)
    assert [record.message for record in caplog.records] == [
        "training without Thulium's own GPU kernels for a test, which is slower: Failed to find C compiler"
    ]
    assert use.works("another test", lambda: None)


def test_nothing_is_fused_outside_of_a_recording() -> None:
    x = torch.zeros(1, 16, 2, 2, dtype=torch.bfloat16)
    assert not use.is_wanted(x)
    with use.recording():
        assert not use.is_wanted(x)  # not on a GPU


def _given(shape, dtype, has_mask, has_around):
    """A batch, what its output's gradient is, a mask, what came around."""
    torch.manual_seed(1)
    parts = [torch.randn(shape).to(dtype).contiguous(memory_format=torch.channels_last) for _ in range(3)]
    widths = torch.arange(shape[0]) * 2 + shape[3] // 2
    mask = column_mask(widths, shape[3], dtype) if has_mask else None
    return parts[0], parts[1], mask, parts[2] if has_around else None


def _found(compute, x, towards, mask, around, relu):
    """Output, gradients, running figures."""
    norm = nn.BatchNorm2d(x.shape[1]).to(x.dtype if x.dtype == torch.float64 else torch.float32)
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 1.5, x.shape[1]))
        norm.bias.copy_(torch.linspace(-0.5, 0.5, x.shape[1]))
    x = x.clone().requires_grad_()
    around = None if around is None else around.clone().requires_grad_()
    y = compute(norm, x, mask, around=around, relu=relu)
    y.backward(towards)
    found = [y.detach(), x.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()]
    return found if around is None else [*found, around.grad]
