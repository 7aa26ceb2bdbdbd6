"""Pictures of every kind as 8-bit grey: what is black in them, and what is white.

A file with more than 8 bits seldom says how many of them its scanner used: greys of 12 bits lie in 16 as they are, and
floats run to 1 or to 255. So white is the smallest usual number that no pixel of the picture exceeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from thulium.data.images.files import ImageFault

# The largest numbers of scanners and cameras, by their bits; 14 are those of a camera's sensor.
WHITES = (255, 1023, 4095, 16_383, 65_535, 2**24 - 1, 2**31 - 1, 2**32 - 1)
OVERSHOOT = 0.05  # share of white by which floats may lie outside: resizing and sharpening do that
FEWEST = 15  # of 16-bit colours only the upper 8 bits are read; fewer steps of grey than this are too few to read
BLOCK = 1 << 22  # pixels that are computed with at a time

# Tags of a TIFF, and their values.
_BITS, _COMPRESSION, _PHOTOMETRIC, _COUNT, _PLANAR, _COLORMAP, _FORMAT = 258, 259, 262, 277, 284, 320, 339
_MOST, _MOST_OF_ANY, _SUBSAMPLING = 281, 341, 530
_WHITE_IS_ZERO, _LUMA, _NONE, _APART, _SIGNED = 0, 6, 1, 2, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What a file says of its numbers.

    Attributes:
        bits: of a number.
        white: the number for white, where that is certain.
        hint: another number that may be the one for white.
        is_signed: whether numbers below 0 can be written.
        is_inverted: whether 0 is white and Pillow leaves it at that.
        palette: the colours, three bytes each, where Pillow takes them to be black.
    """

    bits: int = 8
    white: int | None = None
    hint: int | None = None
    is_signed: bool = False
    is_inverted: bool = False
    palette: bytes | None = None


def samples_of(image: ImageFile) -> Samples:
    """What the file of an opened image says of its numbers; to be asked before it is decoded."""
    if isinstance(image, TiffImageFile):
        return _of_tiff(image.tag_v2)
    decoder, _, _, how = image.tile[0] if image.tile else ("", None, 0, "")
    if image.format == "JPEG2000":
        bits = _bits_of_jpeg_2000(image)
        return Samples(bits=16, white=65_535 if bits < 16 else None) if bits > 8 else Samples()
    if image.format == "PNG" and str(how).endswith(";16B"):
        return Samples(bits=16)
    if image.format == "PPM" and decoder.startswith("ppm") and isinstance(how, tuple) and how[1] > 255:
        # Pillow makes 65,535 of the number that the file names for white; but who writes 65,535 may mean any.
        return Samples(bits=16, white=65_535 if how[1] < 65_535 else None)
    return Samples()


def _of_tiff(tags: Mapping[int, Any]) -> Samples:
    bits, kinds = max(_numbers(tags, _BITS), default=1), _numbers(tags, _FORMAT)
    _refuse_noise(tags, bits)
    colours = np.array(_numbers(tags, _COLORMAP))
    has_bytes = len(colours) % 3 == 0 and 0 < colours.max(initial=0) < 256  # the colours of a TIFF have 16 bits each
    return Samples(
        bits=bits,
        white=2**bits - 1 if bits in (10, 12, 14) else None,
        hint=max(_numbers(tags, _MOST) or _numbers(tags, _MOST_OF_ANY), default=None),
        is_signed=_SIGNED in kinds,
        is_inverted=_WHITE_IS_ZERO in _numbers(tags, _PHOTOMETRIC),
        palette=colours.reshape(3, -1).T.astype(np.uint8).tobytes() if has_bytes else None,
    )


def _refuse_noise(tags: Mapping[int, Any], bits: int) -> None:
    """Refuse what Pillow reads as if it lay in another way, without an error."""
    if _numbers(tags, _COMPRESSION) not in ((), (_NONE,)):
        return  # libtiff reads it, and knows
    is_apart = _APART in _numbers(tags, _PLANAR) and max(_numbers(tags, _COUNT), default=1) > 1
    if bits > 8 and is_apart:
        raise ImageFault("holds its colours apart, with more than 8 bits each: save it with 8 bits a colour")
    if _LUMA in _numbers(tags, _PHOTOMETRIC) and set(_numbers(tags, _SUBSAMPLING) or (2,)) != {1}:
        raise ImageFault("holds colours of less detail than its greys, uncompressed: save it in RGB")


def _bits_of_jpeg_2000(image: ImageFile) -> int:
    """The bits of a number, which Pillow scales to 8 or 16 without a word."""
    file = image.fp
    assert file is not None, "asked before the picture is decoded, when its file is closed"
    file.seek(0)
    _, mark, sizes = file.read(1 << 16).partition(b"\xff\x4f\xff\x51")  # begins the picture and its sizes
    return (sizes[38] & 0x7F) + 1 if mark and len(sizes) > 38 else 8


def _numbers(tags: Mapping[int, Any], tag: int) -> tuple[int, ...]:
    """What a tag holds, if that is numbers as it should be."""
    value = tags.get(tag, ())
    return tuple(part for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, int))


def to_grey(image: Image.Image, samples: Samples) -> Image.Image:
    """A picture as 8-bit grey: transparency on white, more than 8 bits scaled.

    Args:
        image: decoded.
        samples: what its file says of it.

    Raises:
        ImageFault: nothing says which of its numbers is black or white.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _scaled(image, samples)
    if samples.is_signed:
        raise ImageFault("holds signed numbers, and nothing says which is black: save it as 8-bit grey")
    if image.mode == "LAB":
        return image.getchannel("L")
    if image.mode == "P" and samples.palette:
        image.putpalette(samples.palette)
    image = _spread(image, samples)
    if image.mode in ("La", "RGBa"):  # colours that were multiplied by their opacity
        image = image.convert(image.mode.upper())
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")


def _scaled(image: Image.Image, samples: Samples) -> Image.Image:
    """The grey of numbers of more than 8 bits."""
    values = np.asarray(image)
    if image.mode == "I" and samples.bits == 32 and not samples.is_signed:
        values = values.view(np.uint32)  # Pillow has signed ones only, and keeps the bits
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageFault("holds values that are no numbers (nan or infinite): save it as 8-bit grey")
    white = samples.white or _white(values, float(high), samples.hint)
    if low < (-OVERSHOOT * white if image.mode == "F" else 0):
        what = f"holds numbers below 0, down to {low:g}, and nothing says which is black: save it as 8-bit grey"
        raise ImageFault(what)
    grey = np.empty(values.shape, np.uint8)
    rows = max(1, BLOCK // image.width)
    for top in range(0, image.height, rows):
        part = values[top : top + rows].astype(np.float32) * np.float32(255 / white)
        grey[top : top + rows] = part.clip(0, 255).round()
    if samples.is_inverted:
        grey = 255 - grey
    if isinstance(transparent := image.info.get("transparency"), int):
        grey[values == transparent] = 255
    return Image.fromarray(grey)


def _white(values: NDArray[Any], high: float, hint: int | None) -> int:
    """The smallest usual number for white that none of the numbers exceeds."""
    is_float = values.dtype.kind == "f"
    whites = sorted({*WHITES, *([1] if is_float else []), *([hint] if hint and hint > 0 else [])})
    slack = 1 + OVERSHOOT if is_float else 1
    return next((white for white in whites if high <= white * slack), whites[-1])


def _spread(image: Image.Image, samples: Samples) -> Image.Image:
    """The picture with its 16-bit colours, of which the upper 8 bits are left, brought to the whole range."""
    if samples.bits != 16 or samples.white or image.mode not in ("RGB", "RGBA", "LA"):
        return image
    *colours, last = cast("tuple[tuple[int, int], ...]", image.getextrema())  # a pair for each band of these modes
    if image.mode == "RGB":
        colours.append(last)
    elif last[0] != last[1]:  # ink on transparent paper: dark colours are the ink's
        return image
    most = max(high for _, high in colours)
    white = next(white >> 8 for white in WHITES if most <= white >> 8)
    if white == 255:
        return image
    if white < FEWEST:
        what = "is black" if most == 0 else "is nearly black"
        raise ImageFault(f"{what}, or its 16-bit colours use the lowest bits only: save it with 8 bits a colour")
    table = [min(255, round(value * 255 / white)) for value in range(256)]
    return image.point(table * len(image.getbands()))
