"""From an image file to the grey line that a model reads."""

from __future__ import annotations

import errno
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from thulium_dsl.spec import PreprocessingSpec

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
MAX_PIXELS = 100_000_000  # a line has some hundred thousand; far more is a mistake or a decompression bomb
INK_SHARE = 0.005  # share of the pixels that are taken to be full ink
PAPER_SHARE = 0.6  # share of the pixels that are taken to be at most as light as the paper
MIN_CONTRAST = 16  # grey values between ink and paper; below this a line is blank and is not stretched

# What Pillow raises for damaged files, besides its own exceptions.
DAMAGE = (OSError, SyntaxError, ValueError, LookupError, ArithmeticError, EOFError, struct.error, zlib.error)
ANEW = "copy or save it anew, or remove it"


class ImageFault(Exception):
    """An image that cannot be used; the message says why, the caller knows which file."""


def open_grey(path: Path, *, max_pixels: int = MAX_PIXELS, turn: bool = True) -> Image.Image:
    """Read an image file as 8-bit grey: transparency on white, 16 bits scaled to 8.

    Args:
        max_pixels: more than this is a mistake or a decompression bomb.
        turn: whether the picture is turned as its EXIF says.

    Raises:
        ImageFault: the file is missing, empty, not an image, truncated, or larger than max_pixels.
    """
    with opened(path, max_pixels=max_pixels) as image:
        image.draft("L", image.size)  # a JPEG is stored as grey and colours apart: the colours need not be decoded
        image.load()
        return _to_grey(ImageOps.exif_transpose(image) if turn else image)


@contextmanager
def opened(path: Path, *, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """An image file of which only the head has been read; what goes wrong inside the block becomes an ImageFault.

    Raises:
        ImageFault: the file is missing, empty, not an image, truncated, or larger than max_pixels.
    """
    before = Image.MAX_IMAGE_PIXELS
    try:
        Image.MAX_IMAGE_PIXELS = max_pixels  # Pillow warns above it and refuses twice as much; we refuse above it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # of odd metadata, without the file's name
            with Image.open(path) as image:
                width, height = image.size
                if width * height > max_pixels:
                    what = f"is {width}x{height} pixels, more than {max_pixels // 1_000_000} million"
                    raise ImageFault(f"{what}: make it smaller, or remove it")
                yield image
    except UnidentifiedImageError:
        raise ImageFault(f"is not an image that can be read{_empty(path)}: {ANEW}") from None
    except Image.DecompressionBombError:
        what = f"is far larger than {max_pixels // 1_000_000} million pixels"
        raise ImageFault(f"{what}: make it smaller, or remove it") from None
    except DAMAGE as error:
        raise ImageFault(_cause(error, path)) from error
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _empty(path: Path) -> str:
    return " (the file is empty)" if isinstance(path, Path) and not path.stat().st_size else ""


def _cause(error: Exception, path: Path) -> str:
    """Why an image cannot be used, and what to do."""
    if not isinstance(error, OSError) or error.errno is None:
        return f"cannot be decoded ({error}): {ANEW}"
    if error.errno == errno.ENOENT and isinstance(path, Path) and path.is_symlink():
        return "is a link to a file that does not exist: put the file there, or remove the link"
    if error.errno == errno.ENOENT:
        return "does not exist: put it there"
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself: replace it by the file"
    hint = "change its permissions, or remove it" if error.errno == errno.EACCES else ANEW
    return f"cannot be read ({error.strerror}): {hint}"


def _to_grey(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image, dtype=np.float32)
        return Image.fromarray((values / 257 if values.max(initial=0) > 255 else values).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")


def scaled_width(size: tuple[int, int], height: int) -> int:
    """Width in pixels of an image of (width, height) when it is scaled to a height, at least 1."""
    return max(1, round(size[0] * height / size[1]))


def is_too_wide(size: tuple[int, int], preprocessing: PreprocessingSpec) -> bool:
    """Whether a line of (width, height) is wider than max_width once it is scaled."""
    return scaled_width(size, preprocessing.height) > preprocessing.max_width


def preprocess(image: Image.Image, preprocessing: PreprocessingSpec) -> Image.Image:
    """A grey line as the model reads it: contrast, height and width as the document says.

    Args:
        image: mode "L"; too wide a line is squeezed, whatever ``wide_lines`` says.
    """
    if preprocessing.normalize:
        image = stretch_contrast(image)
    width = min(scaled_width(image.size, preprocessing.height), preprocessing.max_width)
    image = image.resize((width, preprocessing.height), Image.Resampling.BICUBIC)
    if width < preprocessing.min_width:
        wider = Image.new("L", (preprocessing.min_width, preprocessing.height), paper_value(image))
        wider.paste(image, (0, 0))
        return wider
    return image


def stretch_contrast(image: Image.Image) -> Image.Image:
    """Grey values stretched so that the ink is 0 and the paper 255; a blank image stays as it is."""
    shares = np.cumsum(image.histogram()) / (image.width * image.height)
    ink, paper = (int(np.searchsorted(shares, share)) for share in (INK_SHARE, PAPER_SHARE))
    if paper - ink < MIN_CONTRAST:
        return image
    table = ((np.arange(256) - ink) * (255 / (paper - ink))).clip(0, 255).round().astype(int)
    return image.point(table.tolist())


def paper_value(image: Image.Image) -> int:
    """The grey value of the paper: the median, since ink covers less than half of a line."""
    shares = np.cumsum(image.histogram())
    return int(np.searchsorted(shares, shares[-1] / 2))


def encode_png(image: Image.Image) -> bytes:
    """The bytes of a PNG file."""
    buffer = io.BytesIO()
    # Of zlib's ways the smallest for lines, and three times as fast as the usual one.
    image.save(buffer, "PNG", compress_type=zlib.Z_RLE)
    return buffer.getvalue()
