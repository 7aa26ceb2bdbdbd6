"""How the error falls with the number of training lines, and what more of them would bring.

The error over n lines is taken to be a (n + m)^-b + c: a power law; with m, one that begins later, since a model has to
learn at first that it reads at all; with c, one with a floor, that no number of lines comes below. None of these
numbers is known from a few sizes, so all of them are tried on a grid, and count by how well they explain the points,
in the logarithm of the error: what is said of other sizes is what the good ones say together. Points lie off the curve
by chance (what another seed gives) and because no curve is the true one; both are in the band, which is that of one
further training.

The band holds what it promises in simulations of all of these laws: tests/engine/evaluation/test_learning_curve.py.

Source: Hestness et al. 2017, Deep Learning Scaling is Predictable, Empirically (power law, floor, and the range in
which nothing is learnt yet); Viering and Loog 2023, The Shape of Learning Curves: a Review (which laws fit, and that no
single one does); Domhan et al. 2015, Speeding up Automatic Hyperparameter Optimization of Deep Neural Networks by
Extrapolation of Learning Curves (laws weighed by how well they explain, and bands from that).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thulium.evaluation import intervals

Floats = NDArray[np.float64]

FEWEST = 3  # sizes that a curve is fitted to
HARDLY_READS = 0.5  # a mean CER from which a size is left out: it says when reading begins, not how it gets better
FARTHEST = 4  # times the largest size; what lies behind is said to be a guess
LEVEL = intervals.LEVEL
DRAWS = 4000
LEAST = 1e-4  # the rate that counts for a training without an error, where it is not known how many characters it read

# What is tried; n in parts of the largest size.
# b: so fine that a law between two of them is found as well. Hestness et al. have 0.07 to 0.35 for large models.
EXPONENTS = np.geomspace(0.05, 8.0, 109)
FLOORS = np.concatenate([[0.0], np.geomspace(0.03, 30.0, 9)])  # c, in parts of a
STARTS = np.concatenate([[0.0], np.geomspace(0.03, 4.0, 6)])  # m
# How far a size lies off any curve: standard deviations of the logarithm. Where each size has one seed, what another
# would change is not known, and has to be in them.
MISFITS, WITH_CHANCE = np.geomspace(0.02, 0.2, 5), np.geomspace(0.02, 0.4, 5)
NONE = 0.5  # how likely it is beforehand that there is no floor, and likewise no start


@dataclass(frozen=True, slots=True)
class Band:
    """What is expected of a training: half of all are above and below ``middle``, LEVEL of them within the others."""

    low: float
    middle: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies within."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Curves that explain the points, drawn as often as they do it well.

    Attributes:
        lines: the sizes that it is fitted to, rising.
        exponents, floors, starts, scales, chances: (DRAWS,) of each: b, c and m in parts, the logarithm of a, and the
            standard deviation with which a training lies off.
        normal: (DRAWS,) one for each draw, the same for all sizes, so that bands have no noise of their own.
    """

    lines: tuple[int, ...]
    exponents: Floats
    floors: Floats
    starts: Floats
    scales: Floats
    chances: Floats
    normal: Floats

    @property
    def largest(self) -> int:
        """The largest of the sizes."""
        return self.lines[-1]

    def curves(self, lines: float) -> Floats:
        """(DRAWS,) the error that each curve has at a size."""
        part = lines / self.largest
        return np.asarray(np.exp(self.scales) * ((part + self.starts) ** -self.exponents + self.floors))

    def at(self, lines: float) -> Band:
        """Where the CER of one training with so many lines is expected."""
        return _band(self.curves(lines) * np.exp(self.chances * self.normal))

    def gain(self, lines: int, more: int) -> Band:
        """By how much the mean CER falls with so many lines more."""
        return _band(self.curves(lines) - self.curves(lines + more))

    def is_far(self, lines: float) -> bool:
        """Whether a size lies so far behind the largest one that what is said of it is a guess."""
        return lines > FARTHEST * self.largest


def usable(points: Mapping[int, Sequence[float]]) -> dict[int, Sequence[float]]:
    """The sizes at which a model reads: lines -> the CER of each seed, rising."""
    return {lines: points[lines] for lines in sorted(points) if np.mean(points[lines]) < HARDLY_READS}


def fit(points: Mapping[int, Sequence[float]], least: float = LEAST) -> Fit | None:
    """The curves of some sizes; None where fewer than FEWEST of them are usable.

    Args:
        points: number of lines -> the CER of each seed.
        least: the rate that counts for a training without an error: a logarithm of 0 there is none.
    """
    given = usable(points)
    if len(given) < FEWEST:
        return None
    logs = [np.log(np.maximum(rates, least)) for rates in given.values()]
    means, counts = np.array([each.mean() for each in logs]), np.array([len(each) for each in logs])
    spread, degrees = _spread(logs)
    parts = np.array(list(given), float) / max(given)
    off = MISFITS if degrees else WITH_CHANCE
    weights, scales, errors = _weigh(parts, means, spread**2 / counts, off)
    draws = np.random.default_rng(0)
    cells = draws.choice(weights.size, DRAWS, p=weights.ravel())
    exponents, floors, starts, misfits = np.unravel_index(cells, weights.shape)
    # The spread of the seeds is itself known from a few of them only.
    chance = spread * np.sqrt(degrees / draws.chisquare(degrees, DRAWS)) if degrees else np.zeros(DRAWS)
    return Fit(
        tuple(given),
        EXPONENTS[exponents],
        FLOORS[floors],
        STARTS[starts],
        scales.ravel()[cells] + errors.ravel()[cells] * draws.standard_normal(DRAWS),
        np.hypot(off[misfits], chance),
        draws.standard_normal(DRAWS),
    )


def _spread(logs: Sequence[Floats]) -> tuple[float, int]:
    """The standard deviation of a seed within its size, over all sizes, and its degrees of freedom."""
    degrees = sum(len(each) - 1 for each in logs)
    squares = sum(float(((each - each.mean()) ** 2).sum()) for each in logs)
    return (math.sqrt(squares / degrees) if degrees else 0.0), degrees


def _weigh(parts: Floats, means: Floats, chances: Floats, misfits: Floats) -> tuple[Floats, Floats, Floats]:
    """How probable each cell of the grid is; and the mean and the standard deviation of the logarithm of a in it.

    Each logarithm of a is as likely as any other beforehand, which can be integrated; all else is summed.

    Args:
        parts, means, chances: (sizes,) lines in parts of the most, and the mean logarithm with its variance.
        misfits: standard deviations that are tried.
    """
    axes = np.meshgrid(EXPONENTS, FLOORS, STARTS, indexing="ij")
    exponents, floors, starts = (each[..., None, None] for each in axes)
    off = means - np.log((parts + starts) ** -exponents + floors)  # (…, 1, sizes)
    variances = misfits[:, None] ** 2 + chances  # (misfits, sizes)
    total = (1 / variances).sum(-1)
    scales = (off / variances).sum(-1) / total
    left = ((off - scales[..., None]) ** 2 / variances).sum(-1)
    logs = -left / 2 - np.log(variances).sum(-1) / 2 - np.log(total) / 2 + _beforehand()
    weights = np.exp(logs - logs.max())
    return weights / weights.sum(), scales, np.broadcast_to(1 / np.sqrt(total), weights.shape)


def _beforehand() -> Floats:
    """The logarithm of how probable floors and starts are before any point is known."""
    floors, starts = (np.log([NONE] + [(1 - NONE) / (len(each) - 1)] * (len(each) - 1)) for each in (FLOORS, STARTS))
    return np.asarray((floors[:, None] + starts)[None, :, :, None])


def _band(values: Floats) -> Band:
    low, middle, high = np.quantile(values, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return Band(float(low), float(middle), float(high))
