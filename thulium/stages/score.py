"""score: what any program read, beside what is written there."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from thulium.evaluation import text_table
from thulium.evaluation.intervals import Interval, cer_interval
from thulium.evaluation.metrics import LineResult, Scores, score
from thulium.evaluation.relaxed import RELAXATIONS, relaxed, strict
from thulium.evaluation.report import percent
from thulium.evaluation.transcripts import Paired, Transcript, paired, read_transcripts
from thulium.runtime.errors import MAX_LISTED, DataError
from thulium.runtime.tables import write_table

WORDS = (0,)  # columns of the table that hold no numbers
AS_THEY_ARE, STRICT, TOGETHER = "as_they_are", "strict", "all_declared"
TITLES = {
    AS_THEY_ARE: "as they are",
    STRICT: "strict: NFC, one space for white space",
    TOGETHER: "all that were declared",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A hypothesis against its reference.

    Attributes:
        results: strict, a line each.
        table: the same with the references as they stand in their file, which other tables of these lines have too.
        rows: what was passed over -> the rates then: nothing at all, the strict reading, each relaxation by itself, and
            those that were declared, together.
        declared: their names.
    """

    results: tuple[LineResult, ...]
    table: tuple[LineResult, ...]
    rows: Mapping[str, Scores]
    interval: Interval
    declared: tuple[str, ...]
    unread: tuple[str, ...]
    extra: tuple[str, ...]
    how: str


def score_texts(
    *, reference: Path, hypothesis: Path, declared: Sequence[str], common: bool, unread_is_empty: bool
) -> Scored:
    """Score what was read.

    Args:
        declared: names of RELAXATIONS.
        common: lines that only one of them has are left out.
        unread_is_empty: references that nothing was read of count as read as nothing.

    Raises:
        DataError: something cannot be read; or one has lines that the other lacks, and nothing says what to do.
    """
    references = read_transcripts(reference, "reference")
    found = paired(references, read_transcripts(hypothesis, "hypothesis"))
    pairs = dict(found.pairs)
    if not common:
        _refuse(found, unread_is_empty)
    if unread_is_empty:
        pairs |= {name: (references[name], Transcript("")) for name in found.unread}
    if not any(strict(ours.text) for ours, _ in pairs.values()):
        raise DataError(f"{reference}: its texts are all empty: there is nothing to score against")
    results = _results(pairs, ())
    rows = {AS_THEY_ARE: score(_results(pairs, None)), STRICT: score(results)}
    rows |= {name: score(_results(pairs, (name,))) for name in RELAXATIONS}
    if len(declared) > 1:
        rows[TOGETHER] = score(_results(pairs, declared))
    return Scored(
        results=results,
        table=_table(pairs),
        rows=rows,
        interval=cer_interval(results),
        declared=tuple(declared),
        unread=found.unread,
        extra=found.extra,
        how=found.how,
    )


def _refuse(found: Paired, unread_is_empty: bool) -> None:
    rows = []
    if found.unread and not unread_is_empty:
        rows.append(_unread(found.unread))
    if found.extra:
        verbs = ("was", "has") if len(found.extra) == 1 else ("were", "have")
        lines = _plural(len(found.extra), "line")
        rows.append(f"{lines} that {verbs[0]} read {verbs[1]} no reference, such as {found.extra[0]}")
    if rows:
        do = "--common leaves such lines out"
        do += "; --unread-is-empty counts those of the reference as read as nothing" if found.unread else ""
        raise DataError("\n".join([*rows[:MAX_LISTED], do]))


def _results(pairs: Mapping[str, tuple[Transcript, Transcript]], names: Sequence[str] | None) -> tuple[LineResult, ...]:
    """Lines under some relaxations; None: as they stand in their files."""

    def form(text: str) -> str:
        return text if names is None else relaxed(text, names)

    return tuple(
        LineResult(name, ours.page or theirs.page or name, form(ours.text), form(theirs.text))
        for name, (ours, theirs) in sorted(pairs.items())
    )


def _table(pairs: Mapping[str, tuple[Transcript, Transcript]]) -> tuple[LineResult, ...]:
    references = [ours.text for ours, _ in pairs.values()]
    form: Literal["NFC", "NFD"] = "NFC"
    if not all(unicodedata.is_normalized("NFC", text) for text in references):
        form = "NFD"
    return tuple(
        LineResult(name, ours.page or theirs.page or name, ours.text, unicodedata.normalize(form, strict(theirs.text)))
        for name, (ours, theirs) in sorted(pairs.items())
    )


def write_results(found: Scored, path: Path) -> None:
    """Write the lines as evaluate writes them, so that ``thulium compare`` takes them."""
    header = ("id", "page", "transcription", "prediction", "edits", "characters")
    rows = (
        (r.id, r.page, r.transcription, r.prediction, r.characters.edits, r.characters.reference) for r in found.table
    )
    write_table(path, header, rows)


def as_text(found: Scored) -> str:
    """For the screen."""
    return "\n".join([*text_table.aligned(_cells(found), WORDS), "", *_notes(found)]) + "\n"


def as_markdown(found: Scored) -> str:
    """For a page."""
    return text_table.markdown(_cells(found), WORDS, _notes(found))


def as_json(found: Scored) -> str:
    """For a program; rates are fractions."""
    shown: dict[str, Any] = {
        "lines": len(found.results),
        "rates": {name: asdict(rates) for name, rates in found.rows.items()},
        "declared": list(found.declared),
        "interval": asdict(found.interval),
        "unread": list(found.unread),
        "extra": list(found.extra),
        "matched_by": found.how,
    }
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def _cells(found: Scored) -> list[list[str]]:
    base = found.rows[STRICT].cer
    cells = [["", "CER", "WER", "lines without an error", "from strict, points"]]
    for name, rates in found.rows.items():
        about = f"{name}: {RELAXATIONS[name][0]}" if name in RELAXATIONS else TITLES[name]
        away = "" if name == STRICT else f"{100 * (rates.cer - base) + 0.0:+.2f}"
        star = " *" if name in found.declared else ""
        has_words = name != "spaces" and not (name == TOGETHER and "spaces" in found.declared)
        wer = percent(rates.wer) if has_words else percent(math.nan)
        cells.append([f"{about}{star}", percent(rates.cer), wer, percent(rates.line_accuracy), away])
    return cells


def _notes(found: Scored) -> list[str]:
    interval = found.interval
    low, high = percent(interval.low), percent(interval.high)
    rows = [f"{_plural(len(found.results), 'line')}, matched by {found.how}"]
    rows.append(f"95 % interval of the strict CER {low} to {high}, {interval.basis}{_behind(interval.caveat)}")
    rows.append("each row below the strict one passes over one kind of difference, by itself")
    if found.declared:
        rows.append(f"* declared: {', '.join(found.declared)}")
    if found.unread:
        rows.append(_unread(found.unread))
    if found.extra:
        rows.append(f"{_plural(len(found.extra), 'line')} without a reference left out, such as {found.extra[0]}")
    return rows


def _unread(names: Sequence[str]) -> str:
    verb = "was" if len(names) == 1 else "were"
    return f"{_plural(len(names), 'line')} of the reference {verb} not read, such as {names[0]}"


def _behind(caveat: str) -> str:
    return f": {caveat}" if caveat else ""


def _plural(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
