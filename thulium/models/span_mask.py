"""Stretches of a line hidden from the head while training. B lines, T frames, C features, S stretches.

Source: Li et al. 2025, HTR-VT: Handwritten Text Recognition with Vision Transformer, span masking. We differ in drawing
the stretches of each line by itself, not once for the whole batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpanMask(nn.Module):
    """Puts one learnt frame in place of those that are hidden; outside of training it changes nothing."""

    def __init__(self, features: int, *, share: float, length: int) -> None:
        super().__init__()
        self.share, self.length = share, length
        self.hidden = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """(B, T, C) to the same; frames (B,) in use."""
        if not self.training:
            return x
        return torch.where(self.draw(frames, x.shape[1])[:, :, None], self.hidden.to(x.dtype), x)

    def draw(self, frames: Tensor, num_frames: int) -> Tensor:
        """(B, T) true where a frame is hidden: for each line as many stretches as make up the share, at random places.

        Computed on the device alone: asking it for a length would wait for it at every step.
        """
        most = int(self.share * num_frames / self.length) + 1  # in the longest line
        places, rest = torch.rand(2, len(frames), most, device=frames.device)
        wanted = self.share * frames / self.length  # the part of a stretch that is left over: one more, that often
        is_there = torch.arange(most, device=frames.device) + rest[:, :1] < wanted[:, None]
        starts = (places * (frames - self.length + 1).clamp(min=1)[:, None]).long()
        steps = torch.arange(num_frames, device=frames.device)[None, :, None]
        inside = (steps >= starts[:, None, :]) & (steps < starts[:, None, :] + self.length) & is_there[:, None, :]
        hidden: Tensor = inside.any(dim=2) & (steps[:, :, 0] < frames[:, None])
        return hidden
