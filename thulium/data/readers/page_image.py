"""The image that a PAGE or ALTO file describes: where it lies, how it is turned, and its pixels."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

from thulium.data.image import IMAGE_ENDINGS, ImageFault, open_grey, opened
from thulium.data.readers.xmlfile import PageFault

MAX_PIXELS = 400_000_000  # a newspaper page at 600 dpi has some 200 million
TOLERANCE = 0.01  # by which the scales of width and height may differ; millimetres are rounded that much
IMAGE_FOLDERS = ("images", "img")
XML_FOLDERS = ("page", "alto")  # that exports put beside the images, one for each format
ORIENTATION = 0x0112  # the EXIF tag


@dataclass(slots=True, kw_only=True)
class PageImage:
    """The image of a page, decoded when it is first asked for, and only then.

    Attributes:
        path: the file.
        size: width and height in pixels, as it is turned.
        is_turned: whether the EXIF orientation is followed.
        scale: pixels of the image for a unit of the XML, in x and in y.
    """

    path: Path
    size: tuple[int, int]
    is_turned: bool
    scale: tuple[float, float]
    _pixels: Image.Image | ImageFault | None = field(default=None, repr=False)

    def grey(self) -> Image.Image:
        """The page, mode "L".

        Raises:
            ImageFault: it cannot be decoded; names the file.
        """
        if self._pixels is None:
            self._pixels = self._decoded()
        if isinstance(self._pixels, ImageFault):
            raise ImageFault(*self._pixels.args)
        return self._pixels

    def _decoded(self) -> Image.Image | ImageFault:
        try:
            pixels = open_grey(self.path, max_pixels=MAX_PIXELS, turn=self.is_turned)
        except ImageFault as fault:
            return ImageFault(f"{self.path} {fault}")
        return pixels if pixels.size == self.size else ImageFault(f"{self.path} has changed while it was read")


def open_page_image(xml: Path, root: Path, named: str, size: tuple[float, float] | None) -> PageImage:
    """Find the image of a page and read its head.

    Args:
        xml: the file that describes the page.
        root: the folder that the image must lie in.
        named: the name, path or address that the XML has for it, or nothing.
        size: width and height of the page by the XML; None: it counts in pixels of the image.

    Raises:
        PageFault: there is no such image, it is none, or the XML is about one of another shape.
    """
    path = _find(xml, root, named)
    try:
        with opened(path, max_pixels=MAX_PIXELS) as image:
            stored, orientation = image.size, _orientation(image)
    except ImageFault as fault:
        raise PageFault("unreadable image", f"its image {path} {fault}") from None
    turned = stored[::-1] if orientation >= 5 else stored
    for seen, is_turned in ((turned, orientation > 1), (stored, False)):
        scale = _scale(seen, size)
        if scale:
            return PageImage(path=path, size=seen, is_turned=is_turned, scale=scale)
    assert size is not None
    what = (
        f"is about a page of {size[0]:g}x{size[1]:g}, but its image {path} has {turned[0]}x{turned[1]} pixels, "
        "which is another shape: put the image there that the XML was made for"
    )
    raise PageFault("image of another shape", what)


def _orientation(image: Image.Image) -> int:
    """1 to 8, as EXIF counts; 5 and above exchange width and height."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode all of it in search of an EXIF block at its end
    value = image.getexif().get(ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _scale(seen: tuple[int, int], size: tuple[float, float] | None) -> tuple[float, float] | None:
    if size is None:
        return 1.0, 1.0
    x, y = seen[0] / size[0], seen[1] / size[1]
    return (x, y) if abs(x / y - 1) <= TOLERANCE else None


def _find(xml: Path, root: Path, named: str) -> Path:
    # Only the last part of a path or an address: it is of another machine, and must not lead out of the root.
    last = re.split(r"[/\\]", named.strip())[-1]
    names = [name for name in dict.fromkeys((last, unquote(last))) if name not in ("", ".", "..") and "\0" not in name]
    folders = list(_folders(xml, root))
    for name in names:
        for folder in folders:
            if _is_file(folder / name):
                return folder / name
    stems = [Path(name).stem for name in names if Path(name).suffix.lower() in IMAGE_ENDINGS]
    for stem in map(_key, [*stems, xml.stem]):
        for folder in folders:
            for name in _images(folder):
                if _key(Path(name).stem) == stem and _is_file(folder / name):
                    return folder / name
    raise PageFault("missing image", _missing(last, xml, root, folders))


def _missing(named: str, xml: Path, root: Path, folders: list[Path]) -> str:
    what = f"names the image {named!r}, which is not there" if named else "names no image"
    places = ", ".join(str(folder) for folder in folders if folder.is_dir())
    what += f", nor is there an image {xml.stem}.*: put it into one of {places}"
    if xml.parent == root and root.name.lower() in XML_FOLDERS:
        what += f", or, where it lies above {root}, set dataset.root to the folder above"
    return what


def _folders(xml: Path, root: Path) -> Iterator[Path]:
    """Where an image may lie: beside the XML, one folder up, in a folder of images in either."""
    beside = [folder for folder in (xml.parent, xml.parent.parent) if folder == root or root in folder.parents]
    yield from beside
    for folder in beside:
        for name in IMAGE_FOLDERS:
            yield folder / name


def _images(folder: Path) -> tuple[str, ...]:
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=8)
def _listed(folder: Path, _changed: int) -> tuple[str, ...]:
    """The names of images in a folder: many thousand pages may lie there, and each of them asks."""
    return tuple(sorted(name for name in os.listdir(folder) if Path(name).suffix.lower() in IMAGE_ENDINGS))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # as of a name that is too long
        return False


def _key(stem: str) -> str:
    return unicodedata.normalize("NFC", stem)
