"""labels.txt and the folder that it lies in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bad_input.cases import Table
from bad_input.images import LFS

FILE = "data/train/labels.txt"
IMAGE = "data/train/images/000.png"
FIRST = "000.png Anno 1742"

_table = Table("custom")


def _rows(data: Path) -> list[str]:
    return (data / "train" / "labels.txt").read_text(encoding="utf-8").splitlines()


def _write(data: Path, rows: list[str], *, ending: str = "\n", encoding: str = "utf-8") -> None:
    (data / "train" / "labels.txt").write_bytes(ending.join([*rows, ""]).encode(encoding))


def _first(data: Path, row: str) -> None:
    """Write another first row."""
    _write(data, [row, *_rows(data)[1:]])


def _rename(data: Path, name: str | bytes) -> None:
    """Give the first image another name."""
    folder = os.fsencode(data / "train" / "images")
    os.rename(folder + b"/000.png", folder + b"/" + os.fsencode(name))


@_table.kept("A byte order mark, as Windows programs write it")
def _bom(data: Path) -> None:
    _write(data, _rows(data), encoding="utf-8-sig")


@_table.kept("Windows line ends (CRLF)")
def _crlf(data: Path) -> None:
    _write(data, _rows(data), ending="\r\n")


@_table.kept("Line ends of old Macs (CR)")
def _cr(data: Path) -> None:
    _write(data, _rows(data), ending="\r")


@_table.kept("Empty rows, and rows of spaces, between the others")
def _empty_rows(data: Path) -> None:
    _write(data, [row for pair in zip(_rows(data), ["", "   "] * 4, strict=True) for row in pair])


@_table.refused("UTF-16, as Windows calls Unicode", f"{FILE}:1")
def _utf16(data: Path) -> None:
    _write(data, _rows(data), encoding="utf-16")


@_table.refused("UTF-16 without a byte order mark", f"{FILE}:1")
def _utf16_bare(data: Path) -> None:
    _write(data, _rows(data), encoding="utf-16-le")


@_table.refused("An é of Latin-1 in row 3", f"{FILE}:3")
def _latin1(data: Path) -> None:
    _write(data, [*_rows(data)[:2], "002.png two été", *_rows(data)[3:]], encoding="latin-1")


@_table.skippable("A NUL character in a text", f"{FILE}:1", skipped={"NUL character": 1})
def _nul(data: Path) -> None:
    _first(data, f"{FIRST}\0")


@_table.skippable("A tab between name and text", f"{FILE}:1", IMAGE, skipped={"not a row": 1, "image without a row": 1})
def _tab(data: Path) -> None:
    _first(data, FIRST.replace(" ", "\t", 1))


@_table.skippable(
    "A row that begins with a space", f"{FILE}:1", IMAGE, skipped={"not a row": 1, "image without a row": 1}
)
def _indented(data: Path) -> None:
    _first(data, f" {FIRST}")


@_table.skippable("A name without a text", f"{FILE}:1", skipped={"no transcription": 1})
def _no_text(data: Path) -> None:
    _first(data, "000.png")


@_table.skippable("Nothing but spaces for a text", f"{FILE}:1", skipped={"no transcription": 1})
def _spaces(data: Path) -> None:
    _first(data, "000.png    ")


@_table.skippable("A row that is a text without a name", f"{FILE}:9", skipped={"missing image": 1}, lost=0)
def _no_name(data: Path) -> None:
    _write(data, [*_rows(data), "that follows from the line above"])


@_table.skippable("Two rows for one image", f"{FILE}:9", skipped={"two rows for one image": 1}, lost=0)
def _duplicate(data: Path) -> None:
    _write(data, [*_rows(data), "000.png Anno 1743"])


@_table.kept("A name with é as one character, its file's name with é as two (as Macs write it)")
def _accents(data: Path) -> None:
    _rename(data, "cafe\u0301.png")
    _first(data, "caf\u00e9.png Anno 1742")


@_table.skippable(
    "Two rows for one image, with é written in two ways", f"{FILE}:9", skipped={"two rows for one image": 1}, lost=0
)
def _accents_twice(data: Path) -> None:
    _rename(data, "caf\u00e9.png")
    _write(data, ["caf\u00e9.png Anno 1742", *_rows(data)[1:], "cafe\u0301.png Anno 1742"])


@_table.skippable(
    "Two images whose names differ in how é is written only",
    f"{FILE}:1",
    f"{FILE}:9",
    skipped={"two images of one name": 2},
)
def _accents_clash(data: Path) -> None:
    folder = data / "train" / "images"
    shutil.copy(folder / "001.png", folder / "cafe\u0301.png")
    _rename(data, "caf\u00e9.png")
    _write(data, ["caf\u00e9.png Anno 1742", *_rows(data)[1:], "cafe\u0301.png Anno 1743"])


@_table.skippable(
    "A name with a space",
    f"{FILE}:1",
    "data/train/images/page 1.png",
    skipped={"missing image": 1, "image without a row": 1},
)
def _name_with_space(data: Path) -> None:
    _rename(data, "page 1.png")
    _first(data, "page 1.png Anno 1742")


@_table.skippable("../../outside.png", f"{FILE}:9", skipped={"name outside the folder": 1}, lost=0)
def _outside(data: Path) -> None:
    shutil.copy(data / "train" / "images" / "000.png", data / "outside.png")
    _write(data, [*_rows(data), "../../outside.png Anno 1742"])


@_table.skippable(
    "A name that begins at the root of the disk", f"{FILE}:9", skipped={"name outside the folder": 1}, lost=0
)
def _absolute(data: Path) -> None:
    _write(data, [*_rows(data), "/archive/scans/000.png Anno 1742"])


@_table.skippable("A name as Windows writes it", f"{FILE}:1", skipped={"missing image": 1, "image without a row": 1})
def _backslash(data: Path) -> None:
    (data / "train" / "images" / "p1").mkdir()
    _rename(data, "p1/000.png")
    _first(data, "p1\\000.png Anno 1742")


@_table.skippable("Names with images/ before them", f"{FILE}:1", skipped={"missing image": 1, "image without a row": 1})
def _with_folder(data: Path) -> None:
    _first(data, f"images/{FIRST}")


@_table.skippable(
    "Names without their ending", f"{FILE}:1", "000.png", skipped={"missing image": 1, "image without a row": 1}
)
def _bare_name(data: Path) -> None:
    _first(data, FIRST.replace(".png", ""))


@_table.skippable("A hidden image", f"{FILE}:1", skipped={"missing image": 1})
def _hidden(data: Path) -> None:
    _rename(data, ".000.png")
    _first(data, f".{FIRST}")


@_table.skippable("A row without its image", f"{FILE}:1", IMAGE, skipped={"missing image": 1})
def _missing_image(data: Path) -> None:
    (data / "train" / "images" / "000.png").unlink()


@_table.skippable("An image without a row", IMAGE, skipped={"image without a row": 1})
def _missing_row(data: Path) -> None:
    _write(data, _rows(data)[1:])


@_table.skippable(
    "A file name that is not UTF-8",
    f"{FILE}:1",
    "data/train/images/caf\\udce9.png",
    skipped={"missing image": 1, "image without a row": 1},
)
def _garbled_name(data: Path) -> None:
    _rename(data, b"caf\xe9.png")
    _first(data, "caf\u00e9.png Anno 1742")


@_table.skippable("25 bad rows", f"{FILE}:9", "and 5 more", skipped={"missing image": 25}, lost=0)
def _many(data: Path) -> None:
    _write(data, [*_rows(data), *(f"{number}.png gone" for number in range(25))])


@_table.refused("No labels.txt", FILE)
def _no_labels(data: Path) -> None:
    (data / "train" / "labels.txt").unlink()


@_table.refused("A Git LFS pointer in place of labels.txt", FILE)
def _lfs(data: Path) -> None:
    (data / "train" / "labels.txt").write_bytes(LFS)


@_table.refused("A folder of which only DVC's file is there", "data/train: is not here, only train.dvc is")
def _dvc(data: Path) -> None:
    shutil.rmtree(data / "train")
    (data / "train.dvc").write_text("outs:\n- path: train\n")


@_table.refused("An empty labels.txt", f"{FILE}:1")
def _empty_labels(data: Path) -> None:
    _write(data, [])


@_table.refused("A folder named labels.txt", FILE)
def _labels_folder(data: Path) -> None:
    (data / "train" / "labels.txt").unlink()
    (data / "train" / "labels.txt").mkdir()


@_table.refused("No folder images/", "data/train/images")
def _no_images(data: Path) -> None:
    (data / "train" / "images").rename(data / "train" / "pictures")


@_table.refused("Neither a folder for val nor one for test", "data/val", "data/test")
def _no_folders(data: Path) -> None:
    for split in ("val", "test"):
        shutil.rmtree(data / split)


@_table.refused("No usable line in val", "data/val/labels.txt:1", "data/val/labels.txt:2")
def _no_val(data: Path) -> None:
    names = _images(data / "val")
    (data / "val" / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def _images(folder: Path) -> Iterator[str]:
    return iter(sorted(path.name for path in (folder / "images").iterdir()))


@_table.refused("Lines of one page in train and in test", "p1")
def _page_in_two_splits(data: Path) -> None:
    for split in ("train", "test"):
        folder = data / split
        (folder / "images" / "p1").mkdir()
        (folder / "images" / "000.png").rename(folder / "images" / "p1" / "000.png")
        labels = (folder / "labels.txt").read_text(encoding="utf-8")
        (folder / "labels.txt").write_text(f"p1/{labels}", encoding="utf-8")


@_table.reported(
    "The same page in both, where the document allows it",
    "p1",
    found="same_page_in_two_splits",
    document={"allow_overlap": True},
)
def _allowed_page_in_two_splits(data: Path) -> None:
    _page_in_two_splits(data)


CASES = _table.cases
