"""The LSTMs of a GPU's mixed precision. B lines, T frames, C features, H values of an LSTM's state.

cuDNN keeps the weights of an LSTM in the processor over all frames of a line, in one kernel instead of two a frame,
where it is given float16, one layer, one direction, and sizes that are multiples of 128 (torch's ``RNN.cpp``;
docs/results.md has what that is worth). Its time is a row of waits, one a frame, and hardly the arithmetic: so the two
directions are given as one LSTM of twice the size, whose weights are 0 from one direction to the other.

torch's autocast gives cuDNN float16 in any case, also where the rest of the model computes in bfloat16; and gradients
of a loss that is divided by a batch's symbols are too small for float16. So they are brought to a largest value of 1 on
their way in, and back on their way out.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from thulium.models.fused import use
from thulium.models.heads import unrolled
from thulium.models.heads.unrolled import Weights

MULTIPLE = 128  # of the sizes that cuDNN's kernel takes
LARGEST = 1024  # the state of an LSTM that it takes
# Lines, measured with states of 256 (docs/decisions/0018-kernels-of-our-own.md): its kernel is the faster one with 32,
# frame by frame in a recording with 64; both directions as one LSTM are faster with 64, and slower with 128.
MANY_LINES, MOST_JOINED = 48, 96
GATES = 4  # of an LSTM: their weights lie one below the other
LEAST = 2.0**-100  # of a largest gradient, so that nothing is divided by 0
MOST = 65504.0  # in float16: a sum that comes out larger stays at that


def half_lstms(first: nn.LSTM, second: nn.LSTM, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T, C) each to (B, T, H) each in 32 bits: what two one-layer LSTMs of one size give, in float16."""
    onwards = first.weight_hh_l0
    assert isinstance(onwards, Tensor)
    if len(x) >= MANY_LINES and use.is_wanted(onwards):
        return half_unrolled(first, second, x, y)
    if first.hidden_size + second.hidden_size > LARGEST or len(x) > MOST_JOINED:
        return half_lstm(first, x), half_lstm(second, y)
    scale = _Scale()
    with torch.autocast(x.device.type, enabled=False):
        frames = torch.cat([_Enter.apply(x, scale), _Enter.apply(y, scale)], dim=2)
        ours, theirs = _weights(first, scale), _weights(second, scale)
        output = _run(frames, [_beside(*pair) for pair in zip(ours, theirs, strict=True)], first.training, scale)
    one, other = output.chunk(2, dim=2)
    return one, other


def half_unrolled(first: nn.LSTM, second: nn.LSTM, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same frame by frame, without cuDNN: for what is replayed (``thulium.models.heads.unrolled``)."""
    scale = _Scale()
    with torch.autocast(x.device.type, enabled=False):
        sides = _weights(first, scale), _weights(second, scale)
        states = unrolled.layer(*sides, _Enter.apply(x, scale), _Enter.apply(y, scale))
        one, other = _Leave.apply(states, scale).unbind()
    return one, other


def half_lstm(lstm: nn.LSTM, x: Tensor) -> Tensor:
    """(B, T, C) to (B, T, H) in 32 bits: what a one-layer LSTM gives whose arithmetic is float16."""
    scale = _Scale()
    with torch.autocast(x.device.type, enabled=False):
        return _run(_Enter.apply(x, scale), _weights(lstm, scale), lstm.training, scale)


def _weights(lstm: nn.LSTM, scale: _Scale) -> Weights:
    inwards, onwards, *biases = (lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, lstm.bias_hh_l0)
    return _Enter.apply(inwards, scale), _Enter.apply(onwards, scale), *(_Enter.apply(bias, scale) for bias in biases)


def _beside(ours: Tensor, theirs: Tensor) -> Tensor:
    """Two weights (4H, C) as one (8H, 2C) whose halves do not see each other; of biases (4H,), one (8H,)."""
    first, second = ours.unflatten(0, (GATES, -1)), theirs.unflatten(0, (GATES, -1))
    if ours.ndim > 1:
        first, second = functional.pad(first, (0, theirs.shape[1])), functional.pad(second, (ours.shape[1], 0))
    return torch.cat([first, second], dim=1).flatten(0, 1)


def _run(frames: Tensor, weights: Sequence[Tensor], training: bool, scale: _Scale) -> Tensor:
    """(B, T, C) in float16 to (B, T, H) in 32 bits."""
    inwards, onwards, *biases = weights
    padding = (0, -frames.shape[2] % MULTIPLE)
    frames, inwards = functional.pad(frames, padding), functional.pad(inwards, padding)
    zeros = frames.new_zeros(1, len(frames), onwards.shape[1])
    with warnings.catch_warnings():
        # The weights in float16 are new tensors at each call, which cuDNN brings together.
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
        parameters = [inwards, onwards, *biases]
        output, _, _ = torch.lstm(frames, (zeros, zeros), parameters, True, 1, 0.0, training, False, True)
    left: Tensor = _Leave.apply(output, scale)
    return left


class _Scale:
    """What the gradients within were multiplied by: known once they have come."""

    value: Tensor


class _Enter(torch.autograd.Function):
    """Into float16; a gradient on its way out is divided again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: _Scale) -> Tensor:
        ctx.scale, ctx.dtype = scale, x.dtype
        return x.half()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        finite = gradient.float().nan_to_num(nan=0.0, posinf=MOST, neginf=-MOST)
        return (finite / ctx.scale.value).to(ctx.dtype), None


class _Leave(torch.autograd.Function):
    """Out of float16; a gradient on its way in is multiplied."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: _Scale) -> Tensor:
        ctx.scale = scale
        return x.float()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        ctx.scale.value = 1 / gradient.abs().amax().clamp(min=LEAST)
        return (gradient * ctx.scale.value).half(), None
