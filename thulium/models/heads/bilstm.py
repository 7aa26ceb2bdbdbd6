"""Bidirectional LSTM. B lines, T frames, C features.

Each direction is an LSTM of its own over the padded batch; the backward one sees each line turned round within its own
length. So padding never comes before a frame that counts, as with packed sequences, at four to six times their speed
on a CPU and twice their speed on a GPU (docs/results.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from thulium.models.heads.half_lstm import half_lstms
from thulium.models.heads.side_by_side import side_by_side
from thulium.models.masks import reversal, turn


class BiLstm(nn.Module):
    """Layers of two LSTMs each, one for each direction.

    Attributes:
        out_features: values in an output frame, twice the hidden size.
    """

    def __init__(self, in_features: int, *, hidden_size: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        sizes = [in_features] + [2 * hidden_size] * (num_layers - 1)
        self.forwards = nn.ModuleList(nn.LSTM(size, hidden_size, batch_first=True) for size in sizes)
        self.backwards = nn.ModuleList(nn.LSTM(size, hidden_size, batch_first=True) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        self.out_features = 2 * hidden_size

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C'); frames (B,) in use. Padding frames hold values that mean nothing."""
        order = reversal(frames, x.shape[1])
        for ahead, back in zip(self.forwards, self.backwards, strict=True):
            x = self.dropout(x)
            rightwards, leftwards = _both(ahead, back, x, turn(x, order))
            x = torch.cat([rightwards, turn(leftwards, order)], dim=2)
        return x


def _both(ahead: nn.Module, back: nn.Module, x: Tensor, turned: Tensor) -> tuple[Tensor, Tensor]:
    assert isinstance(ahead, nn.LSTM)
    assert isinstance(back, nn.LSTM)
    if not x.is_cuda:
        return side_by_side(ahead, back, x, turned)
    if torch.is_autocast_enabled("cuda"):
        return half_lstms(ahead, back, x, turned)
    return ahead(x)[0], back(turned)[0]
