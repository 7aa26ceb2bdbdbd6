"""From a page to the image of one line: cut along its outline, and straightened along its baseline.

Points are pixels of the page, x to the right and y down, as (N, 2) arrays; a pixel covers one unit, so a box from 10 to
20 is ten pixels wide. A baseline gives a line its own axes: *along* the writing and *down* from it. The line's image is
the page seen in these axes, with every column shifted so that a curved baseline becomes level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from thulium.ingest.paper import paper_of

Points = NDArray[np.float64]
Piece = tuple[tuple[int, int, int, int], tuple[float, ...]]

MAX_WIDTH = 30_000  # pixels of a line's image; no line of a page that can be scanned comes near
MAX_HEIGHT = 3_000
FLAT = 0.5  # pixels: an outline that leaves a straight line by less holds nothing
EDGE_STEP = 16  # pixels between points of an outline, so that its edges bend where the columns are shifted
MAX_EDGE_POINTS = 20_000  # an outline that runs to and fro over the page must not fill the memory
MARGIN = 2  # pixels round an outline, which is often drawn on the very edge of the ink
SHORTEST_BASELINE = 0.25  # share of the outline's diagonal; the direction of a shorter baseline is chance
THINNEST = 1.0  # pixels between the sides of a part of a line
STEEPEST = 0.5  # shift of neighbouring columns; a steeper piece of a baseline is a slip, and would tear letters


class CutFault(Exception):
    """A line that cannot be cut out of its page; the message goes on from the place of the line.

    Attributes:
        reason: a few words that faults of this kind share.
    """

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How one line is to be cut; needs no pixels.

    Attributes:
        size: width and height of the line's image.
        outline: (N, 2) what belongs to the line, in pixels of the line's image.
        pieces: for columns of the line's image, as a box, where its four corners lie in the page.
    """

    size: tuple[int, int]
    outline: Points
    pieces: list[Piece]

    def to_page(self, points: Points) -> Points:
        """(N, 2) points of the page, by pixels of the line's image."""
        ends = np.array([box[2] for box, _ in self.pieces])
        chosen = np.minimum(np.searchsorted(ends, points[:, 0]), len(ends) - 1)
        begins, ends = np.array([box[0] for box, _ in self.pieces])[chosen], ends[chosen]
        quads = np.array([quad for _, quad in self.pieces]).reshape(-1, 4, 2)[chosen]
        across = ((points[:, 0] - begins) / (ends - begins))[:, None]
        down = (points[:, 1] / self.size[1])[:, None]
        left = (1 - down) * quads[:, 0] + down * quads[:, 1]
        right = (1 - down) * quads[:, 3] + down * quads[:, 2]
        found: Points = (1 - across) * left + across * right
        return found

    def part(self, start: float, end: float) -> Points:
        """(N, 2) the outline of what lies between two columns of the line's image, in pixels of the page.

        Where the outline does not reach, the part of it that is nearest; a pixel of it at least.
        """
        (left, top), (right, bottom) = self.outline.min(axis=0).tolist(), self.outline.max(axis=0).tolist()
        start, end = (min(max(column, left), right) for column in (start, end))
        if end - start < THINNEST:
            start = max(left, min((start + end - THINNEST) / 2, right - THINNEST))
            end = min(start + THINNEST, right)
        return self.to_page(_clip(self.outline, (start, top), (end, bottom)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The axes of a line, and how far its baseline lies below the first of them at some places along it."""

    origin: Points  # (2,)
    along: Points  # (2,) of length 1
    places: Points  # (K,) increasing
    shifts: Points  # (K,)

    @property
    def down(self) -> Points:
        """The direction from the baseline to what is below."""
        return down_from(self.along)

    def from_page(self, points: Points) -> Points:
        """(N, 2) places along the baseline and depths below it, of points of the page."""
        away = points - self.origin
        place = away @ self.along
        return np.stack([place, away @ self.down - np.interp(place, self.places, self.shifts)], axis=1)

    def to_page(self, place: float, depth: float) -> tuple[float, float]:
        """The point of the page at a place along the baseline and a depth below it."""
        depth += float(np.interp(place, self.places, self.shifts))
        x, y = self.origin + place * self.along + depth * self.down
        return float(x), float(y)


def plan(outline: Points, baseline: Points, page_size: tuple[int, int], *, straighten: bool, turn: float = 0.0) -> Cut:
    """How a line is cut: what lies outside the page is left out.

    Args:
        outline: (N, 2) the corners of a polygon, which may cross itself.
        baseline: (M, 2) in any direction; (0, 2) where there is none: the line is taken to be level.
        page_size: width and height.
        straighten: whether the baseline is made level; otherwise the line stays as it lies on the page, which is turned
            by quarters of a circle only.
        turn: degrees, clockwise, by which the page has to be turned to read the line.

    Raises:
        CutFault: the outline is flat, lies outside the page, or is larger than a line can be.
    """
    if is_flat(outline):
        raise CutFault("zero-area polygon", "has a polygon without any area: draw it anew")
    inside = _clip(outline, (0, 0), page_size)
    if is_flat(inside):
        (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
        what = f"lies at x {left:.0f} to {right:.0f} and y {top:.0f} to {bottom:.0f}, outside the image, which is "
        raise CutFault("polygon outside the image", what + f"{page_size[0]}x{page_size[1]} pixels: correct the points")
    axes = axes_of(baseline, inside, turn) if straighten else _level(90 * round(turn / 90))
    corners = axes.from_page(dense(inside)).round(6)  # else a box on whole pixels may come out a pixel too large
    first = np.floor(corners.min(axis=0)) - MARGIN
    width, height = (int(extent) + MARGIN for extent in np.ceil(corners.max(axis=0)) - first)
    if width > MAX_WIDTH or height > MAX_HEIGHT:
        what = f"would be {width}x{height} pixels, and a line has at most {MAX_WIDTH}x{MAX_HEIGHT}: correct its points"
        raise CutFault("line too large", what)
    return Cut(size=(width, height), outline=corners - first, pieces=_pieces(axes, first, width, height))


def cut(page: Image.Image, how: Cut) -> Image.Image:
    """The image of a line, mode "L"; round its outline stands the grey of the paper near by.

    Args:
        page: mode "L", of the size that the cut was planned for.
    """
    page, pieces = _with_rim(page, how.pieces)
    image = page.transform(how.size, Image.Transform.MESH, pieces, Image.Resampling.BILINEAR)
    mask = Image.new("1", how.size)
    ImageDraw.Draw(mask).polygon([tuple(point) for point in (how.outline - 0.5).tolist()], fill=1)
    pixels, inside = np.asarray(image), np.asarray(mask)
    return Image.fromarray(np.where(inside, pixels, paper_of(pixels, inside)))


def direction(turn: float) -> Points:
    """(2,) which way a line runs over a page that has to be turned by so many degrees, clockwise, to be read."""
    angle = np.deg2rad(turn)
    way: Points = np.array([np.cos(angle), -np.sin(angle)]).round(12)  # exact for quarters of a circle
    return way


def reading_order(baseline: Points, turn: float) -> Points:
    """A baseline in the direction in which it is read, whichever way it was drawn.

    What runs across the direction of reading keeps its own: upright pages have lines that run up or down.
    """
    chord = baseline[-1] - baseline[0]
    with_it, across = float(chord @ direction(turn)), float(chord @ down_from(direction(turn)))
    return baseline[::-1] if with_it < 0 and -with_it >= abs(across) else baseline


def down_from(along: Points) -> Points:
    """(2,) the direction at a right angle, to the right of someone who goes along."""
    return np.array([-along[1], along[0]])


def axes_of(baseline: Points, outline: Points, turn: float) -> Axes:
    """The axes that a baseline gives; those of the turned page where it is too short to say."""
    if not is_long(baseline, outline):
        return _level(turn)
    baseline = reading_order(baseline, turn)
    chord = baseline[-1] - baseline[0]
    along = chord / float(np.hypot(*chord))
    away = baseline - baseline[0]
    places, shifts = [0.0], [0.0]
    for place, shift in zip((away @ along).tolist(), (away @ down_from(along)).tolist()):
        # Turning back or too steep, a point is passed over: the shift then spreads over more columns.
        if place - places[-1] >= 1 and abs(shift - shifts[-1]) <= STEEPEST * (place - places[-1]):
            places.append(place)
            shifts.append(shift)
    return Axes(origin=baseline[0], along=along, places=np.array(places), shifts=np.array(shifts))


def is_long(baseline: Points, outline: Points) -> bool:
    """Whether a baseline is long enough to say in which direction a line runs."""
    if len(baseline) < 2 or (length := float(np.hypot(*(baseline[-1] - baseline[0])))) == 0:
        return False
    return len(outline) == 0 or length >= SHORTEST_BASELINE * float(np.hypot(*np.ptp(outline, axis=0)))


def _level(turn: float) -> Axes:
    return Axes(origin=np.zeros(2), along=direction(turn), places=np.zeros(1), shifts=np.zeros(1))


def is_flat(outline: Points) -> bool:
    """Whether nothing lies inside a polygon."""
    if len(outline) < 3:
        return True
    return bool(np.linalg.svd(outline - outline.mean(axis=0), compute_uv=False)[1] < FLAT)


def _clip(outline: Points, lowest: tuple[float, float], highest: tuple[float, float]) -> Points:
    """What of a polygon lies in a box. Source: Sutherland and Hodgman 1974, Reentrant polygon clipping."""
    for axis in (0, 1):
        for sign, border in ((1, lowest[axis]), (-1, highest[axis])):
            depth = sign * (outline[:, axis] - border)
            following = np.roll(depth, -1)
            is_crossing = (depth < 0) != (following < 0)
            share = np.divide(depth, depth - following, out=np.zeros_like(depth), where=is_crossing)
            crossings = outline + share[:, None] * (np.roll(outline, -1, axis=0) - outline)
            both = np.stack([outline, crossings], axis=1).reshape(-1, 2)
            outline = both[np.stack([depth >= 0, is_crossing], axis=1).ravel()]
    return outline


def dense(outline: Points) -> Points:
    """The same polygon with points along its edges."""
    edges = np.roll(outline, -1, axis=0) - outline
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    step = max(EDGE_STEP, float(lengths.sum()) / MAX_EDGE_POINTS)
    counts = np.maximum(1, np.ceil(lengths / step)).astype(int)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    share = (np.arange(counts.sum()) - firsts) / np.repeat(counts, counts)
    points: Points = np.repeat(outline, counts, axis=0) + share[:, None] * np.repeat(edges, counts, axis=0)
    return points


def _pieces(axes: Axes, first: Points, width: int, height: int) -> list[Piece]:
    """Columns between which the shift changes evenly, with their corners in the page: from the upper left one down."""
    borders = np.clip(np.round(axes.places - first[0]), 0, width).astype(int).tolist()
    borders = sorted({0, width, *borders})
    left, top = first.tolist()
    sides = [(axes.to_page(left + border, top), axes.to_page(left + border, top + height)) for border in borders]
    return [
        ((begin, 0, end, height), (*before[0], *before[1], *after[1], *after[0]))
        for begin, end, before, after in zip(borders, borders[1:], sides, sides[1:])
    ]


def _with_rim(page: Image.Image, pieces: list[Piece]) -> tuple[Image.Image, list[Piece]]:
    """The part of the page that pieces lie in, its outermost pixels repeated, where they reach beyond the page.

    Beyond its border Pillow takes a page to be black, and a line there would get specks of it.
    """
    corners = np.array([quad for _, quad in pieces]).reshape(-1, 2)
    left, top = (np.floor(corners.min(axis=0)).astype(int) - 1).tolist()
    right, bottom = (np.ceil(corners.max(axis=0)).astype(int) + 1).tolist()
    before = (max(0, -left), max(0, -top))
    after = (max(0, right - page.width), max(0, bottom - page.height))
    if not any((*before, *after)):
        return page, pieces
    part = np.asarray(page.crop((left + before[0], top + before[1], right - after[0], bottom - after[1])))
    part = np.pad(part, ((before[1], after[1]), (before[0], after[0])), mode="edge")
    offset = np.tile((left, top), 4)
    return Image.fromarray(part), [(box, tuple((np.array(quad) - offset).tolist())) for box, quad in pieces]
