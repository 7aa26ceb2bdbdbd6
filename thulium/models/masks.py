"""Keeping padding out of the computation. B lines, H and W pixels, C channels, T frames."""

from __future__ import annotations

import torch
from torch import Tensor


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
