"""Models of characters: probabilities that are some, files that others can read, and the same weights in a search."""

from __future__ import annotations

import gzip
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thulium.data.charset import Charset
from thulium.decoding.lm import arpa, scorer
from thulium.decoding.lm.counting import grams
from thulium.decoding.lm.ngrams import BEGIN, END, UNKNOWN, NgramModel, build
from thulium.decoding.lm.scorer import NgramScorer
from thulium.runtime.errors import DataError

TEXTS = ("the quick brown fox", "jumps over the lazy dog", "the theme", "a\u00a0b", "\u0301\u200d")
HISTORIES = ("", "t", "th", "the ", "qu", "zz", "?", "the theme", "a\u00a0")


@pytest.fixture(scope="module")
def model():
    return build(TEXTS, order=4, alphabet="xyzQ", reading="logical")


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_sum_to_one(order):
    built = build(TEXTS, order, alphabet="Q")
    for history in HISTORIES:
        after = [built.log_prob(BEGIN + history, symbol) for symbol in (*built.symbols, END, UNKNOWN)]
        assert sum(map(math.exp, after)) == pytest.approx(1)


def test_figures_are_those_of_kneser_and_ney():
    built = build(["ab", "aa"], order=2)
    # Behind how many each was seen: a 2 (the beginning, a), b 1 (a), the end 2 (a, b); the unknown one is a fourth.
    a, b = (2 - 0.75) / 5 + 0.75 * 3 / 5 / 4, (1 - 0.75) / 5 + 0.75 * 3 / 5 / 4
    assert math.exp(built.log_prob("", "a")) == pytest.approx(a)
    # After a came b, a and an end, once each.
    assert math.exp(built.log_prob(BEGIN + "a", "b")) == pytest.approx((1 - 0.75) / 3 + 0.75 * b)
    assert math.exp(built.log_prob(BEGIN + "b", "a")) == pytest.approx(0.75 * a)  # not seen: 1 kind in 1


@given(st.lists(st.text("ab \U0001f600", max_size=6), max_size=4), st.integers(1, 8))
@settings(deadline=None)
def test_ngrams_of_all_lines_together_are_those_of_each(texts, order):
    lines = [BEGIN + text + END for text in texts]
    wanted = Counter(
        line[end - length : end]
        for line in lines
        for length in range(1, order + 1)
        for end in range(max(length, 2), len(line) + 1)
    )
    whole, found, names = "".join(lines), Counter[str](), [""]
    for level in grams(whole, BEGIN, order) if lines else ():
        before, names = names, [whole[place : place + level.length] for place in level.places]
        found.update(dict(zip(names, level.counts.tolist(), strict=True)))
        assert names == sorted(names)
        assert [name[0] == BEGIN for name in names] == level.is_first.tolist()
        if level.length > 1:
            assert [before[one] for one in level.histories] == [name[:-1] for name in names]
            assert [before[one] for one in level.endings] == [name[1:] for name in names]
    del found[BEGIN]
    assert found == wanted


def test_what_follows_one_history_alone_is_not_expected_elsewhere():
    built = build(["aq"] * 20 + ["bm", "cm", "dm"], order=2)
    assert built.log_prob("z", "m") > built.log_prob("z", "q")  # seen less often, but behind more


def test_known_texts_are_less_of_a_surprise(model):
    assert model.perplexity(["the fox"]) < model.perplexity(["xof eht"]) < model.perplexity(["???"])
    assert build([], 3, alphabet="abc").perplexity(["abc"]) == pytest.approx(5)  # with the end and the unknown
    assert math.isnan(model.perplexity([]))


def test_a_compressed_file_holds_the_same_model_and_says_when_it_was_cut(model, tmp_path):
    packed, plain = tmp_path / "lm.arpa.gz", tmp_path / "lm.arpa"
    arpa.write(model, packed)
    arpa.write(model, plain)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert arpa.read(packed) == arpa.read(plain)
    before = packed.read_bytes()
    arpa.write(model, packed)
    assert packed.read_bytes() == before
    for damaged in (before[:-20], before[: len(before) // 2], before[:40] + b"\0\0\0\0" + before[44:]):
        packed.write_bytes(damaged)
        with pytest.raises(DataError, match=r"lm\.arpa\.gz: is damaged, or was cut"):
            arpa.read(packed)


def test_a_file_holds_the_same_model(model, tmp_path):
    arpa.write(model, tmp_path / "new" / "lm.arpa")
    found = arpa.read(tmp_path / "new" / "lm.arpa")
    assert (found.order, found.reading, found.symbols) == (4, "logical", model.symbols)
    assert found.log_probs == pytest.approx(model.log_probs, abs=2e-6)
    assert found.backoffs == pytest.approx(model.backoffs, abs=2e-6)
    arpa.write(model, tmp_path / "again.arpa")
    assert (tmp_path / "again.arpa").read_bytes() == (tmp_path / "new" / "lm.arpa").read_bytes()


def test_tokens_hold_no_white_space(model, tmp_path):
    arpa.write(model, tmp_path / "lm.arpa")
    text = (tmp_path / "lm.arpa").read_text(encoding="utf-8")
    tokens = {token for line in text.splitlines() if line.count("\t") for token in line.split("\t")[1].split(" ")}
    assert {"<s>", "</s>", "<unk>", "<space>", "<U+00A0>", "<U+200D>", "a"} < tokens
    assert all(len(token.split()) == 1 for token in tokens)


# As KenLM's lmplz writes it: <unk> first, a back-off for every n-gram that could go on, no mark of ours.
OTHERS = """\
\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-1.5\t<unk>\t0
0\t<s>\t-0.3
-0.6\t</s>\t0
-0.4\ta\t-0.2

\\2-grams:
-0.1\t<s> a
-0.2\ta </s>

\\end\\
"""


def test_a_file_of_another_program_is_read(tmp_path):
    path = tmp_path / "lm.arpa"
    path.write_text(OTHERS, encoding="utf-8")
    model = arpa.read(path)
    assert (model.order, model.reading, model.symbols) == (2, None, frozenset("a"))
    assert model.log_prob(BEGIN, "a") == pytest.approx(-0.1 * math.log(10))
    assert model.log_prob(BEGIN + "a", "a") == pytest.approx(-0.6 * math.log(10))
    assert model.log_prob(BEGIN, "x") == pytest.approx(-1.8 * math.log(10))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("\ta\t", "\tthe\t"), r"lm.arpa:9: 'the' is 3 characters; a model of single charact"),
        (lambda text: text.replace("ngram 2=2", "ngram 2=3"), r"lm.arpa:15: 2 2-grams, but the head .* says 3"),
        (lambda text: text.replace("-0.2\ta </s>", "-0.2\ta"), r"lm.arpa:13: '-0.2\\ta' is no 2-gram"),
        (lambda text: text.replace("-0.2\ta </s>", "nan\ta </s>"), "is no 2-gram between its logarithms"),
        (lambda text: text.replace("\\end\\\n", ""), r"lm.arpa:14: ends before its \\end\\"),
        (lambda text: text.replace("</s>", "b"), "no 1-gram </s>"),
        (lambda text: "[1, 2]\n", r"lm.arpa:1: found '\[1, 2\]' where an ARPA file has \\data\\"),
        (lambda text: text.replace("ngram 2=2", "ngram 3=2"), "lm.arpa:3: found 'ngram 3=2' instead of 'ngram 2='"),
        (lambda text: text.replace("ngram 2=2", "ngram 2=" + "9" * 5000), "lm.arpa:3: found 'ngram 2=999"),
        (
            lambda text: text.replace("ngram 2=2", "".join(f"ngram {n}=0\n" for n in range(2, 40))),
            "of more than 32 char",
        ),
        (lambda text: text.replace("\ta\t", "\t<U+FFFFFF>\t"), r"lm.arpa:9: '<U\+FFFFFF>' is no character"),
        (lambda text: text.replace("\ta\t", "\t<U+D800>\t"), r"lm.arpa:9: '<U\+D800>' is no character"),
        (lambda text: text.replace("\ta\t", "\t<U+FDD1>\t"), r"'<U\+FDD1>' is no character"),  # ours for </s>
        (lambda text: text.replace("\ta\t", "\t\ufdd1\t"), r"lm.arpa:9: '\\ufdd1' is no character"),
        (lambda text: text.replace("-0.4\ta", "0.4\ta"), r"lm.arpa:9: 0.4 is the logarithm of more than 1"),
        (lambda text: text.replace("a\t-0.2", "a\t1e308"), r"lm.arpa:9: 1e308 is no logarithm that"),
        (lambda text: text.replace("-0.4\ta", "\u20280.4\ta"), r"lm.arpa:9: \\u20280.4 is the logarithm of more"),
        (lambda text: text.replace("-0.4\ta", "-1e308\ta"), r"lm.arpa:9: -1e308 is no logarithm that"),
        (lambda text: text.replace("a\t-0.2", "a\tinf"), r"lm.arpa:9: '-0.4\\ta\\tinf' is no 1-gram"),
        (lambda text: text.replace("-0.2\ta </s>", "-0.2\t<s> a"), r"lm.arpa:13: the 2-gram '<s> a' stands twice"),
        (
            lambda text: text.replace("-0.2\ta </s>", "-0.2\ta" + " a" * 9999),
            r"lm.arpa:13: is over 10,000 characters",
        ),
        (lambda text: "mmap lm http://kheafield.com/code format version 5\n", "is a binary file of KenLM"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_what(tmp_path, change, says):
    path = tmp_path / "lm.arpa"
    path.write_text(change(OTHERS), encoding="utf-8")
    with pytest.raises(DataError, match=says):
        arpa.read(path)


def test_a_probability_that_was_rounded_above_one_is_one(tmp_path):
    path = tmp_path / "lm.arpa"
    path.write_text(OTHERS.replace("-0.1\t<s> a", "1e-07\t<s> a"), encoding="utf-8")
    assert arpa.read(path).log_prob(BEGIN, "a") == 0.0


def test_the_longest_ngrams_have_no_backoff_to_count(tmp_path):
    path = tmp_path / "lm.arpa"
    path.write_text(OTHERS.replace("-0.1\t<s> a", "-0.1\t<s> a\t-5"), encoding="utf-8")
    assert BEGIN + "a" not in arpa.read(path).backoffs


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(DataError, match=r"No such file or directory.*thulium lm"):
        arpa.read(tmp_path / "lm.arpa")
    (tmp_path / "lm.arpa").write_bytes(b"\\data\\\n\xff\xfe")
    with pytest.raises(DataError, match="is no text in UTF-8"):
        arpa.read(tmp_path / "lm.arpa")


def test_one_step_may_need_more_rows_than_are_kept(model, monkeypatch):
    monkeypatch.setattr(scorer, "MOST_BYTES", 0)
    monkeypatch.setattr(scorer, "FEWEST_ROWS", 2)
    charset = Charset(tuple(sorted(set("".join(TEXTS)))))
    text = "the quick"
    columns = np.array([[charset.encode(symbol)[0]] for symbol in text])
    few = NgramScorer(model, charset, 1.0, 0.0)
    monkeypatch.undo()
    many = NgramScorer(model, charset, 1.0, 0.0)
    states = [[many.start]]
    for column in columns[:-1]:
        states.append([int(many.next(np.array([states[-1]]), column[None])[0, 0])])
    assert few.weights(np.array(states), columns) == pytest.approx(many.weights(np.array(states), columns))


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.5, 1.5), (0.0, 0.0)])
@pytest.mark.parametrize("few", [False, True])
def test_a_search_is_told_what_the_model_says(model, monkeypatch, alpha, beta, few):
    if few:  # rows are made anew again and again
        monkeypatch.setattr(scorer, "MOST_BYTES", 0)
        monkeypatch.setattr(scorer, "FEWEST_ROWS", 8)
    charset = Charset(tuple(sorted(set("".join(TEXTS)) | {"é"})), blank_index=3)
    asked = NgramScorer(model, charset, alpha, beta)
    generator = np.random.default_rng(1)
    state = np.array([[asked.start]])
    for text in (*TEXTS, "the thé", "".join(generator.choice(list(charset.symbols), 60))):
        state[:] = asked.start
        for place, symbol in enumerate(text):
            column = np.array([charset.encode(symbol)])
            history = BEGIN + text[:place]
            expected = alpha * model.log_prob(history, symbol) + beta
            assert math.log(asked.weights(state, column)[0, 0, 0]) == pytest.approx(expected)
            assert math.log(asked.end(state)[0, 0]) == pytest.approx(alpha * model.log_prob(history, END))
            state = asked.next(state, column)


def test_a_scorer_with_other_weights_is_one_made_anew(model):
    charset = Charset(tuple(sorted(set("".join(TEXTS)))))
    first = NgramScorer(model, charset, 0.5, 1.5)
    states = np.array([[first.start, 0]])
    columns = np.array([charset.encode("the")])
    before = first.weights(states, columns)
    made, anew = first.counting(1.0, 0.2), NgramScorer(model, charset, 1.0, 0.2)
    assert (made.weights(states, columns) == anew.weights(states, columns)).all()
    assert (made.end(states) == anew.end(states)).all()
    assert (first.weights(states, columns) == before).all()


LOGS = st.floats(-6, 0)
GRAMS = st.text(alphabet=["a", "b", "c", UNKNOWN, END, BEGIN], min_size=1)


@st.composite
def models(draw):
    """Models as other programs may write them: some n-grams lack those that they begin or end with."""
    order = draw(st.integers(1, 4))
    grams = draw(st.dictionaries(GRAMS.filter(lambda gram: len(gram) <= order and gram != BEGIN), LOGS, max_size=25))
    backoffs = draw(st.dictionaries(GRAMS.filter(lambda gram: len(gram) < order), st.floats(-3, 0.3), max_size=12))
    return NgramModel(order, {UNKNOWN: draw(LOGS), END: draw(LOGS), **grams}, backoffs, None)


@settings(max_examples=300, deadline=None)
@given(model=models(), text=st.text(alphabet="abcxy", max_size=8), blank=st.integers(0, 5))
def test_a_search_is_told_what_any_model_says_of_characters_that_it_knows_and_that_it_does_not(model, text, blank):
    charset = Charset(tuple("abcxy"), blank_index=blank)
    asked = NgramScorer(model, charset, 0.8, 0.3)
    state = np.array([[asked.start]])
    for place, symbol in enumerate(text):
        history, column = BEGIN + text[:place], np.array([charset.encode(symbol)])
        expected = 0.8 * model.log_prob(history, symbol) + 0.3
        assert math.log(asked.weights(state, column)[0, 0, 0]) == pytest.approx(expected, abs=1e-9)
        assert math.log(asked.end(state)[0, 0]) == pytest.approx(0.8 * model.log_prob(history, END), abs=1e-9)
        state = asked.next(state, column)


def test_weights_beyond_what_a_float_holds_are_cut_off():
    model = NgramModel(2, {"a": -2000.0, END: 0.0, UNKNOWN: -1.0, "aa": 0.0}, {"a": 2000.0}, None)
    asked = NgramScorer(model, Charset(tuple("ab")), 10.0, 10.0)
    states = np.arange(2)[None]
    found = asked.weights(states, np.array([[1, 2]]))
    assert np.isfinite(found).all()
    assert (found > 0).all()
    assert np.isfinite(asked.end(states)).all()
