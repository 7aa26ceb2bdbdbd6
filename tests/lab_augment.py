"""What the tests of augmentation share: each transform as the schema has it, and a value beside which that is mild."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from thulium.data.augmentation.augmenter import Augmenter
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.building import build
from thulium_dsl.grammar.spec import AugmentationSpec, TransformSpec

BRANCHES = schemas.branches(schemas.find("augmentation.transforms")[0].schema["items"])
# Of each transform each option, but p: a value beside which the default is mild.
STRONGER: dict[tuple[str, str], Any] = {
    ("random_rotation", "degrees"): 9.0,
    ("random_scale", "range"): (0.5, 0.6),
    ("random_stretch", "width"): (0.4, 0.5),
    ("random_stretch", "height"): (0.4, 0.5),
    ("random_shear", "degrees"): 50.0,
    ("elastic", "strength"): 0.2,
    ("random_dilate", "size"): 5,
    ("random_erode", "size"): 5,
    ("gaussian_blur", "radius"): 4.0,
    ("gaussian_noise", "std"): 0.5,
    ("random_brightness", "range"): (0.1, 0.2),
    ("random_contrast", "range"): (0.1, 0.2),
    ("random_gamma", "range"): (4.0, 6.0),
    ("random_cutout", "holes"): 20,
    ("random_cutout", "size"): 1.5,
}


def transform(name: str, **options: Any) -> TransformSpec:
    """A transform that is always applied, its other options as the schema has them."""
    usual = {key: part["default"] for key, part in BRANCHES[name]["properties"].items() if part}
    return replace(build(TransformSpec, {"type": name, **usual, "p": 1.0}), **options)


def augmenter(*transforms: TransformSpec, seed: int = 1, enabled: bool = True, stride: int = 1) -> Augmenter:
    """One of some transforms."""
    return Augmenter(AugmentationSpec(enabled=enabled, transforms=transforms), seed, stride)
