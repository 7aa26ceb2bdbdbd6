"""Bidirectional LSTM. B lines, T frames, C features.

Each direction is an LSTM of its own over the padded batch; the backward one sees each line turned round within its own
length. So padding never comes before a frame that counts, as with packed sequences, at four to six times their speed
on a CPU (see docs/results.md). On a GPU, where each call is a row of small kernels, all layers and directions are one
call of cuDNN over packed sequences, with the same weights.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from thulium.models.heads.side_by_side import side_by_side
from thulium.models.masks import reversal


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

    def forward(self, x: Tensor, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, C) to (B, T, C'). Padding frames hold values that mean nothing.

        Args:
            frames: (B,) in use, on the device of x.
            lengths: the same on the CPU, where they are known there: asking a GPU for them would wait for it.
        """
        if x.is_cuda and lengths is not None:
            return self.packed(x, lengths)
        turned = reversal(frames, x.shape[1])[:, :, None]
        for ahead, back in zip(self.forwards, self.backwards, strict=True):
            x = self.dropout(x)
            rightwards, leftwards = side_by_side(ahead, back, x, x.gather(1, turned.expand(-1, -1, x.shape[2])))
            leftwards = leftwards.gather(1, turned.expand(-1, -1, leftwards.shape[2]))
            x = torch.cat([rightwards, leftwards], dim=2)
        return x

    def packed(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The same as ``forward`` in one call; what dropout leaves out is drawn in another order."""
        places, batch_sizes = packing(lengths, x.shape[1])
        if x.is_cuda:
            places = places.pin_memory().to(x.device, non_blocking=True)
        rows = self.dropout(x).flatten(0, 1)[places]
        num_layers, hidden_size = len(self.forwards), self.out_features // 2
        zeros = rows.new_zeros(2 * num_layers, len(lengths), hidden_size)
        pairs = zip(self.forwards, self.backwards, strict=True)
        weights: list[Tensor] = [weight for pair in pairs for lstm in pair for weight in lstm.parameters()]
        with warnings.catch_warnings():
            # The weights of the two directions are tensors of their own, and are brought together at each call.
            warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
            output, _, _ = torch.lstm(
                rows, batch_sizes, (zeros, zeros), weights, True, num_layers, self.dropout.p, self.training, True
            )
        padded = output.new_zeros(x.shape[0] * x.shape[1], self.out_features)
        return padded.index_copy(0, places, output).view(*x.shape[:2], -1)


def packing(lengths: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
    """How torch lays out sequences of several lengths: step by step, the longest first.

    Args:
        lengths: (B,) on the CPU, each 1 to num_frames.
        num_frames: T of the padded batch.

    Returns:
        The places (N,) of the packed rows among the B x T padded ones; and the sequences (max(lengths),) that have a
        frame at each step.
    """
    longest_first = lengths.argsort(descending=True, stable=True)
    is_there = torch.arange(int(lengths.max()))[:, None] < lengths[longest_first]
    steps, sequences = is_there.nonzero(as_tuple=True)
    return longest_first[sequences] * num_frames + steps, is_there.sum(dim=1)
