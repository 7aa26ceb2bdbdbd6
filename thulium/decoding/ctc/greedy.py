"""Best-path decoding: the likeliest class of each frame, runs merged, blanks dropped. B lines, T frames, K classes.

Source: Graves et al. 2006, Connectionist Temporal Classification, section 3.2.
"""

from __future__ import annotations

from itertools import groupby

from torch import Tensor

from thulium.decoding.hypothesis import Hypothesis


def best_path(logits: Tensor, frames: Tensor, blank: int) -> list[Hypothesis]:
    """The symbols of the best path of each line; nothing else is computed.

    Args:
        logits: (B, T, K) scores or log-probabilities.
        frames: (B,) frames in use, 0 to T; later ones are not read.
        blank: class of the blank.
    """
    best = logits.argmax(dim=2).cpu().tolist()
    return [
        Hypothesis(tuple(_collapse(line[:num_frames], blank)))
        for line, num_frames in zip(best, frames.tolist(), strict=True)
    ]


def best_path_in_detail(logits: Tensor, frames: Tensor, blank: int) -> list[Hypothesis]:
    """The same symbols, with their frames and how sure the model is of each.

    The score of a line is the logarithm of its path's probability; the confidence of a symbol is the highest
    probability that it has in one of its frames.
    """
    best = logits.argmax(dim=2, keepdim=True)
    chosen = logits.float().softmax(dim=2).gather(2, best).squeeze(2)
    rows = zip(best.squeeze(2).cpu().tolist(), chosen.cpu().tolist(), frames.tolist(), strict=True)
    scores = chosen.log().cumsum(dim=1).cpu()
    lines = []
    for number, (classes, values, num_frames) in enumerate(rows):
        runs = [
            (place, list(run)) for place, run in groupby(range(num_frames), key=classes.__getitem__) if place != blank
        ]
        lines.append(
            Hypothesis(
                classes=tuple(place for place, _ in runs),
                score=float(scores[number, num_frames - 1]) if num_frames else 0.0,
                confidences=tuple(max(values[frame] for frame in run) for _, run in runs),
                spans=tuple((run[0], run[-1] + 1) for _, run in runs),
            )
        )
    return lines


def _collapse(classes: list[int], blank: int) -> list[int]:
    previous = [blank, *classes]
    return [c for c, before in zip(classes, previous, strict=False) if c not in (before, blank)]
