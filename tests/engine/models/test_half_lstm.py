"""An LSTM in float16 learns what one in 32 bits learns, however small its gradients are; tried on the CPU."""

import pytest
import torch
from torch import nn

from thulium.models.heads.half_lstm import half_lstm, half_lstms, half_unrolled


@pytest.mark.parametrize("size", [24, 128])
@pytest.mark.parametrize("scale", [1.0, 1e-9, 0.0])
def test_outputs_and_gradients_are_those_of_32_bits(size: int, scale: float) -> None:
    torch.manual_seed(1)
    lstm, x, towards = nn.LSTM(size, 16, batch_first=True), torch.randn(3, 12, size), scale * torch.randn(3, 12, 16)
    found = []
    for compute in (lambda frames: lstm(frames)[0], lambda frames: half_lstm(lstm, frames)):
        lstm.zero_grad()
        frames = x.clone().requires_grad_()
        output = compute(frames)
        output.backward(towards)
        assert output.dtype == torch.float32
        found.append([output.detach(), frames.grad, *(parameter.grad.clone() for parameter in lstm.parameters())])
    for wanted, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, wanted, atol=float(wanted.abs().max()) * 5e-3, rtol=0)


def test_a_gradient_that_float16_cannot_hold_stays_a_number() -> None:
    lstm = nn.LSTM(8, 8, batch_first=True)
    with torch.no_grad():
        lstm.weight_hh_l0.fill_(60.0)  # grows by orders of magnitude at each step back
        lstm.weight_ih_l0.fill_(0.0)
    x = torch.zeros(1, 40, 8, requires_grad=True)
    half_lstm(lstm, x).sum().backward()
    gradients = [x.grad, *(parameter.grad for parameter in lstm.parameters())]
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


@pytest.mark.parametrize("both", [half_lstms, half_unrolled])
@pytest.mark.parametrize(("size", "num_lines"), [(16, 3), (16, 97), (600, 2)])  # as one LSTM, and as two
@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_both_directions_are_those_of_32_bits(both, size: int, num_lines: int, scale: float) -> None:
    torch.manual_seed(1)
    sides = nn.ModuleList(nn.LSTM(24, size, batch_first=True) for _ in range(2))
    given, towards = torch.randn(2, num_lines, 12, 24), scale * torch.randn(2, num_lines, 12, size)
    found = []
    for compute in (lambda x, y: (sides[0](x)[0], sides[1](y)[0]), lambda x, y: both(*sides, x, y)):
        sides.zero_grad()
        frames = given.clone().requires_grad_()
        output = torch.stack(compute(*frames))
        output.backward(towards)
        assert output.dtype == torch.float32
        found.append([output.detach(), frames.grad, *(parameter.grad.clone() for parameter in sides.parameters())])
    for wanted, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, wanted, atol=float(wanted.abs().max()) * 5e-3, rtol=0)
