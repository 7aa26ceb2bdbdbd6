"""From how sure a model is to how often it is right: what a confidence is made of, once it has been measured.

A model is sure of what it reads by some nats: the negative logarithm of the probability that it gives to a symbol, or
of its path through a line, by symbols. A curve turns nats into the share of right ones that was found at so many nats.
A curve without a fit would be ``slope`` 1 and ``offset`` 0, which leaves a probability near 1 as it is.
The curve of whole lines knows how long they are, since a short line that is as sure as a long one is right less often.

Source: Platt 1999, Probabilistic Outputs for Support Vector Machines (a logistic curve, fitted on lines that were kept
back); Guo et al. 2017, On Calibration of Modern Neural Networks (``slope`` is the inverse of their temperature). Where
we differ: the curve is over the logarithm of the nats, which fits lines better (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LARGEST = 1e6  # no slope and no offset that a fit gives comes near it
LEAST_NATS, MOST_NATS = 1e-6, 1e3  # what is surer or less sure than this counts as if it were so sure


def abscissa(confidences: Floats) -> Floats:
    """Where probabilities stand on a curve: the negative logarithm of their nats."""
    with np.errstate(divide="ignore"):  # a probability of 0 has infinite nats
        nats: Floats = np.clip(-np.log(confidences), LEAST_NATS, MOST_NATS)
    found: Floats = -np.log(nats)
    return found


def logistic(z: Floats) -> Floats:
    """The logistic function, which makes shares (0 to 1) of log odds."""
    shares: Floats = 1 / (1 + np.exp(-z))
    return shares


@dataclass(frozen=True, slots=True)
class Curve:
    """A logistic curve, which rises with the probability.

    Attributes:
        slope: above 0.
        offset: what is added behind it.
    """

    slope: float
    offset: float

    def __call__(self, confidences: Floats) -> Floats:
        """The shares that are right (0 to 1) at probabilities that the model gives (0 to 1), of any shape."""
        return logistic(self.slope * abscissa(confidences) + self.offset)


@dataclass(frozen=True, slots=True)
class LineCurve:
    """A logistic curve, which rises with the probability, and stands higher or lower for a longer line.

    Attributes:
        slope: above 0.
        offset: what is added behind it.
        by_length: what is added for the logarithm of 1 + the characters that were read; 0 in a file that was written
            before there was one.
    """

    slope: float
    offset: float
    by_length: float = 0.0

    def __call__(self, confidences: Floats, lengths: Floats) -> Floats:
        """The shares that are right (0 to 1) of lines.

        Args:
            confidences: that the model gives, 0 to 1, of any shape.
            lengths: how many characters it read, of the same shape.
        """
        return logistic(self.slope * abscissa(confidences) + self.offset + self.by_length * np.log1p(lengths))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What makes confidences of the model's own probabilities; see ``Reading`` for what they are then.

    Attributes:
        characters: for single characters.
        lines: for whole lines.
    """

    characters: Curve
    lines: LineCurve

    def written(self) -> dict[str, dict[str, float]]:
        """As JSON values, for a model file."""
        return asdict(self)


def calibration_in(written: object) -> Calibration:
    """A calibration as it was kept in a file.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(written, dict) or set(written) != {"characters", "lines"}:
        raise ValueError("its calibration is none")
    characters, lines = _numbers_in(written["characters"]), _numbers_in(written["lines"])
    if set(characters) != {"slope", "offset"} or not {"slope", "offset"} <= set(lines) <= {*characters, "by_length"}:
        raise ValueError("its calibration has no curves")
    return Calibration(Curve(**characters), LineCurve(**lines))


def _numbers_in(written: object) -> dict[str, float]:
    if not isinstance(written, dict) or "slope" not in written:
        raise ValueError("its calibration has no curves")
    if not all(map(_is_number, written.values())) or written["slope"] <= 0:
        raise ValueError("its calibration has a curve that does not rise")
    return {name: float(number) for name, number in written.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST
