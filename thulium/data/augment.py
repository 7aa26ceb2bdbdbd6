"""Random changes to training lines. Each draw depends only on seed, epoch and line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from thulium.data import shapes, tones
from thulium.data.charset import frames_needed
from thulium.data.order import Order, to_visual
from thulium_dsl.spec import AugmentationSpec

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


TRANSFORMS: dict[str, Callable[[Image.Image, Generator, Any], Image.Image]] = {
    "random_rotation": shapes.random_rotation,
    "random_scale": shapes.random_scale,
    "random_stretch": shapes.random_stretch,
    "random_shear": shapes.random_shear,
    "elastic": shapes.elastic,
    "random_dilate": tones.random_dilate,
    "random_erode": tones.random_erode,
    "gaussian_blur": tones.gaussian_blur,
    "gaussian_noise": tones.gaussian_noise,
    "random_brightness": tones.random_brightness,
    "random_contrast": tones.random_contrast,
    "random_gamma": tones.random_gamma,
    "random_cutout": tones.random_cutout,
}
