"""The folder that prepared lines are to be written to."""

from __future__ import annotations

from pathlib import Path

from bad_input.cases import Table

OUT = "out"

_table = Table("custom")


@_table.refused("The folder to write to is a file", OUT)
def _file(data: Path) -> None:
    (data.parent / OUT).write_text("notes\n")


@_table.refused("The folder to write to holds something else by the name of what would be written", OUT)
def _taken(data: Path) -> None:
    (data.parent / OUT / "train").mkdir(parents=True)
    (data.parent / OUT / "train" / "notes.txt").write_text("notes\n")


CASES = _table.cases
