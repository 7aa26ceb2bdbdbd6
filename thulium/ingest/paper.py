"""The grey of the paper round the writing of a line, which stands in place of what lies outside of its outline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Greys = NDArray[np.uint8]
Mask = NDArray[np.bool_]

BLOCK = 64  # pixels of a row whose paper is taken to be of one grey: more than a letter, less than a stain
FEWEST = 256  # pixels that a block's paper is judged by
CONTRAST = 32  # grey values between ink and paper; what differs by less is the paper's own grain
DARKER = 16  # grey values by which a place is darker than the line, from which on ink may be the cause


def paper_of(pixels: Greys, inside: Mask) -> Greys:
    """(W,) the grey of the paper at each column.

    Mostly that is the median inside the outline, as ink covers less than half of it. Where the outline hugs the
    writing, ink covers more. Such a place is darker than the rest of the line, and there the paper is the median of
    what is lighter than the ink.

    Args:
        pixels: (H, W).
        inside: (H, W) what the outline holds.
    """
    width = pixels.shape[1]
    lefts = [left for left in range(0, width, BLOCK) if inside[:, left : left + BLOCK].sum() >= FEWEST]
    if not lefts:
        return np.full(width, _median(pixels[inside] if inside.any() else pixels.ravel()), dtype=np.uint8)
    blocks = [pixels[:, left : left + BLOCK] for left in lefts]
    held = [block[inside[:, left : left + BLOCK]] for block, left in zip(blocks, lefts)]
    greys = [_median(values) for values in held]
    usual = max(int(np.median(greys)), _median(pixels.ravel()))
    for number, (values, block) in enumerate(zip(held, blocks)):
        for seen in (values, block.ravel()):  # where there is nothing but ink inside, what lies round it is looked at
            if greys[number] < usual - DARKER:
                greys[number] = max(greys[number], min(usual, _lighter(seen)))
    paper: Greys = np.interp(np.arange(width) + 0.5, np.array(lefts) + BLOCK / 2, greys).round().astype(np.uint8)
    return paper


def _lighter(values: Greys) -> int:
    """The median of the lighter of two kinds of pixels, or of all where there are not two kinds.

    Source: Otsu 1979, A Threshold Selection Method from Gray-Level Histograms.
    """
    counts = np.bincount(values, minlength=256)
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * np.arange(256))
    apart = (sums[-1] - sums[:-1]) / np.maximum(above, 1) - sums[:-1] / np.maximum(below, 1)
    apart[(below == 0) | (above == 0)] = 0
    best = int(np.argmax(below * above * apart**2))
    if apart[best] >= CONTRAST:
        counts[: best + 1] = 0
    return _middle(counts)


def _median(values: Greys) -> int:
    return _middle(np.bincount(values, minlength=256))


def _middle(counts: NDArray[np.int64]) -> int:
    reached = np.cumsum(counts)
    return int(np.searchsorted(reached, reached[-1] / 2))
