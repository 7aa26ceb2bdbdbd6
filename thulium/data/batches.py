"""Which lines make a batch, and in which order: pure functions of widths, seed and epoch.

Lines of about the same width stand together, so that little is padded; and a batch's width is a multiple of
WIDTH_STEP, since convolution libraries prepare themselves anew for each width that they meet (see docs/results.md).
"""

from __future__ import annotations

from collections.abc import Sequence

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
