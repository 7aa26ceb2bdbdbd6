"""Random changes to training lines. Each draw depends only on seed, epoch, transform and line: a transform more, or one
less, leaves those of the others as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from PIL import Image

from thulium.data.augmentation import geometric as shapes
from thulium.data.augmentation import photometric as tones
from thulium.data.augmentation.draws import Drawn, Draws
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
        for drawn in self.draw(image.width, image.height, epoch, line_id, text):
            image = drawn.on(image) if drawn else image
        return image

    def draw(self, width: int, height: int, epoch: int, line_id: str, text: str = "") -> tuple[Drawn | None, ...]:
        """What happens to a line in an epoch: of each transform what was drawn, or None where the line is spared; last
        what widens a line that has become too narrow for its text.

        Args:
            width, height: of the line as it is prepared, pixels.
        """
        found, least = list[Drawn | None](), min(width, self.least_width(text))
        for name, spec in self._named:
            draws = Draws(self.seed, epoch, name, line_id)
            drawn = TRANSFORMS[spec.type].draw(draws, width, height, spec) if draws.random() < spec.p else None
            width = drawn.width(width, height) if drawn else width
            found.append(drawn)
        return (*found, shapes.Scaled(least, height, top=0) if width < least else None)

    @property
    def kinds(self) -> tuple[type[Drawn], ...]:
        """What ``draw`` gives at each place, where it gives something."""
        return (*(TRANSFORMS[spec.type] for spec in self.transforms), shapes.Scaled)

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
                    width = TRANSFORMS[spec.type].draw(draws, width, height, spec).width(width, height)
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


WIDTHS = {"random_scale", "random_stretch", "random_shear"}  # those that change the width
TRANSFORMS: dict[str, type[Drawn]] = {
    "random_rotation": shapes.Rotated,
    "random_scale": shapes.Scaled,
    "random_stretch": shapes.Scaled,
    "random_shear": shapes.Sheared,
    "elastic": shapes.Bent,
    "random_dilate": tones.Dilated,
    "random_erode": tones.Eroded,
    "gaussian_blur": tones.Blurred,
    "gaussian_noise": tones.Noisy,
    "random_brightness": tones.Brightened,
    "random_contrast": tones.Contrasted,
    "random_gamma": tones.Raised,
    "random_cutout": tones.Covered,
}
