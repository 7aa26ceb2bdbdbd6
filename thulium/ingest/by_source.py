"""What prepare saw of each source of a data set that has several."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from thulium.data.line import SplitName
from thulium.ingest.accounting import Accounts
from thulium.ingest.conversion import Converted
from thulium.ingest.sources import weights_of
from thulium_dsl.grammar.spec import DatasetSpec


@dataclass
class SourceSurvey:
    """Counts over the lines of one source, of all splits.

    Attributes:
        weight: how often its training lines are seen in an epoch.
        accounts: where each line went.
        words: what stands between spaces -> how often.
    """

    weight: float
    accounts: Accounts = field(default_factory=Accounts)
    pages: set[str] = field(default_factory=set)
    characters: int = 0
    words: Counter[str] = field(default_factory=Counter)

    def add(self, split: SplitName, line: Converted, file: str) -> None:
        """Count a line."""
        self.accounts.use(split, file)
        self.pages.add(line.row.page)
        self.characters += len(line.text)
        self.words.update(line.text.split())

    def report(self) -> dict[str, Any]:
        """What report.json holds of it."""
        counts = self.accounts.report()
        lines = {name: counts["splits"][name]["used"] for name in ("train", "val", "test")}
        return {
            "weight": self.weight,
            **lines,
            "lines_an_epoch": max(1, round(lines["train"] * self.weight)) if lines["train"] else 0,
            "pages": len(self.pages),
            "characters": self.characters,
            **{name: number for name, number in counts["lines"].items() if name != "used"},
        }


def surveys(dataset: DatasetSpec) -> dict[str, SourceSurvey]:
    """One for each source; none where a data set has only one."""
    return {name: SourceSurvey(weight) for name, weight in weights_of(dataset).items()}


def report(sources: dict[str, SourceSurvey]) -> dict[str, Any]:
    """What report.json holds of them, in their order."""
    return {name: source.report() for name, source in sources.items()}
