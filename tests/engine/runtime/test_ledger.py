"""Files that are noted when they are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from thulium.runtime.ledger import Ledger, Made, NotedFile

MADE = Made("of-this", "scans/p1.xml")


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    file = NotedFile(ledger, "deep/p1.csv", MADE, begin=b"line,text\n")
    assert _names(tmp_path) == []  # Ctrl-C could come before anybody could drop it
    file.add(b"1,a\n")
    assert _names(tmp_path) == ["deep/.p1.csv.thulium-part"]
    file.close()
    assert (tmp_path / "deep" / "p1.csv").read_bytes() == b"line,text\n1,a\n"
    assert Ledger(tmp_path).state("deep/p1.csv", MADE) == "done"


def test_a_file_without_a_piece_has_its_beginning(tmp_path: Path) -> None:
    NotedFile(Ledger(tmp_path), "p1.csv", MADE, begin=b"line,text\n").close()
    assert (tmp_path / "p1.csv").read_bytes() == b"line,text\n"


@pytest.mark.parametrize("pieces", [0, 1])
def test_nothing_is_left_of_what_was_dropped(tmp_path: Path, pieces: int) -> None:
    file = NotedFile(Ledger(tmp_path), "p1.txt", MADE)
    for _ in range(pieces):
        file.add(b"a\n")
    file.drop()
    assert _names(tmp_path) == []
