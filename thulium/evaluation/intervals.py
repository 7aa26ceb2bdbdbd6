"""How far a rate, or the difference of two, may lie from that of other pages of the same kind.

A rate is a ratio of two sums, edits and reference length, over units that were drawn independently: pages, mostly,
since the lines of a page are alike. Its standard error comes from the units' deviations from the ratio, and the
interval from Student's t with as many degrees of freedom as there are units, less one. Unlike the percentiles of a
bootstrap, that holds what it promises with few units: docs/metrics.md has the simulation.

Source: Cochran 1977, Sampling Techniques, chapter 6 (ratio estimates); Fisher 1935, The Design of Experiments (sign
flips).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thulium.evaluation.metrics import EditCount, LineResult

Counts = NDArray[np.float64]  # (n,) one entry a unit

LEVEL = 0.95
NONE_SEEN = -math.log((1 - LEVEL) / 2)  # the most events that are expected where none was seen
EXACT_UNITS = 14  # up to as many, all ways to flip signs are tried
FLIPS = 20_000  # drawn where there are more
COUNTS = ("edits", "reference")
MANY = 1000  # degrees of freedom from which on Student's t is the normal distribution


@dataclass(frozen=True, slots=True)
class Estimate:
    """A ratio with its standard error.

    Attributes:
        units: that it was computed from.
    """

    value: float
    error: float
    units: int


def ratio(edits: Counts, lengths: Counts) -> Estimate:
    """The sum of one by the sum of the other, and its standard error; infinite with one unit."""
    value, units = float(edits.sum() / lengths.sum()), len(edits)
    if units < 2:
        return Estimate(value, math.inf, units)
    deviations = edits - value * lengths
    return Estimate(
        value, math.sqrt(units / (units - 1) * float(deviations @ deviations)) / float(lengths.sum()), units
    )


def of_rate(edits: Counts, lengths: Counts) -> tuple[float, float]:
    """The interval of a rate; on the scale of its logarithm, since a rate is positive and its errors grow with it.

    Where no edit was seen it goes from 0 to the rate at which that would still happen once in forty test sets.
    """
    total = float(lengths.sum())
    if not edits.sum():
        return 0.0, NONE_SEEN / total
    found = ratio(edits, lengths)
    width = quantile(found.units - 1) * found.error / found.value
    return found.value * math.exp(-width), found.value * math.exp(min(width, 700.0))


def of_difference(edits: Counts, lengths: Counts) -> tuple[float, float]:
    """The interval of a difference of two rates over the same units; edits: of one less those of the other."""
    found = ratio(edits, lengths)
    if not found.error:
        return found.value, found.value
    width = quantile(found.units - 1) * found.error
    return found.value - width, found.value + width


def probability_below(edits: Counts, lengths: Counts) -> float:
    """How probable it is that the true difference is below 0, by the same model; a half where nothing differs."""
    found = ratio(edits, lengths)
    if not found.error:
        return 0.5 if not found.value else float(found.value < 0)
    return student(-found.value / found.error, found.units - 1)


def sign_flips(edits: Counts, seed: int = 0) -> float:
    """How often a difference as large comes out by chance, if in each unit it is chance which of the two is better.

    With n units it is 2 / 2**n at least, so that five units prove nothing at the usual 0.05.
    """
    units, found = len(edits), abs(float(edits.sum()))
    if units <= EXACT_UNITS:
        signs = 1 - 2 * (np.arange(2**units)[:, None] >> np.arange(units) & 1)
        return float(np.mean(np.abs(signs @ edits) >= found - 1e-9))
    signs = 1 - 2 * np.random.default_rng(seed).integers(2, size=(FLIPS, units), dtype=np.int8)
    as_large = int((np.abs(signs @ edits) >= found - 1e-9).sum())
    return (as_large + 1) / (FLIPS + 1)  # the one that was seen counts


def fewest_units() -> int:
    """Units with which a sign-flip test can fall below 1 - LEVEL."""
    return next(units for units in range(1, EXACT_UNITS) if 2 / 2**units <= 1 - LEVEL)


@lru_cache(maxsize=64)
def quantile(degrees: int) -> float:
    """What Student's t stays between, with the probability LEVEL; infinite with no degree of freedom."""
    if degrees < 1:
        return math.inf
    low, high = 0.0, 64.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        low, high = (middle, high) if student(middle, degrees) < (1 + LEVEL) / 2 else (low, middle)
    return high


def student(t: float, degrees: int) -> float:
    """The share of Student's distribution that lies below t; 0.5 at 0.

    Source: Abramowitz & Stegun 1964, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    if degrees >= MANY:
        return (1 + math.erf(t / math.sqrt(2))) / 2
    angle = math.atan2(t, math.sqrt(degrees))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    is_odd = degrees % 2
    term = total = math.cos(angle) if is_odd else 1.0
    for step in range(2 if is_odd else 1, degrees - 2, 2):
        term *= square * step / (step + 1)
        total += term
    series = sine * total if degrees > 1 else 0.0
    return (1 + (2 / math.pi * (angle + series) if is_odd else series)) / 2


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % interval of an error rate, and what it was computed over.

    Attributes:
        low, high: fractions; nan where there is a single unit, which says nothing of others.
        unit: what is taken to be independent: whole pages, or single lines.
        num_units: how many there are.
        num_pages: that are known; as many as lines where no two lines are known to be of one page.
        num_loose: of the units, where these are pages: lines that nothing says the page of.
    """

    low: float
    high: float
    unit: Literal["page", "line"]
    num_units: int
    num_pages: int
    num_loose: int = 0

    @property
    def counted(self) -> str:
        """How many of what there are."""
        return said(self.unit, self.num_units, self.num_loose)

    @property
    def basis(self) -> str:
        """What it was computed over, and why that was not pages where it was not."""
        over = f"over {self.counted}"
        if self.unit == "page":
            return over
        if self.num_pages == self.num_units:
            return f"{over}, since no two lines are known to be of one page"
        return f"{over}, since all are of one page"

    @property
    def caveat(self) -> str:
        """Why it is less certain than it looks; empty where nothing is known against it."""
        if self.unit == "page":
            return "it is too narrow if lines of no known page are of few pages" if self.num_loose else ""
        if self.num_pages == self.num_units:
            return "it is too narrow if the lines of a page are alike"
        return "it says nothing of other pages"


def cer_interval(results: Sequence[LineResult]) -> Interval:
    """The 95 % interval of the CER over whole pages, since the lines of a page are alike.

    It is over lines where there is one page, or where no two lines are known to be of one page.
    """
    num_pages = len({result.page for result in results})
    unit: Literal["page", "line"] = "page" if 1 < num_pages < len(results) else "line"
    units: dict[str, EditCount] = {}
    for result in results:
        name = result.page if unit == "page" else result.id
        units[name] = units.get(name, EditCount()) + result.characters
    edits, lengths = (np.array([getattr(count, name) for count in units.values()], float) for name in COUNTS)
    is_known = len(units) > 1 and lengths.sum() > 0
    low, high = of_rate(edits, lengths) if is_known else (math.nan, math.nan)
    return Interval(low, high, unit, len(units), num_pages, of_no_page(results) if unit == "page" else 0)


def of_no_page(results: Sequence[LineResult]) -> int:
    """Lines that pass for pages of their own, as of a source that knows of no pages: they are called as their page."""
    lines = Counter(result.page for result in results)
    names = ((PurePosixPath(result.page).name, PurePosixPath(result.id).name) for result in results)
    return sum(page == own and lines[result.page] == 1 for result, (page, own) in zip(results, names, strict=True))


def said(unit: str, units: int, loose: int) -> str:
    """How many units there are, in words.

    Args:
        loose: of the units, where they are pages: lines of no known page.
    """
    pages = f"{units - loose:,} {unit}{'' if units - loose == 1 else 's'}"
    return f"{pages} and {loose:,} line{'' if loose == 1 else 's'} of no known page" if loose else pages
