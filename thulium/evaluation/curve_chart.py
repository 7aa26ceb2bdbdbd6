"""A learning curve as a picture: dots for trainings, the curve with its band, dashed behind what was trained.

It is laid out once, as shapes; SVG and PNG are two ways to draw these.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from thulium.evaluation.learning_curve import FARTHEST, LEVEL, Fit, usable
from thulium.runtime.svg import LOG_FROM, Axis, linear_ticks, log_ticks

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 62, 740, 74, 384  # the frame of the drawing
STEPS = 60  # places at which a curve is computed
SCALE, FINER = 2, 2  # pixels of the PNG for one of the drawing; and for each of those while it is drawn

Kind = Literal["grid", "axis", "area", "line", "dashed", "mark", "dot", "out", "text", "title"]
Place = tuple[float, float]

# Kind -> its colour in light and in dark, and its width.
LOOKS: Mapping[str, tuple[str, str, float]] = {
    "grid": ("#dedbd2", "#343a41", 1),
    "axis": ("#5c636e", "#9aa3ad", 1),
    "area": ("#cfe6e7", "#204447", 0),
    "line": ("#0b6e75", "#5cc8cd", 2.5),
    "dashed": ("#0b6e75", "#5cc8cd", 2.5),
    "mark": ("#1f2328", "#e4e6e8", 1),
    "dot": ("#b4561b", "#f0a169", 6),
    "out": ("#5c636e", "#9aa3ad", 6),
    "text": ("#5c636e", "#9aa3ad", 14),
    "title": ("#1f2328", "#e4e6e8", 15),
}
DASHES: Mapping[str, tuple[float, float]] = {"dashed": (7, 5), "mark": (2, 3)}
PAGES = ("#ffffff", "#1c2024")


@dataclass(frozen=True, slots=True)
class Shape:
    """A thing to draw: a path through places, or a text at the only one of them.

    Attributes:
        anchor: which end of a text stands at its place.
    """

    kind: Kind
    places: tuple[Place, ...]
    text: str = ""
    anchor: Literal["start", "middle", "end"] = "start"


def farthest(fit: Fit) -> float:
    """The number of lines up to which the curve is drawn."""
    return min(FARTHEST * fit.largest, max(2 * fit.largest, fit.largest + 1000))


def layout(points: Mapping[int, Sequence[float]], fit: Fit | None, *, title: str) -> list[Shape]:
    """The shapes of a curve, those behind first.

    Args:
        points: lines -> the CER of each seed; at least one.
    """
    ends = (min(points), max(max(points), farthest(fit) if fit else 0) * 1.02)
    sizes = np.geomspace(fit.lines[0], farthest(fit), STEPS) if fit else np.zeros(0)
    bands = [fit.at(size) for size in sizes] if fit else []
    rates = [rate for each in points.values() for rate in each]
    shown = [*rates, *(band.high for band in bands)]
    lowest = min([rate for rate in rates if rate > 0] + [band.middle for band in bands], default=1.0)
    is_log = max(shown) / lowest >= LOG_FROM
    upright = Axis(log_ticks(lowest, max(shown)) if is_log else linear_ticks(max(shown)), BOTTOM, TOP, is_log)
    across = Axis((ends[0] / 1.05, ends[1]), LEFT, RIGHT, is_log=True)

    def place(lines: float, rate: float) -> Place:
        return across.place(lines), upright.place(min(max(rate, upright.ticks[0] or 0.0), upright.ticks[-1]))

    shapes = [*_frame(across, upright), Shape("title", ((4, 20),), title + (", log scale" if is_log else ""))]
    if fit:
        upper = [place(size, band.high) for size, band in zip(sizes, bands, strict=True)]
        lower = [place(size, band.low) for size, band in zip(sizes, bands, strict=True)]
        middle = [(size, place(size, band.middle)) for size, band in zip(sizes, bands, strict=True)]
        shapes.insert(0, Shape("area", (*upper, *reversed(lower))))
        shapes.append(Shape("line", tuple(spot for size, spot in middle if size <= fit.largest * 1.01)))
        shapes.append(Shape("dashed", tuple(spot for size, spot in middle if size >= fit.largest * 0.99)))
    reads = usable(points) if fit else points
    for lines, each in points.items():
        shapes += [Shape("dot" if lines in reads else "out", (place(lines, rate),)) for rate in each]
    return [*shapes, *_legend(bool(fit), len(reads) < len(points))]


def _frame(across: Axis, upright: Axis) -> Iterator[Shape]:
    for value in upright.ticks:
        y = upright.place(value)
        yield Shape("grid", ((LEFT, y), (RIGHT, y)))
        yield Shape("text", ((LEFT - 8, y + 5),), f"{100 * value:.4g} %", "end")
    yield Shape("axis", ((LEFT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)))
    low, high = across.ticks
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for value in (factor * 10**power for power in powers for factor in (1, 2, 5)):
        if low <= value <= high:
            x = across.place(value)
            yield Shape("axis", ((x, BOTTOM), (x, BOTTOM + 5)))
            yield Shape("text", ((x, BOTTOM + 22),), f"{value:,}", "middle")
    yield Shape("text", ((RIGHT, HEIGHT - 10),), "training lines, log scale", "end")


def _legend(has_curve: bool, has_out: bool) -> Iterator[Shape]:
    x = float(LEFT)
    entries = [("dot", "a training", 108)]
    entries += [("line", "expected", 112), ("dashed", "beyond the trained", 180)] if has_curve else []
    entries += [("area", f"{LEVEL:.0%} of trainings", 168)] if has_curve else []
    entries += [("out", "not in the fit", 0)] if has_out else []
    for kind, name, width in entries:
        shift = -14 if kind in ("dot", "out") else 0
        yield _sample(kind, x + shift)
        yield Shape("text", ((x + shift + 32, 51),), name)
        x += width


def _sample(kind: str, x: float) -> Shape:
    if kind == "area":
        return Shape("area", ((x, 38), (x + 26, 38), (x + 26, 54), (x, 54)))
    if kind in ("dot", "out"):
        return Shape("dot" if kind == "dot" else "out", ((x + 18, 46),))
    return Shape("line" if kind == "line" else "dashed", ((x, 46), (x + 26, 46)))


def as_svg(shapes: Sequence[Shape], *, label: str) -> str:
    """A picture that stands by itself as well as in a page, in light and in dark.

    Args:
        label: what it shows, for those who do not see it.
    """
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart learning" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{escape(label)}">'
    )
    return f"{head}<style>{_style()}</style>{''.join(map(_drawn, shapes))}</svg>"


def _style() -> str:
    rows = [".learning path{fill:none;stroke-linecap:round;stroke-linejoin:round}"]
    rows.append(".learning text{font:14px system-ui,sans-serif}.learning .title{font-weight:600;font-size:15px}")
    rows += [f".learning .{kind}{{{_painted(kind, 0)}}}" for kind in LOOKS]
    rows += [f".learning .{kind}{{stroke-width:{look[2]:g}}}" for kind, look in LOOKS.items() if kind not in _FILLED]
    rows += [f".learning .{kind}{{stroke-dasharray:{dash[0]:g} {dash[1]:g}}}" for kind, dash in DASHES.items()]
    dark = "".join(f".learning .{kind}{{{_painted(kind, 1)}}}" for kind in LOOKS)
    return "".join(rows) + f"@media screen and (prefers-color-scheme:dark){{{dark}}}"


_FILLED = ("area", "text", "title")


def _painted(kind: str, theme: int) -> str:
    colour = LOOKS[kind][theme]
    return f"fill:{colour};stroke:none" if kind in _FILLED else f"stroke:{colour}"


def _drawn(shape: Shape) -> str:
    x, y = shape.places[0]
    if shape.text:
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{shape.anchor}"'
        return f'<text class="{shape.kind}" {place}>{escape(shape.text)}</text>'
    if len(shape.places) == 1:
        return f'<path class="{shape.kind}" d="M{x:.1f} {y:.1f}h0"/>'
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in shape.places)
    return f'<path class="{shape.kind}" d="M{path}{"Z" if shape.kind == "area" else ""}"/>'


def as_png(shapes: Sequence[Shape]) -> bytes:
    """The picture in light colours, SCALE pixels for each of its own."""
    scale = SCALE * FINER
    image = Image.new("RGB", (WIDTH * scale, HEIGHT * scale), PAGES[0])
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        _paint(draw, shape, scale)
    content = io.BytesIO()
    image.resize((WIDTH * SCALE, HEIGHT * SCALE), Image.Resampling.LANCZOS).save(content, "PNG", optimize=True)
    return content.getvalue()


def _paint(draw: ImageDraw.ImageDraw, shape: Shape, scale: int) -> None:
    colour, _, size = LOOKS[shape.kind]
    places = [(x * scale, y * scale) for x, y in shape.places]
    if shape.text:
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
        draw.text(places[0], shape.text, fill=colour, font=ImageFont.load_default(size * scale), anchor=anchor)
    elif shape.kind == "area":
        draw.polygon(places, fill=colour)
    elif len(places) == 1:
        (x, y), radius = places[0], size * scale / 2
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    else:
        for part in _dashes(places, DASHES.get(shape.kind), scale):
            draw.line(part, fill=colour, width=round(size * scale), joint="curve")


def _dashes(places: Sequence[Place], dash: tuple[float, float] | None, scale: int) -> Iterator[list[Place]]:
    """A path, or the parts of it that are drawn where it is dashed."""
    if dash is None:
        yield list(places)
        return
    on, off = (length * scale for length in dash)
    done = 0.0
    for (x, y), (to_x, to_y) in itertools.pairwise(places):
        length = math.hypot(to_x - x, to_y - y)
        at = 0.0
        while at < length:
            phase = (done + at) % (on + off)
            step = min((on if phase < on else on + off) - phase + 1e-6, length - at)
            if phase < on:
                yield [
                    (x + (to_x - x) * share, y + (to_y - y) * share) for share in (at / length, (at + step) / length)
                ]
            at += step
        done += length
