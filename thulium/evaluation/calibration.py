"""Whether confidences are right: measured on lines that are transcribed, and put right with what was measured.

A character is right where the transcription has it too, in an alignment with as few edits as possible. Of a line, the
share is right that ``LineResult.share_right`` says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from thulium.evaluation.metrics import LineResult
from thulium.models.calibration import Calibration, Curve, Floats, LineCurve, abscissa
from thulium.runtime.tables import write_table

MOST_BINS = 10
BIN = 10  # the fewest lines or characters in a bin
LEAST_SLOPE = 0.05  # a curve that does not rise would tell nothing apart
PRIOR = 1.0  # how much is known of a curve beforehand, that it leaves things as they are: about as much as one line
ROUNDS = 100  # Newton's method takes a handful
DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Bin:
    """Some lines or characters with about the same confidence.

    Attributes:
        confidence, right: means, 0 to 1; they are equal where the confidence means what it says.
    """

    number: int
    confidence: float
    right: float


def are_right(written: str, read: str) -> tuple[bool, ...]:
    """Of each character that was read, whether it is written there."""
    found = [False] * len(read)
    for block in Levenshtein.opcodes(written, read):
        if block.tag == "equal":
            found[block.dest_start : block.dest_end] = [True] * (block.dest_end - block.dest_start)
    return tuple(found)


def bins_of_lines(results: Sequence[LineResult]) -> tuple[Bin, ...]:
    """The lines that have a confidence, in bins of equally many, the least sure ones first. Each line counts once."""
    sure = [(result.confidence, result.share_right) for result in results if result.confidence is not None]
    return _bins(np.array([confidence for confidence, _ in sure]), np.array([share for _, share in sure]))


def bins_of_characters(results: Sequence[LineResult]) -> tuple[Bin, ...]:
    """All characters that were read, in bins of equally many, the least sure ones first. Each one counts once."""
    return _bins(*_characters(results))


def ece(bins: Sequence[Bin]) -> float:
    """Expected calibration error: how far confidence and share of right ones are apart in a bin, on average.

    Bins weigh by what is in them; nan without any. Source: Naeini et al. 2015; bins of equally many after Nguyen &
    O'Connor 2015, since most confidences of a good model are near 1.
    """
    number = sum(one.number for one in bins)
    return sum(one.number * abs(one.confidence - one.right) for one in bins) / number if number else math.nan


def fit(results: Sequence[LineResult]) -> Calibration | None:
    """What puts confidences right that are the model's own; None where there are none. The same from the same results.

    Args:
        results: of lines that the model did not learn from, read without a calibration.
    """
    sure = [result for result in results if result.confidence is not None]
    if not sure:
        return None
    right = np.array([result.share_right for result in sure])
    own, lengths = _lines(sure)
    return Calibration(Curve(*_weights(*_characters(results))), LineCurve(*_weights(own, right, lengths)))


def sure_of(results: Sequence[LineResult], calibration: Calibration | None) -> Floats:
    """The confidences in lines that were read without a calibration, as they are with one."""
    confidences, lengths = _lines([result for result in results if result.confidence is not None])
    return calibration.lines(confidences, lengths) if calibration else confidences


def _lines(results: Sequence[LineResult]) -> tuple[Floats, Floats]:
    """Of all lines, the confidences and how many characters were read."""
    confidences = np.array([result.confidence for result in results], np.float64)
    return confidences, np.array([len(result.confidences) for result in results], np.float64)


def _characters(results: Sequence[LineResult]) -> tuple[Floats, Floats]:
    """Of all characters, the confidences and whether they are right (1 or 0)."""
    confidences = np.array(list(chain.from_iterable(result.confidences for result in results)), np.float64)
    right = np.array(list(chain.from_iterable(result.are_right for result in results)), np.float64)
    return confidences, right


def _bins(confidences: Floats, right: Floats) -> tuple[Bin, ...]:
    if not len(confidences):
        return ()
    order = np.argsort(confidences, kind="stable")
    parts = np.array_split(order, max(1, min(MOST_BINS, len(order) // BIN)))
    return tuple(Bin(len(part), float(confidences[part].mean()), float(right[part].mean())) for part in parts)


def _weights(confidences: Floats, right: Floats, lengths: Floats | None = None) -> tuple[float, ...]:
    """Slope, offset and, for lines, what length adds: of the highest likelihood, with a little that is known before."""
    x, ones = abscissa(confidences), np.ones((1, len(confidences)))
    inputs = ones if lengths is None else np.stack([ones[0], np.log1p(lengths)])
    prior = np.zeros(len(inputs))
    slope, *others = _newton(np.stack([x, *inputs]), np.zeros_like(x), right, np.array([1.0, *prior]))
    if slope < LEAST_SLOPE:
        slope, others = LEAST_SLOPE, _newton(inputs, LEAST_SLOPE * x, right, prior).tolist()
    return tuple(round(float(weight), DECIMALS) for weight in (slope, *others))


def _newton(inputs: Floats, fixed: Floats, right: Floats, prior: Floats) -> Floats:
    """Weights (W,) of logistic regression with a quadratic prior: a convex problem, solved by Newton's method.

    Args:
        inputs: (W, N).
        fixed: (N,) added to what the weights make of the inputs.
        right: (N,) 0 to 1.
        prior: (W,) what the weights would be without any input; where the method starts.
    """

    def loss(weights: Floats) -> float:
        z = weights @ inputs + fixed
        return float((np.logaddexp(0, z) - right * z).sum() + PRIOR / 2 * ((weights - prior) ** 2).sum())

    weights = prior
    for _ in range(ROUNDS):
        shares = np.exp(-np.logaddexp(0, -(weights @ inputs + fixed)))
        gradient = inputs @ (shares - right) + PRIOR * (weights - prior)
        curvature = (inputs * (shares * (1 - shares))) @ inputs.T + PRIOR * np.eye(len(weights))
        step, before = np.linalg.solve(curvature, gradient), loss(weights)
        while loss(weights - step) > before and abs(step).max() > 10**-DECIMALS:
            step = step / 2
        weights = weights - step
        if abs(step).max() < 10**-DECIMALS / 10:
            break
    return weights


def write_reliability(results: Sequence[LineResult], path: Path) -> None:
    """Write the CSV ``confidence,right,lines``: a row a bin of lines."""
    rows = ((f"{one.confidence:.6g}", f"{one.right:.6g}", one.number) for one in bins_of_lines(results))
    write_table(path, ("confidence", "right", "lines"), rows)
