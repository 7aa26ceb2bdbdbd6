"""Rows of a labels.txt whose name and text another character divides than a space, as in tables that were exported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from thulium.data.line import Fault
from thulium.data.textfile import read_text

DIVIDERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}


def said_once(folder: Path, faults: Sequence[Fault]) -> list[Fault]:
    """The faults of a folder's labels.txt, of which those of such rows are told as one, and those of their images."""
    file = folder / "labels.txt"
    if not any(fault.where.startswith(f"{file}:") for fault in faults):
        return list(faults)
    divided = dict(_divided(folder, file))
    images = {str(image) for image, _ in divided.values()}
    unread = f"are named in rows of {file} that cannot be read: correct the rows"
    return [
        _fault(fault, divided[fault.where][1])
        if fault.where in divided
        else replace(fault, of_many=unread)
        if fault.where in images
        else fault
        for fault in faults
    ]


def _divided(folder: Path, file: Path) -> Iterator[tuple[str, tuple[Path, str]]]:
    """Each such row, as messages name it: its image, and what divides it."""
    for number, row in enumerate(read_text(file).split("\n"), 1):
        for divider in DIVIDERS:
            name, found, _ = row.partition(divider)
            image = folder / "images" / name
            if found and name and " " not in name and _is_file(image):
                yield f"{file}:{number}", (image, divider)
                break


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # as of a name that is too long
        return False


def _fault(fault: Fault, divider: str) -> Fault:
    what = f"{DIVIDERS[divider]} stands where a space should divide name and text: write a space"
    many = f"have {DIVIDERS[divider]} where a space should divide name and text: write a space in each"
    return replace(fault, reason="not a row", what=what, of_many=many)
