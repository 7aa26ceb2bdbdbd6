"""What a person should look at in prepared lines, as the report shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a person should look at. Keys of params.yaml stand in backquotes.

    Attributes:
        level: "serious": what is measured later is wrong, or lines are lost; "look": a person has to judge; "note":
            does no harm here.
        title: what was found, and how often.
        means, do: sentences.
        names: lines, files, pages or characters.
        where: the key of report.json that has them all.
        pictures: the title of the survey's gallery that has some of them.
    """

    level: Literal["serious", "look", "note"]
    title: str
    means: str
    do: str
    names: Sequence[str]
    where: str
    pictures: str = ""


def many(count: int, one: str, more: str) -> str:
    """A number of things."""
    return f"{count:,} {one if count == 1 else more}"
