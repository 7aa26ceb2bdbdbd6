"""The alignment of a text that is given, against the best path and against all paths."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from thulium.decoding.ctc.align import aligned
from thulium.decoding.ctc.greedy import best_path_in_detail
from thulium.decoding.hypothesis import Hypothesis

BLANK = 1


class Doubts:
    """A language model that halves the mass of class 0 after class 2, and leaves everything else."""

    start = 0

    def weights(self, states, symbols):
        is_doubted = (symbols[:, :, None] == 0) & (states[:, None, :] == 2)
        return np.where(is_doubted, 0.5, 1.0)

    def next(self, states, symbols):
        return symbols

    def end(self, states):
        return np.ones(states.shape)


def logits_of(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).normal(scale=3, size=shape).astype(np.float32))


@pytest.mark.parametrize("seed", range(5))
def test_the_best_path_is_the_alignment_of_its_own_text(seed):
    logits, frames = logits_of(seed, 4, 30, 5), torch.tensor([30, 0, 1, 17])
    found = best_path_in_detail(logits, frames, BLANK)
    for line, other in zip(aligned(logits, frames, BLANK, found), found, strict=True):
        assert (line.classes, line.spans) == (other.classes, other.spans)
        assert line.confidences == pytest.approx(other.confidences, rel=1e-5)
        assert line.score == pytest.approx(other.score, abs=1e-4)


@pytest.mark.parametrize("classes", [(), (0,), (0, 2), (2, 2), (2, 2, 0), (0, 2, 0, 2, 0)])
def test_it_is_the_likeliest_of_all_paths_that_read_so(classes):
    logits = logits_of(1, 1, 5, 3)
    log_probs = logits[0].log_softmax(1).tolist()
    scores = []
    for path in itertools.product(range(3), repeat=5):
        if tuple(place for place, _ in itertools.groupby(path) if place != BLANK) == classes:
            scores.append(sum(log_probs[frame][place] for frame, place in enumerate(path)))
    (line,) = aligned(logits, torch.tensor([5]), BLANK, [Hypothesis(classes)])
    assert line.score == pytest.approx(max(scores), abs=1e-5)
    assert [end > start for start, end in line.spans] == [True] * len(classes)
    assert list(itertools.chain.from_iterable(line.spans)) == sorted(itertools.chain.from_iterable(line.spans))


def test_a_language_model_weighs_the_frames_by_what_stands_before_them():
    probabilities = torch.tensor([[[0.1, 0.1, 0.8], [0.6, 0.3, 0.1]]])
    (line,) = aligned(probabilities.log(), torch.tensor([2]), BLANK, [Hypothesis((2, 0))], Doubts())
    doubted = 0.3 / (0.3 + 0.3 + 0.1)  # class 0, which has half of its 0.6 after class 2
    assert line.confidences == pytest.approx((0.8, doubted))
    assert line.score == pytest.approx(math.log(0.8 * doubted))
