"""Confidences: measured against what is right, and put right by what was measured."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thulium.evaluation.calibration import are_right, bins_of_characters, bins_of_lines, ece, fit
from thulium.evaluation.metrics import LineResult
from thulium.models.calibration import Calibration, Curve, LineCurve, calibration_in

SAME = Curve(1.0, 0.0)
ABOUT_AS_SURE = 0.9


def line(number, confidence, right, of=100):
    """A line of which so many characters are right, and how sure the model is of it and of each of them."""
    text, read = "a" * of, "a" * right + "b" * (of - right)
    return LineResult(f"{number:04}", "p", text, read, confidence, (confidence,) * of, are_right(text, read))


def drawn(truth, seed, number=600):
    """Lines of a model whose confidences mean what ``truth`` makes of them."""
    generator = np.random.default_rng(seed)
    confidences = np.exp(-np.exp(generator.normal(-2, 1, number)))
    rights = generator.binomial(100, truth(confidences))
    return [line(i, float(c), int(right)) for i, (c, right) in enumerate(zip(confidences, rights, strict=True))]


def read_with(calibration, results):
    return [
        LineResult(
            *(
                r.id,
                r.page,
                r.transcription,
                r.prediction,
                float(calibration.lines(np.array(r.confidence), len(r.confidences))),
            ),
            tuple(calibration.characters(np.array(r.confidences)).tolist()),
            r.are_right,
        )
        for r in results
    ]


def test_a_character_is_right_where_the_fewest_edits_leave_it():
    assert are_right("abcd", "axcdy") == (True, False, True, True, False)
    assert are_right("", "a") == (False,)
    assert are_right("a", "") == ()


@pytest.mark.parametrize(
    ("written", "read", "share"),
    [("abcd", "abxd", 0.75), ("ab", "", 0.0), ("", "", 1.0), ("", "a", 0.0), ("a", "ab", 0.5)],
)
def test_the_share_of_a_line_that_is_right(written, read, share):
    assert LineResult("1", "p", written, read).share_right == share


def test_the_error_is_that_of_its_bins_by_what_is_in_them():
    results = [line(n, 0.5, 70) for n in range(10)] + [line(10 + n, 0.9, 80) for n in range(10)]
    assert [(one.number, one.confidence, one.right) for one in bins_of_lines(results)] == [
        (10, 0.5, pytest.approx(0.7)),
        (10, pytest.approx(0.9), pytest.approx(0.8)),
    ]
    assert ece(bins_of_lines(results)) == pytest.approx(0.15)
    assert ece(bins_of_characters(results)) == pytest.approx(0.15)
    assert math.isnan(ece(bins_of_lines([LineResult("1", "p", "a", "a")])))


@pytest.mark.parametrize("truth", [Curve(1.7, -0.3), Curve(0.6, 0.4), Curve(1.0, -1.5)])
def test_confidences_of_other_lines_mean_what_they_say(truth):
    calibration, others = fit(drawn(truth, 1)), drawn(truth, 2)
    before, after = (ece(bins_of_lines(results)) for results in (others, read_with(calibration, others)))
    assert after < 0.012 < 0.03 < before
    assert ece(bins_of_characters(read_with(calibration, others))) < 0.012
    offset = calibration.lines.offset + calibration.lines.by_length * math.log(1 + 100)  # all lines are of one length
    assert (calibration.lines.slope, offset) == pytest.approx((truth.slope, truth.offset), abs=0.2)


def test_a_long_line_that_is_as_sure_as_a_short_one_is_right_more_often():
    """Page numbers beside lines of text: the model is as sure of both, and one of five page numbers is wrong."""
    short = [line(n, ABOUT_AS_SURE, 2 * (n % 5 > 0), of=2) for n in range(200)]
    long = [line(200 + n, ABOUT_AS_SURE, 58, of=60) for n in range(200)]
    found = read_with(fit(short + long), short + long)
    assert ece(bins_of_lines(found)) < 0.01
    assert [round(result.confidence, 2) for result in (found[0], found[-1])] == [0.8, 0.97]


@pytest.mark.parametrize(
    "results",
    [
        [line(1, 0.9, 100)],
        [line(n, 0.5 + n / 100, 0) for n in range(30)],
        [line(n, 0.5 + n / 100, 100) for n in range(30)],
        [line(n, 0.5 + n / 100, 100 - 3 * n) for n in range(30)],
        [line(n, (0.0, 1.0)[n % 2], 100 * (n % 2)) for n in range(30)],
        [LineResult("1", "p", "a", "", 0.3)],
    ],
    ids=["one line", "all wrong", "all right", "the surer the worse", "all or nothing", "no character"],
)
def test_whatever_was_measured_a_surer_line_stays_the_surer_one(results):
    calibration = fit(results)
    confidences = np.array([0.0, 1e-9, 0.2, 0.5, 0.9, 0.999, 1.0])
    of_lines = (calibration.lines(confidences, np.full(7, length)) for length in (0, 1, 100, 100_000))
    for found in (calibration.characters(confidences), *of_lines):
        assert np.isfinite(found).all()
        assert (np.diff(found) >= 0).all()
        assert found[2] < found[-2]
        assert ((found >= 0) & (found <= 1)).all()
    assert fit(results) == calibration


def test_there_is_none_without_a_confidence():
    assert fit([]) is None
    assert fit([LineResult("1", "p", "a", "a")]) is None


def test_it_is_kept_as_it_is():
    calibration = Calibration(Curve(1.25, -0.5), LineCurve(1.5, 0.25, -0.125))
    assert calibration_in(calibration.written()) == calibration


def test_one_that_was_kept_before_lines_had_a_length_means_what_it_meant():
    kept = {"characters": {"slope": 1.25, "offset": -0.5}, "lines": {"slope": 1.5, "offset": 0.25}}
    confidences = np.array([0.1, 0.9])
    assert calibration_in(kept).lines(confidences, np.array([3, 70])).tolist() == Curve(1.5, 0.25)(confidences).tolist()
