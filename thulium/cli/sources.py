"""What a person should know of several sources: from prepare's report, and where one of them cannot be used."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium_dsl.grammar.spec import DatasetSpec, SourceSpec

NAMED = 3


def warnings(report: Mapping[str, Any], dataset: DatasetSpec) -> Iterator[str]:
    """A line each; none where the data have one source."""
    if dataset.type != "sources":
        return
    if names := [source.name for source in dataset.sources if _is_by_line(report, source, dataset.split.by)]:
        yield (
            f"source {', '.join(names)}: no line says which page it is of, so the split is by line and neighbours may "
            "stand in two splits: set its page_pattern, page_column or lists"
        )
    yield from _lacking(report)
    for names, number in report["same_images_in_two_sources"].items():
        what = f"{number} images stand in" if number > 1 else "one image stands in"
        yield f"{what} both of the sources {names}, and count twice: take them out of one of them (exclude, or files)"
    if differing := [each for each in report["conventions"] if each["words"]]:
        yield _conventions(differing)


def _is_by_line(report: Mapping[str, Any], source: SourceSpec, by: str) -> bool:
    """Whether every line of a source passes for a page of its own although its split is by page."""
    if source.type == "custom" or source.type == "synthetic" or source.train_list is not None:
        return False
    counts = report["sources"][source.name]
    return (source.split_by or by) == "page" and counts["pages"] == counts["train"] + counts["val"] + counts["test"]


def _lacking(report: Mapping[str, Any]) -> Iterator[str]:
    from thulium.ingest.by_source import lacking

    found = lacking(report["sources"])
    if not found:
        return
    named = ", ".join(f"{name} in {' and '.join(splits)}" for name, splits in found.items())
    seed = report["seed_for_all_sources"]
    do = "set split_by of such a source to line, or name its pages in lists"
    if seed is not None:
        do = f"set dataset.split.seed to {seed}, by which every source has lines in each split; or {do}"
    yield f"sources without a line: {named}; nothing can be said of them there: {do}"


def _conventions(differing: list[dict[str, Any]]) -> str:
    said = [
        f"{each['written']} of {_some(each['by'])} is {each['plain'] or 'nothing'} in {_some(each['not_by'])} "
        f"(as {' and '.join(next(iter(each['words'].items())))})"
        for each in differing[:NAMED]
    ]
    more = len(differing) - len(said)
    rest = f"; {more} more are in the report" if more > 0 else ""
    return f"sources write the same words in two ways: {'; '.join(said)}{rest}{_remedy(differing)}"


def _remedy(differing: list[dict[str, Any]]) -> str:
    """Maps that bring together what can be: of all sources that write it, those with the same ones together."""
    replacing: dict[str, list[str]] = {}
    for each in differing:
        if each["map"]:
            pair = ", ".join(f"{key}: {json.dumps(text, ensure_ascii=False)}" for key, text in each["map"].items())
            for name in each["by"]:
                replacing.setdefault(name, []).append(f"{{{pair}}}")
    alike: dict[str, list[str]] = {}
    for name, pairs in replacing.items():
        alike.setdefault(", ".join(pairs), []).append(name)
    if not alike:
        return ""
    said = (f"in source {_and(names)}: 'text: {{map: [{pairs}]}}'" for pairs, names in alike.items())
    return f"; to have it one way, write {'; '.join(said)}"


def _and(names: list[str]) -> str:
    """All of them: a map in one of several would leave the others as they are."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and in {names[-1]}"


def _some(names: Mapping[str, Any]) -> str:
    more = len(names) - NAMED
    return ", ".join(list(names)[:NAMED]) + (f" and {more} more" if more > 0 else "")


@contextlib.contextmanager
def said_in(file: Path) -> Iterator[None]:
    """What is wrong with one of several sources is said with its place in the document."""
    from thulium.runtime.errors import SourceError
    from thulium_dsl.grammar.validate import load

    try:
        yield
    except SourceError as error:
        loaded, rows = load(file), list[str]()
        names = [source.name for source in getattr(loaded.experiment.dataset, "sources", ())]
        for name, text in error.said.items():
            place = loaded.document.place(("dataset", "sources", names.index(name), "name"))
            rows.append(f"{place.file}:{place.line}:{place.column}: source {name}: {text}")
        raise ThuliumError("\n".join(rows)) from None
