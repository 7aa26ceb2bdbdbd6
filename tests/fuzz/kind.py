"""What a kind of input is to the fuzzer."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of input.

    Attributes:
        make: writes small valid files into a folder, the same ones whenever it is asked.
        change: from that folder, some files by their name, with what they hold now; names may be new.
        read: reads a folder as Thulium does, given the number of the case; raises ThuliumError where it is refused.
    """

    name: str
    make: Callable[[Path], None]
    change: Callable[[Path, random.Random], Mapping[str, bytes]]
    read: Callable[[Path, int], None]


def pick(folder: Path, rng: random.Random, *patterns: str) -> Path:
    """One of the files in a folder, or below it, that a pattern fits."""
    return rng.choice(sorted(path for pattern in patterns for path in folder.glob(pattern)))
