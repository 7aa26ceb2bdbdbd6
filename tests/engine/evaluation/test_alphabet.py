"""Each character by itself: counted in the same alignment as the confusions and the CER."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from thulium.evaluation.alphabet import alphabet, write_alphabet
from thulium.evaluation.metrics import LineResult
from thulium.evaluation.plots import confusion_counts
from thulium.runtime.tables import read_table

TEXTS = st.text(st.sampled_from("abcé \u0301="), max_size=10)


def lines(*texts: tuple[str, str]) -> list[LineResult]:
    return [LineResult(str(number), "p", *pair) for number, pair in enumerate(texts)]


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_the_counts_are_those_of_the_cer_and_of_the_confusions(pairs):
    results = lines(*pairs)
    letters = alphabet(results)
    assert sum(each.seen for each in letters) == sum(result.characters.reference for result in results)
    edits = sum(each.seen - each.right + each.made_up for each in letters)
    assert (
        edits == sum(result.characters.edits for result in results) == sum(row[2] for row in confusion_counts(results))
    )
    for each in letters:
        assert each.seen - each.right == sum(count for _, count in each.taken_for)
        assert 0 <= each.right <= each.seen


def test_each_character_is_counted():
    found = {each.character: each for each in alphabet(lines(("cat", "cot"), ("hat", "ht"), ("ha", "hax"), ("a", "o")))}
    a, x, o = found["a"], found["x"], found["o"]
    assert (a.seen, a.right, a.taken_for, a.made_up, a.share_right) == (4, 1, (("o", 2), ("", 1)), 0, 0.25)
    assert (x.seen, x.made_up) == (0, 1)
    assert math.isnan(o.share_right)
    assert list(found) == sorted(found)


def test_only_the_most_frequent_mistakes_are_spoken_of():
    (a, *_) = alphabet(lines(*[("a", other) for other in ("e", "d", "o", "o", "c", "e")]))
    assert a.mistakes == [("e", 2), ("o", 2), ("c", 1)]
    assert len(a.taken_for) == 4


def test_what_cannot_be_seen_has_a_name():
    shown = {each.code: (each.shown, each.name) for each in alphabet(lines(("e\u0301 \u200d\u00a0\x07", "")))}
    assert shown["U+0301"] == ("◌\u0301", "combining acute accent")
    assert shown["U+200D"] == ("U+200D", "zero width joiner")
    assert shown["U+00A0"] == ("U+00A0", "no-break space")
    assert shown["U+0020"] == ("␣", "space")
    assert shown["U+0007"] == ("U+0007", "")


def test_the_table_has_a_row_a_character(tmp_path):
    write_alphabet(alphabet(lines(("a=", "aa"), ("-", "="))), tmp_path / "a.csv")
    assert [tuple(row.values()) for row in read_table(tmp_path / "a.csv")] == [
        ("-", "U+002D", "hyphen-minus", "1", "0", "0", "= 1", "0"),
        ("=", "U+003D", "equals sign", "1", "0", "0", "a 1", "0"),
        ("a", "U+0061", "latin small letter a", "1", "1", "1", "", "0"),
    ]
    assert ",'= 1," in (tmp_path / "a.csv").read_text()  # no formula
