"""Lines made up and drawn here: for the demo, for tests, for a first look without data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from random import Random

from PIL import Image

from thulium.data.line import Line, Origin, SplitName
from thulium.ingest.synthetic.hand import Hand, invent
from thulium.ingest.synthetic.render import draw
from thulium.ingest.synthetic.text import KINDS, line
from thulium_dsl.grammar.spec import SyntheticDataset

LINES_PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class SyntheticUnit:
    """Some lines of one page, all of them but for the last page."""

    split: SplitName
    page: int
    num_lines: int


def units(dataset: SyntheticDataset, needs_text: bool = True) -> list[SyntheticUnit]:
    """The pages of an endless made-up archive that hold the lines asked for, each of one writer and kind of document.

    A line depends on seed, split and its number only: asking for more keeps the earlier ones, byte for byte.
    No text and no writer is in two splits.
    """
    wanted: dict[SplitName, int] = {"train": dataset.lines.train, "val": dataset.lines.val, "test": dataset.lines.test}
    return [
        SyntheticUnit(split, first // LINES_PER_PAGE, min(LINES_PER_PAGE, num_lines - first))
        for split, num_lines in wanted.items()
        for first in range(0, num_lines, LINES_PER_PAGE)
    ]


def names(_found: list[SyntheticUnit], _dataset: SyntheticDataset) -> Iterator[Origin]:
    """Nothing: there are no lists."""
    yield from ()


def read(unit: SyntheticUnit, dataset: SyntheticDataset, needs_text: bool = True) -> Iterator[Line]:
    """The lines of a page, drawn when they are asked for.

    Raises:
        DataError: a font package is missing, or lacks a symbol.
    """
    kind, hand = _page(dataset.seed, unit.split, unit.page)
    page = f"{unit.split}-p{unit.page:03d}"
    first = unit.page * LINES_PER_PAGE
    for number in range(first, first + unit.num_lines):
        rng = _rng(dataset.seed, unit.split, "line", number)
        text = line(rng, kind=kind, split=unit.split)
        yield Line(
            id=f"{unit.split}-{number:05d}",
            text=text,
            page=page,
            document=page,
            writer=page,
            split=unit.split,
            source=f"synthetic:{unit.split}:{number}",
            load=_Drawing(text, hand, rng),
        )


@dataclass(frozen=True, slots=True)
class _Drawing:
    text: str
    hand: Hand
    rng: Random

    def __call__(self) -> Image.Image:
        return draw(self.text, self.hand, copy(self.rng))  # each call draws the same line


def _page(seed: int, split: str, page: int) -> tuple[str, Hand]:
    rng = _rng(seed, split, "page", page)
    return rng.choice(KINDS), invent(rng)


def _rng(*key: object) -> Random:
    """Random numbers of their own for each key, the same in every process and on every machine."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return Random(int.from_bytes(digest, "big"))
