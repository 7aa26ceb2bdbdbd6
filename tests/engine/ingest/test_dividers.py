"""Rows of labels.txt that were written as those of a table: said once, not once a row."""

from __future__ import annotations

from pathlib import Path

import lab
import pytest

from thulium.data.labels import read_labels
from thulium.data.line import Fault
from thulium.ingest.readers.dividers import said_once
from thulium.ingest.verdict import told


def said(folder: Path, *rows: str) -> list[str]:
    (folder / "labels.txt").write_text("\n".join(rows), encoding="utf-8")
    faults: list[Fault] = []
    read_labels(folder, faults)
    return [row.replace(f"{folder}/", "") for row in told(said_once(folder, faults))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lab.write_lines_folder(tmp_path / "lines", ["one", "two", "three"])


@pytest.mark.parametrize(("divider", "called"), [(",", "a comma"), (";", "a semicolon"), ("\t", "a tab")])
def test_another_character_than_a_space_is_said_once(folder: Path, divider: str, called: str) -> None:
    rows = [f"{number:03}.png{divider}a text, of words" for number in range(3)]
    assert said(folder, *rows) == [
        f"labels.txt:1 and 2 more have {called} where a space should divide name and text: write a space in each",
        "images/000.png and 2 more are named in rows of labels.txt that cannot be read: correct the rows",
    ]
    only, *_ = said(folder, rows[0], "001.png two", "002.png three")
    assert only == f"labels.txt:1: {called} stands where a space should divide name and text: write a space"


def test_a_name_with_a_comma_and_a_row_without_an_image_are_as_they_were(folder: Path) -> None:
    (folder / "images" / "000.png").rename(folder / "images" / "0,0.png")
    assert said(folder, "0,0.png one", "001.png two", "002.png three") == []
    (missing,) = said(folder, "0,0.png one", "001.png two", "002.png three", "gone.png,four words")
    assert missing.startswith("labels.txt:4: there is no image")
