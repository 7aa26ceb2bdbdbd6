"""Which symbols are taken for which: counted here, drawn by DVC and by the report."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from thulium.evaluation.metrics import LineResult
from thulium.runtime.tables import write_table

NOTHING = "∅"
MOST_PAIRS = 40  # a confusion matrix of more than this cannot be read


def confusion_counts(results: Sequence[LineResult]) -> list[tuple[str, str, int]]:
    """Every pair (actual, predicted, count) of symbols among the errors, the most frequent first.

    A symbol that was not read has NOTHING as predicted, one that is not there has NOTHING as actual; symbols are
    as ``visible`` shows them. Equal counts are in the order of their symbols.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for result in results:
        counts.update((visible(written) or NOTHING, visible(read) or NOTHING) for written, read in edits_of(result))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(actual, predicted, count) for (actual, predicted), count in ordered]


def edits_of(result: LineResult) -> Iterator[tuple[str, str]]:
    """The edits of a line as pairs of code points (written, read), as few as possible; "" for one that is not there."""
    written, read = result.transcription, result.prediction
    for edit in Levenshtein.editops(written, read):
        yield (
            "" if edit.tag == "insert" else written[edit.src_pos],
            "" if edit.tag == "delete" else read[edit.dest_pos],
        )


def visible(text: str) -> str:
    """Text whose spaces, lone marks and control characters can be seen: "␣", "◌" below the mark, "U+200D"."""
    shown = "".join(
        "␣" if char == " " else char if char.isprintable() or unicodedata.combining(char) else f"U+{ord(char):04X}"
        for char in text
    )
    return f"◌{shown}" if text and unicodedata.combining(text[0]) else shown


def write_confusions(results: Sequence[LineResult], path: Path) -> None:
    """Write the CSV ``actual,predicted`` with a row an error, for DVC's template "confusion", which counts the rows.

    Only the MOST_PAIRS most frequent pairs are there, in the order of ``confusion_counts``.
    """
    pairs = confusion_counts(results)[:MOST_PAIRS]
    rows = ((actual, predicted) for actual, predicted, count in pairs for _ in range(count))
    write_table(path, ("actual", "predicted"), rows)
