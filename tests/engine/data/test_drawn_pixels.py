"""What the loader draws and makes of a line stays what it was, to the byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import PIL
import pytest
from lab_augment import BRANCHES, STRONGER, augmenter, transform
from PIL import Image

from thulium.data.augmentation.augmenter import TRANSFORMS
from thulium.runtime.documents import defaults
from thulium_dsl.grammar.spec import TransformSpec

# Another Pillow may round otherwise: then there is nothing to compare with.
MADE_WITH = "13.0.0"
DIGESTS = {
    "random_rotation": "a7438facbb51da04",
    "random_scale": "f1d1e4dcdb1d1b94",
    "random_stretch": "160adf78fa95a451",
    "random_shear": "c119f7be7cd42c31",
    "elastic": "4aad47f678bc29b3",
    "random_dilate": "8b3b9c9bd9b09373",
    "random_erode": "5da2ea8cfc0d092c",
    "gaussian_blur": "08c8f2194005d973",
    "gaussian_noise": "267296373d5c1610",
    "random_brightness": "d869eaa7f60b5cd1",
    "random_contrast": "401b8e56eecf3068",
    "random_gamma": "ba0619d6c0b30218",
    "random_cutout": "8e6f5986e98ce8e0",
    "random_rotation, stronger degrees": "4368ac56b47ed76b",
    "random_scale, stronger range": "341e610f7d43398a",
    "random_stretch, stronger width": "52be0936b0aa609b",
    "random_stretch, stronger height": "37dfc56331ce6bc6",
    "random_shear, stronger degrees": "73678b7bf0eccb45",
    "elastic, stronger strength": "694cc905fab4a419",
    "random_dilate, stronger size": "e3fea523ced2f70f",
    "random_erode, stronger size": "7650696aec883650",
    "gaussian_blur, stronger radius": "53f027828b1d439d",
    "gaussian_noise, stronger std": "8f1e726f421a1726",
    "random_brightness, stronger range": "56ef1d647127fb38",
    "random_contrast, stronger range": "e4d8c22e8db1b75b",
    "random_gamma, stronger range": "e3f71b3b645587da",
    "random_cutout, stronger holes": "7425b7a48baaf7dc",
    "random_cutout, stronger size": "41b12b84ca032d35",
    "the default set": "438becc5e8147faf",
    "twice, and turned round": "e4cb7cbb0fa21ec1",
}


def lines() -> Iterator[Image.Image]:
    """Grainy paper with strokes, of several shapes: no font is asked, since fonts change."""
    generator = np.random.default_rng(5)
    for width, height in ((160, 40), (301, 32), (24, 48)):
        values = generator.integers(215, 240, (height, width))
        for left in range(5, width - 6, 9):
            top = int(generator.integers(2, height // 3))
            values[top : height - top, left : left + 3] = generator.integers(20, 90)
        yield Image.fromarray(values.astype(np.uint8))


def digest_of(*transforms: TransformSpec) -> str:
    found = hashlib.sha256()
    own = augmenter(*transforms, seed=7, stride=4)
    for number, line in enumerate(lines()):
        for epoch in range(3):
            image = own(line, epoch, f"line {number}", "a few words"[: line.width // 12])
            found.update(repr(image.size).encode() + image.tobytes())
    return found.hexdigest()[:16]


def cases() -> dict[str, tuple[TransformSpec, ...]]:
    """Each transform as the schema has it, and stronger; then several of them."""
    usual = {name: (transform(name),) for name in TRANSFORMS}
    strong = {
        f"{name}, stronger {option}": (transform(name, **{option: value}),)
        for (name, option), value in STRONGER.items()
    }
    whole = defaults().augmentation.transforms
    return {**usual, **strong, "the default set": whole, "twice, and turned round": (*whole[::-1], *whole)}


@pytest.mark.skipif(PIL.__version__ != MADE_WITH, reason=f"the digests were made with Pillow {MADE_WITH}")
@pytest.mark.parametrize("name", DIGESTS)
def test_the_pixels_are_those_that_they_were(name: str) -> None:
    assert digest_of(*cases()[name]) == DIGESTS[name]


def test_each_transform_has_its_digests() -> None:
    assert set(BRANCHES) <= DIGESTS.keys() == cases().keys()
