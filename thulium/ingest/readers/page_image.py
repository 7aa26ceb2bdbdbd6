"""The image that a PAGE or ALTO file describes: where it lies, how it is turned, and its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from thulium.data.images.files import ImageFault, opened, orientation_of, stored_size
from thulium.data.images.grey import open_grey
from thulium.ingest.readers.image_search import find
from thulium.ingest.readers.xmlfile import PageFault

MAX_PIXELS = 400_000_000  # a newspaper page at 600 dpi has some 200 million
TOLERANCE = 0.01  # by which the scales of width and height may differ; millimetres are rounded that much


@dataclass(slots=True, kw_only=True)
class PageImage:
    """The image of a page, decoded when it is first asked for, and only then.

    Attributes:
        path: the file.
        size: width and height in pixels, as it is turned.
        is_turned: whether it is turned as its file says, by EXIF or a tag of TIFF.
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
    path = find(xml, root, named)
    try:
        with opened(path, max_pixels=MAX_PIXELS) as image:
            stored, orientation = stored_size(image), orientation_of(image)
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


def _scale(seen: tuple[int, int], size: tuple[float, float] | None) -> tuple[float, float] | None:
    if size is None:
        return 1.0, 1.0
    x, y = seen[0] / size[0], seen[1] / size[1]
    return (x, y) if abs(x / y - 1) <= TOLERANCE else None
