"""What every decoder is: it owns its loss, and it reads. B lines, T frames, C features, K classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from thulium.data.batch import Targets
from thulium.decoding.hypothesis import Hypothesis, Search


@dataclass(frozen=True)
class Features:
    """What a decoder is given of some lines.

    Attributes:
        head: (B, T, C), frames in the context of their line.
        backbone: (B, T, C'), frames by themselves.
        frames: (B,) in use, on the device; what lies beyond means nothing.
    """

    head: Tensor
    backbone: Tensor
    frames: Tensor


@dataclass(frozen=True)
class Output:
    """What a model computes of some lines; a decoder may add to it what its loss and its reading need.

    Attributes:
        logits: (B, T, K) of each frame.
        features: what they were computed from.
    """

    logits: Tensor
    features: Features

    @property
    def frames(self) -> Tensor:
        """(B,) in use."""
        return self.features.frames


O = TypeVar("O", bound=Output)  # noqa: E741


class Decoder(nn.Module, ABC, Generic[O]):
    """From features to text. A kind of decoder has these methods, and nobody else knows how it writes.

    Attributes:
        alphabet: names of its parts whose parameters have a row for each class: where a model starts from another one,
            the rows of the characters that both know are taken over.
        optional: names of its parts that a document may switch on or off: they start anew where the other model has
            none.
    """

    alphabet: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, features: Features, targets: Targets | None) -> O:
        """What loss and reading are computed from.

        Args:
            targets: what should be written, where that is known: a decoder may be shown it while it learns.
        """

    @abstractmethod
    def frames_needed(self, classes: Sequence[int]) -> int:
        """The fewest frames in which it can write a line of these classes."""

    @abstractmethod
    def loss(self, output: O, targets: Targets, frames: Tensor, num_symbols: int) -> Tensor:
        """Nats a symbol. A line that needs more frames than it has counts none.

        Args:
            frames: (B,) in use, on the CPU.
            num_symbols: what to divide by: symbols of the lines that fit, also of those of the step that are not here.
        """

    @abstractmethod
    def read(self, output: O, search: Search | None = None, *, in_detail: bool = False) -> list[Hypothesis]:
        """The best reading of each line.

        Args:
            search: what looks for it in the logits of frames; the decoder's own way if absent.
            in_detail: whether score, confidences and spans are wanted. They are of the reading that is given: what a
                search found is aligned with the frames, and the score is that of the alignment.
        """

    def fits(self, targets: Targets, frames: Tensor) -> Tensor:
        """(B,) whether each line can be written in the frames (B,) that it has, on the CPU."""
        needed = [self.frames_needed(line) for line in targets.lines()]
        return torch.tensor(needed, dtype=torch.long) <= frames
