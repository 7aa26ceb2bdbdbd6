"""compare, where one of those that are compared has several seeds: means, over seeds and pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from thulium.evaluation import comparing, intervals, seeds, text_table
from thulium.evaluation.comparing import LeftOut, Measure, Unit
from thulium.evaluation.outcomes import read_outcome
from thulium.evaluation.report import percent
from thulium.evaluation.seeds import Group, SeedDifference
from thulium.stages import looks
from thulium.stages.compare import Given

WORDS = (0, 6)  # columns of the table that hold no numbers
MEASURES: tuple[Measure, ...] = ("cer", "wer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that a comparison of means says.

    Attributes:
        groups: the one with the lowest mean CER first.
        against_best: of each other one, its difference from that.
        differences: of two, as they were named: B less A, by CER and by WER; empty with more.
        looks: see ``thulium.stages.compare``.
    """

    groups: Sequence[Group]
    against_best: Sequence[SeedDifference]
    differences: Sequence[SeedDifference]
    left_out: LeftOut
    facts: Sequence[str]
    unit: Unit
    looks: int


def compare(given: Sequence[Given], *, common: bool, unit: Unit | None, project: Path | None) -> Comparison:
    """Compare means over seeds; the arguments and errors are those of ``thulium.stages.compare.compare``."""
    groups, left_out = seeds.matched([_group(each) for each in given], common=common)
    chosen = comparing.unit_of(groups[0].first.lines, unit)
    best, *others = sorted(groups, key=lambda group: group.scores.cer)
    pairs = [(groups[0], groups[1])] if len(groups) == 2 else []
    return Comparison(
        groups=[best, *others],
        against_best=[seeds.difference(best, each, "cer", chosen) for each in others],
        differences=[seeds.difference(a, b, name, chosen) for a, b in pairs for name in MEASURES],
        left_out=left_out,
        facts=comparing.differing_facts([each.first for each in groups], passed_over=("seeds",)),
        unit=chosen,
        looks=looks.count([each for group in groups for each in group.outcomes.values()], project) if project else 0,
    )


def _group(given: Given) -> Group:
    if not given.seeds:
        one = read_outcome(given.predictions, given.metrics, given.name)
        return Group(one.name, {0: one}, is_single=True)
    read = {seed: read_outcome(table, given.metrics, given.name) for seed, table in given.seeds.items()}
    return Group(next(iter(read.values())).name, read)


def as_text(found: Comparison) -> str:
    """For the screen."""
    return "\n".join([*text_table.aligned(_cells(found), WORDS), "", *_said(found), *_notes(found)]) + "\n"


def as_markdown(found: Comparison) -> str:
    """For a pull request."""
    return text_table.markdown(_cells(found), WORDS, (*_said(found), *_notes(found)))


def as_json(found: Comparison) -> str:
    """For a program; rates are fractions."""
    models: list[dict[str, Any]] = [
        {
            "name": each.name,
            "lines": len(each.first.results),
            **asdict(each.scores),
            "cer_sd": None if each.is_single else each.sd,
            "cer_by_seed": None if each.is_single else dict(zip(each.outcomes, each.rates, strict=True)),
        }
        for each in found.groups
    ]
    shown = {
        "models": models,
        "differences": [_as_data(each) for each in found.differences],
        "against_best": [_as_data(each) for each in found.against_best],
        "unit": found.unit,
        "left_out": {"only": dict(found.left_out.only), "changed": list(found.left_out.changed)},
        "measured_differs": list(found.facts),
        "looks": found.looks,
    }
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def _as_data(found: SeedDifference) -> dict[str, Any]:
    return asdict(found) | {"is_told": found.is_told}


def _cells(found: Comparison) -> list[list[str]]:
    """A table of the documents, the best first."""
    rows = [["", "seeds", "mean CER", "spread, points", "mean WER", "from the best, points", ""]]
    for place, each in enumerate(found.groups):
        behind = found.against_best[place - 1] if place else None
        scores, spread = each.scores, "" if each.is_single else f"{100 * each.sd:.2f}"
        mark = "best" if behind is None else "" if behind.is_told else "not told apart from the best"
        numbers = ("1" if each.is_single else str(len(each.outcomes)), percent(scores.cer), spread, percent(scores.wer))
        rows.append([each.name, *numbers, _points(behind) if behind else "", mark])
    return rows


def _points(found: SeedDifference) -> str:
    return f"{100 * found.value:+.2f} ({100 * found.low:+.2f} to {100 * found.high:+.2f})"


def _said(found: Comparison) -> list[str]:
    rows = [_sentence(each) for each in found.differences]
    for each in found.differences[:1]:
        if each.is_paired:
            apart = ", ".join(f"{seed}: {100 * value:+.2f}" for seed, value in each.by_seed.items())
            rows.append(f"{each.b} less {each.a} by seed, in points of CER: {apart}")
    return rows


def _sentence(found: SeedDifference) -> str:
    over = f"over {len(found.by_seed)} seeds, paired, and" if found.is_paired else "not paired by seed; over seeds and"
    over += f" {intervals.said(found.unit, found.units, found.loose)}"
    name, better = found.measure.upper(), found.b if found.value < 0 else found.a
    if not found.value and found.low == found.high:
        return f"{name}: {found.b} and {found.a} have as many errors, {over}"
    sign = -1 if found.value < 0 else 1
    low, high = sorted((100 * sign * found.low, 100 * sign * found.high))
    between = f"{100 * abs(found.value):.2f} points, {low:.2f} to {high:.2f}; {over}"
    if found.is_told:
        return f"{name}: {better} is better: {between}"
    return f"{name}: {better} has fewer errors, but the two are not told apart: {between}"


def _notes(found: Comparison) -> list[str]:
    rows = []
    if not all(each.is_paired for each in (*found.differences, *found.against_best)):
        of = "; ".join(f"{each.name} is of {each.said}" for each in found.groups)
        rows.append(
            f"the comparison is not paired by seed: {of}. Each side's chance counts in full, and the interval is wider "
            "than that of the same seeds may be"
        )
    if any(each.is_single for each in found.groups):
        rows.append("one model shows nothing of its own chance: it is taken to be as large as that of the seeds")
    rows += [f"what differs besides: {row}" for row in found.facts]
    rows += [f"left out: {row}" for row in found.left_out.rows]
    few = min(len(each.outcomes) for each in found.groups if not each.is_single)
    if few < seeds.FEW:
        rows.append(
            f"{few} seeds say little of their spread: Student's t is {intervals.quantile(few - 1):.1f} with them, "
            f"and {intervals.quantile(seeds.FEW - 1):.1f} with {seeds.FEW}"
        )
    rows += comparing.caveats(found.groups[0].first, found.unit)
    if found.looks > 1:
        rows.append(looks.words(found.looks))
    return rows
