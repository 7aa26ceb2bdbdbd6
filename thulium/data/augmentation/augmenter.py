"""Random changes to training lines. Each draw depends only on seed, epoch and line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from thulium.data.augmentation import geometric as shapes
from thulium.data.augmentation import photometric as tones
from thulium.data.augmentation.draws import Draws
from thulium.data.bidi import Order, to_visual
from thulium.data.charset import frames_needed
from thulium_dsl.grammar.spec import AugmentationSpec


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
        least = min(image.width, self.least_width(text))
        digest = hashlib.sha256(line_id.encode()).digest()
        generator = np.random.default_rng([self.seed, epoch, int.from_bytes(digest[:8], "little")])
        for place, spec in enumerate(self.transforms):
            source = self._draws(place, epoch, line_id) if spec.type in WIDTHS else generator
            if source.random() < spec.p:
                image = TRANSFORMS[spec.type](image, source, spec)
        if image.width < least:
            image = image.resize((least, image.height), Image.Resampling.BILINEAR)
        return image

    @property
    def changes_widths(self) -> bool:
        """Whether lines come out with other widths than they went in."""
        return any(spec.type in WIDTHS for spec in self.transforms)

    def width(self, width: int, height: int, epoch: int, line_id: str, least: int = 0) -> int:
        """The width that the line will have in an epoch, told without its picture.

        Args:
            width, height: as it is prepared, pixels.
            epoch, line_id: as when it is augmented.
            least: ``least_width`` of its text.
        """
        before = width
        for place, spec in enumerate(self.transforms):
            if spec.type in WIDTHS:
                draws = self._draws(place, epoch, line_id)
                if draws.random() < spec.p:
                    width = WIDTHS[spec.type](width, height, draws, spec)
        return max(width, min(before, least))

    def least_width(self, text: str) -> int:
        """Pixels that a text needs to fit the model's frames."""
        return self.stride * frames_needed(to_visual(text, self.order))

    def _draws(self, place: int, epoch: int, line_id: str) -> Draws:
        return Draws(self.seed, epoch, place, line_id)


# Those that change the width, and how.
WIDTHS: dict[str, Callable[[int, int, Draws, Any], int]] = {
    "random_scale": shapes.scale_width,
    "random_stretch": shapes.stretch_width,
    "random_shear": shapes.shear_width,
}
TRANSFORMS: dict[str, Callable[[Image.Image, Any, Any], Image.Image]] = {
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
