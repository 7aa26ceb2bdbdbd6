"""Pages of one name in several folders: the same pages, or different ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import lab_data
import pytest

from thulium.data.line import Origin
from thulium.ingest.namesakes import Namesakes


def told_apart(root: Path, **texts: list[str]) -> tuple[list[str], list[str]]:
    """The names of different pages and of the same: all are called "page", each with an image of its name."""
    namesakes = Namesakes()
    for folder, lines in texts.items():
        for number, text in enumerate(lines):
            page = f"{folder}/page"
            origin = Origin(
                id=f"{page}#{number}", page=page, document=folder, source="", image_source=str(root / folder)
            )
            namesakes.add("page", origin, text)
    different, same = namesakes.told_apart()
    return list(different), list(same)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        lab_data.draw_line(f"text of {name}").save(tmp_path / name, "PNG")
    return tmp_path


def test_pages_with_other_images_and_texts_are_different(root: Path) -> None:
    assert told_apart(root, a=["one", "two", "three"], b=["four", "five", "three"]) == (["page"], [])
    assert told_apart(root, a=["one"]) == ([], [])


def test_pages_of_one_image_are_the_same_whatever_was_read_in_it(root: Path) -> None:
    shutil.copy(root / "a", root / "b")
    assert told_apart(root, a=["one"], b=["two"]) == ([], ["page"])


def test_pages_of_the_same_texts_are_the_same_in_whatever_image(root: Path) -> None:
    assert told_apart(root, a=["one", "two"], b=["one", "two", "three", "four", "five"]) == ([], ["page"])


def test_files_of_one_size_are_compared(root: Path) -> None:
    (root / "a").write_bytes(b"1234")
    (root / "b").write_bytes(b"4321")
    assert told_apart(root, a=["one"], b=["two"]) == (["page"], [])


def test_lines_of_no_known_page_have_no_namesakes() -> None:
    namesakes = Namesakes()
    for folder in ("a", "b"):
        namesakes.add("1", Origin(id=f"{folder}/1", page=f"{folder}/1", document=folder, source=""), folder)
    assert namesakes.told_apart() == ({}, {})
