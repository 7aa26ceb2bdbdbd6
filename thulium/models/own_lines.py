"""How sure a model was of the validation lines of its training: what its confidence in other lines is held against."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from thulium.models.calibration import Floats

STEPS = 20  # parts that the lines are cut into, of equally many: one more confidence is kept
FEWEST = 20  # lines; the confidences of fewer say nothing of others
DIGITS = 4


@dataclass(frozen=True, slots=True)
class OwnLines:
    """Confidences of a model in its validation lines, calibrated where the model is.

    Attributes:
        confidences: the lowest, the one below which a twentieth of the lines lies, and so on to the highest.
    """

    confidences: tuple[float, ...]

    @property
    def median(self) -> float:
        """Half of the lines have a lower confidence."""
        return self.confidences[STEPS // 2]

    @property
    def low(self) -> float:
        """One line of twenty has a lower confidence."""
        return self.confidences[1]

    def share_below(self, confidence: float) -> float:
        """The share of the lines, 0 to 1, that the model was less sure of; of equals, half count."""
        known, shares = np.array(self.confidences), np.linspace(0, 1, STEPS + 1)
        below, above = np.interp(confidence, known, shares), np.interp(-confidence, -known[::-1], shares)
        return float(below + 1 - above) / 2

    def written(self) -> list[float]:
        """As JSON values, for a model file."""
        return list(self.confidences)


def own_lines(confidences: Floats) -> OwnLines | None:
    """What is kept of the confidences in validation lines; None where there are too few."""
    if len(confidences) < FEWEST:
        return None
    return OwnLines(tuple(np.quantile(confidences, np.linspace(0, 1, STEPS + 1)).round(DIGITS).tolist()))


def own_lines_in(written: object) -> OwnLines:
    """The same, as it was kept in a file.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(written, list) or len(written) != STEPS + 1 or not all(map(_is_share, written)):
        raise ValueError("the confidences in its validation lines are none")
    if any(one > next_one for one, next_one in pairwise(written)):
        raise ValueError("the confidences in its validation lines do not rise")
    return OwnLines(tuple(map(float, written)))


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
