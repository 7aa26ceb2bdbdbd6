"""Alphabets, decoding and counting: the laws that they keep."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from thulium.data.charset import Charset, charset_of, frames_needed, unknown_symbols
from thulium.data.text import normalize, plain
from thulium.decoding.ctc.greedy import best_path
from thulium.decoding.hypothesis import texts as texts_of
from thulium.evaluation.intervals import cer_interval
from thulium.evaluation.metrics import EditCount, LineResult, score
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import Replacement

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
    assert texts_of(best_path, logits, torch.tensor([len(path)]), charset) == [text]


def test_a_blank_beyond_the_charset_is_an_error_that_names_the_choices():
    with pytest.raises(DataError, match=r"blank_index is 7, but the charset has 3 symbols: choose 0 to 3"):
        Charset(("a", "b", "c"), 7)


def test_unknown_symbols_are_named_and_left_out_of_targets():
    charset = Charset(("a", "b"))
    assert charset.unknown("abcä") == {"c", "ä"}
    assert charset.encode("cab") == [1, 2]


FORMS = ("NFC", "NFD", "NFKC", "NFKD")
# What normalisation makes white space of, or takes apart or together beside it; all that ends a line anywhere.
tricky = st.text(
    st.sampled_from("ae \t\r\n\v\f\x1c\x1f\x85\u2028\u2029\xa0\u2003\u3000\xa8\xb4\u0301\u0338\u0345\u0327ǖﬁ①\u200b")
)


def rules(form="NFC", **changes):
    return replace(plain(form), **changes)


@given(st.one_of(texts, tricky), st.sampled_from(FORMS), st.sampled_from(["collapse", "strip", "keep"]))
def test_normalising_twice_is_normalising_once(text, form, whitespace):
    once = normalize(text, rules(form, whitespace=whitespace))
    assert normalize(once, rules(form, whitespace=whitespace)) == once
    assert len(once.splitlines()) <= 1
    assert "\t" not in once
    assert whitespace == "keep" or once == once.strip()
    assert whitespace != "collapse" or once.split() == [word for word in once.split(" ") if word]


@pytest.mark.parametrize(
    ("whitespace", "expected"),
    [("collapse", "a b c d"), ("strip", "a  b c\xa0d"), ("keep", "  a  b c\xa0d ")],
)
def test_white_space_is_kept_as_far_as_the_document_says(whitespace, expected):
    assert normalize(" \ta  b\r\nc\xa0d\u2028", rules(whitespace=whitespace)) == expected


def test_a_unicode_form_alone_means_single_spaces():
    assert normalize(" e\u0301\xa0 b ", "NFC") == "é b"


def mapped(text, pairs, form="NFC"):
    found = tuple(Replacement(find=find, replace=new) for find, new in pairs.items())
    return normalize(text, rules(form, on_unknown="map", map=found))


def test_replacements_are_made_in_one_pass_the_longest_first():
    assert mapped("ſs ſ st", {"ſ": "s", "ſs": "ß", "st": "ﬆ", "s": "ſ"}) == "ß s ﬆ"
    assert mapped("a.b*c", {".": "", "*": " "}) == "ab c"


def test_what_is_found_is_found_in_the_texts_form():
    assert mapped("e\u0301", {"é": "e"}) == "e"
    assert mapped("é", {"é": "e"}, "NFD") == "e"
    assert mapped("ab", {"b": "\u0301"}) == "á"  # brought to the form once more


def test_replacements_wait_until_the_document_asks_for_them():
    pairs = (Replacement(find="a", replace="b"),)
    assert normalize("a", rules(on_unknown="error", map=pairs)) == "a"
    assert mapped("a", {}) == "a"


@given(st.one_of(texts, tricky), st.sampled_from(FORMS))
def test_replacing_twice_is_replacing_once_where_nothing_new_is_found(text, form):
    pairs = {"\xa0": "", "ſ": "s", "ﬁ": "fi", "\u200b": ""}
    once = mapped(text, pairs, form)
    assert mapped(once, pairs, form) == once


def test_a_charset_is_found_or_listed_or_read_from_a_file(tmp_path):
    file = tmp_path / "charset.txt"
    file.write_bytes("\ufeffab \r\ne\u0301\tz\n".encode())
    assert charset_of(rules()) is None
    assert charset_of(rules(charset=("a", "e\u0301", "a", " "))) == {"a", "é", " "}
    assert charset_of(rules(charset=str(file))) == {"a", "b", "é", "z", " "}
    assert charset_of(rules("NFD", charset=str(file))) == {"a", "b", "e", "\u0301", "z", " "}


@pytest.mark.parametrize(
    ("form", "charset", "message"),
    [
        (
            "NFD",
            ("a", "é"),
            r"dataset.text.charset: 'é' is 2 characters in NFD \(U\+0065 U\+0301\): write one an entry",
        ),
        ("NFC", ("ab",), r"'ab' is 2 characters"),
        ("NFC", ("",), r"'' is 0 characters in NFC \(none\)"),
        ("NFC", (), r"dataset.text.charset: is empty"),
    ],
)
def test_an_entry_that_is_not_one_character_is_named(form, charset, message):
    with pytest.raises(DataError, match=message):
        charset_of(rules(form, charset=charset))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"\xff\xfe", "1: is not UTF-8"), (b"", "holds no char"), (b"\n\t\n", "holds no char")],
)
def test_a_charset_file_that_cannot_be_used_is_named(tmp_path, content, message):
    file = tmp_path / "charset.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=rf"charset\.txt.*{message}"):
        charset_of(rules(charset=str(file)))


def test_a_documents_charset_comes_before_what_the_lines_have():
    assert Charset.from_document(rules(), ["ba"], 1) == Charset(("a", "b"), 1)
    assert Charset.from_document(rules(charset=("z", "a")), ["ba"]) == Charset(("a", "z"))
    assert unknown_symbols("cabac", {"a"}) == ["b", "c"]


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
    interval = cer_interval(results)
    assert interval.low == pytest.approx(interval.high) == pytest.approx(score(results).cer)
    mixed = [LineResult(str(i), str(i), "a" * 10, "a" * (10 - i % 5)) for i in range(60)]
    interval = cer_interval(mixed)
    assert interval.low < score(mixed).cer < interval.high


# lines, pages that they are of -> what the interval is over, and what is said of it
UNITS = [
    (60, 30, ("page", 30), "over 30 pages", ""),
    (60, 2, ("page", 2), "over 2 pages", ""),
    (60, 1, ("line", 60), "over 60 lines, since all are of one page", "it says nothing of other pages"),
    (60, 60, ("line", 60), "over 60 lines, since no two lines are known to be", "it is too narrow if the lines"),
    (1, 1, ("line", 1), "over 1 line, since no two lines", "it is too narrow if"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "pages", "drawn", "basis", "caveat"), UNITS)
def test_the_interval_says_what_it_is_over(lines, pages, drawn, basis, caveat):
    interval = cer_interval([LineResult(str(i), f"p{i % pages}", "a" * 10, "a" * (10 - i % 5)) for i in range(lines)])
    assert (interval.unit, interval.num_units) == drawn
    assert interval.basis.startswith(basis)
    assert interval.caveat.startswith(caveat)
    assert bool(interval.caveat) == bool(caveat)


def test_no_lines_have_no_interval():
    interval = cer_interval([])
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
