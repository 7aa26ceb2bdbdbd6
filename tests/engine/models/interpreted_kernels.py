"""The kernels of thulium.models.fused give what torch gives step by step; for a process with Triton's interpreter.

``test_fused.py`` starts it.
"""

import os

import pytest
import torch
from torch import nn

from thulium.models.backbones.resnet import ResNet
from thulium.models.fused import lstm, use
from thulium.models.fused import norm as fused_norm
from thulium.models.heads import unrolled
from thulium.models.masks import column_mask

assert os.environ["TRITON_INTERPRET"] == "1"

SHAPES = [(2, 16, 4, 12), (3, 96, 2, 7), (5, 48, 3, 9), (1, 320, 1, 5)]


@pytest.mark.parametrize(("shape", "has_mask"), [(shape, place % 3 > 0) for place, shape in enumerate(SHAPES)])
@pytest.mark.parametrize(("has_around", "relu"), [(False, True), (True, True), (False, False), (True, False)])
def test_outputs_figures_and_gradients_are_torchs(shape, has_mask, has_around, relu) -> None:
    given = _given(shape, torch.float32, has_mask, has_around)
    for ours, wanted in zip(_found(fused_norm.fused, *given, relu), _found(fused_norm.normed, *given, relu)):
        torch.testing.assert_close(ours, wanted, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("has_around", [False, True])
def test_half_precision_is_rounded_once(dtype, has_around) -> None:
    given = _given((3, 96, 2, 7), dtype, True, has_around)
    whole = [None if part is None else part.float() for part in given]
    kept = _found(fused_norm.fused, *given, True)
    step = torch.finfo(dtype).eps
    for ours, wanted in zip(kept, _found(fused_norm.normed, *whole, True)):
        torch.testing.assert_close(ours.float(), wanted.float(), atol=2 * step, rtol=step)


def test_a_large_mean_costs_no_precision() -> None:
    x, towards, mask, around = _given((3, 32, 8, 31), torch.float32, True, False)
    x = x + 1000
    exact = [None if part is None else part.double() for part in (x, towards, mask, around)]
    for ours, wanted in zip(
        _found(fused_norm.fused, x, towards, mask, around, True), _found(fused_norm.normed, *exact, True)
    ):
        torch.testing.assert_close(ours.double(), wanted.double(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("has_around", [False, True])
def test_what_is_no_number_stays_none(has_around) -> None:
    x, towards, mask, around = _given((3, 32, 2, 7), torch.float32, True, has_around)
    x[0, 5, 0, 0] = float("nan")
    y, of_x, *_ = _found(fused_norm.fused, x, towards, mask, around, True)
    assert bool(y[:, 5, :, 0].isnan().all())
    assert bool(of_x[:, 5, :, 0].isnan().all())
    gates, onwards, of_states = _frames(3, 2, 16, torch.float16)
    of_states[2, 0, 0, 0] = float("nan")
    assert bool(_learnt(lstm.Fused, gates, onwards, of_states)[1].isnan().any())


def test_many_programs_and_tiles_of_any_size_give_the_same(monkeypatch) -> None:
    given = _given((3, 96, 4, 7), torch.float32, True, True)
    wanted = _found(fused_norm.normed, *given, True)
    monkeypatch.setattr(fused_norm, "_processors", lambda _device: 7)
    for tile in (128, 512):
        monkeypatch.setattr(fused_norm, "TILE", tile)
        for ours, theirs in zip(_found(fused_norm.fused, *given, True), wanted):
            torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=2e-5)


def test_a_network_of_them_learns_the_same(monkeypatch) -> None:
    torch.manual_seed(1)
    net = ResNet("resnet_tiny").to(memory_format=torch.channels_last)
    images, widths = torch.rand(2, 1, 16, 32), torch.tensor([32, 19])
    found = []
    for wanted in (False, True):
        monkeypatch.setattr(use, "is_wanted", lambda _x, wanted=wanted: wanted)
        monkeypatch.setattr(use, "HALF", 4)
        net.zero_grad()
        frames, _ = net(images, widths)
        frames.square().sum().backward()
        found.append({name: parameter.grad.clone() for name, parameter in net.named_parameters()} | {"": frames})
    assert use._works["normalisation in torch.float32"]
    for name, theirs in found[0].items():
        torch.testing.assert_close(found[1][name], theirs, atol=1e-3, rtol=1e-3, msg=name)


def test_the_trial_goes_well() -> None:
    fused_norm._try(torch.device("cpu"), torch.bfloat16)


@pytest.mark.parametrize(("num_frames", "num_lines", "size"), [(4, 5, 16), (3, 37, 48), (1, 2, 32), (5, 33, 64)])
def test_states_and_gradients_are_those_of_two_kernels_a_frame(num_frames, num_lines, size) -> None:
    given = _frames(num_frames, num_lines, size, torch.float32)
    for ours, theirs in zip(_learnt(lstm.Fused, *given), _learnt(unrolled._Unrolled, *given)):
        torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=2e-5)


def test_float16_is_as_near_as_its_rounding() -> None:
    given = _frames(6, 19, 32, torch.float16)
    exact = [part.float() for part in given]
    for ours, theirs in zip(_learnt(lstm.Fused, *given), _learnt(unrolled._Unrolled, *exact)):
        assert ours.dtype == torch.float16
        torch.testing.assert_close(ours.float(), theirs, atol=5e-3 * float(theirs.abs().max()), rtol=0)


def test_a_gradient_that_float16_cannot_hold_stays_a_number() -> None:
    gates, onwards, towards = _frames(9, 2, 16, torch.float16)
    for gradient in _learnt(lstm.Fused, 0 * gates, 0 * onwards + 60, towards.abs())[1:2]:
        assert bool(gradient.isfinite().all())


def test_two_lstms_are_torchs(monkeypatch) -> None:
    monkeypatch.setattr(use, "is_wanted", lambda _x: True)
    monkeypatch.setattr(use, "HALF", 4)
    torch.manual_seed(1)
    sides, x = [nn.LSTM(12, 16, batch_first=True) for _ in range(2)], torch.randn(2, 3, 7, 12)
    weights = [(side.weight_ih_l0, side.weight_hh_l0, side.bias_ih_l0, side.bias_hh_l0) for side in sides]
    for ours, side, frames in zip(unrolled.layer(*weights, *x), sides, x):
        torch.testing.assert_close(ours, side(frames)[0], atol=1e-5, rtol=1e-5)
    assert use._works["LSTMs of 16 in torch.float32"]


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


def _frames(num_frames, num_lines, size, dtype):
    """What the frames bring to the gates, weights, the gradients of the states."""
    torch.manual_seed(1)
    gates, onwards = torch.randn(num_frames, 2, num_lines, 4 * size), torch.randn(2, 4 * size, size) / size**0.5
    return gates.to(dtype), onwards.to(dtype), torch.randn(num_frames, 2, num_lines, size).to(dtype)


def _learnt(steps, gates, onwards, towards):
    gates, onwards = gates.clone().requires_grad_(), onwards.clone().requires_grad_()
    states = steps.apply(gates, onwards)
    states.backward(towards)
    return states.detach(), gates.grad, onwards.grad
