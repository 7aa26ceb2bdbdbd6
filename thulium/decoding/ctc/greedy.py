"""From class scores to text. B lines, T frames, K classes."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from thulium.data.charset import Charset

# Logits (B, T, K), frames in use (B,) and the alphabet -> a text a line.
Decode = Callable[[Tensor, Tensor, Charset], list[str]]


def greedy(logits: Tensor, frames: Tensor, charset: Charset) -> list[str]:
    """Best-path decoding: the likeliest class of each frame, runs merged, blanks dropped.

    Args:
        logits: (B, T, K) scores or log-probabilities.
        frames: (B,) frames in use, 0 to T; later ones are not read.

    Raises:
        ValueError: K is not the charset's.

    Source: Graves et al. 2006, Connectionist Temporal Classification, section 3.2.
    """
    if logits.shape[2] != charset.num_classes:
        raise ValueError(f"{logits.shape[2]} classes, but the charset has {charset.num_classes}")
    best = logits.argmax(dim=2).cpu().tolist()
    return [
        charset.decode(_collapse(line[:num_frames], charset.blank_index))
        for line, num_frames in zip(best, frames.tolist(), strict=True)
    ]


def _collapse(classes: list[int], blank: int) -> list[int]:
    previous = [blank, *classes]
    return [c for c, before in zip(classes, previous, strict=False) if c not in (before, blank)]
