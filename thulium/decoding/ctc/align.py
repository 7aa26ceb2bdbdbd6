"""Forced alignment: where in a line's frames a text that is given stands, and how sure that is.

T frames, K classes, L symbols, S states: before, between and behind the symbols, blanks may stand, so S is 2 L + 1.
The alignment of the best path's own text is the best path.

Source: Graves et al. 2006, Connectionist Temporal Classification, section 4.1, with the best predecessor in place of
their sum (Viterbi). A language model weighs the classes of each frame by the text before it, as it did in the search:
otherwise a reading that it decided would seem less sure than it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from thulium.decoding.ctc.beam import LanguageModel
from thulium.decoding.ctc.candidates import Floats
from thulium.decoding.hypothesis import Hypothesis

Places = npt.NDArray[np.int64]


def aligned(
    logits: Tensor, frames: Tensor, blank: int, lines: Sequence[Hypothesis], model: LanguageModel | None = None
) -> list[Hypothesis]:
    """Readings with their scores, confidences and spans in the logits (B, T, K).

    As for the best path, the score of a line is the logarithm of its path's probability, and the confidence of a symbol
    the highest probability that it has in one of its frames. With a language model, these are probabilities of the
    frames as it weighs them.

    Args:
        frames: (B,) frames in use, 0 to T.
        blank: class of the blank.
        lines: B readings, which can be written in the frames.
        model: that they were searched with.
    """
    log_probs = logits.float().log_softmax(dim=2).cpu().numpy().astype(np.float64)
    rows = zip(log_probs, frames.tolist(), lines, strict=True)
    return [_aligned(line[:num_frames], blank, found.classes, model) for line, num_frames, found in rows]


def _aligned(log_probs: Floats, blank: int, classes: tuple[int, ...], model: LanguageModel | None) -> Hypothesis:
    states = np.full(2 * len(classes) + 1, blank)
    states[1::2] = classes
    path = _best(log_probs[:, states], states)
    if model is not None:
        weighed = log_probs + _weights(model, classes, blank, log_probs.shape[1])[path // 2]
        log_probs = weighed - np.logaddexp.reduce(weighed, axis=1, keepdims=True)
    seen = log_probs[np.arange(len(path)), states[path]]
    places = [np.flatnonzero(path == 2 * number + 1) for number in range(len(classes))]
    return Hypothesis(
        classes=classes,
        score=float(seen.sum()),
        confidences=tuple(float(np.exp(seen[place].max())) for place in places),
        spans=tuple((int(place[0]), int(place[-1]) + 1) for place in places),
    )


def _best(seen: Floats, states: Places) -> Places:
    """The state of each frame (T,) on the likeliest path through all states.

    Args:
        seen: (T, S) log-probabilities of the states.
        states: (S,) their classes.
    """
    num_frames, num_states = seen.shape
    skips = np.zeros(num_states, np.bool_)  # states that may follow the last but one: no blank has to be between
    skips[3::2] = states[3::2] != states[1:-2:2]
    sources = np.zeros((num_frames, num_states), np.int64)
    before, scores = np.full((3, num_states), -np.inf), np.full(num_states, -np.inf)
    for frame in range(num_frames):
        before[0], before[1, 1:] = scores, scores[:-1]
        before[2, 2:] = np.where(skips[2:], scores[:-2], -np.inf)
        if not frame:
            before[0, :2] = 0  # a path begins with a blank or with the first symbol
        sources[frame] = before.argmax(axis=0)
        scores = before.max(axis=0) + seen[frame]
    state = num_states - 2 if num_states > 1 and scores[-2] > scores[-1] else num_states - 1
    path = np.zeros(num_frames, np.int64)
    for frame in range(num_frames - 1, -1, -1):
        path[frame] = state
        state -= sources[frame, state]
    return path


def _weights(model: LanguageModel, classes: Sequence[int], blank: int, num_classes: int) -> Floats:
    """(L + 1, K) logarithms of what a language model multiplies each class with, after so many of the symbols."""
    states = [np.full(1, model.start, np.int32)]
    for place in classes:
        states.append(model.next(states[-1], np.full(1, place, np.int32)))
    symbols = np.delete(np.arange(num_classes, dtype=np.int32), blank)
    weights = np.zeros((len(states), num_classes))
    weights[:, symbols] = np.log(model.weights(np.stack(states, axis=1), symbols[None])[0].T)
    return weights
