"""Image files as some programs write them, put together by hand: Pillow itself writes tamer ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Tags = Mapping[int, int | Sequence[int] | None]


def tiff(*pictures: tuple[NDArray[np.generic], Tags], order: str = "<", is_big: bool = False) -> bytes:
    """An uncompressed TIFF.

    Args:
        pictures: the samples, (H, W) or (H, W, C), and tags besides the usual ones or instead of them;
            None takes one away.
        order: "<" or ">", how numbers are written.
        is_big: whether it is a BigTIFF.
    """
    content = bytearray(_head(order, is_big))
    pointer = len(content) - (8 if is_big else 4)  # where the place of the next directory is to be written
    for samples, tags in pictures:
        start = len(content)
        content += samples.astype(samples.dtype.newbyteorder(order)).tobytes()
        whole = _usual(samples, start, len(content) - start) | dict(tags)
        struct.pack_into(order + ("Q" if is_big else "L"), content, pointer, len(content))
        pointer = _add_directory(content, whole, order, is_big)
    return bytes(content)


def _head(order: str, is_big: bool) -> bytes:
    mark = b"II" if order == "<" else b"MM"
    return mark + (struct.pack(f"{order}HHHQ", 43, 8, 0, 0) if is_big else struct.pack(f"{order}HL", 42, 0))


def _usual(samples: NDArray[np.generic], start: int, length: int) -> dict[int, int | Sequence[int] | None]:
    height, width, *rest = samples.shape
    count = rest[0] if rest else 1
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    bits = [8 * samples.dtype.itemsize] * count
    photometric = 2 if count >= 3 else 1
    return {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: start, 277: count, 279: length} | (
        {} if kind == 1 else {339: [kind] * count}
    )


def _add_directory(content: bytearray, tags: Tags, order: str, is_big: bool) -> int:
    """Append a directory; returns where the place of the next one belongs."""
    count, entry, place = ("Q", "HHQ", "Q") if is_big else ("H", "HHL", "L")
    room = struct.calcsize(order + place)
    given = {tag: value for tag, value in sorted(tags.items()) if value is not None}
    values = {tag: [value] if isinstance(value, int) else list(value) for tag, value in given.items()}
    size = struct.calcsize(order + count) + len(values) * (struct.calcsize(order + entry) + room) + room
    outside = len(content) + size  # values that an entry has no room for
    directory, behind = bytearray(struct.pack(order + count, len(values))), bytearray()
    for tag, numbers in values.items():
        packed = struct.pack(f"{order}{len(numbers)}L", *numbers)
        directory += struct.pack(order + entry, tag, 4, len(numbers))
        if len(packed) > room:
            directory += struct.pack(order + place, outside + len(behind))
            behind += packed
        else:
            directory += packed.ljust(room, b"\0")
    content += directory + bytes(room) + behind
    return outside - room


def png(samples: NDArray[np.generic], color: int, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """A PNG of 8 or 16 bits.

    Args:
        samples: (H, W) or (H, W, C) of uint8 or uint16.
        color: the type, such as 0 for grey and 2 for RGB.
        before, after: chunks around the pixels.
    """
    height, width = samples.shape[:2]
    wide = samples.astype(samples.dtype.newbyteorder(">"))
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    head = struct.pack(">IIBBBBB", width, height, 8 * samples.dtype.itemsize, color, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + pixels + after + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
