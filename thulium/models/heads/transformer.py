"""Self-attention over the frames of a line. B lines, T frames, C features, N heads, D values in a head.

Source: Vaswani et al. 2017, Attention Is All You Need; normalised before each part, as Xiong et al. 2020, On Layer
Normalization in the Transformer Architecture; places as rotations of queries and keys, Su et al. 2021, RoFormer, so
that only the distance between two frames counts, and lines may be longer than any that was learnt from.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

BASE = 10_000.0  # of the wave lengths, as in RoFormer


class Transformer(nn.Module):
    """Layers of self-attention, each frame looking at all frames of its line and never at padding.

    Attributes:
        out_features: values in an output frame, the hidden size.
    """

    def __init__(
        self,
        in_features: int,
        *,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        feedforward_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(in_features, hidden_size)
        self.layers = nn.ModuleList(
            Layer(hidden_size, num_heads=num_heads, feedforward_size=feedforward_size, dropout=dropout)
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(hidden_size)
        self.head_size = hidden_size // num_heads
        self.out_features = hidden_size

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C'); frames (B,) in use. Padding frames hold values that mean nothing."""
        steps = torch.arange(x.shape[1], device=x.device)
        seen = (steps < frames[:, None])[:, None, None, :]
        rotation = rotations(steps, self.head_size)
        x = self.enter(x)
        for layer in self.layers:
            x = layer(x, seen, rotation)
        normed: Tensor = self.norm(x)
        return normed


class Layer(nn.Module):
    """Attention, then two linear maps; each behind a norm, each added to what came in."""

    def __init__(self, size: int, *, num_heads: int, feedforward_size: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.attention_norm = nn.LayerNorm(size)
        self.queries_keys_values = nn.Linear(size, 3 * size)
        self.mix = nn.Linear(size, size)
        self.feedforward_norm = nn.LayerNorm(size)
        self.widen = nn.Linear(size, feedforward_size)
        self.narrow = nn.Linear(feedforward_size, size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, seen: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """(B, T, C) to the same; seen (B, 1, 1, T) frames that may be looked at; rotation as ``rotations`` gives."""
        parts = self.queries_keys_values(self.attention_norm(x)).unflatten(2, (3, self.num_heads, -1))
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # (B, N, T, D) each
        queries, keys = turned(queries, rotation), turned(keys, rotation)
        attended = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        x = x + self.dropout(self.mix(attended.transpose(1, 2).flatten(2)))
        x = x + self.dropout(self.narrow(functional.gelu(self.widen(self.feedforward_norm(x)))))
        return x


def rotations(steps: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (T, D/2) of the angles by which each pair of a frame's values is turned."""
    speeds = BASE ** (-torch.arange(0, size, 2, device=steps.device) / size)
    angles = steps[:, None] * speeds
    return angles.cos(), angles.sin()


def turned(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """(B, N, T, D) with each pair of values turned by its frame's angle: first and second half are the pairs."""
    cosines, sines = (part.to(x.dtype) for part in rotation)
    first, second = x.chunk(2, dim=3)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], dim=3)
