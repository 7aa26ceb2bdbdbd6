"""Transforms that change the grey values of a line and leave its ink where it is. H and W pixels.

What is drawn, and how it is applied to a grey image with Pillow; the size stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageFilter

from thulium.data.augmentation.draws import Drawn, Draws
from thulium.data.images.grey import paper_value
from thulium_dsl.grammar.spec import (
    GaussianBlur,
    GaussianNoise,
    RandomBrightness,
    RandomContrast,
    RandomCutout,
    RandomDilate,
    RandomErode,
    RandomGamma,
)

Values = np.ndarray[Any, Any]
Rectangle = tuple[int, int, int, int]  # left, top, right and bottom, pixels; the last two are outside


@dataclass(frozen=True, slots=True)
class Spread(Drawn):
    """Each pixel goes a share of the way to the extreme of a square around it.

    Attributes:
        share: from 0 to 1.
        size: side of the square, pixels.
    """

    extreme: ClassVar[Callable[..., Values]]
    share: float
    size: int

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: RandomDilate | RandomErode) -> Spread:
        return cls(draws.generator().uniform(), spec.size)

    def on(self, image: Image.Image) -> Image.Image:
        before, height, width = self.size // 2, image.height, image.width
        values = np.pad(np.asarray(image), (before, self.size - 1 - before), mode="edge")
        values = reduce(self.extreme, [values[start : start + height] for start in range(self.size)])
        values = reduce(self.extreme, [values[:, start : start + width] for start in range(self.size)])
        return Image.blend(image, Image.fromarray(values), self.share)


class Dilated(Spread):
    """Ink thickened: towards the darkest."""

    __slots__ = ()
    extreme = np.minimum


class Eroded(Spread):
    """Ink thinned: towards the lightest."""

    __slots__ = ()
    extreme = np.maximum


@dataclass(frozen=True, slots=True)
class Blurred(Drawn):
    """Blurred, by a draw between not at all and the radius.

    Attributes:
        radius: standard deviation, pixels.
    """

    radius: float

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: GaussianBlur) -> Blurred:
        return cls(draws.generator().uniform(0, spec.radius))

    def on(self, image: Image.Image) -> Image.Image:
        return image.filter(ImageFilter.GaussianBlur(self.radius))


@dataclass(frozen=True, slots=True)
class Noisy(Drawn):
    """Every pixel moved by a draw of its own.

    Attributes:
        seed: of a generator for the pixels.
        deviation: standard deviation, grey values.
    """

    seed: int
    deviation: float

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: GaussianNoise) -> Noisy:
        return cls(draws.seed(), 255 * spec.std)

    def on(self, image: Image.Image) -> Image.Image:
        values = np.random.default_rng(self.seed).standard_normal((image.height, image.width), dtype=np.float32)
        values *= self.deviation
        values += np.asarray(image)
        return Image.fromarray(values.clip(0, 255, out=values).astype(np.uint8))


@dataclass(frozen=True, slots=True)
class Brightened(Drawn):
    """All grey values multiplied by one factor."""

    factor: float

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: RandomBrightness) -> Brightened:
        return cls(draws.generator().uniform(*spec.range))

    def on(self, image: Image.Image) -> Image.Image:
        return image.point([min(255, round(value * self.factor)) for value in range(256)])

    def paper(self, value: float) -> float:
        return min(255.0, value * self.factor)


@dataclass(frozen=True, slots=True)
class Contrasted(Drawn):
    """All distances from the paper's grey multiplied by one factor: the ink fades or grows darker, the paper stays."""

    factor: float

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: RandomContrast) -> Contrasted:
        return cls(draws.generator().uniform(*spec.range))

    def on(self, image: Image.Image) -> Image.Image:
        factor, paper = self.factor, paper_value(image)
        return image.point([min(255, max(0, round(paper + (value - paper) * factor))) for value in range(256)])


@dataclass(frozen=True, slots=True)
class Raised(Drawn):
    """All grey values, from 0 to 1, raised to one power."""

    exponent: float

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: RandomGamma) -> Raised:
        return cls(draws.generator().uniform(*spec.range))

    def on(self, image: Image.Image) -> Image.Image:
        return image.point([round(self.paper(value)) for value in range(256)])

    def paper(self, value: float) -> float:
        raised: float = 255 * (value / 255) ** self.exponent
        return raised


@dataclass(frozen=True, slots=True)
class Covered(Drawn):
    """Up to so many rectangles of paper over the line, each with sides of up to so many pixels.

    Source: DeVries & Taylor 2017, Improved Regularization of Convolutional Neural Networks with Cutout; ours are
    rectangles, and several.
    """

    rectangles: tuple[Rectangle, ...]

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: RandomCutout) -> Covered:
        generator, found = draws.generator(), []
        for _ in range(generator.integers(1, spec.holes, endpoint=True)):
            wide, high = (max(1, round(side)) for side in generator.uniform(0, spec.size * height, size=2))
            left, top = map(round, generator.uniform(size=2) * (width - wide, height - high))
            found.append((left, top, left + wide, top + high))
        return cls(tuple(found))

    def on(self, image: Image.Image) -> Image.Image:
        covered, paper = image.copy(), paper_value(image)
        for rectangle in self.rectangles:
            covered.paste(paper, rectangle)
        return covered
