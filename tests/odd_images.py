"""Image files as some programs write them, put together by hand: Pillow itself writes tamer ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

Tags = Mapping[int, int | Sequence[int] | None]


UPRIGHT = np.add.outer(np.arange(24) * 5, np.arange(40) * 2).astype(np.uint8)  # differs in all eight ways
UPRIGHT[2:9, 3:12], UPRIGHT[15:20, 30:38] = 250, 10


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


def lying(orientation: int) -> NDArray[np.uint8]:
    """The pixels that a file holds whose picture is turned as EXIF counts."""
    turned = {
        1: UPRIGHT,
        2: UPRIGHT[:, ::-1],
        3: UPRIGHT[::-1, ::-1],
        4: UPRIGHT[::-1],
        5: UPRIGHT.T,
        6: UPRIGHT.T[::-1],
        7: UPRIGHT.T[::-1, ::-1],
        8: UPRIGHT.T[:, ::-1],
    }
    return np.ascontiguousarray(turned[orientation])


def saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    """What Pillow writes into a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def tiff_on_its_side(orientation: int, **how: Any) -> bytes:
    return saved(Image.fromarray(lying(orientation)), "TIFF", tiffinfo={0x0112: orientation}, **how)


def tiled(orientation: int) -> bytes:
    pixels = np.pad(lying(orientation), 40)[40:88, 40:88]  # whole tiles of 16 by 16
    height, width = lying(orientation).shape
    tiles = [pixels[y : y + 16, x : x + 16] for y in range(0, height, 16) for x in range(0, width, 16)]
    stack = np.concatenate(tiles)
    tags = {256: width, 257: height, 274: orientation, 322: 16, 323: 16}
    tags |= {324: [8 + 256 * number for number in range(len(tiles))], 325: [256] * len(tiles)}
    return tiff((stack, tags | {273: None, 279: None}))


def late_exif(orientation: int) -> bytes:
    content = exif_of(orientation).tobytes().removeprefix(b"Exif\0\0")
    return png(lying(orientation), 0, after=chunk(b"eXIf", content))


def xmp(orientation: int) -> bytes:
    words = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="{orientation}"/></x:xmpmeta>'
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + words.encode()
    return png(lying(orientation), 0, before=chunk(b"iTXt", text))


# UPRIGHT as a file of each kind has it that says how it is to be turned.
ON_THEIR_SIDE: dict[str, Callable[[int], bytes]] = {
    "TIFF": tiff_on_its_side,
    "TIFF, LZW": lambda o: tiff_on_its_side(o, compression="tiff_lzw"),
    "TIFF, tiled": tiled,
    "TIFF, 16 bits": lambda o: tiff((lying(o).astype(np.uint16) * 257, {274: o})),
    "JPEG": lambda o: saved(Image.fromarray(lying(o)), "JPEG", exif=exif_of(o), quality=100),
    "MPO": lambda o: saved(
        Image.fromarray(lying(o)),
        "MPO",
        exif=exif_of(o),
        quality=100,
        save_all=True,
        append_images=[Image.new("L", (9, 9))],
    ),
    "PNG": lambda o: saved(Image.fromarray(lying(o)), "PNG", exif=exif_of(o)),
    "PNG, behind the pixels": late_exif,
    "PNG, XMP": xmp,
    "WebP": lambda o: saved(Image.fromarray(lying(o)).convert("RGB"), "WEBP", exif=exif_of(o), lossless=True),
}
if features.check("avif"):
    ON_THEIR_SIDE["AVIF"] = lambda o: saved(Image.fromarray(lying(o)), "AVIF", exif=exif_of(o), quality=100)
