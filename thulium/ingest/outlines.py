"""Which outline a line is cut along: its own, or a band round its baseline where that is missing or cannot be meant.

The outlines of one page are judged together: what is usual on it says how high a band has to be, and which outline is
too thin. Points are those of thulium.ingest.cutting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from thulium.data.line import Remark
from thulium.ingest.cutting import (
    EDGE_STEP,
    CutFault,
    Points,
    axes_of,
    dense,
    direction,
    down_from,
    is_flat,
    is_long,
    reading_order,
)

# A band round a baseline, in shares of the distance between baselines: how far outlines reach from their baseline in
# three collections that have both (18th to 20th century), where the medians were 0.67 to 0.97 and 0.33 to 0.48.
ABOVE = 0.8
BELOW = 0.4
LOOSE = 1.25  # heights of the page's outlines that a band has at most
FEWEST = 5  # outlines of a page that say what is usual on it
MOST = 500  # lines that are measured on a page; enough for a median
LINES_A_PAGE = 30  # for the distance between lines on a page that has a single one

# In 83,000 lines of four collections (12th to 20th century) most of the baseline lies outside of 48 outlines that are
# widened by so much of the distance between baselines; of those that could be looked at, none lay on its writing.
WIDENED = 0.15
SAMPLES = 32  # places along a baseline
THIN = 0.45  # of the usual thickness, where most outlines cut through letters; small print may be as thin by right
THICK = 2.0  # distances between baselines; what is thicker may hold other lines
OTHERS = 2  # baselines in an outline besides its own; one may be an insertion

# How far a band reaches towards its neighbours, in shares of the usual distance: how near it comes to the baseline
# above; how much room it leaves to the letters below; from where on a neighbour is close, as round an insertion. A line
# that has a close one above reaches up by a share of its own distance.
CLEAR_ABOVE = 0.1
CLEAR_BELOW = 0.55
CLOSE = 0.8
SMALL = 0.65
LEAST = 0.35  # of the usual band, however close they are
OVERLAP = 0.1  # of the shorter of two baselines, from which on one lies above or below the other


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """A line as it is drawn on its page.

    Attributes:
        outline: (N, 2) the corners of a polygon; (0, 2) where there is none.
        baseline: (M, 2) in any direction; (0, 2) where there is none.
        turn: degrees, clockwise, by which the page has to be turned to read the line.
    """

    outline: Points
    baseline: Points
    turn: float = 0.0

    @cached_property
    def has_outline(self) -> bool:
        """Whether its outline holds something, and was not made of the baseline."""
        return len(self.outline) > 2 and not is_flat(self.outline) and not self.has_box_of_baseline

    @cached_property
    def has_box_of_baseline(self) -> bool:
        """eScriptorium writes the box of the baseline where a line has no polygon."""
        if len(self.outline) == 0 or len(self.baseline) < 2:
            return False
        return bool(np.abs(_box(self.outline) - _box(self.baseline)).max() <= 1)

    @cached_property
    def edges(self) -> tuple[Points, Points]:
        """(C,) depths of the outline's upper and lower edge below the baseline, at some places along it."""
        axes = axes_of(self.baseline, self.outline, self.turn)
        points = axes.from_page(dense(self.outline))
        left, right = points[:, 0].min(), points[:, 0].max()
        number = max(1, int((right - left) / (2 * EDGE_STEP)))
        column = ((points[:, 0] - left) / max(right - left, 1e-9) * number).astype(int).clip(0, number - 1)
        tops, bottoms = np.full(number, np.inf), np.full(number, -np.inf)
        np.minimum.at(tops, column, points[:, 1])
        np.maximum.at(bottoms, column, points[:, 1])
        is_met = np.isfinite(tops)
        return tops[is_met], bottoms[is_met]

    @cached_property
    def thickness(self) -> float:
        """Of the outline, in pixels, across the writing."""
        tops, bottoms = self.edges
        return float(np.median(bottoms - tops))


class Outlines:
    """The outlines of one page.

    Args:
        lines: all of the page, those that nobody wants among them.
        page_size: width and height.
    """

    def __init__(self, lines: Sequence[Drawn], page_size: tuple[int, int]) -> None:
        self._lines = lines
        self._page_size = page_size
        ends = [line.baseline[[0, -1]] for line in lines if len(line.baseline) > 1]
        self._ends = np.array(ends).reshape(-1, 2, 2)

    def of(self, line: Drawn) -> tuple[Points, tuple[Remark, ...]]:
        """The outline to cut a line along, and what a person should know of it.

        Raises:
            CutFault: there is nothing to go by.
        """
        if len(line.baseline) < 2:
            if len(line.outline) == 0:
                raise CutFault("no coordinates", "has neither a polygon nor a baseline: draw it, or remove the line")
            return line.outline, ("thin outline",) if self._is_thin(line) else ()
        if len(line.outline) == 0 or line.has_box_of_baseline:
            return self._band(line), ()
        if not is_long(line.baseline, line.outline):
            is_off = np.ptp(line.baseline, axis=0).any() and self._is_off(line)
            return line.outline, ("outline off the baseline",) if is_off else ()
        if self._is_off(line):
            return self._band(line), ("outline off the baseline",)
        if not line.has_outline or self._is_thin(line):
            return self._widened(line), ("thin outline",)
        if self._holds_others(line):
            return self._band(line), ("outline over other lines",)
        return line.outline, ()

    @cached_property
    def distance(self) -> float:
        """The usual distance in pixels from a baseline to the nearest above or below it: the median over the page."""
        lines = [line for line in self._lines if len(line.baseline) > 1][:MOST]
        nearest = [min(self._gaps(line)) for line in lines]
        found = [gap for gap in nearest if np.isfinite(gap)]
        if found:
            return float(np.median(found))
        turn = lines[0].turn if lines else 0.0
        return float(np.abs(self._page_size * down_from(direction(turn))).sum()) / LINES_A_PAGE

    @cached_property
    def reach(self) -> tuple[float, float]:
        """How far a band reaches above and below its baseline, in pixels: as the page's good outlines do."""
        found = []
        for line in self._lines:
            if line.has_outline and is_long(line.baseline, line.outline) and not self._is_off(line):
                tops, bottoms = line.edges
                if 0 < np.median(bottoms - tops) <= THICK * self.distance:
                    found.append((-np.percentile(tops, 10), np.percentile(bottoms, 90)))
            if len(found) == MOST:
                break
        if len(found) < FEWEST:
            # Outlines in wrong places still say how high the writing is, where the lines stand far apart.
            share = min(1.0, LOOSE * (self.thickness or np.inf) / ((ABOVE + BELOW) * self.distance))
            return share * ABOVE * self.distance, share * BELOW * self.distance
        above, below = np.median(np.array(found), axis=0).clip(min=0).tolist()
        return above, below

    @cached_property
    def thickness(self) -> float:
        """The usual thickness of outlines in pixels, across the writing; 0 where there are too few to say."""
        found = [line.thickness for line in self._lines if line.has_outline][:MOST]
        return float(np.median(found)) if len(found) >= FEWEST else 0.0

    def _is_thin(self, line: Drawn) -> bool:
        return line.thickness < THIN * self.thickness

    def _is_off(self, line: Drawn) -> bool:
        """Whether most of the baseline lies outside of the outline."""
        return _share_inside(line.baseline, line.outline, WIDENED * self.distance) < 0.5

    def _holds_others(self, line: Drawn) -> bool:
        if line.thickness <= THICK * self.distance:
            return False
        (left, top), (right, bottom) = line.outline.min(axis=0), line.outline.max(axis=0)
        first, last = self._ends[:, 0], self._ends[:, 1]
        own = line.baseline[[0, -1]]
        is_long_too = np.hypot(*(last - first).T) >= np.hypot(*(own[1] - own[0])) / 2
        is_other = (self._ends != own).any(axis=(1, 2))
        middles = (first + last) / 2
        is_near = (middles > (left, top)).all(axis=1) & (middles < (right, bottom)).all(axis=1)
        held = is_long_too & is_other & is_near
        for share in (0.1, 0.5, 0.9):
            held[held] = _is_inside((first + share * (last - first))[held], line.outline)
        return int(held.sum()) >= OTHERS

    def _band(self, line: Drawn) -> Points:
        return _band(reading_order(line.baseline, line.turn), *self._room(line))

    def _widened(self, line: Drawn) -> Points:
        """A band as high as usual where there is room, which holds the outline."""
        axes = axes_of(line.baseline, line.outline, line.turn)
        tops, bottoms = line.edges
        above, below = self._room(line)
        places = axes.from_page(line.outline)[:, 0]
        baseline = reading_order(line.baseline, line.turn)
        length = float((baseline[-1] - baseline[0]) @ axes.along)
        before, after = max(0.0, -float(places.min())), max(0.0, float(places.max()) - length)
        first, last = baseline[0] - before * axes.along, baseline[-1] + after * axes.along
        longer = np.concatenate([first[None], baseline, last[None]])
        return _band(longer, max(above, -float(np.median(tops))), max(below, float(np.median(bottoms))))

    def _room(self, line: Drawn) -> tuple[float, float]:
        """How far a line's band reaches above and below, so that it does not swallow the lines beside it."""
        above, below = self.reach
        gap_above, gap_below = self._gaps(line)
        is_close = gap_above < CLOSE * self.distance
        room_above = SMALL * gap_above if is_close else gap_above - CLEAR_ABOVE * self.distance
        room_below = gap_below - CLEAR_BELOW * self.distance
        return (
            float(np.clip(room_above, LEAST * above, above)),
            float(np.clip(room_below, LEAST * below, below)),
        )

    def _gaps(self, line: Drawn) -> tuple[float, float]:
        """The distances from a baseline to the next above and the next below it; infinite where there is none."""
        along = _direction_of(line)
        ends = np.concatenate([self._ends, line.baseline[None, [0, -1]]])
        places, depths = ends @ along, ends @ down_from(along)
        widths = np.abs(np.ptp(places, axis=1))
        lefts, rights = places.min(axis=1), places.max(axis=1)
        common = np.minimum(rights, rights[-1]) - np.maximum(lefts, lefts[-1])
        is_beside = common > OVERLAP * np.minimum(widths, widths[-1])
        is_beside &= np.ptp(depths, axis=1) <= widths  # else it runs across
        middle = (np.minimum(rights, rights[-1]) + np.maximum(lefts, lefts[-1])) / 2
        slopes = np.divide(np.diff(depths)[:, 0], np.diff(places)[:, 0], out=np.zeros(len(ends)), where=widths > 0)
        there = depths[:, 0] + slopes * (middle - places[:, 0])
        own = depths[-1, 0] + slopes[-1] * (middle - places[-1, 0])
        deeper = there - own
        above, below = -deeper[is_beside & (deeper < -1)], deeper[is_beside & (deeper > 1)]
        return float(above.min(initial=np.inf)), float(below.min(initial=np.inf))


def _direction_of(line: Drawn) -> Points:
    if not is_long(line.baseline, line.outline):
        return direction(line.turn)
    baseline = reading_order(line.baseline, line.turn)
    along: Points = baseline[-1] - baseline[0]
    return along / float(np.hypot(*along))


def _band(baseline: Points, above: float, below: float) -> Points:
    """A band round a baseline that is in reading order."""
    along = baseline[-1] - baseline[0]
    down = down_from(along) / max(float(np.hypot(*along)), 1e-9)
    return np.concatenate([baseline - above * down, (baseline + below * down)[::-1]])


def _box(points: Points) -> Points:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _share_inside(baseline: Points, outline: Points, widened: float) -> float:
    """How much of a baseline's length lies inside an outline that is widened by some pixels."""
    points = _along(baseline)
    inside = _is_inside(points, outline)
    if widened and not inside.all():
        inside[~inside] = _distance_to_edge(points[~inside], outline) <= widened
    return float(inside.mean())


def _along(baseline: Points) -> Points:
    """Points at even distances along a baseline."""
    steps = np.hypot(*np.diff(baseline, axis=0).T)
    reached = np.concatenate([[0], np.cumsum(steps)])
    at = (np.arange(SAMPLES) + 0.5) / SAMPLES * reached[-1]
    return np.stack([np.interp(at, reached, baseline[:, axis]) for axis in (0, 1)], axis=1)


def _is_inside(points: Points, outline: Points) -> np.ndarray:
    """(N,) whether a ray to the right meets the outline an odd number of times."""
    (x, y), (left, top), (right, bottom) = points.T[..., None], outline.T, np.roll(outline, -1, axis=0).T
    meets = (top > y) != (bottom > y)
    share = np.divide(y - top, bottom - top, out=np.zeros_like(meets, dtype=float), where=meets)
    inside: np.ndarray = (meets & (x < left + share * (right - left))).sum(axis=1) % 2 == 1
    return inside


def _distance_to_edge(points: Points, outline: Points) -> Points:
    """(N,) distances to the nearest edge."""
    edges = np.roll(outline, -1, axis=0) - outline
    away = points[:, None] - outline
    lengths = (edges**2).sum(axis=1)
    share = np.divide((away * edges).sum(axis=2), lengths, out=np.zeros(away.shape[:2]), where=lengths > 0).clip(0, 1)
    distances: Points = np.hypot(*np.moveaxis(away - share[..., None] * edges, 2, 0)).min(axis=1)
    return distances
