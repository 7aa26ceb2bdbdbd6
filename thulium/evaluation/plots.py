"""Which symbols are taken for which, and how errors go with length: counted here, drawn by DVC and by the report."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from thulium.evaluation.metrics import EditCount, LineResult
from thulium.runtime.tables import write_table

NOTHING = "∅"
MOST_PAIRS = 40  # a confusion matrix of more than this cannot be read
BUCKET = 10  # characters


def confusion_counts(results: Sequence[LineResult]) -> list[tuple[str, str, int]]:
    """Every pair (actual, predicted, count) of symbols among the errors, the most frequent first.

    A symbol that was not read has NOTHING as predicted, one that is not there has NOTHING as actual; symbols are
    as ``visible`` shows them. Equal counts are in the order of their symbols.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for result in results:
        counts.update(_confusions(result.transcription, result.prediction))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(actual, predicted, count) for (actual, predicted), count in ordered]


def _confusions(transcription: str, prediction: str) -> Iterable[tuple[str, str]]:
    for edit in Levenshtein.editops(transcription, prediction):
        actual = NOTHING if edit.tag == "insert" else visible(transcription[edit.src_pos])
        predicted = NOTHING if edit.tag == "delete" else visible(prediction[edit.dest_pos])
        yield actual, predicted


def visible(text: str) -> str:
    """Text whose spaces, lone marks and control characters can be seen: "␣", "◌" below the mark, "U+200D"."""
    shown = "".join(
        "␣" if char == " " else char if char.isprintable() or unicodedata.combining(char) else f"U+{ord(char):04X}"
        for char in text
    )
    return f"◌{shown}" if text and unicodedata.combining(text[0]) else shown


def cer_by_length(results: Sequence[LineResult]) -> list[tuple[int, int, float]]:
    """(longest, lines, cer) of the lines with 1 to 10, 11 to 20 … reference characters; no empty buckets.

    Lines with an empty transcription have no rate and are left out.
    """
    buckets: dict[int, list[EditCount]] = {}
    for result in results:
        if result.characters.reference:
            longest = -(-result.characters.reference // BUCKET) * BUCKET
            buckets.setdefault(longest, []).append(result.characters)
    return [(longest, len(counts), sum(counts, EditCount()).rate) for longest, counts in sorted(buckets.items())]


def write_confusions(results: Sequence[LineResult], path: Path) -> None:
    """Write the CSV ``actual,predicted`` with a row an error, for DVC's template "confusion", which counts the rows.

    Only the MOST_PAIRS most frequent pairs are there, in the order of ``confusion_counts``.
    """
    pairs = confusion_counts(results)[:MOST_PAIRS]
    rows = ((actual, predicted) for actual, predicted, count in pairs for _ in range(count))
    write_table(path, ("actual", "predicted"), rows)


def write_cer_by_length(results: Sequence[LineResult], path: Path) -> None:
    """Write the CSV ``length,lines,cer``: a row a bucket of ``cer_by_length``, its longest line as the length."""
    rows = ((longest, lines, f"{cer:.6g}") for longest, lines, cer in cer_by_length(results))
    write_table(path, ("length", "lines", "cer"), rows)
