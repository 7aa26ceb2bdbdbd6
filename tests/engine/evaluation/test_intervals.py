"""Intervals: they hold what they promise, with few pages too."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thulium.evaluation import intervals
from thulium.evaluation.intervals import cer_interval
from thulium.evaluation.metrics import LineResult

PAGES, LINES, CHARACTERS, RATE, SPREAD = 8, 20, 50, 0.06, 0.35
# Degrees of freedom -> what Student's t stays between in 95 of 100 cases, as tables have it.
QUANTILES = {1: 12.7062, 2: 4.3027, 3: 3.1824, 7: 2.3646, 10: 2.2281, 29: 2.0452, 100: 1.9840, 999: 1.9623}


@pytest.mark.parametrize(("degrees", "value"), QUANTILES.items())
def test_quantiles_are_those_of_the_tables(degrees, value):
    assert intervals.quantile(degrees) == pytest.approx(value, abs=1e-4)
    assert intervals.student(value, degrees) == pytest.approx(0.975, abs=1e-5)
    assert intervals.student(-value, degrees) == pytest.approx(0.025, abs=1e-5)


def test_one_unit_has_no_interval():
    assert intervals.quantile(0) == math.inf
    assert math.isnan(cer_interval([LineResult("1", "p", "abc", "abd")]).low)


def pages_of(generator, shift=0.0):
    """Edits of pages by two models whose true rates are RATE and that by the factor exp(shift)."""
    rates = np.minimum(1, RATE * np.exp(generator.normal(-(SPREAD**2) / 2, SPREAD, PAGES)))
    num = LINES * CHARACTERS
    return generator.binomial(num, rates), generator.binomial(num, np.minimum(1, rates * math.exp(shift))), num


def test_with_eight_pages_95_of_100_intervals_hold_the_true_rate_and_the_true_difference():
    generator, draws = np.random.default_rng(1), 1000
    held_rate = held_difference = 0
    lengths = np.full(PAGES, float(LINES * CHARACTERS))
    for _ in range(draws):
        a, b, _ = pages_of(generator, shift=-0.2)
        low, high = intervals.of_rate(a.astype(float), lengths)
        held_rate += low <= RATE <= high
        low, high = intervals.of_difference((b - a).astype(float), lengths)
        held_difference += low <= RATE * (math.exp(-0.2) - 1) <= high
    assert 930 <= held_rate <= 970
    assert 930 <= held_difference <= 970


def test_where_nothing_differs_the_test_says_one():
    same = np.zeros(8)
    assert intervals.sign_flips(same) == 1
    assert intervals.sign_flips(np.zeros(40)) == 1
    assert intervals.of_difference(same, np.ones(8)) == (0, 0)
    assert intervals.probability_below(same, np.ones(8)) == 0.5


def test_five_pages_prove_nothing_and_six_may():
    assert intervals.sign_flips(-np.ones(5)) == pytest.approx(2 / 2**5)
    assert intervals.sign_flips(-np.ones(6)) == pytest.approx(2 / 2**6)
    assert intervals.fewest_units() == 6


def test_many_pages_are_drawn_and_give_nearly_what_all_ways_give():
    edits = np.random.default_rng(2).normal(0.4, 1, intervals.EXACT_UNITS)
    exact = intervals.sign_flips(edits)
    padded = np.concatenate([edits, np.zeros(3)])  # pages without a difference change nothing
    assert intervals.sign_flips(padded) == pytest.approx(exact, abs=0.01)


def test_by_chance_alone_one_in_twenty_falls_below_a_twentieth():
    generator = np.random.default_rng(3)
    values = [intervals.sign_flips(generator.normal(0, 1, 10)) for _ in range(400)]
    assert 0.02 <= np.mean(np.array(values) <= 0.05) <= 0.08


def test_no_error_in_a_few_lines_is_no_proof_of_none():
    low, high = intervals.of_rate(np.zeros(4), np.full(4, 25.0))
    assert low == 0
    assert high == pytest.approx(0.0369, abs=1e-4)


counts = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 200)), min_size=2, max_size=12)


@given(pages=counts)
def test_the_interval_of_a_rate_holds_the_rate_and_is_positive(pages):
    edits, lengths = (np.array(column, float) for column in zip(*pages, strict=True))
    low, high = intervals.of_rate(edits, lengths)
    assert 0 <= low <= edits.sum() / lengths.sum() <= high


@given(pages=counts)
def test_a_difference_the_other_way_round_is_the_negative_one(pages):
    edits, lengths = (np.array(column, float) for column in zip(*pages, strict=True))
    edits -= 10
    low, high = intervals.of_difference(edits, lengths)
    assert intervals.of_difference(-edits, lengths) == pytest.approx((-high, -low))
    assert intervals.sign_flips(edits) == intervals.sign_flips(-edits)
