"""Connectionist temporal classification. B lines, T frames, K classes (symbols and blank), L symbols in all targets.

Source: Graves et al. 2006; the shortcut, a second CTC loss straight on the backbone while training, after Retsinas et
al. 2022. We divide by the symbols of the batch, so the loss reads as nats a symbol whatever the batch size.

A line whose text needs more frames than it has cannot be written: torch gives it an infinite loss. Such a line counts
neither nats nor symbols (``fits`` says which lines these are).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from thulium.data.batch import Targets
from thulium.data.charset import frames_needed
from thulium.decoding.ctc.greedy import best_path, best_path_in_detail
from thulium.decoding.hypothesis import Hypothesis, Search
from thulium.models.decoders.base import Decoder, Features, Output


@dataclass(frozen=True)
class CtcOutput(Output):
    """What CTC computes of some lines.

    Attributes:
        shortcut: (B, T, K) straight from the backbone, while training.
    """

    shortcut: Tensor | None = None


class CtcDecoder(Decoder[CtcOutput]):
    """Classes of each frame, and their loss."""

    alphabet = ("classify", "shortcut")
    optional = ("shortcut",)

    def __init__(
        self, head_features: int, backbone_features: int, *, num_classes: int, blank_index: int, shortcut_weight: float
    ) -> None:
        super().__init__()
        self.classify = nn.Linear(head_features, num_classes)
        self.shortcut = nn.Linear(backbone_features, num_classes) if shortcut_weight else None
        self.blank_index, self.shortcut_weight = blank_index, shortcut_weight

    def forward(self, features: Features, targets: Targets | None = None) -> CtcOutput:
        """Logits of each frame; and the shortcut's, while training, where there is one."""
        shortcut = self.shortcut(features.backbone) if self.shortcut is not None and self.training else None
        return CtcOutput(self.classify(features.head), features, shortcut)

    def frames_needed(self, classes: Sequence[int]) -> int:
        """A frame for each symbol, and one for a blank between equal neighbours."""
        return frames_needed(classes)

    def loss(self, output: CtcOutput, targets: Targets, frames: Tensor, num_symbols: int) -> Tensor:
        """Nats a symbol; lengths stay on the CPU, where CTC reads them: fetching them would wait at every step."""
        divisor = max(1, num_symbols)
        if output.shortcut is None:
            return self._ctc([output.logits], frames, targets)[0] / divisor
        own, shortcut = self._ctc([output.logits, output.shortcut], frames, targets).unbind()
        return own / divisor + self.shortcut_weight * (shortcut / divisor)

    def read(self, output: CtcOutput, search: Search | None = None, *, in_detail: bool = False) -> list[Hypothesis]:
        """What the search finds in the logits; the best path without one."""
        frames = (output.logits, output.frames, self.blank_index)
        if search is None:
            return (best_path_in_detail if in_detail else best_path)(*frames)
        return search(*frames, in_detail=in_detail)

    def _ctc(self, outputs: Sequence[Tensor], frames: Tensor, targets: Targets) -> Tensor:
        """Nats of the lines of each output, all in one call: on a GPU, each call waits for the kernels before it."""
        number, (num_lines, _, _) = len(outputs), outputs[0].shape
        log_probs = torch.cat([functional.log_softmax(logits.float(), dim=2) for logits in outputs]).transpose(0, 1)
        nats = functional.ctc_loss(
            log_probs,
            targets.classes.to(log_probs.device, non_blocking=True).repeat(number),
            frames.repeat(number),
            targets.lengths.repeat(number),
            blank=self.blank_index,
            reduction="none",
            zero_infinity=True,
        )
        sums: Tensor = nats.view(number, num_lines).sum(dim=1)
        return sums
