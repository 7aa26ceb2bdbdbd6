"""The values of the augmentation section: a class for each transform, held to its schema like those of spec.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Union


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomRotation:
    type: Literal["random_rotation"]
    p: float
    degrees: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomScale:
    type: Literal["random_scale"]
    p: float
    range: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomStretch:
    type: Literal["random_stretch"]
    p: float
    width: tuple[float, float]
    height: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomShear:
    type: Literal["random_shear"]
    p: float
    degrees: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Elastic:
    type: Literal["elastic"]
    p: float
    strength: float  # share of the line's height
    spacing: float  # share of the line's height


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomDilate:
    type: Literal["random_dilate"]
    p: float
    size: int  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomErode:
    type: Literal["random_erode"]
    p: float
    size: int  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianBlur:
    type: Literal["gaussian_blur"]
    p: float
    radius: float  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianNoise:
    type: Literal["gaussian_noise"]
    p: float
    std: float  # share of the grey range


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomBrightness:
    type: Literal["random_brightness"]
    p: float
    range: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomContrast:
    type: Literal["random_contrast"]
    p: float
    range: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomGamma:
    type: Literal["random_gamma"]
    p: float
    range: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomCutout:
    type: Literal["random_cutout"]
    p: float
    holes: int
    size: float  # share of the line's height


TransformSpec = Union[  # noqa: UP007 (also read at run time, on Python 3.10)
    RandomRotation,
    RandomScale,
    RandomStretch,
    RandomShear,
    Elastic,
    RandomDilate,
    RandomErode,
    GaussianBlur,
    GaussianNoise,
    RandomBrightness,
    RandomContrast,
    RandomGamma,
    RandomCutout,
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationSpec:
    enabled: bool
    transforms: tuple[TransformSpec, ...]
