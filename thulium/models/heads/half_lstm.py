"""An LSTM of a GPU's mixed precision. B lines, T frames, C features.

cuDNN keeps the weights of an LSTM in the processor over all frames of a line, in one kernel instead of two a frame,
where it is given float16, one layer, one direction, and sizes that are multiples of 128 (torch's ``RNN.cpp``;
docs/results.md has what that is worth). torch's autocast gives cuDNN float16 in any case, also where the rest of the
model computes in bfloat16; and gradients of a loss that is divided by a batch's symbols are too small for float16. So
they are brought to a largest value of 1 on their way in, and back on their way out.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

MULTIPLE = 128  # of the sizes that cuDNN's kernel takes
LEAST = 2.0**-100  # of a largest gradient, so that nothing is divided by 0
MOST = 65504.0  # in float16: a sum that comes out larger stays at that


def half_lstm(lstm: nn.LSTM, x: Tensor) -> Tensor:
    """(B, T, C) to (B, T, C') in 32 bits: what a one-layer LSTM gives whose arithmetic is float16."""
    padding = (0, -x.shape[2] % MULTIPLE)
    weights = (lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, lstm.bias_hh_l0)
    scale = _Scale()
    with torch.autocast(x.device.type, enabled=False), warnings.catch_warnings():
        # The weights in float16 are new tensors at each call, which cuDNN brings together.
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
        frames, inwards, *others = (_Enter.apply(tensor, scale) for tensor in (x, *weights))
        frames, inwards = functional.pad(frames, padding), functional.pad(inwards, padding)
        zeros = frames.new_zeros(1, len(x), lstm.hidden_size)
        output, _, _ = torch.lstm(frames, (zeros, zeros), [inwards, *others], True, 1, 0.0, lstm.training, False, True)
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
