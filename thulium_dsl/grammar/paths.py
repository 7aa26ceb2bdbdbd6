"""The files and folders that a document names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from thulium_dsl.grammar import schemas


def paths_of(section: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The files and folders that a section names, of those that its stage reads: dotted key -> path.

    Of a list of sections, the key has the place in the list: ``dataset.sources.0.root``.
    """
    return dict(_paths(schemas.experiment()["properties"][section], values, (section,)))


def _paths(schema: schemas.Schema, value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        parts = schemas.properties(schema, value)
        for name in (name for name in parts if name in value):
            yield from _paths(parts[name], value[name], (*path, name))
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from _paths(schema["items"], item, (*path, str(place)))
    elif schemas.names_a_file(schemas.Key(path, None, schema), value):
        yield ".".join(path), str(value)


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies in the other."""
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")
