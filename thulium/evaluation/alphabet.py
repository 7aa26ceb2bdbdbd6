"""Each character by itself: how often it is written, how often it is read right, and what it is taken for."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from thulium.evaluation.metrics import LineResult
from thulium.evaluation.plots import NOTHING, edits_of, visible
from thulium.runtime.tables import write_table

MISTAKES_SHOWN = 3
COLUMNS = ("character", "code", "name", "seen", "right", "share_right", "taken_for", "made_up")


@dataclass(frozen=True, slots=True)
class Letter:
    """A character (a code point) of the transcriptions, or one that was only read.

    Attributes:
        seen: how often it is written.
        right: how often of these it is read as what it is, in an alignment with as few edits as possible.
        taken_for: what else it was read as, and how often; the most frequent first; "" where it was missed.
        made_up: how often it is read where nothing is written.
    """

    character: str
    seen: int
    right: int
    taken_for: tuple[tuple[str, int], ...]
    made_up: int

    @property
    def shown(self) -> str:
        """The character so that it can be seen: see ``visible``."""
        return visible(self.character)

    @property
    def code(self) -> str:
        """Such as "U+00E9"."""
        return f"U+{ord(self.character):04X}"

    @property
    def name(self) -> str:
        """In Unicode; empty for control characters and such, which have none."""
        return unicodedata.name(self.character, "").lower()

    @property
    def share_right(self) -> float:
        """Of those that are written; nan where it is not written at all."""
        return self.right / self.seen if self.seen else math.nan

    @property
    def mistakes(self) -> list[tuple[str, int]]:
        """What it was taken for most, so that it can be seen; NOTHING where it was missed."""
        return [(visible(other) or NOTHING, count) for other, count in self.taken_for[:MISTAKES_SHOWN]]


def alphabet(results: Sequence[LineResult]) -> list[Letter]:
    """All characters that are written or read, in the order of their code points."""
    seen: Counter[str] = Counter()
    wrong: dict[str, Counter[str]] = {}
    for result in results:
        seen.update(result.transcription)
        for written, read in edits_of(result):
            wrong.setdefault(written, Counter())[read] += 1
    made_up = wrong.pop("", Counter())
    read_only = {read for counts in wrong.values() for read in counts if read}
    return [
        _letter(character, seen[character], wrong.get(character, Counter()), made_up[character])
        for character in sorted(seen.keys() | made_up.keys() | read_only)
    ]


def _letter(character: str, seen: int, wrong: Counter[str], made_up: int) -> Letter:
    ordered = sorted(wrong.items(), key=lambda item: (-item[1], item[0] or NOTHING))
    return Letter(character, seen, seen - wrong.total(), tuple(ordered), made_up)


def write_alphabet(letters: Sequence[Letter], path: Path) -> None:
    """Write the CSV of COLUMNS, a row a character."""
    rows = (
        (each.shown, each.code, each.name, each.seen, each.right, _share(each), _in_words(each), each.made_up)
        for each in letters
    )
    write_table(path, COLUMNS, rows)


def _share(letter: Letter) -> str:
    return f"{letter.share_right:.6g}" if letter.seen else ""


def _in_words(letter: Letter) -> str:
    return ", ".join(f"{shown} {count}" for shown, count in letter.mistakes)
