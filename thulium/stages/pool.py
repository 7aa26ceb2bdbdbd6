"""pool: the figures of a document with folds, from what the model of each has read of lines that it never saw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thulium.evaluation.groups import by_length, by_page, write_groups
from thulium.evaluation.intervals import Interval, cer_interval
from thulium.evaluation.metrics import EditCount, LineResult, score
from thulium.runtime.errors import DataError, list_faults
from thulium.runtime.files import replace_text
from thulium.runtime.progress import say
from thulium.runtime.tables import read_table, write_table
from thulium.stages.several import DIGEST, agreed, measured, read_json

COLUMNS = ("id", "page", "transcription", "prediction")
FOLD = "fold"  # the column that says whose model has read a line
SUMS = ("lines", "lines_left_out", "characters", "lines_that_do_not_fit")  # of what metrics.json says it measured
OTHER = ("interval_unit", "interval_units")  # that is another for all folds together
Rows = list[dict[str, str]]


def pool(*, folds: int, folder: Path, out: Path) -> dict[str, Any]:
    """Count the errors of all folds together: each line weighs the same, whichever model has read it.

    Args:
        folds: how many there are.
        folder: has a folder for each of them, as evaluate wrote it; others in it are not looked at.
        out: gets predictions.csv, plots/ and, at the end, metrics.json.

    Returns:
        What metrics.json holds.

    Raises:
        DataError: a fold was not evaluated, or a line was judged in two.
    """
    numbers = range(1, folds + 1)
    own = {number: read_json(folder / str(number) / "metrics.json", "evaluate this fold again") for number in numbers}
    rows = {number: read_table(folder / str(number) / "predictions.csv", COLUMNS) for number in numbers}
    _refuse_twice(rows)
    results = {number: [_result(row) for row in table] for number, table in rows.items()}
    lines = [result for part in results.values() for result in part]
    interval = cer_interval(lines)
    metrics = _metrics(lines, interval, results, own)
    (out / "metrics.json").unlink(missing_ok=True)
    _write_predictions(rows, out / "predictions.csv")
    for grouping in (by_page(lines), by_length(lines)):
        write_groups(grouping, out / "plots" / f"cer_by_{grouping.kind}.csv")
    replace_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    _say(metrics, interval, {number: len(part) for number, part in results.items()})
    return metrics


def _result(row: Mapping[str, str]) -> LineResult:
    return LineResult(row["id"], row["page"], row["transcription"], row["prediction"])


def _refuse_twice(rows: Mapping[int, Rows]) -> None:
    """Refuse folds that are not of one division: then a line would count twice, and others not at all."""
    first: dict[str, int] = {}
    twice = [
        f"line {row['id']!r} is judged in fold {first[row['id']]} and in fold {number}"
        for number, table in rows.items()
        for row in table
        if first.setdefault(row["id"], number) != number
    ]
    if twice:
        raise DataError(f"{list_faults(twice)}: the folds are not of one division of the lines: run `dvc repro`")


def _metrics(
    lines: Sequence[LineResult],
    interval: Interval,
    results: Mapping[int, Sequence[LineResult]],
    own: Mapping[int, Mapping[str, Any]],
) -> dict[str, Any]:
    """The figures, under the names that they have in the metrics.json of one model."""
    scores, is_known = score(lines), interval.low == interval.low
    return {
        "cer": round(scores.cer, 6),
        "wer": round(scores.wer, 6),
        "line_accuracy": round(scores.line_accuracy, 6),
        "cer_low": round(interval.low, 6) if is_known else None,
        "cer_high": round(interval.high, 6) if is_known else None,
        "edits": sum((line.characters for line in lines), EditCount()).edits,
        "cer_by_fold": {str(number): round(score(part).cer, 6) for number, part in results.items()},
        "measured": _measured(own)
        | {
            "pages": interval.num_pages,
            "interval_unit": interval.unit,
            "interval_units": interval.num_units,
            "folds": len(own),
        },
    }


def _measured(own: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """What the figures are of: sums of what is counted; of the rest what all folds say, or all that they say."""
    facts = measured(own.values())
    digests = facts.pop(DIGEST, [])
    kept = {name: values for name, values in facts.items() if name not in OTHER}
    return {
        **{name: sum(values) if name in SUMS else agreed(values) for name, values in kept.items()},
        DIGEST: digests,
    }


def _write_predictions(rows: Mapping[int, Rows], path: Path) -> None:
    header = list(dict.fromkeys(name for table in rows.values() for row in table for name in row))
    written = ([*(row.get(name, "") for name in header), number] for number, table in rows.items() for row in table)
    write_table(path, [*header, FOLD], written)


def _say(metrics: Mapping[str, Any], interval: Interval, lines: Mapping[int, int]) -> None:
    low, high = metrics["cer_low"], metrics["cer_high"]
    between = "no interval" if low is None else f"95 % interval {low:.2%} to {high:.2%}"
    exact = f"{metrics['line_accuracy']:.1%} of {sum(lines.values()):,} lines without an error"
    say(f"test CER {metrics['cer']:.2%} ({between}), WER {metrics['wer']:.2%}, {exact}")
    say(f"each line was read once, by a model that was trained without it; {_pages(interval)}")
    say(f"the interval is {interval.basis}{f': {interval.caveat}' if interval.caveat else ''}")
    by_fold = (
        f"{number}: {metrics['cer_by_fold'][str(number)]:.2%} of {count:,} lines" for number, count in lines.items()
    )
    say(f"CER by fold: {', '.join(by_fold)}")
    if left_out := metrics["measured"].get("lines_left_out"):
        say(f"{left_out} more lines were left out by prepare, and are not in these figures")
    say("the models of folds are there to be judged; for one to use, empty dataset.split.folds and train on all pages")


def _pages(interval: Interval) -> str:
    return (
        "its page is not known"
        if interval.num_pages == interval.num_units and interval.unit == "line"
        else (f"{interval.num_pages:,} page{'' if interval.num_pages == 1 else 's'}")
    )
