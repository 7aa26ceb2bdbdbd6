"""Random changes to training lines. Each draw depends only on seed, epoch, transform and line: a transform more, or one
less, leaves those of the others as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from PIL import Image

from thulium.data.augmentation import geometric as shapes
from thulium.data.augmentation import photometric as tones
from thulium.data.augmentation.draws import Draws
from thulium.data.bidi import Order, to_visual
from thulium.data.charset import frames_needed
from thulium_dsl.grammar.spec import AugmentationSpec, TransformSpec


class Augmenter:
    """Applies the transforms of a document to a line.

    The same (seed, epoch, line id) gives the same pixels, whatever process asks and in whatever order.
    """

    def __init__(self, augmentation: AugmentationSpec, seed: int, stride: int = 1, order: Order = "logical") -> None:
        """Take the transforms of a document; ``stride`` is the pixels in one of the model's frames."""
        self.transforms = augmentation.transforms if augmentation.enabled else ()
        self.seed, self.stride, self.order = seed, stride, order
        self._named = tuple(_named(self.transforms))

    def __call__(self, image: Image.Image, epoch: int, line_id: str, text: str = "") -> Image.Image:
        """The line as the epoch sees it; its height stays, its width may change.

        It is never made so narrow that its text no longer fits the model's frames.
        """
        least = min(image.width, self.least_width(text))
        for name, spec in self._named:
            draws = Draws(self.seed, epoch, name, line_id)
            if draws.random() < spec.p:
                image = TRANSFORMS[spec.type](image, draws if spec.type in WIDTHS else draws.generator(), spec)
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
        for name, spec in self._named:
            if spec.type in WIDTHS:
                draws = Draws(self.seed, epoch, name, line_id)
                if draws.random() < spec.p:
                    width = WIDTHS[spec.type](width, height, draws, spec)
        return max(width, min(before, least))

    def least_width(self, text: str) -> int:
        """Pixels that a text needs to fit the model's frames."""
        return self.stride * frames_needed(to_visual(text, self.order))


def _named(transforms: Sequence[TransformSpec]) -> Iterator[tuple[str, TransformSpec]]:
    """Each with a name of its own: the second of a type is another than the first."""
    seen: Counter[str] = Counter()
    for spec in transforms:
        seen[spec.type] += 1
        yield f"{spec.type} {seen[spec.type]}", spec


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
