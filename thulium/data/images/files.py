"""Image files as people have them: opened safely, one picture each, turned as they say.

A file may hold several pictures, lie on its side, be of a kind that is not read, or be none at all. What can be meant
in one way only is read that way; everything else is an ImageFault, whatever reader asks for it.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from thulium.data.images import formats
from thulium.data.images import headers as pictures
from thulium.runtime.pointers import SIZE, absent, pointer

# What Pillow raises for damaged files, besides its own exceptions.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    ArithmeticError,
    EOFError,
    RuntimeError,  # by the decoder of AVIF
    struct.error,
    zlib.error,
)
ANEW = "copy or save it anew, or remove it"
IN_PNG = "save it as PNG or as TIFF with 8 bits, or remove it"

ORIENTATION = 0x0112  # the tag of EXIF and TIFF
MOST_CHUNKS = 200_000  # of a PNG; a page of 400 million pixels has some 50,000
_LATE = (b"eXIf", b"zTXtRaw profile type exif", b"tEXtRaw profile type exif", b"iTXtXML:com.adobe.xmp")

# What brings a picture that is stored in one of the eight ways upright, and what undoes that.
_Transpose = Image.Transpose
_UPRIGHT = {
    2: _Transpose.FLIP_LEFT_RIGHT,
    3: _Transpose.ROTATE_180,
    4: _Transpose.FLIP_TOP_BOTTOM,
    5: _Transpose.TRANSPOSE,
    6: _Transpose.ROTATE_270,
    7: _Transpose.TRANSVERSE,
    8: _Transpose.ROTATE_90,
}
_STORED = _UPRIGHT | {6: _Transpose.ROTATE_90, 8: _Transpose.ROTATE_270}


class ImageFault(Exception):
    """An image that cannot be used; the message says why, the caller knows which file."""


@contextmanager
def opened(source: Path | io.BytesIO, *, max_pixels: int) -> Iterator[ImageFile]:
    """An image file of which only the head has been read; what goes wrong inside the block becomes an ImageFault.

    Args:
        source: a file, or what a file would hold.
        max_pixels: more than this is a mistake or a decompression bomb.

    Raises:
        ImageFault: the file is missing, empty, not an image, truncated, larger than max_pixels, or holds several
            pictures of which any may be meant.
    """
    before = Image.MAX_IMAGE_PIXELS
    try:
        Image.MAX_IMAGE_PIXELS = max_pixels  # Pillow warns above it and refuses twice as much; we refuse above it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # of odd metadata, without the file's name
            # As a file, not by its name: by its name, Pillow maps some TIFFs that lie on their side as if they stood.
            with _file(source) as file, Image.open(file, formats=formats.FORMATS) as image:
                _choose_picture(image, file)
                _check_size(image.size, max_pixels)
                yield image
    except UnidentifiedImageError:
        raise ImageFault(_unknown(source)) from None
    except Image.DecompressionBombError:
        what = f"is far larger than {max_pixels // 1_000_000} million pixels"
        raise ImageFault(f"{what}: make it smaller, or remove it") from None
    except DAMAGE as error:
        raise ImageFault(_cause(error, source)) from error
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _file(source: Path | io.BytesIO) -> AbstractContextManager[BinaryIO]:
    if isinstance(source, io.BytesIO):
        source.seek(0)
        return nullcontext(source)
    mode = os.stat(source).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a pipe would wait for who writes into it
        raise ImageFault("is a pipe or a device, not a file: put the image there, or remove it")
    return open(source, "rb")


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if not width or not height:
        raise ImageFault(f"has no pixels ({width}x{height}): {ANEW}")
    if width * height > max_pixels:
        what = f"is {width}x{height} pixels, more than {max_pixels // 1_000_000} million"
        raise ImageFault(f"{what}: make it smaller, or remove it")


def _choose_picture(image: ImageFile, file: BinaryIO) -> None:
    """Go to the picture that is meant, where a file holds one beside copies and masks of it."""
    found = pictures.find(image, file)
    if found.fault:
        raise ImageFault(found.fault)
    if found.place:
        image.seek(found.place)


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of the pixels as they lie in the file, whichever way they are to be turned."""
    if isinstance(image, TiffImageFile):  # of which Pillow announces the size after turning, or before, by its version
        return image.tag_v2[256], image.tag_v2[257]
    return image.size


def orientation_of(image: Image.Image) -> int:
    """How a picture is to be turned, 1 to 8 as EXIF counts; 5 and above exchange width and height.

    Only the head of the file is read for it, if that can be.
    """
    try:
        # PngImageFile's own way decodes all of it first, in search of what may stand behind the pixels.
        has_to_load = image.format != "PNG" or _is_late(image)
        exif = image.getexif() if has_to_load else Image.Image.getexif(image)
        value = exif.get(ORIENTATION, 1)
    except DAMAGE:  # metadata that are none say nothing, and the picture is as good as without
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _is_late(image: Image.Image) -> bool:
    """Whether a PNG that was not decoded yet says behind its pixels how it is to be turned."""
    file = getattr(image, "fp", None)
    if file is None:
        return False
    place, is_behind = file.tell(), False
    try:
        file.seek(8)
        for _ in range(MOST_CHUNKS):
            if len(head := file.read(8)) < 8:
                break
            length, kind = struct.unpack(">I4s", head)
            text = file.read(min(length, 32))
            if is_behind and (kind + text).startswith(_LATE):
                return True
            is_behind |= kind == b"IDAT"
            file.seek(length - len(text) + 4, os.SEEK_CUR)
        return False
    finally:
        file.seek(place)


def decoded(image: Image.Image, *, turn: bool) -> Image.Image:
    """The pixels of an opened image.

    Args:
        turn: whether it is turned as its file says; otherwise it lies as it is stored.

    Raises:
        ImageFault: it has another size than its head says.
    """
    stored, orientation = stored_size(image), orientation_of(image)
    image.load()
    pixels = image
    is_upright = image.format == "TIFF" and orientation_of(image) == 1  # Pillow turns TIFFs, and nothing else
    if orientation > 1 and is_upright != turn:
        pixels = image.transpose((_UPRIGHT if turn else _STORED)[orientation])
    expected = stored[::-1] if turn and orientation >= 5 else stored
    if pixels.size != expected:
        what = f"has {pixels.width}x{pixels.height} pixels, and its head says {expected[0]}x{expected[1]}"
        raise ImageFault(f"{what}: save it anew")
    return pixels


def _unknown(source: Path | io.BytesIO) -> str:
    """What a file is that no plugin takes."""
    head = _head(source)
    if not head:
        return f"is not an image that can be read (the file is empty): {ANEW}"
    if said := pointer(head):
        return said
    said = formats.verdict(head)
    return f"{said}: {IN_PNG}" if said else f"is not an image that can be read: {ANEW}"


def _head(source: Path | io.BytesIO) -> bytes:
    if isinstance(source, io.BytesIO):
        return source.getvalue()[:SIZE]
    with open(source, "rb") as file:
        return file.read(SIZE)


def _cause(error: Exception, source: Path | io.BytesIO) -> str:
    """Why an image cannot be used, and what to do."""
    if not isinstance(error, OSError) or error.errno is None:
        return f"cannot be decoded ({error}): {ANEW}"
    if error.errno == errno.ENOENT and isinstance(source, Path):
        if said := absent(source):
            return said
        if source.is_symlink():
            return "is a link to a file that does not exist: put the file there, or remove the link"
    if error.errno == errno.ENOENT:
        return "does not exist: put it there"
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself: replace it by the file"
    hint = "change its permissions, or remove it" if error.errno == errno.EACCES else ANEW
    return f"cannot be read ({error.strerror}): {hint}"
