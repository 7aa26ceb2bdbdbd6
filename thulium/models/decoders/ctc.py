"""Connectionist temporal classification. B lines, T frames, K classes (symbols and blank), L symbols in all targets.

Source: Graves et al. 2006; the shortcut, a second CTC loss straight on the backbone while training, after Retsinas et
al. 2022. We divide by the symbols of the batch, so the loss reads as nats a symbol whatever the batch size.

A line whose text needs more frames than it has cannot be written: torch gives it an infinite loss. Such a line counts
neither nats nor symbols (``fits`` says which lines these are).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from thulium.data.charset import frames_needed


class CtcDecoder(nn.Module):
    """Classes of each frame, and their loss."""

    def __init__(
        self, head_features: int, backbone_features: int, *, num_classes: int, blank_index: int, shortcut_weight: float
    ) -> None:
        super().__init__()
        self.classify = nn.Linear(head_features, num_classes)
        self.shortcut = nn.Linear(backbone_features, num_classes) if shortcut_weight else None
        self.blank_index, self.shortcut_weight = blank_index, shortcut_weight

    def forward(self, x: Tensor, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits of each frame.

        Args:
            x: (B, T, C) from the head.
            features: (B, T, C) from the backbone.

        Returns:
            Logits (B, T, K); and the shortcut's, of the same shape, while training and where there is one.
        """
        shortcut = self.shortcut(features) if self.shortcut is not None and self.training else None
        return self.classify(x), shortcut

    def loss(
        self,
        logits: Tensor,
        shortcut: Tensor | None,
        frames: Tensor,
        targets: Tensor,
        lengths: Tensor,
        num_symbols: int,
    ) -> Tensor:
        """Nats a symbol.

        Args:
            logits, shortcut: what ``forward`` gave.
            frames: (B,) in use, on the CPU.
            targets: (L,) classes of all lines, one after the other.
            lengths: (B,) symbols of each line, on the CPU. A line that does not fit its frames counts no nats.
            num_symbols: what to divide by: symbols of the lines that fit, also of those of the step that are not here.
        """
        divisor = max(1, num_symbols)
        loss = self._ctc(logits, frames, targets, lengths) / divisor
        if shortcut is not None:
            loss = loss + self.shortcut_weight * (self._ctc(shortcut, frames, targets, lengths) / divisor)
        return loss

    def _ctc(self, logits: Tensor, frames: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        log_probs = functional.log_softmax(logits.float(), dim=2).transpose(0, 1)
        return functional.ctc_loss(
            log_probs, targets, frames, lengths, blank=self.blank_index, reduction="sum", zero_infinity=True
        )


def fits(targets: Sequence[Sequence[int]], frames: Tensor) -> Tensor:
    """(B,) whether each line can be written: its symbols, and a blank between equal neighbours, need no more frames.

    Args:
        targets: B lines, classes of each.
        frames: (B,) in use, on the CPU.
    """
    return torch.tensor([frames_needed(line) for line in targets], dtype=torch.long) <= frames
