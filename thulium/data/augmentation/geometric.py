"""Transforms that move the ink of a line: turned, stretched, slanted, bent. H and W pixels; paper fills what is new.

Each takes a grey image (mode "L"), something to draw from, and its options; the height stays. What changes the width
draws from ``Draws``, the width first, so that its ``..._width`` tells it without a picture.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from thulium.data.augmentation.draws import Draws
from thulium.data.images.grey import paper_value
from thulium_dsl.grammar.spec import Elastic, RandomRotation, RandomScale, RandomShear, RandomStretch

Generator = np.random.Generator
# Of the cells of a grid, in the order in which Pillow wants them: upper left, lower left, lower right, upper right.
_CORNERS = (np.s_[:-1, :-1], np.s_[1:, :-1], np.s_[1:, 1:], np.s_[:-1, 1:])
NO_FOLD = 0.4  # of the spacing, moved towards each other, leave two points in their order and a fifth apart


def random_rotation(image: Image.Image, generator: Generator, spec: RandomRotation) -> Image.Image:
    """Turned about its centre, by no more than moves the line's ends by a quarter of its height."""
    most = min(spec.degrees, math.degrees(math.asin(min(1.0, image.height / (2 * image.width)))))
    angle = generator.uniform(-most, most)
    return image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=paper_value(image))


def random_scale(image: Image.Image, draws: Draws, spec: RandomScale) -> Image.Image:
    """Width and height scaled by a factor each; the picture keeps its height, with paper above and below."""
    return _scaled(image, scale_width(image.width, image.height, draws, spec), draws.uniform(*spec.range), draws)


def scale_width(width: int, _height: int, draws: Draws, spec: RandomScale) -> int:
    """The width that ``random_scale`` gives a line."""
    return max(1, round(width * draws.uniform(*spec.range)))


def random_stretch(image: Image.Image, draws: Draws, spec: RandomStretch) -> Image.Image:
    """The same with a range for each direction."""
    return _scaled(image, stretch_width(image.width, image.height, draws, spec), draws.uniform(*spec.height), draws)


def stretch_width(width: int, _height: int, draws: Draws, spec: RandomStretch) -> int:
    """The width that ``random_stretch`` gives a line."""
    return max(1, round(width * draws.uniform(*spec.width)))


def _scaled(image: Image.Image, width: int, factor_y: float, draws: Draws) -> Image.Image:
    height = max(1, round(image.height * factor_y))
    scaled = image.resize((width, height), Image.Resampling.BILINEAR)
    canvas = Image.new("L", (width, image.height), paper_value(image))
    canvas.paste(scaled, (0, round((image.height - height) * draws.uniform())))
    return canvas


def random_shear(image: Image.Image, draws: Draws, spec: RandomShear) -> Image.Image:
    """Slanted: each row pushed aside by its place, in a picture that is as much wider.

    Row by row in integers, since Pillow's affine transform takes seven times as long.
    """
    slope = _slope(draws, spec)
    height, width, paper = image.height, image.width, paper_value(image)
    aside = slope * np.arange(height)
    aside -= aside.min()
    whole = np.floor(aside).astype(int)
    share = np.round((aside - whole) * 256).astype(np.uint16)[:, None]  # of a pixel, in 256ths
    framed = np.full((height, width + 2), paper, np.uint16)
    framed[:, 1:-1] = np.asarray(image)
    between = ((framed[:, 1:] * (256 - share) + framed[:, :-1] * share + 128) >> 8).astype(np.uint8)
    slanted = np.full((height, width + 1 + int(whole.max())), paper, np.uint8)
    for row, start, values in zip(slanted, whole, between):
        row[start : start + width + 1] = values
    return Image.fromarray(slanted)


def shear_width(width: int, height: int, draws: Draws, spec: RandomShear) -> int:
    """The width that ``random_shear`` gives a line."""
    return width + 1 + math.floor(abs(_slope(draws, spec)) * (height - 1))


def _slope(draws: Draws, spec: RandomShear) -> float:
    return math.tan(math.radians(draws.uniform(-spec.degrees, spec.degrees)))


def elastic(image: Image.Image, generator: Generator, spec: Elastic) -> Image.Image:
    """Bent like rubber that is held at its border: points of a grid move, what lies between follows.

    Source: Simard et al. 2003, Best Practices for Convolutional Neural Networks; a grid with bilinear patches instead
    of a smoothed field of one vector a pixel, as in Wigington et al. 2017, Data Augmentation for Recognition of
    Handwritten Words and Lines.
    """
    width, height = image.size
    rows, columns = _ticks(height, spec.spacing * height), _ticks(width, spec.spacing * height)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    moves = generator.uniform(-1, 1, size=(2, *y.shape))
    for move, steps, border in ((moves[0], rows, np.s_[[0, -1], :]), (moves[1], columns, np.s_[:, [0, -1]])):
        move *= min(spec.strength * height, NO_FOLD * (steps[1] - steps[0]))
        move[border] = 0
    x_from, y_from = x + moves[1], y + moves[0]
    corners = np.stack([part for place in _CORNERS for part in (x_from[place], y_from[place])], axis=2)
    boxes = np.stack([x[:-1, :-1], y[:-1, :-1], x[1:, 1:], y[1:, 1:]], axis=2)
    cells = list(zip(map(tuple, boxes.reshape(-1, 4).tolist()), corners.reshape(-1, 8).tolist()))
    return image.transform(
        image.size, Image.Transform.MESH, cells, Image.Resampling.BILINEAR, fillcolor=paper_value(image)
    )


def _ticks(length: int, spacing: float) -> list[int]:
    """Places from 0 to a length in pixels, evenly and about so far apart."""
    num = max(1, round(length / spacing))
    return [round(length * i / num) for i in range(num + 1)]
