"""Random changes to training lines. Each draw depends only on seed, epoch and line."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from thulium.data.charset import frames_needed
from thulium.data.image import paper_value
from thulium.data.order import Order, to_visual
from thulium_dsl.spec import AugmentationSpec, GaussianNoise, RandomBrightness, RandomRotation, RandomScale

Generator = np.random.Generator


class Augmenter:
    """Applies the transforms of a document to a line.

    The same (seed, epoch, line id) gives the same pixels, whatever process asks and in whatever order.
    """

    def __init__(self, augmentation: AugmentationSpec, seed: int, stride: int = 1, order: Order = "logical") -> None:
        """Take the transforms of a document; ``stride`` is the pixels in one of the model's frames."""
        self.transforms = augmentation.transforms if augmentation.enabled else ()
        self.seed, self.stride, self.order = seed, stride, order

    def __call__(self, image: Image.Image, epoch: int, line_id: str, text: str = "") -> Image.Image:
        """The line as the epoch sees it; its height stays, its width may change.

        It is never made so narrow that its text no longer fits the model's frames.
        """
        least = min(image.width, self.stride * frames_needed(to_visual(text, self.order)))
        digest = hashlib.sha256(line_id.encode()).digest()
        generator = np.random.default_rng([self.seed, epoch, int.from_bytes(digest[:8], "little")])
        for spec in self.transforms:
            if generator.random() < spec.p:
                image = TRANSFORMS[spec.type](image, generator, spec)
        if image.width < least:
            image = image.resize((least, image.height), Image.Resampling.BILINEAR)
        return image


def random_rotation(image: Image.Image, generator: Generator, spec: RandomRotation) -> Image.Image:
    """Turned about its centre, by no more than moves the line's ends by a quarter of its height."""
    most = min(spec.degrees, math.degrees(math.asin(min(1.0, image.height / (2 * image.width)))))
    angle = generator.uniform(-most, most)
    return image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=paper_value(image))


def random_scale(image: Image.Image, generator: Generator, spec: RandomScale) -> Image.Image:
    """Width and height scaled by a factor each; the picture keeps its height, with paper above and below."""
    factor_x, factor_y = generator.uniform(*spec.range, size=2)
    width, height = max(1, round(image.width * factor_x)), max(1, round(image.height * factor_y))
    scaled = image.resize((width, height), Image.Resampling.BILINEAR)
    canvas = Image.new("L", (width, image.height), paper_value(image))
    canvas.paste(scaled, (0, round((image.height - height) * generator.uniform())))
    return canvas


def gaussian_noise(image: Image.Image, generator: Generator, spec: GaussianNoise) -> Image.Image:
    """Every pixel moved by a draw of its own."""
    noise = generator.standard_normal((image.height, image.width), dtype=np.float32) * (255 * spec.std)
    return _from_values(np.asarray(image) + noise)


def random_brightness(image: Image.Image, generator: Generator, spec: RandomBrightness) -> Image.Image:
    """All grey values multiplied by one factor."""
    factor = generator.uniform(*spec.range)
    return image.point([min(255, round(value * factor)) for value in range(256)])


def _from_values(values: np.ndarray[Any, Any]) -> Image.Image:
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


TRANSFORMS: dict[str, Callable[[Image.Image, Generator, Any], Image.Image]] = {
    "random_rotation": random_rotation,
    "random_scale": random_scale,
    "gaussian_noise": gaussian_noise,
    "random_brightness": random_brightness,
}
