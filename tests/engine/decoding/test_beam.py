"""The beam search against a sum over all paths, and against what it must not depend on."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from thulium.data.charset import Charset
from thulium.decoding.ctc.beam import search, search_several
from thulium.decoding.ctc.candidates import steps_of
from thulium.decoding.ctc.greedy import best_path
from thulium.decoding.hypothesis import texts
from thulium.decoding.lm.ngrams import BEGIN, END, build
from thulium.decoding.lm.scorer import NgramScorer
from thulium.decoding.searches import with_model
from thulium_dsl.grammar.spec import BeamSpec

ABC = Charset(("a", "b"), blank_index=1)
SPEC = BeamSpec(type="beam", beam_size=16, language_model="train", more_text="none", order=3, alpha=0.7, beta=0.4)
LANGUAGE = build(["ab", "abab", "aab", "b"], order=3, alphabet="ab")
WIDE = 2000  # more than there are prefixes


def drawn(seed, shape, sharpness=0.5):
    """Probabilities whose last axis sums to one."""
    return np.random.default_rng(seed).dirichlet(np.full(shape[-1], sharpness), size=shape[:-1]).astype(np.float32)


def all_readings(probabilities, charset):
    """Text -> the sum over all paths that read so."""
    sums = defaultdict(float)
    frames, classes = probabilities.shape
    for path in itertools.product(range(classes), repeat=frames):
        runs = [c for c, _ in itertools.groupby(path)]
        text = charset.decode([c for c in runs if c != charset.blank_index])
        sums[text] += math.prod(float(probabilities[t, c]) for t, c in enumerate(path))
    return sums


def score(text, probability, spec=SPEC):
    """What the search is to maximise."""
    log_probs = [LANGUAGE.log_prob(BEGIN + text[:place], symbol) for place, symbol in enumerate(text + END)]
    return math.log(probability) + spec.alpha * sum(log_probs) + spec.beta * len(text)


@pytest.mark.parametrize("seed", range(20))
def test_without_a_model_it_finds_the_likeliest_text(seed):
    probabilities = drawn(seed, (3, 6, 3))
    frames = np.array([6, 0, 4])
    found = search(steps_of(probabilities, frames, ABC.blank_index, least=0.0), WIDE)
    for line, num_frames, best in zip(probabilities, frames, found, strict=True):
        sums = all_readings(line[:num_frames], ABC)
        assert best.score == pytest.approx(math.log(max(sums.values())), abs=1e-5)
        assert sums[ABC.decode(best.classes)] == pytest.approx(max(sums.values()), rel=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_with_a_model_it_finds_the_best_of_both(seed):
    probabilities = drawn(seed, (2, 6, 3))
    scorer = NgramScorer(LANGUAGE, ABC, SPEC.alpha, SPEC.beta)
    found = search(steps_of(probabilities, np.array([6, 5]), ABC.blank_index, least=0.0), WIDE, scorer)
    for line, num_frames, best in zip(probabilities, (6, 5), found, strict=True):
        scores = {text: score(text, p) for text, p in all_readings(line[:num_frames], ABC).items()}
        assert best.score == pytest.approx(max(scores.values()), abs=1e-5)
        assert scores[ABC.decode(best.classes)] == pytest.approx(best.score, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_readings_after_the_best_are_the_next_best(seed):
    probabilities, scorer = drawn(seed, (3, 5, 3)), NgramScorer(LANGUAGE, ABC, SPEC.alpha, SPEC.beta)
    steps = steps_of(probabilities, np.array([5, 0, 1]), ABC.blank_index, least=0.0)
    for line, num_frames, found in zip(probabilities, (5, 0, 1), search_several(steps, WIDE, 6, scorer), strict=True):
        scores = {text: score(text, p) for text, p in all_readings(line[:num_frames], ABC).items() if p}
        best = sorted(scores.values(), reverse=True)[:6]
        assert [one.score for one in found] == pytest.approx(best, abs=1e-5)
        assert [scores[ABC.decode(one.classes)] for one in found] == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_frames_of_blanks_change_nothing_but_the_probability(seed):
    probabilities = drawn(seed, (5, 3), 2.0)
    blank = np.array([[0.0, 1.0, 0.0]], np.float32)
    spread = np.concatenate([blank, blank, probabilities[:2], blank, blank, probabilities[2:], blank])[None]
    (best,) = search(steps_of(spread, np.array([len(spread[0])]), ABC.blank_index, least=0.0), WIDE)
    sums = all_readings(np.concatenate([probabilities[:2], blank, probabilities[2:]]), ABC)
    assert best.score == pytest.approx(math.log(max(sums.values())), abs=1e-5)


def test_greedy_finds_the_likeliest_path_and_beam_search_the_likeliest_text():
    # The likeliest path is empty, 0.36; but three paths read "a", 0.64 together.
    probabilities = torch.tensor([[[0.4, 0.6, 0.0], [0.4, 0.6, 0.0]]])
    frames = torch.tensor([2])
    assert texts(best_path, probabilities.log(), frames, ABC) == [""]
    assert texts(with_model(SPEC, ABC, None), probabilities.log(), frames, ABC) == ["a"]


def test_one_beam_is_not_always_greedy():
    # Behind "a", 0.6 of what may follow leaves it as it is: as blank, and as the same "a". Greedy takes the 0.4 of "b".
    probabilities = torch.tensor([[[0.9, 0.1, 0.0], [0.3, 0.3, 0.4]]])
    frames = torch.tensor([2])
    assert texts(best_path, probabilities.log(), frames, ABC) == ["ab"]
    assert texts(with_model(replace(SPEC, beam_size=1), ABC, None), probabilities.log(), frames, ABC) == ["a"]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_one_beam_is_greedy_where_every_frame_is_sure(data):
    """Sure: the likeliest class has more than 1 / sqrt(2), so that no joined path outweighs it."""
    best = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=12))
    tops = data.draw(st.lists(st.floats(0.71, 0.999), min_size=len(best), max_size=len(best)))
    shares = data.draw(st.lists(st.floats(0.0, 1.0), min_size=len(best), max_size=len(best)))
    rows = []
    for place, top, share in zip(best, tops, shares, strict=True):
        others = [(1 - top) * share, (1 - top) * (1 - share)]
        rows.append([*others[:place], top, *others[place:]])
    logits, frames = torch.tensor([rows]).clamp_min(1e-30).log(), torch.tensor([len(rows)])
    beam = with_model(replace(SPEC, beam_size=1), ABC, None)
    assert texts(beam, logits, frames, ABC) == texts(best_path, logits, frames, ABC)


@pytest.mark.parametrize("language", [None, LANGUAGE])
def test_a_line_is_read_the_same_alone_and_among_others(language):
    logits = torch.from_numpy(drawn(3, (7, 40, 3), 0.3)).clamp_min(1e-9).log()
    logits[2] = 0.0  # all equal: only the order of the beams decides
    frames = torch.tensor([40, 3, 17, 0, 25, 40, 9])
    decoder = with_model(replace(SPEC, beam_size=4), ABC, language)
    alone = [
        decoder(logits[i : i + 1, : max(1, n)], frames[i : i + 1], ABC.blank_index)[0] for i, n in enumerate(frames)
    ]
    assert decoder(logits, frames, ABC.blank_index) == alone


def test_a_model_of_the_language_mends_what_the_image_leaves_open():
    charset = Charset(tuple("aehtx "))
    language = build(["the heat", "that the", "the"], order=4, alphabet=charset.symbols)
    path = [charset.encode(symbol)[0] for symbol in "the"]
    probabilities = torch.full((1, 6, charset.num_classes), 0.001)
    for place, symbol in enumerate(path):
        probabilities[0, 2 * place, symbol] = 1.0
        probabilities[0, 2 * place + 1, charset.blank_index] = 1.0
    probabilities[0, 2] = 0.001
    probabilities[0, 2, charset.encode("h")[0]], probabilities[0, 2, charset.encode("x")[0]] = 0.45, 0.55
    frames = torch.tensor([6])
    assert texts(with_model(SPEC, charset, None), probabilities.log(), frames, charset) == ["txe"]
    assert texts(with_model(SPEC, charset, language), probabilities.log(), frames, charset) == ["the"]


def test_what_new_memory_happens_to_hold_does_not_reach_a_search(monkeypatch):
    """Found by chance: the padding of symbols read beside the rows, and 0 times no number is no number."""

    def dirty(shape, dtype=float, **_more):
        return np.full(shape, np.nan if np.issubdtype(dtype, np.floating) else 7, dtype)

    charset = Charset(("a", "b", "x"))  # x is unknown to the model: behind it, no history is left
    probabilities = np.array([[[0, 0, 0, 1], [0.5, 0.5, 0, 0]], [[0, 0, 0, 1], [0.2, 0.3, 0.4, 0.1]]], np.float32)
    steps = steps_of(probabilities, np.array([2, 2]), charset.blank_index)
    assert steps.num_symbols[1].tolist() == [1, 3]  # the first line's are padded
    expected = search(steps, 4, NgramScorer(LANGUAGE, charset, SPEC.alpha, SPEC.beta))
    monkeypatch.setattr(np, "empty", dirty)
    assert search(steps, 4, NgramScorer(LANGUAGE, charset, SPEC.alpha, SPEC.beta)) == expected


def test_a_model_is_asked_in_the_order_in_which_symbols_are_written():
    pytest.importorskip("bidi")
    from thulium.decoding.searches import model_of

    charset = Charset(tuple("אבג"), order="visual_rtl")
    model = model_of(["אבג"], 3, charset)
    assert model.reading == "visual_rtl"
    assert model.log_prob(BEGIN, "ג") > model.log_prob(BEGIN, "א")
    path = charset.encode("אבג")
    probabilities = torch.full((1, 3, charset.num_classes), 0.01)
    probabilities[0, torch.arange(3), torch.tensor(path)] = 1.0
    read = texts(with_model(replace(SPEC, alpha=1.0), charset, model), probabilities.log(), torch.tensor([3]), charset)
    assert read == ["אבג"]
