"""compare: what two or more models read in the same lines, beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from thulium.data.prepared import FOLDS, open_prepared
from thulium.data.shards import Split
from thulium.evaluation import comparing, text_table
from thulium.evaluation.comparing import Change, Difference, LeftOut, Outcome, Ranked, Unit
from thulium.evaluation.comparison_page import LineImages, write_page
from thulium.evaluation.outcomes import read_outcome
from thulium.evaluation.report import percent
from thulium.runtime.errors import DataError
from thulium.stages import looks

WORDS = (0, 5)  # columns of the table that hold no numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that a comparison says.

    Attributes:
        outcomes: on the lines that all of them have; the first is what the others are compared with.
        differences: of two: B less A, by CER and by WER; empty with more.
        ranks: the best first, each beside it.
        changed: of two: the lines that got better or worse.
        facts: what the figures are of, where that differs.
        looks: how many different comparisons were made on these lines in the project, with this one; 0 where nobody
            counts, or can.
    """

    outcomes: Sequence[Outcome]
    differences: Sequence[Difference]
    ranks: Sequence[Ranked]
    changed: Sequence[Change]
    left_out: LeftOut
    facts: Sequence[str]
    unit: Unit
    looks: int

    @property
    def better(self) -> int:
        """Lines in which B has fewer edits."""
        return sum(each.edits < 0 for each in self.changed)

    @property
    def worse(self) -> int:
        """Lines in which B has more."""
        return len(self.changed) - self.better


@dataclass(frozen=True, slots=True)
class Given:
    """Where an outcome lies, and what it is called."""

    name: str
    predictions: Path
    metrics: Path | None
    seeds: Mapping[int, Path] = field(default_factory=dict)  # seed -> its predictions, where there are several


def compare(given: Sequence[Given], *, common: bool, unit: Unit | None, project: Path | None) -> Comparison:
    """Compare what was read.

    Args:
        given: two or more.
        common: whether lines that are not the same in all of them are left out.
        unit: what is taken to be independent; None: pages, where they are known.
        project: counts the comparisons on its lines; None: nobody counts.

    Raises:
        DataError: something cannot be read; the lines are not the same; or there is one unit alone.
    """
    read = [read_outcome(each.predictions, each.metrics, each.name) for each in given]
    outcomes, left_out = comparing.matched(read, common=common)
    chosen = comparing.unit_of(outcomes[0].lines, unit)
    is_pair = len(outcomes) == 2
    first, second = outcomes[:2]
    return Comparison(
        outcomes=outcomes,
        differences=[comparing.difference(first, second, name, chosen) for name in ("cer", "wer")] if is_pair else [],
        ranks=comparing.ranked(outcomes, chosen),
        changed=comparing.changes(first, second) if is_pair else [],
        left_out=left_out,
        facts=comparing.differing_facts(outcomes),
        unit=chosen,
        looks=looks.count(outcomes, project) if project else 0,
    )


def as_text(found: Comparison) -> str:
    """For the screen."""
    return "\n".join([*text_table.aligned(_cells(found), WORDS), "", *_said(found), *_notes(found)]) + "\n"


def as_markdown(found: Comparison) -> str:
    """For a pull request."""
    return text_table.markdown(_cells(found), WORDS, (*_said(found), *_notes(found)))


def as_json(found: Comparison) -> str:
    """For a program; rates are fractions."""
    shown: dict[str, Any] = {
        "models": [{"name": each.name, "lines": len(each.results), **asdict(each.scores)} for each in found.outcomes],
        "differences": [asdict(each) | {"is_told": each.is_told} for each in found.differences],
        "ranking": [
            {"name": each.outcome.name, "against_best": asdict(each.against_best) if each.against_best else None}
            for each in found.ranks
        ],
        "unit": found.unit,
        "lines_better": found.better,
        "lines_worse": found.worse,
        "left_out": {"only": dict(found.left_out.only), "changed": list(found.left_out.changed)},
        "measured_differs": list(found.facts),
        "looks": found.looks,
    }
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def write_html(found: Comparison, path: Path, prepared: Path) -> str:
    """Write a page with the lines that got better and worse; says in a sentence if it has no pictures, and why.

    Args:
        prepared: where the lines' pictures may lie.
    """
    images, said = _images(found, prepared)
    write_page(found, [*_said(found), *_notes(found)], _cells(found), path, images)
    return said


def _images(found: Comparison, prepared: Path) -> tuple[LineImages, str]:
    wanted = {each.a.id: each.a.transcription for each in found.changed}
    if not wanted:
        return _no_image, ""
    try:
        held = (_images_of(splits, wanted) for splits in _places(prepared))
        if images := next(filter(None, held), None):
            return images, ""
    except DataError as error:
        return _no_image, f"the page has no pictures of the lines: {error}"
    return _no_image, f"the page has no pictures of the lines: {prepared} holds others"


def _no_image(_line_id: str) -> None:
    """Of any line."""


def _places(prepared: Path) -> Iterator[list[Split]]:
    """Where all lines that were judged may lie together; those of folds are in the tests of all of them."""
    if (prepared / FOLDS).is_dir():
        yield [open_prepared(folder).split("test") for folder in (prepared / FOLDS).iterdir()]
        return
    data = open_prepared(prepared)
    yield from ([data.split(name)] for name in ("test", "val", "train"))


def _images_of(splits: Sequence[Split], wanted: Mapping[str, str]) -> LineImages | None:
    """The pictures of some lines, if splits have all of them, with these transcriptions."""
    places = {
        line_id: (split, place) for split in splits for place, line_id in enumerate(split.ids) if line_id in wanted
    }
    if {line_id: split.texts[place] for line_id, (split, place) in places.items()} != dict(wanted):
        return None

    def image_of(line_id: str) -> bytes:
        split, place = places[line_id]
        return split.png(place)

    return image_of


def _cells(found: Comparison) -> list[list[str]]:
    """A table of the models, the best first."""
    rows = [["", "CER", "WER", "lines without an error", "from the best, points", ""]]
    for each in found.ranks:
        scores, behind = each.outcome.scores, each.against_best
        interval = f"{100 * behind.value:+.2f} ({100 * behind.low:+.2f} to {100 * behind.high:+.2f})" if behind else ""
        rates = (percent(scores.cer), percent(scores.wer), percent(scores.line_accuracy))
        mark = {"*": "best", "=": "not told apart from the best", "": ""}[each.mark]
        rows.append([each.outcome.name, *rates, interval, mark])
    return rows


def _said(found: Comparison) -> list[str]:
    rows = [comparing.sentence(each) for each in found.differences]
    if len(found.outcomes) == 2:
        name, same = found.outcomes[1].name, len(found.outcomes[0].results) - len(found.changed)
        better = f"{found.better:,} line{'' if found.better == 1 else 's'} better"
        rows.append(f"{name} reads {better}, {found.worse:,} worse and {same:,} equally well")
        cer = found.differences[0]
        if cer.value:
            shown = f"{_share(cer.probability, 3)}; p {_share(cer.p, 4)}"
            rows.append(f"probability that {name} is better on other lines of the kind: {shown}")
    return rows


def _share(value: float, places: int) -> str:
    """A probability; never so rounded that it looks like certainty."""
    least = 10.0**-places
    if value < least:
        return f"below {least:.{places}f}"
    return f"above {1 - least:.{places}f}" if value > 1 - least else f"{value:.{places}f}"


def _notes(found: Comparison) -> list[str]:
    rows = [f"what differs besides: {row}" for row in found.facts]
    rows += [f"left out: {row}" for row in found.left_out.rows]
    rows += comparing.caveats(found.outcomes[0], found.unit)
    if found.looks > 1:
        rows.append(looks.words(found.looks))
    return rows
