"""Pages of one name in several folders: whether they are the same pages, or different ones that are only called so.

Two pages are the same if they have an image in common, or if at least half of the lines of one have the texts of the
other: the page may be there once more as a binarised image. What is in doubt counts as the same, since pages that are
taken for different ones may come into the training and into the test.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from thulium.data.line import Origin

SAME_TEXTS = 0.5  # of the lines of a page
AT_A_TIME = 1 << 20  # bytes

Named = dict[str, list[str]]  # name of pages -> their paths


@dataclass
class _Page:
    """The images of a page, or of its lines; and the hashes of its lines' texts."""

    images: set[str] = field(default_factory=set)
    texts: list[int] = field(default_factory=list)


@dataclass
class Namesakes:
    """Pages by the name that they have without folders."""

    _pages: dict[str, dict[str, _Page]] = field(default_factory=dict)

    def add(self, name: str, line: Origin, text: str) -> None:
        """Add a line of a page of some name; a line of no known page has no namesakes."""
        if line.page == line.id:
            return
        page = self._pages.setdefault(name, {}).setdefault(line.page, _Page())
        page.images.add(line.image_source or line.source)
        page.texts.append(hash(text))

    def told_apart(self) -> tuple[Named, Named]:
        """The names that several pages have: those of different pages, and those of which some are the same."""
        different, same = Named(), Named()
        for name, pages in self._pages.items():
            if len(pages) > 1:
                is_same = _have_same_texts(pages.values()) or _have_same_images(pages.values())
                (same if is_same else different)[name] = sorted(pages)
        return different, same


def _have_same_texts(pages: Collection[_Page]) -> bool:
    """Whether some page has few lines whose text no other one has."""
    pages_of = Counter(text for page in pages for text in set(page.texts))
    return any(sum(pages_of[text] > 1 for text in page.texts) >= SAME_TEXTS * len(page.texts) for page in pages)


def _have_same_images(pages: Collection[_Page]) -> bool:
    """Whether a file of one page has the content of one of another. Only files of one size are read."""
    sizes: dict[int, dict[str, int]] = defaultdict(dict)  # size -> image -> number of the page
    for number, page in enumerate(pages):
        for image in page.images:
            sizes[_size(image)][image] = number
    for images in sizes.values():
        if len(set(images.values())) < 2:
            continue
        first: dict[bytes, int] = {}
        if any(first.setdefault(_digest(image), number) != number for image, number in images.items()):
            return True
    return False


def _size(image: str) -> int:
    try:
        return os.path.getsize(image)
    except OSError:  # said when it is read
        return 0


def _digest(image: str) -> bytes:
    digest = hashlib.sha256()
    try:
        with open(image, "rb") as file:
            while part := file.read(AT_A_TIME):
                digest.update(part)
    except OSError:
        return image.encode("utf-8", "surrogateescape")  # unlike that of any other file
    return digest.digest()
