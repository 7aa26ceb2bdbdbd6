"""What a person should look at before training, from prepare's report, in a line each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

Report = dict[str, Any]

NAMED = 5  # sources in a warning; report.json has them all
FRAME = "4"  # pixels of a line in one of the model's frames


def of(report: Report, dataset: Any) -> Iterator[str]:
    """The warnings of a report, the gravest first."""
    return chain(_leaks(report, dataset), _skipped(report), _lines(report), _images(report))


def _leaks(report: Report, dataset: Any) -> Iterator[str]:
    for sources in report["same_image_in_two_splits"][:NAMED]:
        yield f"the same image in two splits: {', '.join(sources)}"
    if (more := len(report["same_image_in_two_splits"]) - NAMED) > 0:
        yield f"and {more} more images that stand in two splits"
    if pages := report["same_page_in_two_splits"]:
        yield f"lines of one page in two splits, which makes the test too easy: {_some(pages)}"
    if _is_split_by_line(report, dataset):
        yield (
            "no line says which page it is of, so the split is by line and neighbours may stand in two splits: "
            "set dataset.page_pattern, page_column or the lists"
        )


def _skipped(report: Report) -> Iterator[str]:
    for reason, skipped in report["skipped"].items():
        yield f"skipped, {reason}: {skipped['count']} ({_some(skipped['where'], 1)})"


def _lines(report: Report) -> Iterator[str]:
    for name, split in report["splits"].items():
        if sources := split["squeezed_too_wide"]:
            yield f"{name}: {len(sources)} lines wider than preprocessing.max_width were squeezed"
    for name, sources in report["text_does_not_fit"][FRAME].items():
        if sources:
            yield f"{name}: {len(sources)} lines have more text than the model has frames: {_some(sources)}"
    for name, symbols in report["characters_not_in_train"].items():
        if symbols:
            shown = (symbol if symbol.isprintable() else f"U+{ord(symbol):04X}" for symbol in symbols)
            yield f"{name}: characters that no training line has: {' '.join(shown)}"
    if lost := report["reading_order"]["does_not_come_back"]:
        yield f"{len(lost)} lines do not come back from visual order as they were written: {_some(lost)}"


def _images(report: Report) -> Iterator[str]:
    for look, sources in report["images"].items():
        if sources:
            yield f"{len(sources)} images are {look}: {_some(sources)}"


def _some(names: list[str], most: int = NAMED) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _is_split_by_line(report: Report, dataset: Any) -> bool:
    """Whether every line passes for a page of its own although the split is by page."""
    split = getattr(dataset, "split", None)
    if split is None or split.by != "page" or dataset.train_list is not None:
        return False
    return all(counts["pages"] == counts["lines"] for counts in report["splits"].values())
