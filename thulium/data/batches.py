"""Which lines make a batch, and in which order: pure functions of widths, seed and epoch.

The batches are those of all processes together: how many there are decides nothing here, and neither does the place
at which a run was cut. Lines of about the same width stand together, so that little is padded; and a batch's width is
a multiple of WIDTH_STEP, since convolution libraries prepare themselves anew for each width that they meet (see
docs/results.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WIDTH_STEP = 64  # pixels


def padded_width(width: int) -> int:
    """Width in pixels of a batch whose widest line has the given one."""
    return -(-width // WIDTH_STEP) * WIDTH_STEP


def shuffled_batches(widths: Sequence[int], batch_size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """The batches of one epoch: every line once, all batches full but the last one made.

    Args:
        widths: of all lines, pixels.
        batch_size: lines in a batch.
        seed, epoch: decide the order; nothing else does.

    Returns:
        Indices into ``widths``, a list a batch.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(widths))
    by_width = sorted(order.tolist(), key=lambda i: padded_width(widths[i]))  # stable: shuffled within a width
    batches = [by_width[start : start + batch_size] for start in range(0, len(by_width), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def sorted_batches(widths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Batches for evaluation: by width, every line once."""
    by_width = sorted(range(len(widths)), key=lambda i: (widths[i], i))
    return [by_width[start : start + batch_size] for start in range(0, len(by_width), batch_size)]


@dataclass(frozen=True, slots=True)
class Part:
    """What one process computes at once of a batch.

    Attributes:
        lines: indices.
        batch: the whole batch that they are of.
        is_filler: whether the batch has no line for this part, and the ones here only keep the process in step.
    """

    lines: list[int]
    batch: list[int]
    is_filler: bool


def parts(batch: list[int], *, rank: int, size: int, accumulation: int) -> list[Part]:
    """A process's share of a batch, in so many parts.

    Args:
        rank, size: the process and how many there are.
        accumulation: parts that a process computes one after the other.
    """
    step = size * accumulation
    shares = [batch[rank + size * number :: step] for number in range(accumulation)]
    return [Part(share or batch[:1], batch, not share) for share in shares]
