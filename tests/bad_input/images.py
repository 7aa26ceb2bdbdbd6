"""Images: files that are none, and pictures of every kind."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import lab
from PIL import Image, ImageChops, ImageOps

from bad_input.cases import Table

NAME = "000.png"
FILE = f"data/train/images/{NAME}"
UNREADABLE = {"unreadable image": 1}
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 5120\n"

_table = Table("custom")


def _line(data: Path) -> Image.Image:
    """The line that is spoilt: ink of a grey of 20 on paper of 235."""
    with Image.open(data / "train" / "images" / NAME) as image:
        return image.convert("L")


def _put(data: Path, content: bytes | Image.Image, name: str = NAME, **how: Any) -> None:
    """Put another image into the place of the first, under another name if there is one."""
    folder = data / "train"
    (folder / "images" / NAME).unlink()
    if isinstance(content, bytes):
        (folder / "images" / name).write_bytes(content)
    else:
        content.save(folder / "images" / name, **how)
    if name != NAME:
        lab.edit(folder / "labels.txt", NAME, name)


def _bytes(image: Image.Image, kind: str, **how: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


@_table.skippable("A PNG that is cut off", FILE, skipped=UNREADABLE)
def _truncated_png(data: Path) -> None:
    _put(data, _half(_bytes(_line(data), "PNG")))


@_table.skippable("A JPEG that is cut off", "data/train/images/000.jpg", skipped=UNREADABLE)
def _truncated_jpeg(data: Path) -> None:
    _put(data, _half(_bytes(_line(data), "JPEG")), "000.jpg")


@_table.skippable("A TIFF that is cut off", "data/train/images/000.tif", skipped=UNREADABLE)
def _truncated_tiff(data: Path) -> None:
    _put(data, _half(_bytes(_line(data), "TIFF")), "000.tif")


@_table.skippable("A PNG of which some bytes were changed", FILE, skipped=UNREADABLE)
def _damaged_png(data: Path) -> None:
    content = bytearray(_bytes(_line(data), "PNG"))
    content[60:70] = b"0123456789"
    _put(data, bytes(content))


@_table.skippable("An image of 0 bytes", FILE, skipped=UNREADABLE)
def _empty(data: Path) -> None:
    _put(data, b"")


@_table.skippable("A text file named .png", FILE, skipped=UNREADABLE)
def _text(data: Path) -> None:
    _put(data, b"Anno 1742\n")


@_table.skippable("A PDF named .png", FILE, skipped=UNREADABLE)
def _pdf(data: Path) -> None:
    _put(data, _bytes(_line(data), "PDF"))


@_table.skippable("PostScript named .png (Ghostscript is not started)", FILE, skipped=UNREADABLE)
def _postscript(data: Path) -> None:
    _put(data, _bytes(_line(data), "EPS"))


@_table.skippable("A web page named .png, as a download may leave it", FILE, skipped=UNREADABLE)
def _web_page(data: Path) -> None:
    _put(data, b"<!DOCTYPE html>\n<html><title>404</title></html>\n")


@_table.left_out(
    "A PDF among the images", "data/train/images/book.pdf", skipped={"image of a kind that is not read": 1}, lost=0
)
def _pdf_beside(data: Path) -> None:
    (data / "train" / "images" / "book.pdf").write_bytes(_bytes(_line(data), "PDF"))


@_table.skippable("A Git LFS pointer in place of an image", FILE, skipped=UNREADABLE)
def _lfs(data: Path) -> None:
    _put(data, LFS)


@_table.skippable("An image that git-annex has not fetched", FILE, skipped=UNREADABLE)
def _annex(data: Path) -> None:
    path = data / "train" / "images" / NAME
    path.unlink()
    path.symlink_to("../../../.git/annex/objects/aa/bb/SHA256E-s9--0.png/SHA256E-s9--0.png")


@_table.skippable("An image of which only DVC's file is there", FILE, "000.png.dvc", skipped={"missing image": 1})
def _dvc(data: Path) -> None:
    path = data / "train" / "images" / NAME
    path.rename(path.with_name(f"{NAME}.dvc"))


@_table.skippable(
    "A small file that says it is 50,000 by 50,000 pixels (a decompression bomb)", FILE, skipped=UNREADABLE
)
def _bomb(data: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0))
    _put(data, b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


@_table.skippable("A folder named 000.png", "data/train/labels.txt:1", FILE, skipped={"missing image": 1})
def _folder(data: Path) -> None:
    (data / "train" / "images" / NAME).unlink()
    (data / "train" / "images" / NAME).mkdir()


@_table.skippable("A link to an image that is not there", FILE, skipped=UNREADABLE)
def _dangling(data: Path) -> None:
    path = data / "train" / "images" / NAME
    path.unlink()
    path.symlink_to("nowhere.png")


@_table.skippable("A link that leads to itself", FILE, skipped=UNREADABLE)
def _loop(data: Path) -> None:
    path = data / "train" / "images" / NAME
    path.unlink()
    path.symlink_to(NAME)


@_table.kept("A link to an image outside the folder (so DVC keeps data)", same_picture=True)
def _link_outside(data: Path) -> None:
    path = data / "train" / "images" / NAME
    path.rename(data.parent / "outside.png")
    path.symlink_to(data.parent.resolve() / "outside.png")


@_table.kept("A folder of images that is a link, in which a link leads back up", same_picture=True)
def _linked_folder(data: Path) -> None:
    folder = data / "train" / "images"
    folder.rename(data.parent / "elsewhere")
    folder.symlink_to(data.parent.resolve() / "elsewhere")
    (folder / "up").symlink_to(folder)


@_table.kept("A JPEG named .png", same_picture=True)
def _wrong_ending(data: Path) -> None:
    _put(data, _bytes(_line(data), "JPEG", quality=95))


@_table.kept("16-bit grey (PNG)", same_picture=True)
def _sixteen_bits(data: Path) -> None:
    _put(data, _sixteen(_line(data)))


@_table.kept("16-bit grey (TIFF)", same_picture=True)
def _sixteen_bits_tiff(data: Path) -> None:
    _put(data, _sixteen(_line(data)), "000.tif")


def _sixteen(image: Image.Image, factor: int = 257) -> Image.Image:
    values = b"".join(struct.pack("<H", factor * value) for value in image.tobytes())
    return Image.frombytes("I;16", image.size, values)


@_table.kept("Greys of 12 bits in 16 (TIFF)", same_picture=True)
def _twelve_bits(data: Path) -> None:
    _put(data, _sixteen(_line(data), 16), "000.tif")


@_table.kept("Greys of 10 bits in 16 (PNG)", same_picture=True)
def _ten_bits(data: Path) -> None:
    _put(data, _sixteen(_line(data), 4))


@_table.kept("Floats from 0 to 1 (TIFF)", same_picture=True)
def _floats(data: Path) -> None:
    image = _line(data)
    _put(
        data,
        Image.frombytes("F", image.size, struct.pack(f"{image.width * image.height}f", *_shares(image))),
        "000.tif",
    )


def _shares(image: Image.Image) -> list[float]:
    return [value / 255 for value in image.tobytes()]


@_table.skippable("Floats of which one is no number", "data/train/images/000.tif", skipped=UNREADABLE)
def _nan(data: Path) -> None:
    image = Image.new("F", (200, 40), 0.5)
    image.putpixel((0, 0), float("nan"))
    _put(data, image, "000.tif")


@_table.kept("JPEG 2000", same_picture=True)
def _jpeg_2000(data: Path) -> None:
    _put(data, _line(data), "000.jp2")


@_table.kept("A palette", same_picture=True)
def _palette(data: Path) -> None:
    _put(data, _line(data).convert("RGB").quantize(64))


@_table.kept("A palette of which one colour, the paper, is transparent", same_picture=True)
def _transparent_palette(data: Path) -> None:
    image = _line(data).point(lambda value: 255 if value > 200 else value)
    _put(data, image.convert("P"), transparency=255)


@_table.kept("Black ink on transparent paper (RGBA)", same_picture=True)
def _alpha(data: Path) -> None:
    image = Image.new("RGBA", (image := _line(data)).size, "black")
    image.putalpha(ImageOps.invert(_line(data)))
    _put(data, image)


@_table.kept("Grey with transparency (LA)", same_picture=True)
def _grey_alpha(data: Path) -> None:
    ink = Image.new("L", _line(data).size, 0)
    _put(data, Image.merge("LA", (ink, ImageOps.invert(_line(data)))))


@_table.kept("A CMYK JPEG", same_picture=True)
def _cmyk(data: Path) -> None:
    _put(data, _line(data).convert("RGB").convert("CMYK"), "000.jpg", quality=95)


@_table.kept("1-bit, black and white", same_picture=True)
def _one_bit(data: Path) -> None:
    _put(data, _line(data).convert("1", dither=Image.Dither.NONE))


@_table.skippable("A moving picture (GIF)", "data/train/images/000.gif", skipped=UNREADABLE)
def _animated(data: Path) -> None:
    image = _line(data)
    _put(data, image, "000.gif", save_all=True, append_images=[ImageChops.offset(image, 40, 0)])


@_table.skippable("A TIFF of three pages", "data/train/images/000.tif", skipped=UNREADABLE)
def _pages(data: Path) -> None:
    image = _line(data)
    others = [ImageChops.offset(image, 40, 0), ImageOps.mirror(image)]
    _put(data, image, "000.tif", save_all=True, append_images=others)


@_table.kept("A telephone's JPEG with a second picture behind the first (MPO)", same_picture=True)
def _telephone(data: Path) -> None:
    image = _line(data)
    _put(data, image, "000.jpg", format="MPO", save_all=True, append_images=[ImageOps.mirror(image)], quality=95)


@_table.kept("A TIFF with smaller copies of its picture (a pyramid, for image servers)", same_picture=True)
def _pyramid(data: Path) -> None:
    image = _line(data)
    levels = [image.reduce(2), image.reduce(4)]
    _put(data, image, "000.tif", save_all=True, append_images=levels)


@_table.kept("A photograph that its camera marked as lying on its side (EXIF)", same_picture=True)
def _turned(data: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _put(data, _line(data).transpose(Image.Transpose.ROTATE_90), "000.jpg", exif=exif, quality=95)


@_table.kept("A TIFF that says that it lies on its side", same_picture=True)
def _turned_tiff(data: Path) -> None:
    _put(data, _line(data).transpose(Image.Transpose.ROTATE_90), "000.tif", tiffinfo={0x0112: 6})


@_table.reported("An image of 1 by 1 pixels", FILE, found="images/tiny")
def _speck(data: Path) -> None:
    _put(data, Image.new("L", (1, 1), 20))


@_table.reported("An image 30,000 pixels wide", "squeezed", found="splits/train/squeezed_too_wide")
def _wide(data: Path) -> None:
    _put(data, _wide_line(data))


@_table.left_out(
    "The same, where the document skips wide lines",
    FILE,
    skipped={"too wide": 1},
    document={"preprocessing/wide_lines": "skip"},
)
def _wide_skipped(data: Path) -> None:
    _put(data, _wide_line(data))


@_table.skippable(
    "The same, where the document refuses wide lines",
    FILE,
    skipped={"too wide": 1},
    document={"preprocessing/wide_lines": "error"},
)
def _wide_refused(data: Path) -> None:
    _put(data, _wide_line(data))


def _wide_line(data: Path) -> Image.Image:
    image = Image.new("L", (30_000, 40), 235)
    line = _line(data)
    for left in range(0, image.width, line.width):
        image.paste(line, (left, 0))
    return image


@_table.reported("A blank image", FILE, found="images/blank")
def _blank(data: Path) -> None:
    _put(data, Image.new("L", (200, 40), 235))


@_table.reported("An image that is transparent all over", FILE, found="images/blank")
def _all_transparent(data: Path) -> None:
    _put(data, Image.new("RGBA", (200, 40), (0, 0, 0, 0)))


@_table.reported("Light writing on dark paper", FILE, found="images/light on dark")
def _inverted(data: Path) -> None:
    _put(data, ImageOps.invert(_line(data)))


@_table.refused("The same image in train and in test", FILE, "data/test/images/000.png")
def _leak(data: Path) -> None:
    (data / "test" / "images" / NAME).write_bytes((data / "train" / "images" / NAME).read_bytes())


@_table.reported(
    "The same, where the document allows it",
    FILE,
    "data/test/images/000.png",
    found="same_image_in_two_splits",
    document={"allow_overlap": True},
)
def _allowed_leak(data: Path) -> None:
    _leak(data)


@_table.reported("The same blank image in train and in test", FILE, found="images/blank")
def _blank_leak(data: Path) -> None:
    blank = Image.new("L", (200, 40), 235)
    for split in ("train", "test"):
        blank.save(data / split / "images" / NAME)


@_table.reported("The same image twice in train", found="same_image_twice")
def _twice(data: Path) -> None:
    folder = data / "train" / "images"
    (folder / "001.png").write_bytes((folder / NAME).read_bytes())


CASES = _table.cases
