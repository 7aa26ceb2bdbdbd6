"""Confidences: measured against what is right, and put right by what was measured."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thulium.evaluation.calibration import are_right, bins_of_characters, bins_of_lines, ece, fit
from thulium.evaluation.metrics import LineResult
from thulium.models.calibration import Calibration, Curve, calibration_in

SAME = Curve(1.0, 0.0)


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
            *(r.id, r.page, r.transcription, r.prediction, float(calibration.lines(np.array(r.confidence)))),
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
    assert (calibration.lines.slope, calibration.lines.offset) == pytest.approx((truth.slope, truth.offset), abs=0.2)


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
    for curve in (calibration.characters, calibration.lines):
        found = curve(np.array([0.0, 1e-9, 0.2, 0.5, 0.9, 0.999, 1.0]))
        assert np.isfinite(found).all()
        assert (np.diff(found) >= 0).all()
        assert found[2] < found[-2]
        assert ((found >= 0) & (found <= 1)).all()
    assert fit(results) == calibration


def test_there_is_none_without_a_confidence():
    assert fit([]) is None
    assert fit([LineResult("1", "p", "a", "a")]) is None


def test_it_is_kept_as_it_is():
    calibration = Calibration(Curve(1.25, -0.5), SAME)
    assert calibration_in(calibration.written()) == calibration
