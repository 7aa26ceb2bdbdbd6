"""What a decoder reads of a line, before it is text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from thulium.data.charset import Charset


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The best reading of a line.

    Attributes:
        classes: its symbols, as the charset numbers them.
        score: natural logarithm; what it is of, the search says. None where it was not asked for.
        confidences: of each symbol, 0 to 1; empty where it was not asked for.
        spans: of each symbol, the first of its frames and the one after its last; empty where it was not asked for.
    """

    classes: tuple[int, ...]
    score: float | None = None
    confidences: tuple[float, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()


class Search(Protocol):
    """Looks for the best reading of each line in the logits of frames."""

    def __call__(self, logits: Tensor, frames: Tensor, blank: int, /, *, in_detail: bool = False) -> list[Hypothesis]:
        """B readings of logits (B, T, K) with frames (B,) in use.

        Args:
            blank: the class of the blank.
            in_detail: whether confidences and spans are wanted too. The score is that of the alignment then.
        """

    def several(self, logits: Tensor, frames: Tensor, blank: int, number: int) -> list[list[Hypothesis]]:
        """For each line, so many readings in detail, or fewer where there are no more: all differ, the best first."""


def texts(
    search: Callable[[Tensor, Tensor, int], list[Hypothesis]], logits: Tensor, frames: Tensor, charset: Charset
) -> list[str]:
    """What a search reads in the logits (B, T, K) of a model that writes with a charset; frames (B,) in use.

    Raises:
        ValueError: K is not the charset's.
    """
    if logits.shape[2] != charset.num_classes:
        raise ValueError(f"{logits.shape[2]} classes, but the charset has {charset.num_classes}")
    return [charset.decode(line.classes) for line in search(logits, frames, charset.blank_index)]
