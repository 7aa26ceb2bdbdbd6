"""Transforms that change the grey values of a line and leave its ink where it is. H and W pixels.

Each takes a grey image (mode "L", 0 is black), a generator to draw from, and its options; the size stays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

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

Generator = np.random.Generator
Values = np.ndarray[Any, Any]


def random_dilate(image: Image.Image, generator: Generator, spec: RandomDilate) -> Image.Image:
    """Ink thickened: each pixel goes a random share of the way to the darkest of a square around it."""
    return _towards(image, generator, np.minimum, spec.size)


def random_erode(image: Image.Image, generator: Generator, spec: RandomErode) -> Image.Image:
    """Ink thinned: each pixel goes a random share of the way to the lightest of a square around it."""
    return _towards(image, generator, np.maximum, spec.size)


def _towards(image: Image.Image, generator: Generator, extreme: Callable[..., Values], size: int) -> Image.Image:
    before, height, width = size // 2, image.height, image.width
    values = np.pad(np.asarray(image), (before, size - 1 - before), mode="edge")
    values = reduce(extreme, [values[start : start + height] for start in range(size)])
    values = reduce(extreme, [values[:, start : start + width] for start in range(size)])
    return Image.blend(image, Image.fromarray(values), generator.uniform())


def gaussian_blur(image: Image.Image, generator: Generator, spec: GaussianBlur) -> Image.Image:
    """Blurred, by a draw between not at all and the radius."""
    return image.filter(ImageFilter.GaussianBlur(generator.uniform(0, spec.radius)))


def gaussian_noise(image: Image.Image, generator: Generator, spec: GaussianNoise) -> Image.Image:
    """Every pixel moved by a draw of its own."""
    values = generator.standard_normal((image.height, image.width), dtype=np.float32)
    values *= 255 * spec.std
    values += np.asarray(image)
    return Image.fromarray(values.clip(0, 255, out=values).astype(np.uint8))


def random_brightness(image: Image.Image, generator: Generator, spec: RandomBrightness) -> Image.Image:
    """All grey values multiplied by one factor."""
    factor = generator.uniform(*spec.range)
    return image.point([min(255, round(value * factor)) for value in range(256)])


def random_contrast(image: Image.Image, generator: Generator, spec: RandomContrast) -> Image.Image:
    """All distances from the paper's grey multiplied by one factor: the ink fades or grows darker, the paper stays."""
    factor, paper = generator.uniform(*spec.range), paper_value(image)
    return image.point([min(255, max(0, round(paper + (value - paper) * factor))) for value in range(256)])


def random_gamma(image: Image.Image, generator: Generator, spec: RandomGamma) -> Image.Image:
    """All grey values, from 0 to 1, raised to one power."""
    exponent = generator.uniform(*spec.range)
    return image.point([round(255 * (value / 255) ** exponent) for value in range(256)])


def random_cutout(image: Image.Image, generator: Generator, spec: RandomCutout) -> Image.Image:
    """Up to so many rectangles of paper over the line, each with sides of up to so many pixels.

    Source: DeVries & Taylor 2017, Improved Regularization of Convolutional Neural Networks with Cutout; ours are
    rectangles, and several.
    """
    covered, paper = image.copy(), paper_value(image)
    for _ in range(generator.integers(1, spec.holes, endpoint=True)):
        width, height = (max(1, round(side)) for side in generator.uniform(0, spec.size * image.height, size=2))
        left, top = generator.uniform(size=2) * (image.width - width, image.height - height)
        covered.paste(paper, (round(left), round(top), round(left) + width, round(top) + height))
    return covered
