"""Transcriptions, and the charset that they are held to."""

from __future__ import annotations

from pathlib import Path

from bad_input.cases import Table

IMAGE, ROW = "data/train/images/000.png", "data/train/labels.txt:1"
# What the good data have, and no more.
CHARSET = sorted(set("Anno 1742 den 3. May two hens Jan de Wit item 14 s a barn his mark No. 27 barns"))

_table = Table("custom")


def _write(data: Path, text: str, split: str = "train") -> None:
    """Write another text into the first row."""
    file = data / split / "labels.txt"
    first, *others = file.read_text(encoding="utf-8").splitlines()
    rows = [f"{first.split(' ')[0]} {text}", *others]
    file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


@_table.kept("Accents as characters of their own (NFD): they are put together", found="accents/decomposed")
def _decomposed(data: Path) -> None:
    _write(data, "A\u0301nno 1742")


@_table.reported("Accents in both ways", found="accents/mixed")
def _both_forms(data: Path) -> None:
    _write(data, "A\u0301nno \u00e9\u00e9")


@_table.reported("A control character in a text", found="odd_characters/\x07")
def _control(data: Path) -> None:
    _write(data, "Anno\x07 1742")


@_table.reported(
    "A character that turns the direction of writing, as copying from a web page leaves it",
    found="odd_characters/\u202e",
)
def _bidi(data: Path) -> None:
    _write(data, "Anno \u202e1742")


@_table.reported("U+FFFD, which a program wrote where it could not read", found="odd_characters/\ufffd")
def _replacement(data: Path) -> None:
    _write(data, "Anno \ufffd742")


@_table.reported("A text that is too long for its image", IMAGE, found="text_does_not_fit/4/train")
def _too_long(data: Path) -> None:
    _write(data, "Anno 1742 den 3. May " * 10)


@_table.reported("A character that only val has", "Ω", found="characters_not_in_train/val")
def _only_in_val(data: Path) -> None:
    _write(data, "den 14. May Ω", "val")


@_table.skippable(
    "A character that the document's charset lacks",
    ROW,
    "'Ω' (U+03A9)",
    skipped={"unknown character": 1},
    document={"text": {"charset": CHARSET}},
)
def _unknown(data: Path) -> None:
    _write(data, "Anno Ω")


@_table.left_out(
    "The same, where the document leaves such lines out",
    ROW,
    "'Ω' (U+03A9)",
    skipped={"unknown character": 1},
    document={"text": {"charset": CHARSET, "on_unknown": "drop_line"}},
)
def _unknown_dropped(data: Path) -> None:
    _write(data, "Anno Ω")


@_table.skippable(
    "A character in a test line that the document's charset lacks",
    "data/test/labels.txt:1",
    "'Ω' (U+03A9)",
    "with drop_line this test line stays",
    skipped={},
    lost=0,
    document={"text": {"charset": CHARSET}},
)
def _unknown_in_test(data: Path) -> None:
    _write(data, "Anno Ω", "test")


@_table.reported(
    "The same, where the document leaves such lines out of training",
    "characters that no training line has: Ω",
    found="characters_not_in_train/test/Ω",
    document={"text": {"charset": CHARSET, "on_unknown": "drop_line"}},
)
def _unknown_kept_in_test(data: Path) -> None:
    _write(data, "Anno Ω", "test")


@_table.kept(
    "The same, where the document replaces the character",
    document={"text": {"charset": CHARSET, "on_unknown": "map", "map": [{"find": "Ω", "replace": "No."}]}},
)
def _unknown_mapped(data: Path) -> None:
    _write(data, "Anno Ω")


@_table.refused("A charset file that is not there", "charset.txt", document={"text": {"charset": "charset.txt"}})
def _no_charset(_data: Path) -> None:
    pass


@_table.refused("A charset file that is not UTF-8", "charset.txt:2", document={"text": {"charset": "charset.txt"}})
def _charset_latin1(data: Path) -> None:
    (data.parent / "charset.txt").write_bytes("abc\né\n".encode("latin-1"))


CASES = _table.cases
