"""The lines that a person should look at first: those that the model is least sure of."""

from __future__ import annotations

import heapq

from thulium.models.recogniser import ReadLine
from thulium.runtime.errors import visible


class Review:
    """Keeps the least sure ones of any number of lines; among equals, those that came first."""

    def __init__(self, most: int) -> None:
        """Begin without a line.

        Args:
            most: how many are kept; 0 keeps none.
        """
        self.most = most
        self._kept: list[tuple[float, int, str]] = []  # a heap, the surest one first
        self._seen = 0

    def add(self, line: ReadLine) -> None:
        """Look at a line that was read in detail."""
        confidence = line.reading.confidence
        if not self.most or confidence is None:
            return
        self._seen += 1
        text = visible(line.reading.text) or "(nothing was read)"
        entry = (-confidence, -self._seen, f"{confidence:.3f}  {visible(line.origin.source)}  {text}")
        if len(self._kept) < self.most:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    def rows(self, *, is_calibrated: bool) -> list[str]:
        """A heading, and a row a line: confidence, where it is, and its text; the least sure one first."""
        if not self._kept:
            return []
        number = len(self._kept)
        named = "the line" if number == 1 else f"the {number:,} lines"
        caveat = "" if is_calibrated else " (confidence is not calibrated, only its order counts)"
        heading = f"{named} most worth a look of {self._seen:,}, the least sure first{caveat}:"
        return [heading, *(f"  {row}" for _, _, row in sorted(self._kept, reverse=True))]
