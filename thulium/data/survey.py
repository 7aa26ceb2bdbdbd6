"""What prepare saw: counts, characters, and what a person should look at before training."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from thulium.data.shards import Row


@dataclass
class SplitSurvey:
    """Counts over the lines of one split.

    Attributes:
        skipped, squeezed: lines wider than max_width, by what was done to them; their sources.
    """

    lines: int = 0
    widths: list[int] = field(default_factory=list)
    pages: set[str] = field(default_factory=set)
    symbols: Counter[str] = field(default_factory=Counter)
    digests: dict[str, str] = field(default_factory=dict)  # digest of an image -> its source
    skipped: list[str] = field(default_factory=list)
    squeezed: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Count a line."""
        self.lines += 1
        self.widths.append(row.width)
        self.pages.add(row.page)
        self.symbols.update(row.text)
        self.digests.setdefault(hashlib.sha256(row.image).hexdigest(), row.source)


def charset(surveys: dict[str, SplitSurvey]) -> list[dict[str, Any]]:
    """Every character of the data, with its code point, Unicode name and count in each split."""
    return [
        {
            "character": symbol,
            "code_point": f"U+{ord(symbol):04X}",
            "name": unicodedata.name(symbol, "(no name)"),
            **{name: survey.symbols[symbol] for name, survey in surveys.items()},
        }
        for symbol in sorted(set().union(*(survey.symbols for survey in surveys.values())))
    ]


def report(surveys: dict[str, SplitSurvey]) -> dict[str, Any]:
    """Counts of each split, and what should be looked at."""
    train = surveys["train"].symbols
    return {
        "splits": {name: _counts(survey) for name, survey in surveys.items()},
        "characters_not_in_train": {
            name: {symbol: count for symbol, count in sorted(survey.symbols.items()) if symbol not in train}
            for name, survey in surveys.items()
            if name != "train"
        },
        "same_image_in_two_splits": _shared_images(surveys),
    }


def _counts(survey: SplitSurvey) -> dict[str, Any]:
    return {
        "lines": survey.lines,
        "pages": len(survey.pages),
        "characters": survey.symbols.total(),
        "width_min": min(survey.widths, default=0),
        "width_mean": round(sum(survey.widths) / max(1, survey.lines), 1),
        "width_max": max(survey.widths, default=0),
        "skipped_too_wide": survey.skipped,
        "squeezed_too_wide": survey.squeezed,
    }


def _shared_images(surveys: dict[str, SplitSurvey]) -> list[list[str]]:
    places: dict[str, list[str]] = defaultdict(list)
    for survey in surveys.values():
        for digest, source in survey.digests.items():
            places[digest].append(source)
    return sorted(sources for sources in places.values() if len(sources) > 1)
