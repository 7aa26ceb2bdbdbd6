"""Transforms that move the ink of a line: turned, stretched, slanted, bent. H and W pixels; paper fills what is new.

What is drawn, and how it is applied to a grey image with Pillow. What changes the width draws it first, so that the
widths of an epoch are told without pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from thulium.data.augmentation.draws import Drawn, Draws
from thulium.data.images.grey import paper_value
from thulium_dsl.grammar.spec import Elastic, RandomRotation, RandomScale, RandomShear, RandomStretch

# Of the cells of a grid, in the order in which Pillow wants them: upper left, lower left, lower right, upper right.
_CORNERS = (np.s_[:-1, :-1], np.s_[1:, :-1], np.s_[1:, 1:], np.s_[:-1, 1:])
NO_FOLD = 0.4  # of the spacing, moved towards each other, leave two points in their order and a fifth apart


@dataclass(frozen=True, slots=True)
class Rotated(Drawn):
    """Turned about its centre, by no more than moves the line's ends by a quarter of its height.

    Attributes:
        angle: degrees, against the clock.
    """

    angle: float

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: RandomRotation) -> Rotated:
        most = min(spec.degrees, math.degrees(math.asin(min(1.0, height / (2 * width)))))
        return cls(draws.generator().uniform(-most, most))

    def on(self, image: Image.Image) -> Image.Image:
        return image.rotate(self.angle, Image.Resampling.BILINEAR, fillcolor=paper_value(image))


@dataclass(frozen=True, slots=True)
class Scaled(Drawn):
    """Width and height scaled by a factor each; the picture keeps its height, with paper above and below.

    Attributes:
        to_width: what comes out.
        to_height: of the writing in it.
        top: the row where the writing begins; negative where its upper part is cut off.
    """

    to_width: int
    to_height: int
    top: int

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: RandomScale | RandomStretch) -> Scaled:
        wide, high = (spec.range, spec.range) if isinstance(spec, RandomScale) else (spec.width, spec.height)
        to_width = max(1, round(width * draws.uniform(*wide)))
        to_height = max(1, round(height * draws.uniform(*high)))
        return cls(to_width, to_height, round((height - to_height) * draws.uniform()))

    def on(self, image: Image.Image) -> Image.Image:
        scaled = image.resize((self.to_width, self.to_height), Image.Resampling.BILINEAR)
        canvas = Image.new("L", (self.to_width, image.height), paper_value(image))
        canvas.paste(scaled, (0, self.top))
        return canvas

    def width(self, _width: int, _height: int) -> int:
        return self.to_width


@dataclass(frozen=True, slots=True)
class Sheared(Drawn):
    """Slanted: each row pushed aside by its place, in a picture that is as much wider.

    Attributes:
        slope: pixels aside from one row to the next one below.
    """

    slope: float

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: RandomShear) -> Sheared:
        return cls(math.tan(math.radians(draws.uniform(-spec.degrees, spec.degrees))))

    def on(self, image: Image.Image) -> Image.Image:
        """Row by row in integers, since Pillow's affine transform takes seven times as long."""
        height, width, paper = image.height, image.width, paper_value(image)
        aside = self.slope * np.arange(height)
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

    def width(self, width: int, height: int) -> int:
        return width + 1 + math.floor(abs(self.slope) * (height - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Bent(Drawn):
    """Bent like rubber that is held at its border: points of a grid move, what lies between follows.

    Source: Simard et al. 2003, Best Practices for Convolutional Neural Networks; a grid with bilinear patches instead
    of a smoothed field of one vector a pixel, as in Wigington et al. 2017, Data Augmentation for Recognition of
    Handwritten Words and Lines.

    Attributes:
        rows, columns: places of the grid's lines, pixels.
        moves: (2, rows, columns) float64, pixels down and to the right from a point to where its grey value was before.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    moves: npt.NDArray[np.float64]

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: Elastic) -> Bent:
        rows, columns = _ticks(height, spec.spacing * height), _ticks(width, spec.spacing * height)
        moves = draws.generator().uniform(-1, 1, size=(2, len(rows), len(columns)))
        for move, steps, border in ((moves[0], rows, np.s_[[0, -1], :]), (moves[1], columns, np.s_[:, [0, -1]])):
            move *= min(spec.strength * height, NO_FOLD * (steps[1] - steps[0]))
            move[border] = 0
        return cls(rows, columns, moves)

    def on(self, image: Image.Image) -> Image.Image:
        y, x = np.meshgrid(self.rows, self.columns, indexing="ij")
        x_from, y_from = x + self.moves[1], y + self.moves[0]
        corners = np.stack([part for place in _CORNERS for part in (x_from[place], y_from[place])], axis=2)
        boxes = np.stack([x[:-1, :-1], y[:-1, :-1], x[1:, 1:], y[1:, 1:]], axis=2)
        cells = list(zip(map(tuple, boxes.reshape(-1, 4).tolist()), corners.reshape(-1, 8).tolist()))
        return image.transform(
            image.size, Image.Transform.MESH, cells, Image.Resampling.BILINEAR, fillcolor=paper_value(image)
        )


def _ticks(length: int, spacing: float) -> tuple[int, ...]:
    """Places from 0 to a length in pixels, evenly and about so far apart."""
    num = max(1, round(length / spacing))
    return tuple(round(length * i / num) for i in range(num + 1))
