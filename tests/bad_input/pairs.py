"""NAME.png and NAME.gt.txt."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from PIL import Image

from bad_input.cases import Table
from bad_input.images import LFS

PLACE = "data/lines/train/p0"
TEXT, IMAGE = f"{PLACE}/000.gt.txt", f"{PLACE}/000.png"

_table = Table("gt_txt")


def _text(root: Path) -> Path:
    return root / "train" / "p0" / "000.gt.txt"


def _image(root: Path) -> Path:
    return root / "train" / "p0" / "000.png"


@_table.skippable("A text without its image", TEXT, skipped={"missing image": 1})
def _no_image(root: Path) -> None:
    _image(root).unlink()


@_table.left_out("An image without a text", IMAGE, skipped={"no transcription": 1})
def _no_text(root: Path) -> None:
    _text(root).unlink()


@_table.left_out("An empty text", TEXT, skipped={"no transcription": 1})
def _empty_text(root: Path) -> None:
    _text(root).write_text(" \n")


@_table.skippable("Two images for one text", TEXT, skipped={"two images for one text": 1})
def _two_images(root: Path) -> None:
    shutil.copy(_image(root), _image(root).with_suffix(".jpg"))


@_table.skippable("A text whose image is of a kind that is not read", TEXT, "000.heic", skipped={"missing image": 1})
def _heic(root: Path) -> None:
    _image(root).rename(_image(root).with_suffix(".heic"))


@_table.left_out("A PDF among the images", f"{PLACE}/book.pdf", skipped={"image of a kind that is not read": 1}, lost=0)
def _pdf(root: Path) -> None:
    (_image(root).parent / "book.pdf").write_bytes(b"%PDF-1.7")


@_table.kept("A JPEG 2000 image and its text")
def _jpeg_2000(root: Path) -> None:
    with Image.open(_image(root)) as image:
        image.save(_image(root).with_suffix(".jp2"))
    _image(root).unlink()


@_table.kept("Folders of splits below others (a data set, a book)")
def _nested(root: Path) -> None:
    for split in ("train", "val", "test"):
        (root / "test data" / "book").mkdir(parents=True, exist_ok=True)
        (root / split).rename(root / "test data" / "book" / split)


@_table.skippable("A Git LFS pointer in place of a text", TEXT, skipped={"unreadable text": 1})
def _lfs(root: Path) -> None:
    _text(root).write_bytes(LFS)


@_table.refused("A text of which only DVC's file is there", TEXT, "000.gt.txt.dvc")
def _dvc(root: Path) -> None:
    _text(root).rename(_text(root).with_name(f"{_text(root).name}.dvc"))


@_table.skippable(
    "Two texts for one image", f"{PLACE}/000.nrm.gt.txt", TEXT, skipped={"two texts for one image": 1}, lost=0
)
def _two_texts(root: Path) -> None:
    _image(root).rename(_image(root).with_name("000.nrm.png"))
    shutil.copy(_text(root), _text(root).with_name("000.nrm.gt.txt"))


@_table.left_out(
    "The same, where the document leaves the second out",
    "1 file not read (excluded 1)",
    skipped={"excluded": 1},
    lost=0,
    document={"exclude": ["*.nrm.gt.txt"]},
)
def _second_text_left_out(root: Path) -> None:
    _two_texts(root)


@_table.left_out(
    "A folder that the document leaves out",
    "8 files not read (excluded 8)",
    skipped={"excluded": 8},
    lost=0,
    document={"exclude": ["drafts/*"]},
)
def _folder_left_out(root: Path) -> None:
    shutil.copytree(root / "train" / "p0", root / "drafts")


@_table.skippable("Two rows in one text", TEXT, skipped={"several rows": 1})
def _two_rows(root: Path) -> None:
    _text(root).write_text("Anno\n1742\n")


@_table.skippable("A text that is not UTF-8", f"{TEXT}:1", skipped={"unreadable text": 1})
def _latin1(root: Path) -> None:
    _text(root).write_bytes("été\n".encode("latin-1"))


@_table.skippable("A text that is a link to nothing", TEXT, skipped={"unreadable text": 1})
def _dangling(root: Path) -> None:
    _text(root).unlink()
    _text(root).symlink_to("nowhere.gt.txt")


@_table.kept("A text with byte order mark, Windows line end and empty rows")
def _windows(root: Path) -> None:
    _text(root).write_bytes("\ufeffAnno 1742\r\n\r\n".encode())


@_table.kept("An image whose name says that it was binarised (000.bin.png)")
def _binarised(root: Path) -> None:
    _image(root).rename(_image(root).with_name("000.bin.png"))


@_table.skippable("An image that is cut off", IMAGE, skipped={"unreadable image": 1})
def _truncated(root: Path) -> None:
    _image(root).write_bytes(_image(root).read_bytes()[:100])


@_table.skippable(
    "A page_pattern that one name does not fit",
    f"{PLACE}/extra.gt.txt",
    skipped={"page unknown": 1},
    lost=0,
    document={"page_pattern": "(.+)/[0-9]+$"},
)
def _no_page(root: Path) -> None:
    shutil.copy(_image(root), _image(root).with_name("extra.png"))
    shutil.copy(_text(root), _text(root).with_name("extra.gt.txt"))


@_table.skippable(
    "A pair that lies in no folder train, val or test", "data/lines/000.png", skipped={"in no split": 1}, lost=1
)
def _no_split(root: Path) -> None:
    _image(root).rename(root / "000.png")
    _text(root).rename(root / "000.gt.txt")


@_table.refused("A file name that is not UTF-8", "caf\\udce9.gt.txt")
def _garbled_name(root: Path) -> None:
    os.rename(_text(root), os.fsencode(_text(root).parent) + b"/caf\xe9.gt.txt")


@_table.refused("Two texts whose names differ in how é is written only", f"{PLACE}/cafe\u0301.gt.txt")
def _accents_clash(root: Path) -> None:
    shutil.copy(_text(root), _text(root).with_name("caf\u00e9.gt.txt"))
    shutil.copy(_text(root), _text(root).with_name("cafe\u0301.gt.txt"))


@_table.refused("A folder without any text", "data/lines")
def _no_texts(root: Path) -> None:
    for path in root.rglob("*.gt.txt"):
        path.unlink()


@_table.refused("No folder", "data/lines")
def _no_folder(root: Path) -> None:
    root.rename(root.with_name("files"))


@_table.refused("A file in place of the folder", "data/lines")
def _file(root: Path) -> None:
    shutil.rmtree(root)
    root.write_text("")


CASES = _table.cases
