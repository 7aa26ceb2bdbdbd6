"""What is drawn for a line, apart from its pixels; and random numbers that cost little to begin: a generator of numpy's
takes ten times as long to make as to ask."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Any

import numpy as np
from PIL import Image


class Draws:
    """Up to eight uniform numbers, a function of what the object is made of and of nothing else."""

    def __init__(self, *key: int | str) -> None:
        digest = blake2b("\0".join(map(str, key)).encode(), digest_size=64).digest()
        self._values = iter(struct.unpack("<8Q", digest))

    def random(self) -> float:
        """The next number, at least 0 and less than 1."""
        bits: int = next(self._values)
        return (bits >> 11) * 2.0**-53

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """The next number, between two others."""
        return low + (high - low) * self.random()

    def seed(self) -> int:
        """The next number as a seed, 64 bits."""
        bits: int = next(self._values)
        return bits

    def generator(self) -> np.random.Generator:
        """One of numpy's that begins with the next number, for what needs many or others than uniform ones."""
        return np.random.default_rng(self.seed())


class Drawn:
    """What one transform does to a line: numbers, drawn from its size and the options. Whoever applies it, here with
    Pillow or on the model's device (``on_device``), makes the same picture of it."""

    __slots__ = ()

    @classmethod
    def draw(cls, draws: Draws, width: int, height: int, spec: Any) -> Drawn:
        """Draw for a line of so many pixels, by the options of the document."""
        raise NotImplementedError

    def on(self, image: Image.Image) -> Image.Image:
        """Applied to a grey image (mode "L", 0 is black); the height stays."""
        raise NotImplementedError

    def width(self, width: int, _height: int) -> int:
        """The width that a line of so many pixels comes out with."""
        return width

    def paper(self, value: float) -> float:
        """The grey value that paper of this one comes out with."""
        return value
