"""Error rates by page, document, script and length: the same counts as those of all lines, parted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thulium.evaluation.groups import (
    Grouping,
    by_document,
    by_length,
    by_page,
    by_script,
    by_writer,
    groupings,
    write_groups,
)
from thulium.evaluation.intervals import cer_interval
from thulium.evaluation.metrics import LineResult
from thulium.runtime.tables import read_table

WRITERS = {"a/1": "Ann", "a/2": "Ann"}
TEXTS = st.text(st.sampled_from("abé λб1 "), max_size=25)


def lines(*texts: tuple[str, str], page: str = "p{}") -> list[LineResult]:
    return [LineResult(str(number), page.format(number // 2), *pair) for number, pair in enumerate(texts)]


def names(grouping: Grouping) -> list[str]:
    return [group.name for group in grouping.groups]


@given(st.lists(st.tuples(st.sampled_from(["a/1", "a/2", "b/1"]), TEXTS, TEXTS), max_size=12))
def test_the_parts_sum_up_to_the_whole(rows):
    results = [LineResult(str(number), *row) for number, row in enumerate(rows)]
    for grouping in groupings(results, {}, WRITERS):
        found = [result for result in results if grouping.kind != "length" or result.characters.reference]
        if grouping.groups:
            assert sum(group.lines for group in grouping.groups) == len(found)
            edits = sum(group.characters.edits for group in grouping.groups)
            assert edits == sum(result.characters.edits for result in found)


def test_pages_and_their_folders_are_groups():
    results = [
        LineResult("1", "vol 1/p1", "abcd", "abcx"),
        LineResult("2", "vol 1/p1", "ab", "ab"),
        LineResult("3", "vol 2/p1", "ab", ""),
        LineResult("4", "loose", "ab", "ab"),
    ]
    assert [(group.name, group.scores.cer) for group in by_page(results).groups] == [
        ("loose", 0.0),
        ("vol 1/p1", pytest.approx(1 / 6)),
        ("vol 2/p1", 1.0),
    ]
    assert names(by_document(results, {})) == [".", "vol 1", "vol 2"]
    assert names(by_document(results, {"loose": "box 7"})) == ["box 7", "vol 1", "vol 2"]


def test_unknown_pages_are_no_groups():
    results = [LineResult(f"a/{number}", f"a/{number}", "ab", "ab") for number in range(3)]
    assert names(by_page(results)) == names(by_document(results, {})) == []
    assert names(by_document(lines(("a", "a"), ("a", "a")), {})) == []


def test_pages_of_one_writer_are_a_group():
    results = lines(*[("ab", "ab")] * 4, *[("ab", "ax")] * 4)  # two to a page
    found = by_writer(results, {"p0": "Ann", "p1": "Ann", "p2": "Bo"})
    assert [(group.name, group.lines, group.characters.edits) for group in found.groups] == [
        ("Ann", 4, 0),
        ("Bo", 2, 2),
        ("not known", 2, 2),
    ]
    assert names(by_writer(results, {})) == []
    assert names(by_writer(results, {f"p{page}": f"w{page}" for page in range(4)})) == []  # as with pages


def test_a_line_is_of_the_script_of_most_of_its_letters():
    results = lines(("λόγος a", "x"), ("Anno 1742", "x"), ("1742", "x"), ("בָּרָא", "x"), ("ab бв", "x"), ("手a手", "x"))
    assert names(by_script(results)) == ["CJK", "Cyrillic", "Greek", "Hebrew", "Latin", "no letters"]


def test_only_groups_of_enough_pages_have_an_interval():
    wrong = [(f"{'a' * 20}", f"{'b' * (1 + number % 4)}{'a' * (19 - number % 4)}") for number in range(22)]
    many, few = lines(*wrong[:12]), lines(*wrong[:10])
    assert by_length(many).groups[0].interval == cer_interval(many)
    assert by_length(few).groups[0].interval is None
    assert not any(group.interval for group in by_page(many).groups)
    alone = [LineResult(str(number), str(number), *pair) for number, pair in enumerate(wrong)]
    assert by_length(alone).groups[0].interval is None  # pages are not known, and the lines of a page are alike


def test_few_lines_are_said_to_be_few():
    assert [group.is_small for group in by_length(lines(*[("a", "a")] * 9, *[("a" * 11, "a")] * 10)).groups] == [
        True,
        False,
    ]


def test_lengths_are_summed_in_each_bucket(tmp_path):
    results = lines(("a" * 10, "a" * 9), ("a", "b"), ("a" * 11, "a" * 11), ("a" * 101, "a" * 100), ("", "b"))
    write_groups(by_length(results), tmp_path / "plots" / "l.csv")
    rows = read_table(tmp_path / "plots" / "l.csv")
    assert [(row["length"], row["lines"], row["edits"], row["cer"]) for row in rows] == [
        ("10", "2", "2", "0.181818"),
        ("20", "1", "0", "0"),
        ("110", "1", "1", "0.00990099"),
    ]
    assert {row["cer_low"] for row in rows} == {""}


def test_nothing_leaves_only_the_header(tmp_path):
    for grouping in groupings([], {}, {}):
        write_groups(grouping, tmp_path / "g.csv")
        header = f"{grouping.kind},lines,characters,edits,cer,cer_low,cer_high,wer,line_accuracy\n"
        assert (tmp_path / "g.csv").read_text() == header
