"""What several seeds of one document read: their mean, how far apart chance puts them, and what that allows to see.

Two things are drawn: the pages and the seeds. Each makes an interval of its own, by Student's t: the pages one of the
seeds' mean, the seeds one over all pages. Half their widths, squared and added, make that of both. It holds what it
promises, or a little more where the seeds hardly differ: docs/metrics.md has the simulation. Degrees of freedom by
Satterthwaite instead hold only nine in ten with two seeds.

Source: Howe 1974, Approximate Confidence Limits on the Mean of X + Y Where X and Y Are Two Tabled Independent Random
Variables; Zou and Donner 2008, Construction of confidence limits about effect measures (MOVER).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thulium.evaluation import comparing, intervals
from thulium.evaluation.comparing import Measure, Outcome, Unit
from thulium.evaluation.metrics import Scores
from thulium.runtime.errors import DataError

FEW = 4  # seeds below which Student's t is so large that a sentence says so
Table = NDArray[np.float64]  # (S, n) edits: a row a seed, a column a page


@dataclass(frozen=True, slots=True)
class Crossed:
    """A rate, or a difference of two, over seeds and pages.

    Attributes:
        parts: (standard error, degrees of freedom) of the pages, then of each group of seeds.
    """

    value: float
    parts: tuple[tuple[float, int], ...]

    @property
    def width(self) -> float:
        """Half of the 95 % interval; infinite where nothing can be said."""
        return math.hypot(*(intervals.quantile(degrees) * error for error, degrees in self.parts))


def of_rate(edits: Table, lengths: intervals.Counts) -> Crossed:
    """The mean rate of the seeds: (S, n) edits, (n,) reference lengths."""
    return Crossed(float(edits.mean(0).sum() / lengths.sum()), (_pages(edits.mean(0), lengths), _seeds(edits, lengths)))


def of_paired(a: Table, b: Table, lengths: intervals.Counts) -> Crossed:
    """The mean of B less that of A, row by row: both have the same seeds in the same order."""
    return of_rate(b - a, lengths)


def of_unpaired(a: Table, b: Table, lengths: intervals.Counts) -> Crossed:
    """The mean of B less that of A, which have other seeds, or one model; a single one is taken to spread as the other.

    At least one of them has two rows or more.
    """
    difference = b.mean(0) - a.mean(0)
    spread = [_seeds(each, lengths) for each in (a, b) if len(each) > 1]
    if len(spread) == 1:  # the error of one model is the other's standard deviation
        (error, degrees), known = spread[0], a if len(a) > 1 else b
        spread = [(error * math.sqrt(len(known) * (1 / len(a) + 1 / len(b))), degrees)]
    return Crossed(float(difference.sum() / lengths.sum()), (_pages(difference, lengths), *spread))


def _pages(edits: intervals.Counts, lengths: intervals.Counts) -> tuple[float, int]:
    return intervals.ratio(edits, lengths).error, len(edits) - 1


def _seeds(edits: Table, lengths: intervals.Counts) -> tuple[float, int]:
    rates = edits.sum(1) / lengths.sum()
    return float(rates.std(ddof=1)) / math.sqrt(len(rates)), len(rates) - 1


def least_difference(sd: float, seeds: int) -> float:
    """The smallest difference of two means, each of so many seeds with this spread, that is told from chance."""
    return intervals.quantile(seeds - 1) * sd * math.sqrt(2 / seeds)


@dataclass(frozen=True, slots=True)
class Group:
    """What the models of a document read, by seed; a single model of which no seed is known has 0.

    Attributes:
        name: as it was asked for.
        outcomes: seed -> what its model read, all on the same lines.
        is_single: whether it is one model, of no list of seeds.
    """

    name: str
    outcomes: Mapping[int, Outcome]
    is_single: bool = False

    @property
    def first(self) -> Outcome:
        """That of the first seed."""
        return next(iter(self.outcomes.values()))

    @property
    def rates(self) -> tuple[float, ...]:
        """The CER of each seed."""
        return tuple(each.scores.cer for each in self.outcomes.values())

    @property
    def scores(self) -> Scores:
        """The mean rates."""
        found = [each.scores for each in self.outcomes.values()]
        means = {name: float(np.mean([getattr(each, name) for each in found])) for name in Scores.__slots__}
        return Scores(**means)

    @property
    def sd(self) -> float:
        """How far the seeds spread: the standard deviation of their CER; nan for a single model."""
        return float(np.std(self.rates, ddof=1)) if len(self.rates) > 1 else math.nan

    @property
    def said(self) -> str:
        """Which models it is of."""
        if self.is_single:
            return "one model"
        return f"the seeds {', '.join(map(str, self.outcomes))}"

    def table(self, measure: Measure, unit: Unit) -> tuple[Table, intervals.Counts]:
        """(S, n) edits and (n,) reference lengths.

        Raises:
            DataError: the transcriptions are all empty.
        """
        rows, lengths = [], np.zeros(0)
        for outcome in self.outcomes.values():
            counts = comparing.by_unit(outcome.lines, measure, unit)
            rows.append([count.edits for count in counts.values()])
            lengths = np.array([count.reference for count in counts.values()], float)
        if not lengths.sum():
            raise DataError("the transcriptions are all empty: there is nothing to compare with")
        return np.array(rows, float), lengths


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedDifference:
    """The mean rate of B less that of A.

    Attributes:
        value, low, high: fractions; negative where B has fewer errors. low and high are the 95 % interval over seeds
            and pages.
        is_paired: whether both have the same seeds.
        by_seed: seed -> the difference with that seed; empty where they are not paired.
    """

    a: str
    b: str
    measure: Measure
    value: float
    low: float
    high: float
    is_paired: bool
    by_seed: Mapping[int, float]
    unit: Unit
    units: int
    loose: int = 0  # as of comparing.Difference

    @property
    def is_told(self) -> bool:
        """Whether seeds and pages tell the two apart."""
        return not self.low <= 0 <= self.high


def difference(a: Group, b: Group, measure: Measure, unit: Unit) -> SeedDifference:
    """How far B is from A; both have the same lines."""
    (edits_a, lengths), (edits_b, _) = a.table(measure, unit), b.table(measure, unit)
    is_paired = not a.is_single and set(a.outcomes) == set(b.outcomes)
    if is_paired:
        places = [list(b.outcomes).index(seed) for seed in a.outcomes]
        edits_b = edits_b[places]
    found = (of_paired if is_paired else of_unpaired)(edits_a, edits_b, lengths)
    apart = (edits_b - edits_a).sum(1) / lengths.sum() if is_paired else ()
    return SeedDifference(
        a=a.name,
        b=b.name,
        measure=measure,
        value=found.value,
        low=found.value - found.width,
        high=found.value + found.width,
        is_paired=is_paired,
        by_seed=dict(zip(a.outcomes, map(float, apart), strict=False)) if is_paired else {},
        unit=unit,
        units=len(lengths),
        loose=comparing.loose(a.first.lines, unit),
    )


def matched(groups: Sequence[Group], *, common: bool) -> tuple[list[Group], comparing.LeftOut]:
    """The groups on the lines that all of their models have read, see ``comparing.matched``."""
    outcomes = [outcome for group in groups for outcome in group.outcomes.values()]
    same, left_out = comparing.matched(outcomes, common=common)
    rest = iter(same)
    return [Group(each.name, {seed: next(rest) for seed in each.outcomes}, each.is_single) for each in groups], left_out
