"""Charts as the text of an inline SVG. Colours come from the page's style sheet, by class."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 520, 320
LEFT, RIGHT, TOP, BOTTOM = 58, 506, 70, 270  # the frame of the drawing
LOG_FROM = 20  # highest by lowest value from which a log axis shows more than a linear one
MOST_TICKS = 8
SMALL_WIDTH, SMALL_HEIGHT = 340, 200  # a histogram, of which several stand side by side
SMALL_LEFT, SMALL_RIGHT, SMALL_TOP, SMALL_BOTTOM = 52, 316, 36, 150


@dataclass(frozen=True, slots=True)
class Series:
    """A named line of (x, y) points, sorted by x; a y that is nan or infinite leaves a gap."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """Values laid out between two ends of the drawing.

    Attributes:
        ticks: at least two, rising; the first and the last are the ends of the axis.
        start, stop: where these ends are drawn.
    """

    ticks: tuple[float, ...]
    start: float
    stop: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Where a value is drawn."""
        scale = math.log if self.is_log else float
        low, high = scale(self.ticks[0]), scale(self.ticks[-1])
        return self.start + (scale(value) - low) / (high - low) * (self.stop - self.start)


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_title: str,
    tick: Callable[[float], str] = "{:g}".format,
    mark: tuple[float, str] | None = None,
) -> str:
    """A chart with axes, ticks and a legend; the empty string if there is nothing finite to draw.

    Args:
        series: the first one is drawn solid, later ones dashed.
        tick: how a value of the y axis is written.
        mark: an x to be marked by an upright line, and the line's name.
    """
    ys = [y for one in series for _, y in one.points if math.isfinite(y)]
    if not ys:
        return ""
    is_log = min(ys) > 0 and max(ys) / min(ys) >= LOG_FROM
    title = f"{title}, log scale" if is_log else title
    last_x = max(x for one in series for x, _ in one.points)
    across = Axis(linear_ticks(last_x, whole=True), LEFT, RIGHT)
    upright = Axis(log_ticks(min(ys), max(ys)) if is_log else linear_ticks(max(ys)), BOTTOM, TOP, is_log)
    parts = [
        _text(4, 18, title, "title"),
        *_grid(across, upright, tick, RIGHT),
        _text(RIGHT, HEIGHT - 8, x_title, "end"),
        *(_mark(across.place(mark[0]), mark[1]) if mark else ()),
        *_legend(series),
        *(part for number, one in enumerate(series) for part in _line(one, number, across, upright)),
    ]
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
    return f"{head}{''.join(parts)}</svg>"


def agreement_chart(series: Sequence[Series], *, title: str, x_title: str) -> str:
    """Shares on both axes, in one range that ends at 1, with a dotted line where they are equal.

    The empty string if there is nothing to draw.

    Args:
        series: x and y from 0 to 1; the first one is drawn solid, later ones dashed.
    """
    values = [value for one in series for point in one.points for value in point]
    if not values:
        return ""
    ticks = _ticks_to_one(min(values))
    across, upright = Axis(ticks, LEFT, RIGHT), Axis(ticks, BOTTOM, TOP)
    parts = [
        _text(4, 18, title, "title"),
        *_grid(across, upright, "{:g}".format, RIGHT),
        _text(RIGHT, HEIGHT - 8, x_title, "end"),
        f'<path class="mark" d="M{LEFT} {BOTTOM}L{RIGHT} {TOP}"/>',
        *_legend(series),
        *(part for number, one in enumerate(series) for part in _line(one, number, across, upright)),
    ]
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
    return f"{head}{''.join(parts)}</svg>"


def histogram(counts: Sequence[int], *, highest: float, title: str, x_title: str) -> str:
    """Upright bars for equally wide classes of values from 0 to the highest. Smaller than a line chart.

    Args:
        counts: how many values each class has, at least one.
        highest: at least 1.
    """
    ticks = tuple(tick for tick in linear_ticks(highest, whole=True, most=6) if tick <= highest)
    # The axis goes on behind its last tick, up to the highest value: room that holds nothing would be lost.
    across = Axis(ticks, SMALL_LEFT, SMALL_LEFT + ticks[-1] / highest * (SMALL_RIGHT - SMALL_LEFT))
    upright = Axis(linear_ticks(max(counts), whole=True, most=4), SMALL_BOTTOM, SMALL_TOP)
    edges = [across.place(highest * number / len(counts)) for number in range(len(counts) + 1)]
    bars = [
        f"M{left:.1f} {SMALL_BOTTOM}V{upright.place(count):.1f}H{right - 1:.1f}V{SMALL_BOTTOM}"
        for count, left, right in zip(counts, edges, edges[1:], strict=False)
        if count
    ]
    parts = [
        _text(4, 16, title, "title"),
        *_grid(across, upright, "{:,.0f}".format, SMALL_RIGHT),
        f'<path class="bars" d="{"".join(bars)}"/>',
        _text(SMALL_RIGHT, SMALL_HEIGHT - 8, x_title, "end"),
    ]
    head = f'<svg class="chart" viewBox="0 0 {SMALL_WIDTH} {SMALL_HEIGHT}" role="img" aria-label="{escape(title)}">'
    return f"{head}{''.join(parts)}</svg>"


def linear_ticks(highest: float, *, whole: bool = False, most: int = MOST_TICKS - 2) -> tuple[float, ...]:
    """From 0 to at least the highest value in steps of 1, 2 or 5 times a power of ten, not many more than ``most``."""
    highest = highest if highest > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(highest / most))
    step = next(factor * power for factor in (1, 2, 5, 10) if highest / (factor * power) <= most)
    step = max(1.0, step) if whole else step
    return tuple(number * step for number in range(math.ceil(highest / step - 1e-9) + 1))


def _ticks_to_one(lowest: float) -> tuple[float, ...]:
    """From at most the lowest value, but at least 0, up to 1."""
    step = next((step for step in (0.005, 0.01, 0.02, 0.05, 0.1) if (1 - lowest) / step <= MOST_TICKS - 2), 0.2)
    number = min(round(1 / step), max(1, math.ceil((1 - lowest) / step - 1e-9)))
    return tuple(round(1 - step * place, 3) for place in range(number, -1, -1))


def log_ticks(lowest: float, highest: float) -> tuple[float, ...]:
    """1, 2 and 5 times powers of ten around the values, or the powers alone where those would be too many."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    for factors in ((1, 2, 5), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        below = max(place for place, tick in enumerate(ticks) if tick <= lowest * (1 + 1e-9))
        above = min(place for place, tick in enumerate(ticks) if tick >= highest * (1 - 1e-9))
        if above - below < MOST_TICKS:
            break
    return tuple(ticks[below : above + 1])


def _grid(across: Axis, upright: Axis, tick: Callable[[float], str], right: int) -> Iterator[str]:
    left, bottom, top = f"{across.start:g}", f"{upright.start:g}", f"{upright.stop:g}"
    for value in upright.ticks:
        y = upright.place(value)
        yield f'<path class="grid" d="M{left} {y:.1f}H{right}"/>'
        yield _text(across.start - 8, y + 4, tick(value), "end")
    yield f'<path class="axis" d="M{left} {top}V{bottom}H{right}"/>'
    for value in across.ticks:
        x = across.place(value)
        yield f'<path class="axis" d="M{x:.1f} {bottom}v5"/>'
        yield _text(x, upright.start + 20, f"{value:g}", "middle")


def _legend(series: Sequence[Series]) -> Iterator[str]:
    for number, one in enumerate(series):
        x = LEFT + 150 * number
        yield f'<path class="line s{number}" d="M{x} 38h26"/>'
        yield _text(x + 32, 42, one.name)


def _mark(x: float, name: str) -> Iterator[str]:
    is_right = x > (LEFT + RIGHT) / 2
    yield f'<path class="mark" d="M{x:.1f} {TOP - 12}V{BOTTOM}"/>'
    yield _text(x - 6 if is_right else x + 6, TOP - 4, name, "end" if is_right else "")


def _line(series: Series, number: int, across: Axis, upright: Axis) -> Iterator[str]:
    command, path = "M", []
    for x, y in series.points:
        if not math.isfinite(y):
            command = "M"
            continue
        place = f"{across.place(x):.1f} {upright.place(y):.1f}"
        path.append(f"{command}{place}")
        command = "L"
        yield f'<path class="dot s{number}" d="M{place}h0"/>'
    if path:
        yield f'<path class="line s{number}" d="{"".join(path)}"/>'


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{attribute}>{escape(text)}</text>'
