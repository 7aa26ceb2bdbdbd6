"""Rules between the sources of a dataset, in the form of those in rules.py."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Any

from thulium_dsl.grammar.rules import Finding, Settings, found_once, path_of

_OWN = ("name", "weight", "text", "split_by")  # of a source, that do not decide which lines it has


def names_are_apart(settings: Settings) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for where, source in _sources(settings):
        first = seen.setdefault(source["name"], where)
        if first != where:
            line = settings.document.place(path_of(f"{first}.name")).line
            what = f"the source on line {line} has this name too"
            yield Finding((f"{where}.name",), what, "give each source a name of its own")


def sources_are_apart(settings: Settings) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for where, source in _sources(settings):
        lines = str(sorted((name, _plain(value)) for name, value in source.items() if name not in _OWN))
        first = seen.setdefault(lines, where)
        if first != where:
            line = settings.document.place(path_of(f"{first}.name")).line
            what = f"this source has the lines of the one on line {line}"
            hint = "remove one of them; for lines that are to count more, raise 'weight'"
            yield Finding((f"{where}.name",), what, hint)


def replacements_differ(settings: Settings) -> Iterator[Finding]:
    for where, _ in _sources(settings):
        yield from found_once(settings, f"{where}.text.map")


def _sources(settings: Settings) -> list[tuple[str, dict[str, Any]]]:
    return settings.datasets() if "sources" in settings["dataset"] else []


def _plain(value: Any) -> Any:
    return posixpath.normpath(value) if isinstance(value, str) else value


RULES: tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...] = (
    (("dataset",), names_are_apart),
    (("dataset",), sources_are_apart),
    (("dataset",), replacements_differ),
)
