"""Where each line of the data went: it is used, or not transcribed, or filtered out, or skipped as an error."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

from thulium.data.line import Fault, SplitName

Category = Literal["not_transcribed", "filtered", "skipped"]

CATEGORIES: tuple[Category, ...] = ("not_transcribed", "filtered", "skipped")
UNKNOWN = "unknown"  # the split of what cannot be said to have been in one

# What becomes of a line for a reason that is no error. Of an error, whatever its reason, the line is skipped.
REASONS: dict[str, Category] = {
    "no transcription": "not_transcribed",
    "recognised text only": "not_transcribed",
    "region type": "filtered",
    "line type": "filtered",
    "too wide": "filtered",
    "unknown character": "filtered",
    "in no list": "filtered",
}
# Reasons by which a file is not read, and that is no error: none of its lines are counted.
NOT_READ = frozenset({"another format", "excluded"})
# Reasons that stand for no line of the data.
OF_NO_LINE = frozenset({"no lines", "pattern without a file", "image of a kind that is not read", "results"})


def category_of(fault: Fault) -> Category:
    """What becomes of the lines that a fault stands for."""
    return "skipped" if fault.is_error else REASONS.get(fault.reason, "filtered")


def lines_of(fault: Fault) -> int:
    """How many lines of the data a fault stands for."""
    return 0 if not fault.is_error and fault.reason in NOT_READ | OF_NO_LINE else fault.num_lines


@dataclass
class Accounts:
    """Counts every line once.

    Attributes:
        faults: what gave no line, in the order in which it was met.
        not_read: reason -> files of which no line is counted.
    """

    faults: list[Fault] = field(default_factory=list)
    not_read: Counter[str] = field(default_factory=Counter)
    _used: Counter[str] = field(default_factory=Counter)  # split -> lines
    _lost: dict[tuple[str, Category], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _files: dict[str, _File] = field(default_factory=dict)

    def use(self, split: SplitName, file: str = "") -> None:
        """Count a line that is kept; ``file`` is that of its page, where each page has one."""
        self._used[split] += 1
        if file:
            self._file(file).used += 1

    def leave_out(self, fault: Fault, split: SplitName | None = None, file: str = "") -> None:
        """Count what gave no line.

        Args:
            split: where it would have been, if that is known.
        """
        self.faults.append(fault)
        num_lines, category = lines_of(fault), category_of(fault)
        if fault.is_page and not num_lines and fault.reason not in OF_NO_LINE:
            self.not_read[fault.reason] += 1
        self._lost[split or UNKNOWN, category][fault.reason] += num_lines
        if file and (fault.is_error or fault.reason not in NOT_READ):
            self._file(file).lost[category, fault.reason] += num_lines

    @property
    def num_used(self) -> int:
        """Lines that are kept."""
        return self._used.total()

    def report(self) -> dict[str, Any]:
        """What report.json holds of it. In each place, ``found`` is the sum of the others."""
        reasons: dict[str, Counter[str]] = {category: Counter() for category in CATEGORIES}
        for (_, category), counts in self._lost.items():
            reasons[category].update(counts)
        splits = [*self._used, *(split for split, _ in self._lost)]
        return {
            "lines": _sums(self._used.total(), {category: counts.total() for category, counts in reasons.items()}),
            "reasons": {category: _sorted(counts) for category, counts in reasons.items()},
            "splits": {
                split: _sums(self._used[split], {c: self._num_lost(split, c) for c in CATEGORIES})
                for split in dict.fromkeys(("train", "val", "test", *sorted(splits)))
            },
            "files_not_read": dict(sorted(self.not_read.items())),
            "files": [file.report() for _, file in sorted(self._files.items())],
        }

    def _num_lost(self, split: str, category: Category) -> int:
        return self._lost[split, category].total() if (split, category) in self._lost else 0

    def _file(self, name: str) -> _File:
        return self._files.setdefault(name, _File(name))


@dataclass
class _File:
    """The counts of one file."""

    name: str
    used: int = 0
    lost: Counter[tuple[Category, str]] = field(default_factory=Counter)

    def report(self) -> dict[str, Any]:
        counts = {c: sum(num for (category, _), num in self.lost.items() if category == c) for c in CATEGORIES}
        reasons: Counter[str] = Counter()
        for (_, reason), num in self.lost.items():
            reasons[reason] += num
        return {"file": self.name, **_sums(self.used, counts), "reasons": dict(sorted(reasons.items()))}


def _sums(used: int, lost: dict[Any, int]) -> dict[str, int]:
    return {"found": used + sum(lost.values()), "used": used, **lost}


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {reason: num for reason, num in sorted(counts.items()) if num}
