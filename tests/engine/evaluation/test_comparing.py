"""Two readings of the same lines: matched, told apart or not, and said in a sentence."""

import numpy as np
import pytest

from thulium.evaluation import comparing
from thulium.evaluation.comparing import Outcome, difference, matched, ranked, sentence, unit_of
from thulium.evaluation.intervals import cer_interval
from thulium.evaluation.metrics import LineResult
from thulium.runtime.errors import DataError


def outcome(name, wrong, pages=8, lines=5, images=None, measured=None):
    """Readings of lines of 20 characters; of page p, ``wrong[p]`` in each line are misread."""
    results = {}
    for page in range(pages):
        for line in range(lines):
            line_id, bad = f"p{page}/l{line}", int(wrong[page % len(wrong)])
            results[line_id] = LineResult(line_id, f"doc{page % 2}/p{page}", "a" * 20, "b" * bad + "a" * (20 - bad))
    return Outcome(name=name, results=results, images=images or {}, measured=measured or {})


WORSE, BETTER = outcome("A", [4, 5, 3, 4, 6, 4, 5, 4]), outcome("B", [2, 3, 2, 1, 3, 2, 2, 3])


def test_a_clear_difference_is_told_with_its_interval_and_its_pages():
    found = difference(WORSE, BETTER, "cer", "page")
    assert found.value == pytest.approx((18 - 35) / 160)
    assert found.low < found.value < found.high < 0
    assert found.p == pytest.approx(2 / 2**8)
    assert found.probability > 0.999
    assert sentence(found).startswith("CER: B is better: 10.62 points, ")
    assert sentence(found).endswith("; on these 8 pages")
    turned = difference(BETTER, WORSE, "cer", "page")
    assert sentence(turned) == sentence(found)
    assert turned.probability == pytest.approx(1 - found.probability)


def test_lines_of_no_known_page_are_not_called_pages():
    """As of a source of type custom beside pages: each of its lines passes for a page."""

    def with_loose(name, of_pages, wrong):
        loose = {
            f"b/{n}.png": LineResult(f"b/{n}.png", f"b/test/{n}.png", "a" * 20, "b" * wrong + "a" * (20 - wrong))
            for n in range(7)
        }
        return Outcome(name=name, results={**of_pages.results, **loose}, images={}, measured={})

    first, second = with_loose("A", WORSE, 4), with_loose("B", BETTER, 2)
    found = difference(first, second, "cer", "page")
    assert (found.units, found.loose) == (15, 7)
    assert sentence(found).endswith("; on these 8 pages and 7 lines of no known page")
    said = "7 lines are of no known page, and count as one each: the intervals are too narrow if such lines are of few"
    assert comparing.caveats(first, "page") == [f"{said} pages"]
    assert comparing.caveats(WORSE, "page") == []
    assert difference(first, second, "cer", "line").loose == 0
    interval = cer_interval(first.lines)
    assert (interval.basis, interval.num_units) == ("over 8 pages and 7 lines of no known page", 15)
    assert interval.caveat == "it is too narrow if lines of no known page are of few pages"


def test_what_differs_by_chance_is_not_told_apart():
    generator = np.random.default_rng(1)
    found = difference(
        outcome("A", generator.integers(2, 6, 8)), outcome("B", generator.integers(2, 6, 8)), "cer", "page"
    )
    assert not found.is_told
    assert "has fewer errors, but the two are not told apart: " in sentence(found)


def test_few_pages_prove_nothing_however_large_the_difference():
    found = difference(outcome("A", [9], pages=4), outcome("B", [1], pages=4), "cer", "page")
    assert not found.is_told
    assert sentence(found).endswith("too few to tell anything apart (at least 6), however large the difference")


def test_the_same_readings_differ_by_nothing():
    found = difference(WORSE, WORSE, "cer", "page")
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert sentence(found) == "CER: A and A have as many errors in each of the 8 pages"
    assert comparing.changes(WORSE, WORSE) == []


def test_lines_that_got_better_and_worse_are_found_the_largest_first():
    mixed = outcome("C", [0, 5, 3, 9, 6, 4, 5, 4])
    found = comparing.changes(WORSE, mixed)
    assert {each.a.id.split("/")[0]: each.edits for each in found} == {"p3": 5, "p0": -4}
    assert [each.a.id for each in found[:5]] == [f"p3/l{line}" for line in range(5)]


def test_the_best_is_marked_and_what_is_not_told_apart_from_it():
    near = outcome("near", [2, 3, 2, 2, 3, 2, 2, 3])
    rows = ranked([WORSE, near, BETTER], "page")
    assert [(row.outcome.name, row.mark) for row in rows] == [("B", "*"), ("near", "="), ("A", "")]


def test_other_lines_are_refused_or_left_out_and_counted():
    fewer = outcome("B", [1], pages=7)
    with pytest.raises(DataError, match=r"A has 5 that others lack, such as p7/l0\n.*--common compares on the 35"):
        matched([WORSE, fewer], common=False)
    outcomes, left_out = matched([WORSE, fewer], common=True)
    assert [len(each.results) for each in outcomes] == [35, 35]
    assert left_out.only["A"] == tuple(f"p7/l{line}" for line in range(5))
    with pytest.raises(DataError, match="no line is the same in all of them"):
        matched(
            [WORSE, Outcome(name="B", results={"x": LineResult("x", "p", "a", "a")}, images={}, measured={})],
            common=True,
        )


def test_another_image_or_transcription_is_another_line():
    seen = {line_id: "1" for line_id in WORSE.results}
    one, other = outcome("A", [4], images=seen), outcome("B", [2], images=seen | {"p0/l0": "2"})
    other.results["p0/l1"] = LineResult("p0/l1", "doc0/p0", "c" * 20, "c" * 20)
    with pytest.raises(DataError, match=r"2 have another image or transcription, such as p0/l0\n"):
        matched([one, other], common=False)
    assert matched([one, other], common=True)[1].changed == ("p0/l0", "p0/l1")
    assert not matched([one, outcome("B", [2])], common=False)[1].rows  # a table of an older version has no digests


def test_units_are_pages_where_they_are_known():
    alone = [LineResult(str(number), str(number), "a", "a") for number in range(6)]
    assert unit_of(WORSE.lines, None) == "page"
    assert unit_of(WORSE.lines, "document") == "document"
    assert unit_of(alone, None) == "line"
    with pytest.raises(DataError, match="no two lines are known to be of one page"):
        unit_of(alone, "page")
    with pytest.raises(DataError, match="all lines are of one page, and one says nothing of others"):
        unit_of(outcome("A", [1], pages=1).lines, "page")


def test_what_the_figures_are_of_is_said_where_it_differs():
    one = outcome("A", [1], measured={"decoding": "greedy", "split": "test", "lines": 4})
    other = outcome("B", [1], measured={"decoding": "beam", "split": "test", "lines": 5})
    assert comparing.differing_facts([one, other]) == ["decoding: greedy (A), beam (B)"]
    foreign = outcome("kraken", [1])
    assert comparing.differing_facts([one, foreign]) == ["perhaps decoding, split, which are not known of kraken"]
    assert comparing.differing_facts([foreign, foreign]) == []
