"""What prepare saw of each source of a data set that has several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from thulium.data.line import SplitName
from thulium.data.prepared import SPLITS
from thulium.ingest.accounting import Accounts
from thulium.ingest.conventions import differences
from thulium.ingest.conversion import Converted
from thulium.ingest.findings import Finding, many
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
    images: set[bytes] = field(default_factory=set)  # digests of those that are the same by no chance

    def add(self, split: SplitName, line: Converted, file: str, *, is_telling: bool) -> None:
        """Count a line; ``is_telling`` if another image that is the same must be a copy."""
        if is_telling:
            self.images.add(line.digest)
        self.accounts.use(split, file)
        self.pages.add(line.row.page)
        self.characters += len(line.text)
        self.words.update(line.text.split())

    @property
    def lacks_a_split(self) -> bool:
        """Whether it has no line in one of them."""
        counts = self.accounts.report()["splits"]
        return any(not counts[name]["used"] for name in SPLITS)

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


def report(sources: dict[str, SourceSurvey], seed_for_all: int | None) -> dict[str, Any]:
    """What report.json holds of them; nothing where there are none.

    Args:
        seed_for_all: see ``Survey``.
    """
    if not sources:
        return {}
    found = differences({name: source.words for name, source in sources.items()})
    pairs = ((one, other, len(sources[one].images & sources[other].images)) for one, other in combinations(sources, 2))
    return {
        "sources": {name: source.report() for name, source in sources.items()},
        "conventions": [difference.report() for difference in found],
        "same_images_in_two_sources": {f"{one} and {other}": number for one, other, number in pairs if number},
        "seed_for_all_sources": seed_for_all,
    }


def lacking(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """The sources that have no line in some splits -> these splits; of what report.json holds."""
    missing = {name: [split for split in SPLITS if not counts[split]] for name, counts in sources.items()}
    return {name: splits for name, splits in missing.items() if splits}


def findings(report: Mapping[str, Any]) -> Iterator[Finding]:
    """What a person should look at, of what report.json holds."""
    if rows := [row for row in report.get("conventions", ()) if row["words"]]:
        yield Finding(
            level="look",
            title=f"{many(len(rows), 'character stands', 'characters stand')} for what other sources write otherwise",
            means="What is the same on paper is written in two ways: the model cannot know which one is asked for.",
            do="Choose one way, and have the other replaced by `text.map` of a source. “Sources” has more of it.",
            names=[f"{row['written']} for {row['plain']}: {', '.join(row['by'])}" for row in rows],
            where="conventions",
        )
    if missing := lacking(report.get("sources", {})):
        yield Finding(
            level="look",
            title=f"{many(len(missing), 'source has', 'sources have')} no line in some split",
            means="There, nothing can be said of how well it is read.",
            do="Try another `dataset.split.seed`, set its `split_by` to line, or name its pages in lists.",
            names=[f"{name}: {', '.join(splits)}" for name, splits in missing.items()],
            where="sources",
        )
