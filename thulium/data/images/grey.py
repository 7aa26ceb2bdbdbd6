"""From an image file to the grey line that a model reads."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from thulium.data.images.files import decoded, opened
from thulium.data.images.greys import samples_of, to_grey
from thulium_dsl.grammar.spec import PreprocessingSpec

MAX_PIXELS = 100_000_000  # a line has some hundred thousand; far more is a mistake or a decompression bomb
INK_SHARE = 0.005  # share of the pixels that are taken to be full ink
PAPER_SHARE = 0.6  # share of the pixels that are taken to be at most as light as the paper
MIN_CONTRAST = 16  # grey values between ink and paper; below this a line is blank and is not stretched


def open_grey(source: Path | io.BytesIO, *, max_pixels: int = MAX_PIXELS, turn: bool = True) -> Image.Image:
    """Read an image file as 8-bit grey: transparency on white, more than 8 bits scaled.

    Args:
        source: a file, or what a file would hold.
        max_pixels: more than this is a mistake or a decompression bomb.
        turn: whether the picture is turned as its file says (EXIF, or a TIFF's tag).

    Raises:
        ImageFault: the file is missing, empty, not an image, truncated, larger than max_pixels, or holds several
            pictures.
    """
    with opened(source, max_pixels=max_pixels) as image:
        samples = samples_of(image)
        image.draft("L", image.size)  # a JPEG is stored as grey and colours apart: the colours need not be decoded
        return to_grey(decoded(image, turn=turn), samples)


def scaled_width(size: tuple[int, int], height: int) -> int:
    """Width in pixels of an image of (width, height) when it is scaled to a height, at least 1."""
    return max(1, round(size[0] * height / size[1]))


def is_too_wide(size: tuple[int, int], preprocessing: PreprocessingSpec) -> bool:
    """Whether a line of (width, height) is wider than max_width once it is scaled."""
    return scaled_width(size, preprocessing.height) > preprocessing.max_width


def line_width(size: tuple[int, int], preprocessing: PreprocessingSpec) -> int:
    """How many columns a line of (width, height) has as the model reads it, without the paper behind a short one."""
    return min(scaled_width(size, preprocessing.height), preprocessing.max_width)


def preprocess(image: Image.Image, preprocessing: PreprocessingSpec) -> Image.Image:
    """A grey line as the model reads it: contrast, height and width as the document says.

    Args:
        image: mode "L"; too wide a line is squeezed, whatever ``wide_lines`` says.
    """
    if preprocessing.normalize:
        image = stretch_contrast(image)
    width = line_width(image.size, preprocessing)
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
