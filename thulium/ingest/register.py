"""Which page was in which split when data were prepared, so that the next time says which pages have moved.

``pages.ipc`` beside the prepared lines holds a row for each page: digests of its path, of its name without folders, and
of some of its line images, by which it is known again whatever it is called then; and its split.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from thulium.data.line import SplitName
from thulium.data.prepared import FOLDS
from thulium.data.shards import Split
from thulium.ingest.splitting import SPLITS
from thulium.runtime.errors import DataError

NAME = "pages.ipc"
SCHEMA = pa.schema(
    {"split": pa.string(), "page": pa.uint64(), "name": pa.uint64(), "images": pa.list_(pa.uint64())},
)
BYTES = 8  # of a digest
IMAGES = 3  # of a page, those with the smallest digests: the same ones, however its lines are ordered


@dataclass
class Register:
    """The pages of a data set, by split and path. A page that stands in two splits is two here."""

    # The page's name, and the digests of some of its images: many, where each line is a page, so they are kept small.
    pages: dict[tuple[SplitName, str], tuple[str, bytes]] = field(default_factory=dict)

    def add(self, split: SplitName, page: str, name: str, image: bytes | None) -> None:
        """Note a line.

        Args:
            page, name: its page's path and name, see ``splitting.Identity``.
            image: the digest of its image; None where others have the same by chance.
        """
        _, images = self.pages.get((split, page), (name, b""))
        if image is not None:
            images = b"".join(sorted({*_divided(images), image[:BYTES]})[:IMAGES])
        self.pages[split, page] = name, images

    def write(self, folder: Path) -> None:
        """Write it beside the prepared lines."""
        columns = {
            "split": [split for split, _ in self.pages],
            "page": np.array([_number(page) for _, page in self.pages], np.uint64),
            "name": np.array([_number(name) for name, _ in self.pages.values()], np.uint64),
            "images": [_numbers(images) for _, images in self.pages.values()],
        }
        with pa.OSFile(str(folder / NAME), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
            writer.write_table(pa.table(columns, schema=SCHEMA))

    def moved(self, before: Before) -> list[dict[str, str]]:
        """The pages that were in another split before, as the report has them."""
        moved = []
        for (split, page), (name, images) in sorted(self.pages.items(), key=lambda item: item[0][1]):
            earlier = before.splits_of(_number(page), _number(name), _numbers(images))
            if earlier and split not in earlier:
                moved.append({"page": page, "before": min(earlier, key=SPLITS.index), "now": split})
        return moved


@dataclass(slots=True)
class Before:
    """Where pages were. Each of three ways to know a page again leads to the splits that it was in."""

    by_page: dict[int, set[SplitName]] = field(default_factory=lambda: defaultdict(set))
    by_image: dict[int, set[SplitName]] = field(default_factory=lambda: defaultdict(set))
    by_name: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # -> pages

    def splits_of(self, page: int, name: int, images: list[int]) -> set[SplitName]:
        """The splits that a page was in; none if it was not there. What it looks like counts more than its name."""
        found: set[SplitName] = set().union(*(self.by_image.get(image, set()) for image in images))
        found = found or self.by_page.get(page, set())
        same_name = self.by_name.get(name, set())
        return found or (self.by_page[next(iter(same_name))] if len(same_name) == 1 else set())


def read(folder: Path) -> Before | None:
    """What was prepared in a folder; None if nothing was, or folds were, in which every page is tested.

    Raises:
        DataError: it is damaged.
    """
    if not (folder / "prepared.json").is_file() or (folder / FOLDS).is_dir():
        return None
    before = Before()
    for split, page, name, images in _rows(folder):
        before.by_page[page].add(split)
        before.by_name[name].add(page)
        for image in images:
            before.by_image[image].add(split)
    return before


def _rows(folder: Path) -> Iterator[tuple[Any, int, int, list[int]]]:
    if (folder / NAME).is_file():
        try:
            table = pa.ipc.open_file(pa.BufferReader((folder / NAME).read_bytes())).read_all().cast(SCHEMA)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{folder / NAME}: is damaged ({error})") from error
        yield from zip(*(column.to_pylist() for column in table.columns), strict=True)
        return
    for split in SPLITS:  # prepared by a version that wrote no such file
        for page in set(Split(folder / split).pages):
            yield split, _number(page), _number(page.rpartition("/")[2]), []


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()[:BYTES], "big")


def _divided(images: bytes) -> list[bytes]:
    return [images[start : start + BYTES] for start in range(0, len(images), BYTES)]


def _numbers(images: bytes) -> list[int]:
    return [int.from_bytes(image, "big") for image in _divided(images)]
