"""Error rates of lines that have something in common: a source, a page, a document, a writer, a script, a length."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from thulium.data import bidi, places
from thulium.data.line import source_of
from thulium.evaluation.intervals import Interval, cer_interval, fewest_units
from thulium.evaluation.metrics import EditCount, LineResult, Scores, score
from thulium.runtime.tables import write_table

BUCKET = 10  # characters
FEW = 10  # a rate of fewer lines says little
UNKNOWN = "not known"
NO_LETTERS = "no letters"
COLUMNS = ("lines", "characters", "edits", "cer", "cer_low", "cer_high", "wer", "line_accuracy")


@dataclass(frozen=True, slots=True)
class Group:
    """Some lines and their rates.

    Attributes:
        name: what they have in common.
        interval: of the CER; None where it would be over too few pages, or where pages are not known.
    """

    name: str
    lines: int
    characters: EditCount
    scores: Scores
    interval: Interval | None

    @property
    def is_small(self) -> bool:
        """Whether there are so few lines that the rates may well be chance."""
        return self.lines < FEW


@dataclass(frozen=True, slots=True)
class Grouping:
    """A way to part lines into groups.

    Attributes:
        kind: what the lines of a group have in common, in a word.
        groups: in the order of their names; lengths in that of numbers. Empty where there is nothing to tell apart.
    """

    kind: str
    groups: tuple[Group, ...]


def groupings(
    results: Sequence[LineResult],
    documents: Mapping[str, str],
    writers: Mapping[str, str],
    *,
    has_sources: bool = False,
) -> tuple[Grouping, ...]:
    """All ways to part the lines: by source, page, document, writer, script and length.

    Args:
        documents: page -> document, where that is not the folder of the page.
        writers: page -> writer, where they are known.
        has_sources: whether the data are of several, so that a page's name begins with its source.
    """
    return (
        *((by_source(results),) if has_sources else ()),
        by_page(results),
        by_document(results, documents),
        by_writer(results, writers),
        by_script(results),
        by_length(results),
    )


def by_source(results: Sequence[LineResult]) -> Grouping:
    """What the lines were brought together from; of one of which no line is here, nothing is said."""
    return Grouping("source", _groups(results, lambda result: source_of(result.page)))


def by_page(results: Sequence[LineResult]) -> Grouping:
    """Pages; none where no two lines are known to be of one page."""
    return Grouping("page", _groups(results if _has_pages(results) else (), lambda result: result.page))


def by_document(results: Sequence[LineResult], documents: Mapping[str, str]) -> Grouping:
    """What pages belong to: what the data say, or the folder; none where neither is known, or pages are not."""
    if not documents and not _has_pages(results):
        return Grouping("document", ())
    found = {result.page: documents.get(result.page) or places.folder_of(result.page) for result in results}
    if set(found.values()) == {"."}:
        return Grouping("document", ())
    return Grouping("document", _groups(results, lambda result: found[result.page]))


def by_writer(results: Sequence[LineResult], writers: Mapping[str, str]) -> Grouping:
    """Writers; none where they are not known, or where each has written a page by himself and no other."""
    known = {result.page: writers.get(result.page, "") for result in results}
    if not any(known.values()) or len(set(known.values())) == len(known):
        return Grouping("writer", ())
    return Grouping("writer", _groups(results, lambda result: known[result.page] or UNKNOWN))


def by_script(results: Sequence[LineResult]) -> Grouping:
    """The script that most letters of a line's transcription are of."""
    return Grouping("script", _groups(results, _script))


def by_length(results: Sequence[LineResult]) -> Grouping:
    """Lines with 1 to 10, 11 to 20 … characters, called by the longest; those without a transcription are left out."""
    written = [result for result in results if result.characters.reference]
    groups = _groups(written, lambda result: str(-(-result.characters.reference // BUCKET) * BUCKET))
    return Grouping("length", tuple(sorted(groups, key=lambda group: int(group.name))))


def write_groups(grouping: Grouping, path: Path) -> None:
    """Write the CSV of a grouping, a row a group: its kind is the first column, COLUMNS are the others."""
    write_table(path, (grouping.kind, *COLUMNS), map(_row, grouping.groups))


def _row(group: Group) -> tuple[object, ...]:
    count, scores = group.characters, group.scores
    low, high = (group.interval.low, group.interval.high) if group.interval else (math.nan, math.nan)
    rates = (scores.cer, low, high, scores.wer, scores.line_accuracy)
    return (group.name, group.lines, count.reference, count.edits, *map(_figure, rates))


def _figure(rate: float) -> str:
    """Empty where there is none: DVC draws an empty cell as none, and "nan" as a word."""
    return f"{rate:.6g}" if math.isfinite(rate) else ""


def _groups(results: Sequence[LineResult], name: Callable[[LineResult], str]) -> tuple[Group, ...]:
    parts: dict[str, list[LineResult]] = {}
    for result in results:
        parts.setdefault(name(result), []).append(result)
    return tuple(_group(name, part) for name, part in sorted(parts.items()))


def _group(name: str, results: Sequence[LineResult]) -> Group:
    interval = cer_interval(results)
    is_known = interval.unit == "page" and interval.num_units >= fewest_units()
    characters = sum((result.characters for result in results), EditCount())
    return Group(name, len(results), characters, score(results), interval if is_known else None)


def _has_pages(results: Sequence[LineResult]) -> bool:
    return len({result.page for result in results}) < len(results)


def _script(result: LineResult) -> str:
    counts = bidi.scripts(result.transcription)
    found = min(counts, key=lambda script: (-counts[script], script)) if counts else NO_LETTERS
    return found if found in (NO_LETTERS, "CJK") else found.capitalize()
