"""Keeping padding out of the computation. B lines, H and W pixels, C channels, T frames."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def shrink(widths: Tensor, factor: int) -> Tensor:
    """Widths after a stride: any started column counts."""
    return torch.div(widths + factor - 1, factor, rounding_mode="floor")


def column_mask(widths: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """(B, 1, 1, W): 1 where a line has pixels, 0 in its padding."""
    columns = torch.arange(width, device=widths.device)
    return (columns < widths[:, None])[:, None, None, :].to(dtype)


def reversal(frames: Tensor, num_frames: int) -> Tensor:
    """(B, T) indices that turn each line's frames round and leave its padding where it is."""
    steps = torch.arange(num_frames, device=frames.device).expand(len(frames), -1)
    turned = frames[:, None] - 1 - steps
    return torch.where(turned >= 0, turned, steps)


def turn(x: Tensor, order: Tensor) -> Tensor:
    """(B, T, C) with the frames of each line turned round; order as ``reversal`` gives it."""
    if torch.is_grad_enabled() and x.requires_grad:
        turned: Tensor = _Turn.apply(x, order)
        return turned
    return _turned(x, order)


class _Turn(torch.autograd.Function):
    """Turning round twice is no change: so the way back is the same, where torch would add to zeros one by one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return _turned(x, order)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _turned(gradient, *ctx.saved_tensors), None


def _turned(x: Tensor, order: Tensor) -> Tensor:
    return x.gather(1, order[:, :, None].expand(-1, -1, x.shape[2]))
