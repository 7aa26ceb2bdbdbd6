"""Lines made up and drawn here: for the demo, for tests, for a first look without data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from random import Random

from thulium.data.line import Line
from thulium.data.synthetic.hand import Hand, invent
from thulium.data.synthetic.render import draw
from thulium.data.synthetic.text import KINDS, line

LINES_PER_PAGE = 25


def read(*, num_lines: int, seed: int, split: str) -> Iterator[Line]:
    """The first lines of an endless made-up archive: page after page, each of one writer and one kind of document.

    A line depends on seed, split and its number only: asking for more keeps the earlier ones, byte for byte.
    No text and no writer is in two splits.

    Args:
        num_lines: how many, 0 or more.
        seed: another seed, another archive.
        split: "train", "val" or "test".

    Raises:
        DataError: a font package is missing, or lacks a symbol.
    """
    for number in range(num_lines):
        page, position = divmod(number, LINES_PER_PAGE)
        if position == 0:
            kind, hand = _page(seed, split, page)
        rng = _rng(seed, split, "line", number)
        text = line(rng, kind=kind, split=split)
        yield Line(
            id=f"{split}-{number:05d}",
            image=draw(text, hand, rng),
            text=text,
            page=f"{split}-p{page:03d}",
            source=f"synthetic:{split}:{number}",
        )


def _page(seed: int, split: str, page: int) -> tuple[str, Hand]:
    rng = _rng(seed, split, "page", page)
    return rng.choice(KINDS), invent(rng)


def _rng(*key: object) -> Random:
    """Random numbers of their own for each key, the same in every process and on every machine."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return Random(int.from_bytes(digest, "big"))
