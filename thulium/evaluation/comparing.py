"""Two readings of the same lines: how far apart they are, and what that is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from thulium.data import places
from thulium.evaluation import intervals
from thulium.evaluation.metrics import EditCount, LineResult, Scores, score
from thulium.runtime.errors import MAX_LISTED, DataError

Measure = Literal["cer", "wer"]
Unit = Literal["document", "page", "line"]
UNITS: Mapping[Unit, Callable[[LineResult], str]] = {
    "document": lambda result: places.folder_of(result.page),
    "page": lambda result: result.page,
    "line": lambda result: result.id,
}
COUNTED: Mapping[Measure, Callable[[LineResult], EditCount]] = {
    "cer": lambda result: result.characters,
    "wer": lambda result: result.words,
}
ALPHA = 1 - intervals.LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one model, or one person, read.

    Attributes:
        name: as it was asked for.
        results: line id -> the line.
        images: line id -> a digest of its image, where that is known.
        measured: what its figures are of, as metrics.json has it; empty where that is not known.
    """

    name: str
    results: Mapping[str, LineResult]
    images: Mapping[str, str]
    measured: Mapping[str, object]

    def of(self, ids: Sequence[str]) -> Outcome:
        """The same with these lines alone, in this order."""
        return replace(self, results={line_id: self.results[line_id] for line_id in ids})

    @property
    def lines(self) -> tuple[LineResult, ...]:
        """The lines, in their order."""
        return tuple(self.results.values())

    @property
    def scores(self) -> Scores:
        """Rates over all its lines."""
        return score(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Lines that only some have, by the name of who has them; and those whose image or transcription is another."""

    only: Mapping[str, tuple[str, ...]]
    changed: tuple[str, ...]

    @property
    def rows(self) -> list[str]:
        """What it is, a row each."""
        rows = [f"{name} has {len(ids):,} that others lack, such as {ids[0]}" for name, ids in self.only.items() if ids]
        if self.changed:
            what = f"{len(self.changed):,} have another image or transcription, such as {self.changed[0]}"
            rows.append(what)
        return rows


def matched(outcomes: Sequence[Outcome], *, common: bool) -> tuple[list[Outcome], LeftOut]:
    """The outcomes on the lines that all of them have, with the same image and transcription.

    Args:
        common: whether other lines may be left out.

    Raises:
        DataError: they may not, and there are some; or no line is left.
    """
    first, *others = outcomes
    shared = [line_id for line_id in first.results if all(line_id in other.results for other in others)]
    changed = tuple(line_id for line_id in shared if not all(_is_same(first, other, line_id) for other in others))
    ids = sorted(set(shared) - set(changed))
    only: dict[str, set[str]] = {}
    for each in outcomes:  # models of several seeds have one name
        only.setdefault(each.name, set()).update(set(each.results) - set(shared))
    left_out = LeftOut(only={name: tuple(sorted(lacking)) for name, lacking in only.items()}, changed=changed)
    if not ids:
        raise DataError("\n".join([*left_out.rows, "no line is the same in all of them: they are of different lines"]))
    if left_out.rows and not common:
        end = f"the lines are not the same; --common compares on the {len(ids):,} that are"
        raise DataError("\n".join([*left_out.rows[:MAX_LISTED], end]))
    return [outcome.of(ids) for outcome in outcomes], left_out


def _is_same(one: Outcome, other: Outcome, line_id: str) -> bool:
    images = one.images.get(line_id), other.images.get(line_id)
    is_other_image = None not in images and images[0] != images[1]
    return not is_other_image and one.results[line_id].transcription == other.results[line_id].transcription


def unit_of(lines: Sequence[LineResult], wanted: Unit | None) -> Unit:
    """What is taken to be independent: the pages, where lines are known to be of some; otherwise the lines.

    Raises:
        DataError: what is wanted is one alone, of which nothing can be said.
    """
    pages = len(set(map(UNITS["page"], lines)))
    if wanted is None:
        wanted = "page" if 1 < pages < len(lines) else "line"
    if wanted != "line" and pages == len(lines):
        raise DataError(
            f"no two lines are known to be of one page, so that --unit {wanted} means nothing: leave it out"
        )
    if len(set(map(UNITS[wanted], lines))) < 2:
        less = {"document": "--unit page", "page": "--unit line", "line": "more lines"}[wanted]
        raise DataError(f"all lines are of one {wanted}, and one says nothing of others: compare with {less}")
    return wanted


def loose(lines: Sequence[LineResult], unit: Unit) -> int:
    """Of the units, how many are lines of no known page and pass for pages."""
    return intervals.of_no_page(lines) if unit == "page" else 0


def caveats(outcome: Outcome, unit: Unit) -> list[str]:
    """What to know of the units, a sentence each; none where all of them are pages."""
    if unit == "line":
        return [_why_lines(outcome)]
    if number := loose(outcome.lines, unit):
        what = "line is of no known page, and counts as one" if number == 1 else "lines are of no known page, and count"
        each = "" if number == 1 else " as one each"
        return [f"{number:,} {what}{each}: the intervals are too narrow if such lines are of few pages"]
    return []


def _why_lines(outcome: Outcome) -> str:
    """What it means that lines are taken to be independent."""
    pages = len({line.page for line in outcome.lines})
    if pages == 1:
        return "all lines are of one page: the intervals say nothing of other pages"
    why = "no two lines are known to be of one page" if pages == len(outcome.lines) else "lines were asked for"
    return f"{why}: the intervals are too narrow if lines of a page are alike"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The rate of B less that of A, on the same lines.

    Attributes:
        value, low, high: fractions; negative where B has fewer errors. low and high are the 95 % interval.
        probability: that B is better on other lines of the same kind.
        loose: of the units, where they are pages: lines of no known page.
        p: how often a difference as large comes out if in each unit chance decides; 1 where nothing differs.
    """

    a: str
    b: str
    measure: Measure
    value: float
    low: float
    high: float
    probability: float
    p: float
    unit: Unit
    units: int
    loose: int = 0

    @property
    def is_told(self) -> bool:
        """Whether the lines tell the two apart: by the interval and by the sign flips."""
        return not self.low <= 0 <= self.high and self.p <= ALPHA

    @property
    def can_tell(self) -> bool:
        """Whether there are enough units to tell anything apart."""
        return self.units >= intervals.fewest_units()


def difference(a: Outcome, b: Outcome, measure: Measure, unit: Unit) -> Difference:
    """How far B is from A; both have the same lines, see ``matched``."""
    of_a, of_b = by_unit(a.lines, measure, unit), by_unit(b.lines, measure, unit)
    edits = np.array([of_b[name].edits - of_a[name].edits for name in of_a], float)
    lengths = np.array([count.reference for count in of_a.values()], float)
    if not lengths.sum():
        raise DataError("the transcriptions are all empty: there is nothing to compare with")
    found = intervals.ratio(edits, lengths)
    low, high = intervals.of_difference(edits, lengths)
    return Difference(
        a=a.name,
        b=b.name,
        measure=measure,
        value=found.value,
        low=low,
        high=high,
        probability=intervals.probability_below(edits, lengths),
        p=intervals.sign_flips(edits),
        unit=unit,
        units=len(edits),
        loose=loose(a.lines, unit),
    )


def by_unit(lines: Iterable[LineResult], measure: Measure, unit: Unit) -> dict[str, EditCount]:
    """What is counted, summed over each unit."""
    counts: dict[str, EditCount] = {}
    for result in lines:
        name = UNITS[unit](result)
        counts[name] = counts.get(name, EditCount()) + COUNTED[measure](result)
    return counts


def sentence(found: Difference) -> str:
    """What a difference says, plainly."""
    points, over = 100 * abs(found.value), intervals.said(found.unit, found.units, found.loose)
    name = found.measure.upper()
    if not found.value and found.low == found.high:
        return f"{name}: {found.b} and {found.a} have as many errors in each of the {over}"
    better = found.b if found.value < 0 else found.a
    low, high = sorted(
        (100 * -found.low, 100 * -found.high) if found.value < 0 else (100 * found.low, 100 * found.high)
    )
    between = f"{points:.2f} points, {low:.2f} to {high:.2f}; on these {over}"
    if found.is_told:
        return f"{name}: {better} is better: {between}"
    less = f"{better} has fewer errors, but the two are not told apart: {between}"
    if not found.can_tell:
        least = intervals.fewest_units()
        less += f", which are too few to tell anything apart (at least {least}), however large the difference"
    return f"{name}: {less}"


@dataclass(frozen=True, slots=True)
class Change:
    """A line that two read with another number of edits; negative where B has fewer."""

    a: LineResult
    b: LineResult

    @property
    def edits(self) -> int:
        """Edits of B less those of A."""
        return self.b.characters.edits - self.a.characters.edits


def changes(a: Outcome, b: Outcome) -> list[Change]:
    """The lines that got better or worse, the largest changes first."""
    found = (Change(a.results[line_id], b.results[line_id]) for line_id in a.results)
    return sorted((each for each in found if each.edits), key=lambda each: (-abs(each.edits), each.a.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """An outcome among several.

    Attributes:
        against_best: its difference from the best one; None of the best itself.
    """

    outcome: Outcome
    against_best: Difference | None

    @property
    def mark(self) -> str:
        """``*`` the best, ``=`` not told apart from it, and nothing."""
        if self.against_best is None:
            return "*"
        return "" if self.against_best.is_told else "="


def ranked(outcomes: Sequence[Outcome], unit: Unit) -> list[Ranked]:
    """Outcomes by their CER, the best first, each beside the best."""
    best, *others = sorted(outcomes, key=lambda outcome: outcome.scores.cer)
    return [
        Ranked(outcome=best, against_best=None),
        *(Ranked(outcome=each, against_best=difference(best, each, "cer", unit)) for each in others),
    ]


def differing_facts(outcomes: Sequence[Outcome], passed_over: Sequence[str] = ()) -> list[str]:
    """What the figures are of, where that differs: ``decoding: greedy (HEAD), beam (workspace)``."""
    passed_over = (*passed_over, "lines", "characters", "lines_left_out", "model_sha256")
    known = [outcome for outcome in outcomes if outcome.measured]
    names = [name for outcome in known for name in outcome.measured if name not in passed_over]
    names = [name for name in dict.fromkeys(names) if not name.startswith("interval_")]
    rows = []
    for name in names:
        values = [str(outcome.measured.get(name, "not known")) for outcome in known]
        if len(Counter(values)) > 1:
            said = ", ".join(f"{value} ({outcome.name})" for value, outcome in zip(values, known, strict=True))
            rows.append(f"{name.replace('_', ' ')}: {said}")
    if names and len(known) < len(outcomes):
        others = ", ".join(outcome.name for outcome in outcomes if not outcome.measured)
        rows.append(f"perhaps {', '.join(names).replace('_', ' ')}, which are not known of {others}")
    return rows
