"""Which picture of an image file is meant, where it holds more than one."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from PIL.ImageFile import ImageFile

MOST_COUNTED = 1000  # directories of a TIFF
MOST_TAGS = 4096  # of a directory; a hundred are many, and this many in each of a thousand still take no time

# Tags of a TIFF's directories, and what they say of a picture.
SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, STRIPS, TILES, INNER = 254, 255, 256, 257, 273, 324, 330
REDUCED, MASK = 1, 4  # bits of SUBFILE
OLD_REDUCED = 2  # value of OLD_SUBFILE
_BEGINNING = re.compile(rb"P[1-6Ff]\s")  # of a picture in the formats of netpbm

_Tags = dict[int, int]  # of a directory; of several values the first, or where they stand


@dataclass(frozen=True, slots=True)
class Found:
    """The picture that is meant.

    Attributes:
        place: the frame that Pillow is to go to.
        fault: why none can be told from the others; empty if one can.
    """

    place: int = 0
    fault: str = ""


def find(image: ImageFile, file: BinaryIO) -> Found:
    """Which picture of an opened image is meant.

    The first, where a telephone or a camera puts a second behind it (MPO); in a TIFF, the one that is neither a smaller
    copy of another nor a mask. Several pages, and moving pictures, are several pictures.
    """
    if image.format == "MPO":
        return Found()
    if image.format == "TIFF":
        return _in_tiff(file)
    if image.format == "PPM":
        return Found(fault=_several("several")) if _has_another(image, file) else Found()
    if getattr(image, "is_animated", False):
        return Found(fault=_several(str(getattr(image, "n_frames", "several"))))
    return Found()


def _several(number: str) -> str:
    return f"holds {number} pictures, and nothing says which one is meant: save each as a file of its own"


def _in_tiff(file: BinaryIO) -> Found:
    place = file.tell()
    try:
        found = list(_directories(file))
    finally:
        file.seek(place)
    whole = [(number, tags) for number, tags in enumerate(found) if _holds_pixels(tags) and not _is_marked(tags)]
    if not whole:
        if found and INNER in found[0]:  # as a camera writes it: a small copy, and within it the raw picture
            return Found(fault="holds a camera's raw picture and a small copy of it: save it as PNG or TIFF")
        return Found()
    first, size = whole[0][0], _size(whole[0][1])
    number = 1 + sum(not _is_smaller_copy(_size(tags), size) for _, tags in whole[1:])
    if number > 1:
        return Found(fault=_several(str(number) if len(found) < MOST_COUNTED else "many"))
    return Found(first)


def _is_marked(tags: _Tags) -> bool:
    """Whether a directory says of itself that it is a copy or a mask of another picture."""
    return bool(tags.get(SUBFILE, 0) & (REDUCED | MASK)) or tags.get(OLD_SUBFILE) == OLD_REDUCED


def _holds_pixels(tags: _Tags) -> bool:
    return all(_size(tags)) and (STRIPS in tags or TILES in tags)


def _size(tags: _Tags) -> tuple[int, int]:
    return tags.get(WIDTH, 0), tags.get(HEIGHT, 0)


def _is_smaller_copy(size: tuple[int, int], whole: tuple[int, int]) -> bool:
    """Whether a picture has the size of a level of a pyramid, as image servers want it, that is not marked as one.

    Each level has half the width and height of the one before, rounded in either direction.
    """
    for level in range(1, max(whole).bit_length()):
        if all(extent >> level <= found <= -(-extent >> level) for found, extent in zip(size, whole, strict=True)):
            return True
    return False


def _directories(file: BinaryIO) -> Iterator[_Tags]:
    """The directories of a TIFF, in the order in which they are chained; a chain that is broken ends there."""
    file.seek(0)
    head = file.read(16)
    order = "<" if head.startswith(b"II") else ">"
    is_big = 43 in head[2:4]
    (where,) = struct.unpack(f"{order}Q", head[8:16]) if is_big else struct.unpack(f"{order}L", head[4:8])
    met: set[int] = set()
    while where and where not in met and len(met) < MOST_COUNTED:
        met.add(where)
        try:
            file.seek(where)
            tags, where = _directory(file, order, is_big)
        except (struct.error, OSError, OverflowError):
            return
        yield tags


def _directory(file: BinaryIO, order: str, is_big: bool) -> tuple[_Tags, int]:
    """The tags of a directory, and where the next one stands, 0 for none."""
    count, entry, pointer = ("Q", "HHQ8s", "Q") if is_big else ("H", "HHL4s", "L")
    (number,) = _read(file, order + count)
    entries = file.read(min(number, MOST_TAGS) * struct.calcsize(order + entry))
    tags: _Tags = {}
    for tag, kind, _, value in struct.iter_unpack(order + entry, entries):
        form = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q", 18: "Q"}.get(kind)
        if form and struct.calcsize(f"{order}{form}") <= len(value):
            tags.setdefault(tag, struct.unpack_from(f"{order}{form}", value)[0])
    return tags, _read(file, order + pointer)[0]


def _read(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _has_another(image: ImageFile, file: BinaryIO) -> bool:
    """Whether a second picture stands behind the first in a file of PBM, PGM or PPM, which may hold any number."""
    decoder, _, start, how = image.tile[0]
    if decoder == "ppm_plain":  # in letters, where the format allows one only
        return False
    is_wide = image.mode == "I" or (decoder == "ppm" and isinstance(how, tuple) and how[1] > 255)
    bits = {"1": 1, "F": 32}.get(image.mode, 16 if is_wide else 8) * len(image.getbands())
    place = file.tell()
    try:
        file.seek(start + (image.width * bits + 7) // 8 * image.height)
        return bool(_BEGINNING.match(file.read(3)))
    finally:
        file.seek(place)
