"""Moves of the ink of several lines at once: transforms that follow one another, composed into one warp. N lines.

For each pixel that comes out, the transforms are followed back, the last one first, to the place in the line that it is
taken from. Places are in pixels of a line, 0 at the outer edge of the first pixel and the width at that of the last.

A line's pixels depend on nothing of its batch, to the bit: places are rounded to binary fractions of a pixel, and the
picture is widened to a power of two, so that what ``grid_sample`` makes of both is exact for any width of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from thulium.data.augmentation.draws import Drawn
from thulium.data.augmentation.geometric import Bent, Rotated, Scaled, Sheared
from thulium.data.augmentation.on_device.tones import (
    Floats,
    Ints,
    blurred,
    each,
    filled,
    floats,
    kernel_of,
    sent,
    stacked,
)

FINE = 1024  # fractions of a pixel, and of a cell of a grid: with 2 to the 14 pixels still exact in float32
BILINEAR = 1 / 6  # variance of interpolation between two pixels, in the mean of all places between them
Places = tuple[Tensor, Tensor, Tensor]  # x and y, and whether they lie in all pictures so far: broadcast to (N, H, W)
Back = Callable[[Places], Places]


@dataclass(frozen=True)
class Shifted:
    """x and y from an affine map, for lines that are so wide before it.

    Attributes:
        x, y: (N, 3): factors on x and y, and what is added.
        widths: (N,) before.
        height: pixels.
    """

    x: Floats
    y: Floats
    widths: Ints
    height: int

    def __call__(self, places: Places) -> Places:
        x, y, is_inside = places
        x, y = _mapped(self.x, x, y), _mapped(self.y, x, y)
        width = each(self.widths, x)
        return x, y, is_inside & (x >= 0) & (x < width) & (y >= 0) & (y < self.height)


def _mapped(numbers: Floats, x: Tensor, y: Tensor) -> Tensor:
    """Adding 0 times a place would change nothing of it, and take as long as anything else."""
    of_x, of_y, added = (each(np.ascontiguousarray(column), x) for column in numbers.T)
    if not numbers[:, 1].any():
        return of_x * x + added
    if not numbers[:, 0].any():
        return of_y * y + added
    return of_x * x + of_y * y + added


@dataclass(frozen=True)
class Pushed:
    """x and y moved by what a grid says there.

    Attributes:
        moves: (N, 2, R, C): to the right and down, pixels; a grid ends where its line does, and the rest is 0.
        cells: (N, 2): how many lie beside and above each other in a pixel.
    """

    moves: Floats
    cells: Floats

    def __call__(self, places: Places) -> Places:
        x, y, is_inside = places
        across, down = (
            _normal(place * each(np.ascontiguousarray(cells), place), size - 1).expand(is_inside.shape)
            for place, cells, size in zip((x, y), self.cells.T, self.moves.shape[:1:-1], strict=True)
        )
        grid = torch.stack((across, down), dim=-1)
        moved = functional.grid_sample(sent(self.moves, x), grid, padding_mode="border", align_corners=True)
        return x + moved[:, 0], y + moved[:, 1], is_inside


def _normal(places: Tensor, length: int) -> Tensor:
    """From -1 to 1 over a length, which is a power of two where this is to be exact."""
    return (places * FINE).round_() * (2 / (FINE * length)) - 1


@dataclass(frozen=True)
class Warp:
    """One warp of some lines.

    Attributes:
        back: the transforms, the last one first.
        kernels: down and across, (N, taps): what the lines are smoothed with before, as far as Pillow, which takes one
            transform after the other and smooths in each, would smooth more than this one warp.
        widths: (N,) before.
        papers: (N,) grey values, for what comes from outside.
    """

    back: tuple[Back, ...]
    kernels: tuple[Floats, Floats]
    widths: Ints
    papers: Floats

    def __call__(self, values: Tensor) -> Tensor:
        """From (N, H, W) to the same shape; see ``tones``."""
        num, height, width = values.shape
        x, y = (torch.arange(length, device=values.device) + 0.5 for length in (width, height))
        x, y = x.expand(num, 1, -1), y[:, None].expand(num, -1, 1)
        places: Places = (x, y, torch.ones((num, height, width), dtype=torch.bool, device=values.device))
        for step in self.back:
            places = step(places)
        source = blurred(filled(values, self.widths, _power_of_two(width)), *self.kernels)
        lengths = (source.shape[-1], height)
        grid = torch.stack(
            [
                _normal(place, length).expand(num, height, width)
                for place, length in zip(places[:2], lengths, strict=True)
            ],
            dim=-1,
        )
        found = functional.grid_sample(source[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
        return torch.where(places[2], found, each(self.papers, values))


def _power_of_two(length: int) -> int:
    return 1 << (length - 1).bit_length()


def warp(drawn: Sequence[Sequence[Drawn | None]], widths: Ints, height: int, papers: Floats) -> Warp:
    """The warp of some lines.

    Args:
        drawn: of each line, what each of the transforms does, the first one first; None: nothing.
        widths, papers: of the lines before.
    """
    back, now, step = list[Back](), widths, np.ones((2, len(drawn)))
    variances = np.full((2, len(drawn)), -BILINEAR)  # what the one warp does by itself
    for column in zip(*drawn, strict=True):
        if not any(column):
            continue
        back.append((_pushed if any(isinstance(one, Bent) for one in column) else _shifted)(column, now, height))
        own, shrinks = zip(*[_smoothed(one, width, height) for one, width in zip(column, now.tolist(), strict=True)])
        variances += np.transpose(own) * step**2
        step *= np.transpose(shrinks)
        now = widths_after(column, now, height)
    down, across = (stacked([_kernel(variance) for variance in row]) for row in variances.tolist())
    return Warp(tuple(reversed(back)), (down, across), widths, papers)


def widths_after(drawn: Sequence[Drawn | None], widths: Ints, height: int) -> Ints:
    """The widths of some lines after a transform."""
    return np.array([one.width(width, height) if one else width for one, width in zip(drawn, widths.tolist())])


Pair = tuple[float, float]  # down and across


def _smoothed(drawn: Drawn | None, width: int, height: int) -> tuple[Pair, Pair]:
    """The variance of what Pillow smooths with in a transform, square pixels, and how many pixels become one.

    Between two pixels it takes a share of both; of many, as many more as one shrunk pixel has.
    """
    if isinstance(drawn, Scaled):
        shrinks = height / drawn.to_height, width / drawn.to_width
        down, across = (BILINEAR * max(1.0, shrink) ** 2 if shrink != 1 else 0.0 for shrink in shrinks)
        return (down, across), shrinks
    return (BILINEAR * isinstance(drawn, (Rotated, Bent)), BILINEAR * (drawn is not None)), (1.0, 1.0)


def _kernel(variance: float) -> Floats:
    """Smooths with a variance, square pixels; a negative one means that there is enough already."""
    if variance <= 0:
        return floats([1])
    return floats([variance / 2, 1 - variance, variance / 2]) if variance <= 0.5 else kernel_of(math.sqrt(variance))


def _shifted(drawn: Sequence[Drawn | None], widths: Ints, height: int) -> Shifted:
    numbers = np.array([_affine(one, width, height) for one, width in zip(drawn, widths.tolist())], np.float32)
    return Shifted(numbers[:, 0], numbers[:, 1], widths, height)


Affine = tuple[tuple[float, float, float], tuple[float, float, float]]


def _affine(drawn: Drawn | None, width: int, height: int) -> Affine:
    """Where a pixel of the picture after a transform was before it: factors on x and y, and what is added."""
    if isinstance(drawn, Rotated):
        angle, x, y = math.radians(drawn.angle), width / 2, height / 2
        cosine, sine = math.cos(angle), math.sin(angle)
        return (cosine, -sine, x - cosine * x + sine * y), (sine, cosine, y - sine * x - cosine * y)
    if isinstance(drawn, Scaled):
        down = height / drawn.to_height
        return (width / drawn.to_width, 0.0, 0.0), (0.0, down, -drawn.top * down)
    if isinstance(drawn, Sheared):
        return (1.0, -drawn.slope, 0.5 * drawn.slope + min(0.0, drawn.slope * (height - 1))), (0.0, 1.0, 0.0)
    return (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def _pushed(drawn: Sequence[Drawn | None], widths: Ints, height: int) -> Pushed:
    grids = [one for one in drawn if isinstance(one, Bent)]
    rows, columns = (_power_of_two(max(one.moves.shape[axis] for one in grids) - 1) + 1 for axis in (1, 2))
    moves, cells = np.zeros((len(drawn), 2, rows, columns), np.float32), np.zeros((len(drawn), 2), np.float32)
    for place, one in enumerate(drawn):
        if isinstance(one, Bent):
            _, down, across = one.moves.shape
            moves[place, :, :down, :across] = one.moves[::-1]
            cells[place] = (across - 1) / widths[place], (down - 1) / height
    return Pushed(moves, cells)


MOVES = (Rotated, Scaled, Sheared, Bent)
