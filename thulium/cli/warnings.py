"""What a person should look at before training, from prepare's report, in a line each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from thulium.cli.sources import warnings as of_sources

if TYPE_CHECKING:
    from thulium_dsl.grammar.spec import DatasetSpec

Report = dict[str, Any]

NAMED = 5  # sources in a warning; report.json has them all
SMALL_FOLD = 2 / 3  # of the training lines that shares leave: a model of fewer says little of those of other folds
FRAME = "4"  # pixels of a line in one of the model's frames


# What became of lines, as people say it.
WORDS = {"not_transcribed": "not transcribed", "filtered": "filtered", "skipped": "skipped"}


def counts(report: Report) -> str:
    """How many lines there are of each split; with folds, in all."""
    if "folds" not in report:
        return ", ".join(f"{split['lines']} {name}" for name, split in report["splits"].items()) + " lines"
    sizes = report["folds"]
    ends = {name: (min(each[name] for each in sizes), max(each[name] for each in sizes)) for name in sizes[0]}
    said = {name: f"{low}" if low == high else f"{low} to {high}" for name, (low, high) in ends.items()}
    parts = f"{said['test']} to judge, {said['val']} to choose the epoch on, {said['train']} to learn from"
    return f"{sum(each['test'] for each in sizes)} lines in {len(sizes)} folds (each {parts})"


def page(report: Report) -> str:
    """Where it is shown; with folds, the table that says what is in which, and the page of the first."""
    return "folds.csv, and folds/1/report.html" if "folds" in report else "report.html"


def accounts(report: Report) -> str:
    """Where the lines went that were found, in a sentence; empty where each of them is used."""
    accounting = report["accounting"]
    counts, not_read = accounting["lines"], accounting["files_not_read"]
    parts = [f"{counts['used']} used"]
    for category, word in WORDS.items():
        if number := counts[category]:
            reasons = accounting["reasons"][category]
            shown = f" ({_counted(reasons)})" if category != "not_transcribed" else ""
            parts.append(f"{number} {word}{shown}")
    if len(parts) == 1 and not not_read:
        return ""
    files = f"; {_plural(sum(not_read.values()), 'file')} not read ({_counted(not_read)})" if not_read else ""
    return f"{_plural(counts['found'], 'line')} found: {', '.join(parts)}{files}"


def of(report: Report, dataset: DatasetSpec) -> Iterator[str]:
    """The warnings of a report, the gravest first."""
    return chain(
        _leaks(report, dataset),
        _moved(report, dataset),
        of_sources(report, dataset),
        _folds(report, dataset),
        left_out(report),
        _remarks(report),
        _lines(report),
        _images(report),
    )


def _leaks(report: Report, dataset: DatasetSpec) -> Iterator[str]:
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


def _moved(report: Report, dataset: DatasetSpec) -> Iterator[str]:
    """What came to be in another split than in the lines that these replace; and what goes by one name."""
    changed = report.get("changed_split", {"pages": [], "error": ""})
    if pages := changed["pages"]:
        names = [f"{page['page']} ({page['before']} → {page['now']})" for page in pages]
        what = f"{_plural(len(pages), 'known page')} changed split: {_some(names)}"
        yield f"{what}; results before and after cannot be compared"
    if changed["error"]:
        yield f"whether pages changed split is not known: {changed['error']}"
    shared = report["one_name_for_several"]
    if dataset.type == "custom" or dataset.type == "synthetic":
        return
    if shared:
        name, paths = next(iter(shared.items()))
        by = dataset.split.by
        what = f"{_plural(len(shared), 'name')} {'stands' if len(shared) == 1 else 'stand'} for several {by}s each"
        do = f"if these are different {by}s, set dataset.split.identity to path"
        yield f"{what}, which are kept in one split: {name} ({_some(paths, 3)}); {do}"


def _folds(report: Report, dataset: DatasetSpec) -> Iterator[str]:
    """Models that learn from much less than the shares say, since what stays together is large."""
    if dataset.type == "custom" or dataset.type == "synthetic" or dataset.type == "sources" or "folds" not in report:
        return
    sizes, split = report["folds"], dataset.split
    total = sum(each["test"] for each in sizes)
    usual = total * (1 - 1 / len(sizes) - split.val)
    few = {number: each["train"] for number, each in enumerate(sizes, 1) if each["train"] < SMALL_FOLD * usual}
    if not few:
        return
    which = f"fold {_some([*map(str, few)])}: {'a model learns' if len(few) == 1 else 'models learn'}"
    least = f"{min(few.values())} of {total} lines, where about {usual:.0f} were asked for"
    do = "" if split.by == "line" else f", since a {split.by} stays whole: divide by something smaller in "
    do += "" if split.by == "line" else "dataset.split.by, or add some"
    yield f"{which} from {'as few as ' if len(few) > 1 else ''}{least}{do}"


def left_out(report: Report) -> Iterator[str]:
    """What gave no line, by reason."""
    for reason, found in report["skipped"].items():
        if reason == "excluded":
            continue  # the document names them, and the accounts count them
        verb = "skipped, " if found["is_error"] else "left out, " if found["lines"] else ""
        first, *others = found["where"]  # which may say what to do, so that "and 5 more" would be a part of that
        yield f"{verb}{reason}: {found['count']} ({first}{f'; and {len(others)} more' if others else ''})"


def _remarks(report: Report) -> Iterator[str]:
    from thulium.ingest.remarks import MEANINGS

    for remark, meaning in MEANINGS.items():
        if sources := report["remarks"][remark]:
            words = meaning.one if len(sources) == 1 else meaning.more
            yield f"{len(sources)} {words}: {_some(sources)}"


def _lines(report: Report) -> Iterator[str]:
    for name, split in report["splits"].items():
        if sources := split["squeezed_too_wide"]:
            verb = "was" if len(sources) == 1 else "were"
            yield f"{name}: {_count(sources, 'line')} wider than preprocessing.max_width {verb} squeezed"
    for name, sources in report["text_does_not_fit"][FRAME].items():
        if sources:
            verb = "has" if len(sources) == 1 else "have"
            yield f"{name}: {_count(sources, 'line')} {verb} more text than the model has frames: {_some(sources)}"
    for name, symbols in report["characters_not_in_train"].items():
        if symbols:
            shown = (symbol if symbol.isprintable() else f"U+{ord(symbol):04X}" for symbol in symbols)
            yield f"{name}: characters that no training line has: {' '.join(shown)}"
    if lost := report["reading_order"]["does_not_come_back"]:
        verb = "does" if len(lost) == 1 else "do"
        yield f"{_count(lost, 'line')} {verb} not come back from visual order as written: {_some(lost)}"
    for symbol, sources in report["odd_characters"].items():
        yield f"a character that is seldom meant, U+{ord(symbol):04X}, in {_count(sources, 'line')}: {_some(sources)}"
    if mixed := report["accents"]["mixed"]:
        verb = "has" if mixed == 1 else "have"
        yield f"{mixed} {'line' if mixed == 1 else 'lines'} {verb} accents typed in two ways; they were brought to one"


def looks(report: Report) -> Iterator[str]:
    """What is odd about images that are used."""
    for look, sources in report["images"].items():
        if sources:
            verb = "is" if len(sources) == 1 else "are"
            yield f"{_count(sources, 'image')} {verb} {look}: {_some(sources)}"


def _images(report: Report) -> Iterator[str]:
    yield from looks(report)
    if twice := report["same_image_twice"]:
        what = "image stands" if len(twice) == 1 else "images stand"
        yield f"{len(twice)} {what} more than once in one split, such as {_some(twice[0])}"


def _count(things: list[str], name: str) -> str:
    return _plural(len(things), name)


def _plural(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _counted(reasons: dict[str, int]) -> str:
    """Reasons with their numbers, the greatest first."""
    return ", ".join(f"{reason} {number}" for reason, number in sorted(reasons.items(), key=lambda pair: -pair[1]))


def _some(names: list[str], most: int = NAMED) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _is_split_by_line(report: Report, dataset: DatasetSpec) -> bool:
    """Whether every line passes for a page of its own although the split is by page."""
    if dataset.type == "custom" or dataset.type == "synthetic" or dataset.type == "sources":
        return False
    if dataset.split.by != "page" or dataset.train_list is not None:
        return False
    return all(counts["pages"] == counts["lines"] for counts in report["splits"].values())
