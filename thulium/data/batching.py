"""Which lines make a batch, and in which order: pure functions of widths, seed and epoch.

The batches are those of all processes together: how many there are decides nothing here, and neither does the place
at which a run was cut. Lines of about the same width stand together, so that little is padded; and a batch's width is
a multiple of the line height, since convolution libraries prepare themselves anew for each width that they meet (see
docs/results.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def padded_width(width: int, height: int) -> int:
    """Width in pixels of a batch whose widest line has the given width and height."""
    return -(-width // height) * height


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a batch may hold.

    Attributes:
        lines: the most lines.
        height: of each line, pixels.
        pixels: the most pixels of all of them together, padding included; 0: any. A line that has more stands alone.
    """

    lines: int
    height: int
    pixels: int = 0

    def has_room(self, lines: int, width: int) -> bool:
        """Whether so many lines may stand in a batch of this width."""
        return lines <= self.lines and (not self.pixels or lines * self.padded(width) * self.height <= self.pixels)

    def padded(self, width: int) -> int:
        """Width of a batch whose widest line has the given one."""
        return padded_width(width, self.height)


def shuffled_batches(
    widths: Sequence[int], limits: Limits, *, seed: int, epoch: int, chosen: Sequence[int] | None = None
) -> list[list[int]]:
    """The batches of one epoch: every line once, or those chosen. The same widths, in any order, make as many batches.

    Args:
        widths: of all lines, pixels.
        limits: batches are filled up to them.
        seed, epoch: decide the order; nothing else does.
        chosen: places of the lines that the epoch has; all of them if absent.

    Returns:
        Indices into ``widths``, a list a batch.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(widths) if chosen is None else np.asarray(chosen))
    by_width = sorted(order.tolist(), key=lambda i: limits.padded(widths[i]))  # stable: shuffled within a width
    batches = _cut(by_width, widths, limits)
    return [batches[i] for i in generator.permutation(len(batches))]


def sorted_batches(widths: Sequence[int], limits: Limits) -> list[list[int]]:
    """Batches for evaluation: by width, every line once."""
    return _cut(sorted(range(len(widths)), key=lambda i: (widths[i], i)), widths, limits)


def falling_batches(widths: Sequence[int], limits: Limits) -> list[list[int]]:
    """Batches for a stream, of which these lines are a part: the widest first, every line once.

    So the memory of a batch is enough for those behind it; and how many lines a batch has is a matter of its width,
    but for the last one: the shapes of batches that a stream has are few, however long it is.
    """
    return _cut(sorted(range(len(widths)), key=lambda i: (-widths[i], i)), widths, limits)


def _cut(by_width: list[int], widths: Sequence[int], limits: Limits) -> list[list[int]]:
    """Full batches of lines whose widths rise or fall, so that the newest or the first line of one is its widest."""
    batches: list[list[int]] = []
    for i in by_width:
        if batches and limits.has_room(len(batches[-1]) + 1, max(widths[i], widths[batches[-1][0]])):
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


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
