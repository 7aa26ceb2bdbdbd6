"""Rows of cells as a text: aligned for a screen, or in Markdown. The first row is the head."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

Cells = Sequence[Sequence[str]]


def aligned(cells: Cells, left: Collection[int]) -> list[str]:
    """A row of text for each row; columns are as wide as their widest cell.

    Args:
        left: the columns of words, which begin at the left; all others are numbers, and end at the right.
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def markdown(cells: Cells, left: Collection[int], notes: Iterable[str]) -> str:
    """A table with a list behind it."""
    head, *others = cells
    rule = ["---" if place in left else "---:" for place in range(len(head))]
    rows = ["| " + " | ".join(map(_plain, row)) + " |" for row in (head, rule, *others)]
    return "\n".join([*rows, "", *(f"- {_plain(note)}" for note in notes)]) + "\n"


def _plain(text: str) -> str:
    """A text in which nothing, such as the name of a file, is a tag or ends a cell."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
