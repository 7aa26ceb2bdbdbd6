"""Means over seeds: their intervals, and when two documents are told apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thulium.evaluation import intervals, seeds
from thulium.evaluation.comparing import Outcome
from thulium.evaluation.metrics import LineResult
from thulium.evaluation.seeds import Group

TEXT = "a" * 20


def outcome(name: str, wrong: list[int]) -> Outcome:
    """A model that misreads so many characters of the one line of each page."""
    pairs = [(f"p{page}/{line}", f"p{page}", bad) for page, bad in enumerate(wrong) for line in (0, 1)]
    results = {key: LineResult(key, page, TEXT, "x" * bad + TEXT[bad:]) for key, page, bad in pairs}
    return Outcome(name=name, results=results, images={}, measured={})


def group(name: str, **wrong: list[int]) -> Group:
    return Group(name, {int(seed[1:]): outcome(name, each) for seed, each in wrong.items()})


def test_a_mean_has_the_errors_of_its_seeds_and_of_its_pages() -> None:
    edits, lengths = np.array([[2.0, 4.0, 6.0], [4.0, 6.0, 8.0]]), np.array([100.0, 100.0, 100.0])
    found = seeds.of_rate(edits, lengths)
    (pages, of_pages), (apart, of_seeds) = found.parts
    assert found.value == pytest.approx(0.05)
    assert pages == pytest.approx(intervals.ratio(edits.mean(0), lengths).error)
    assert apart == pytest.approx(np.std([0.04, 0.06], ddof=1) / math.sqrt(2))
    assert (of_pages, of_seeds) == (2, 1)
    assert found.width == pytest.approx(math.hypot(4.302653 * pages, 12.706205 * apart))


def test_one_page_says_nothing_of_others() -> None:
    assert seeds.of_rate(np.array([[2.0], [4.0]]), np.array([100.0])).width == math.inf


@pytest.mark.parametrize(("num_seeds", "pages", "apart"), [(2, 8, 0.02), (3, 20, 0.003), (5, 20, 0.0)])
def test_the_interval_of_a_mean_holds_what_it_promises(num_seeds: int, pages: int, apart: float) -> None:
    rng, held, rounds = np.random.default_rng(1), 0, 400
    for _ in range(rounds):
        lengths = rng.integers(800, 1600, pages).astype(float)
        rates = rng.gamma(4, 0.015, pages) + rng.normal(0, apart, (num_seeds, 1))
        found = seeds.of_rate(rng.poisson(np.maximum(rates, 0) * lengths).astype(float), lengths)
        held += abs(math.log(found.value / 0.06)) <= found.width / found.value
    assert held / rounds >= 0.93


def test_the_same_seeds_are_paired_in_whatever_order() -> None:
    a = group("a", s1=[4, 5, 6, 5], s2=[8, 9, 10, 9], s3=[6, 7, 8, 7])
    b = group("b", s3=[4, 5, 6, 5], s1=[2, 3, 4, 3], s2=[6, 7, 8, 7])
    found = seeds.difference(a, b, "cer", "page")
    assert (found.is_paired, found.is_told) == (True, True)
    assert found.by_seed == pytest.approx({1: -0.1, 2: -0.1, 3: -0.1})
    assert (found.value, found.low, found.high) == pytest.approx((-0.1, -0.1, -0.1))


def test_other_seeds_are_not_paired_and_each_side_spreads() -> None:
    a = group("a", s1=[4, 5, 6, 5], s2=[8, 9, 10, 9], s3=[6, 7, 8, 7])
    b = group("b", s4=[2, 3, 4, 3], s5=[6, 7, 8, 7], s6=[4, 5, 6, 5])
    found = seeds.difference(a, b, "cer", "page")
    assert (found.is_paired, found.is_told, found.by_seed) == (False, False, {})
    width = intervals.quantile(2) * 0.1 * math.sqrt(2 / 3)  # pages add nothing here
    assert (found.value, found.high - found.value) == pytest.approx((-0.1, width))


def test_one_model_is_taken_to_spread_as_the_seeds_do() -> None:
    many = group("many", s1=[4, 5, 6, 5], s2=[8, 9, 10, 9], s3=[6, 7, 8, 7])
    one = Group("one", {0: outcome("one", [4, 5, 6, 5])}, is_single=True)
    width = intervals.quantile(2) * 0.1 * math.sqrt(1 + 1 / 3)
    for found in (seeds.difference(one, many, "cer", "page"), seeds.difference(many, one, "cer", "page")):
        assert (found.is_paired, found.high - found.value) == (False, pytest.approx(width))


def test_the_least_difference_is_what_two_such_means_are_told_apart_by() -> None:
    assert seeds.least_difference(0.01, 2) == pytest.approx(0.127062, abs=1e-5)
    assert seeds.least_difference(0.01, 5) == pytest.approx(2.776445 * 0.01 * math.sqrt(2 / 5))
