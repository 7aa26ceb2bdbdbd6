"""The files and folders that a document names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from thulium_dsl.grammar import resolve, schemas


def paths_of(section: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The files and folders that a section names, of those that its stage reads: dotted key -> path."""
    kinds, found = {None, *_types(values)}, {}
    for key in schemas.walk():
        if key.path[0] == section and key.kind in kinds:
            value = resolve.lookup(values, key.path[1:])
            if schemas.names_a_file(key, value):
                found[key.dotted] = str(value)
    return found


def _types(values: Mapping[str, Any]) -> Iterator[str]:
    """The types that a section and the sections in it have."""
    for name, value in values.items():
        if name == "type":
            yield value
        elif isinstance(value, Mapping):
            yield from _types(value)


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies in the other."""
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")
