"""Which kinds of image files are read, and what files of other kinds are called."""

from __future__ import annotations

from pathlib import PurePath

from PIL import Image

# What scans, photographs and exports are made of. Pillow knows 40 formats more, and tries each where none is named,
# whatever the file's name ends in: PostScript would start Ghostscript, others look for a program or a library of the
# system, or draw with a printer's commands. None of these is a picture of a page, so none is tried.
# In the order in which one of several images of one name is taken; the first six stand as they always did.
_WANTED = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP", "JPEG2000", "PPM", "AVIF", "DIB")
_WITHIN = {"MPO": "JPEG"}  # a photograph with a second one behind it: Pillow opens it as the first

Image.init()
FORMATS = tuple(name for name in _WANTED if name in Image.OPEN)  # AVIF came to Pillow late
_FORMAT_OF = {
    ending: _WITHIN.get(name, name) for ending, name in Image.EXTENSION.items() if _WITHIN.get(name, name) in FORMATS
}
IMAGE_ENDINGS = frozenset(_FORMAT_OF)

# Images that lie where a page or a line is looked for, and are of a kind that is not read: how their names end.
_OTHERS = {
    "PDF": ".pdf",
    "SVG": ".svg .svgz",
    "HEIC": ".heic .heif .hif",
    "AVIF": ".avif",
    "JPEG XL": ".jxl",
    "JPEG XR": ".jxr .wdp .hdp",
    "DjVu": ".djvu .djv",
    "PostScript": ".eps .ps .ai",
    "Photoshop": ".psd .psb",
    "GIMP": ".xcf",
    "camera raw": ".dng .cr2 .cr3 .nef .arw .orf .rw2 .raf .iiq .3fr",
    "TGA": ".tga",
    "PCX": ".pcx .dcx",
    "ICO": ".ico",
    "Windows metafile": ".wmf .emf",
    "DICOM": ".dcm",
}
NOT_READ = {
    ending: name for name, endings in _OTHERS.items() for ending in endings.split() if ending not in IMAGE_ENDINGS
}

# How such files begin, and others that are found under an image's name: a web page that a download came to, an archive.
_BEGINNINGS = (
    (b"%PDF", "a PDF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"8BPS", "a Photoshop file"),
    (b"AT&TFORM", "a DjVu file"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"II\xbc", "a JPEG XR image"),
    (b"gimp xcf", "a GIMP file"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "XML"),
)
# How those begin that are read: of them, some are of a kind that Pillow does not decode, such as a JPEG of 12 bits.
_READ = (
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
)
# By the brand that such a file names first; others are videos.
_BRANDS = {b"hei": "a HEIC image", b"hev": "a HEIC image", b"mif": "a HEIC image", b"msf": "a HEIC image"}
_BRANDS |= {b"avi": "an AVIF image", b"crx": "a camera's raw image"}


def rank(name: str) -> int:
    """The place of an image among those that differ in their ending only: the lowest is taken."""
    return FORMATS.index(_FORMAT_OF[ending_of(name)])


def ending_of(name: str | PurePath) -> str:
    """The ending of a file's name, in small letters, with its dot."""
    return PurePath(name).suffix.lower()


def is_image(name: str | PurePath) -> bool:
    """Whether a file is an image by its name, of a kind that is read."""
    return ending_of(name) in IMAGE_ENDINGS


def is_not_read(name: str | PurePath) -> bool:
    """Whether a file is an image by its name, of a kind that is not read."""
    return ending_of(name) in NOT_READ


def kind_by_name(name: str | PurePath) -> str:
    """What an image that is not read is called."""
    return NOT_READ[ending_of(name)]


def verdict(head: bytes) -> str | None:
    """What a file is that could not be opened as an image, by its first bytes; None where they do not tell."""
    for beginning, name in _READ:
        if head.startswith(beginning):
            return f"is a {name} that is damaged, or of a kind that cannot be decoded"
    if head[4:8] == b"ftyp":
        return f"is {_BRANDS.get(head[8:11], 'a video')}, which is not read"
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning) or plain.startswith(beginning):
            return f"is {name}, which is not read"
    return None
