"""Augmentation: what each transform does, and what its draws depend on."""

import numpy as np
import pytest
from PIL import Image

from thulium.data.augment import TRANSFORMS, Augmenter
from thulium_dsl.spec import AugmentationSpec, GaussianNoise, RandomBrightness, RandomRotation, RandomScale

SPECS = {
    "random_rotation": lambda **c: RandomRotation(**({"type": "random_rotation", "p": 1.0, "degrees": 3.0} | c)),
    "random_scale": lambda **c: RandomScale(**({"type": "random_scale", "p": 1.0, "range": (0.8, 1.2)} | c)),
    "gaussian_noise": lambda **c: GaussianNoise(**({"type": "gaussian_noise", "p": 1.0, "std": 0.05} | c)),
    "random_brightness": lambda **c: RandomBrightness(
        **({"type": "random_brightness", "p": 1.0, "range": (0.5, 0.9)} | c)
    ),
}
STRONGER = {
    "random_rotation": {"degrees": 9.0},
    "random_scale": {"range": (0.5, 0.6)},
    "gaussian_noise": {"std": 0.5},
    "random_brightness": {"range": (0.1, 0.2)},
}


@pytest.fixture
def line():
    image = Image.new("L", (120, 32), 230)
    image.paste(20, (10, 8, 110, 24))
    return image


def augmenter(*transforms, seed=1, enabled=True):
    return Augmenter(AugmentationSpec(enabled=enabled, transforms=transforms), seed)


@pytest.mark.parametrize("name", SPECS)
def test_pixels_depend_on_seed_epoch_and_line_and_on_nothing_else(line, name):
    spec = SPECS[name]()
    first = augmenter(spec)(line, 3, "a")
    augmenter(spec)(line, 1, "z")
    assert augmenter(spec)(line, 3, "a").tobytes() == first.tobytes()
    others = [augmenter(spec)(line, 4, "a"), augmenter(spec)(line, 3, "b"), augmenter(spec, seed=2)(line, 3, "a")]
    assert all(other.tobytes() != first.tobytes() for other in others)


@pytest.mark.parametrize("name", SPECS)
def test_a_stronger_setting_changes_the_line_more(line, name):
    def change(**options):
        images = [augmenter(SPECS[name](**options))(line, 0, str(i)).resize(line.size) for i in range(20)]
        return np.mean([np.abs(np.asarray(image, float) - np.asarray(line, float)).mean() for image in images])

    assert change(**STRONGER[name]) > 1.5 * change()


@pytest.mark.parametrize("name", SPECS)
def test_p_is_the_share_of_the_lines_that_change(line, name):
    applied = [augmenter(SPECS[name](p=0.3))(line, 0, str(i)).tobytes() != line.tobytes() for i in range(300)]
    assert 0.2 < np.mean(applied) < 0.4
    assert augmenter(SPECS[name](p=0.0))(line, 0, "a") is line


@pytest.mark.parametrize("name", SPECS)
def test_the_height_stays(line, name):
    assert augmenter(SPECS[name](**STRONGER[name]))(line, 0, "a").height == line.height


def test_switched_off_nothing_changes(line):
    assert augmenter(*(make() for make in SPECS.values()), enabled=False)(line, 0, "a") is line


def test_the_order_of_transforms_counts(line):
    both = [SPECS["random_brightness"](), SPECS["gaussian_noise"](std=0.5)]
    assert augmenter(*both)(line, 0, "a").tobytes() != augmenter(*both[::-1])(line, 0, "a").tobytes()


def test_a_long_line_turns_less():
    long = Image.new("L", (1200, 32), 255)
    long.paste(0, (0, 15, 1200, 17))
    ink = np.asarray(augmenter(SPECS["random_rotation"](degrees=45.0))(long, 0, "a")) < 128
    assert ink.any(axis=0).mean() > 0.95


def test_a_line_never_gets_too_narrow_for_its_text(line):
    tight = Augmenter(
        AugmentationSpec(enabled=True, transforms=(SPECS["random_scale"](range=(0.3, 0.4)),)), 1, stride=4
    )
    assert tight(line, 0, "a", "abcde" * 5).width == 100
    assert tight(line, 0, "a", "abc" * 33).width == line.width
    assert tight(line, 0, "a", "x").width < 50


def test_every_transform_is_tried_here():
    assert set(SPECS) == set(TRANSFORMS)
