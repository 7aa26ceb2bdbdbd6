"""Alphabets, decoding and counting: the laws that they keep."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from thulium.data.charset import Charset, frames_needed
from thulium.data.text import normalize
from thulium.errors import DataError
from thulium.evaluation.decode import greedy
from thulium.evaluation.metrics import EditCount, LineResult, cer_interval, score

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(text=texts.filter(bool), data=st.data())
def test_decoding_undoes_encoding_wherever_the_blank_stands(text, data):
    blank = data.draw(st.integers(0, len(set(text))))
    charset = Charset.from_texts([text], blank)
    classes = charset.encode(text)
    assert blank not in classes
    assert max(classes) < charset.num_classes
    assert charset.decode(classes) == text


@given(text=texts.filter(bool), data=st.data())
def test_greedy_reads_back_the_shortest_path_of_a_text(text, data):
    charset = Charset.from_texts([text], data.draw(st.integers(0, len(set(text)))))
    path: list[int] = []
    for c in charset.encode(text):
        path += [charset.blank_index, c] if path and path[-1] == c else [c]
    assert len(path) == frames_needed(text)
    logits = torch.nn.functional.one_hot(torch.tensor([[*path, 0, 0]]), charset.num_classes).float()
    assert greedy(logits, torch.tensor([len(path)]), charset) == [text]


def test_a_blank_beyond_the_charset_is_an_error_that_names_the_choices():
    with pytest.raises(DataError, match=r"blank_index is 7, but the charset has 3 symbols: choose 0 to 3"):
        Charset(("a", "b", "c"), 7)


def test_unknown_symbols_are_named_and_left_out_of_targets():
    charset = Charset(("a", "b"))
    assert charset.unknown("abcä") == {"c", "ä"}
    assert charset.encode("cab") == [1, 2]


@given(texts, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_normalising_twice_is_normalising_once(text, form):
    once = normalize(text, form)
    assert normalize(once, form) == once
    assert once == once.strip()
    assert "  " not in once


@given(st.lists(st.tuples(texts, texts), max_size=6))
def test_rates_do_not_depend_on_the_order_of_lines(pairs):
    results = [LineResult(str(i), str(i), a, b) for i, (a, b) in enumerate(pairs)]
    forwards, backwards = score(results), score(results[::-1])
    assert forwards == backwards or math.isnan(forwards.cer)


def test_rates_are_sums_divided_once():
    results = [
        LineResult("1", "p", "abcd", "abce"),
        LineResult("2", "p", "a b", "a b"),
        LineResult("3", "q", "xy z", ""),
    ]
    assert [r.characters for r in results] == [EditCount(1, 4), EditCount(0, 3), EditCount(4, 4)]
    assert [r.words for r in results] == [EditCount(1, 1), EditCount(0, 2), EditCount(2, 2)]
    assert score(results).cer == pytest.approx(5 / 11)
    assert score(results).wer == pytest.approx(3 / 5)
    assert score(results).line_accuracy == pytest.approx(1 / 3)


def test_no_reference_is_no_rate():
    assert math.isnan(EditCount(3, 0).rate)


def test_the_interval_holds_the_rate_and_is_a_point_where_pages_agree():
    results = [LineResult(str(i), str(i // 3), "a" * 10, "a" * (10 - i % 3)) for i in range(60)]
    low, high = cer_interval(results)
    assert low == pytest.approx(high) == pytest.approx(score(results).cer)
    mixed = [LineResult(str(i), str(i), "a" * 10, "a" * (10 - i % 5)) for i in range(60)]
    low, high = cer_interval(mixed)
    assert low < score(mixed).cer < high
