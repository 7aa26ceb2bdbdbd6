"""Random numbers that cost little to begin: a generator of numpy's takes ten times as long to make as to ask."""

from __future__ import annotations

import struct
from hashlib import blake2b

import numpy as np


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

    def generator(self) -> np.random.Generator:
        """One of numpy's that begins with the next number, for what needs many or others than uniform ones."""
        return np.random.default_rng(next(self._values))
