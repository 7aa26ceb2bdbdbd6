"""A checked tree -> a complete one: shorthands moved to their place, defaults filled in, numbers of one kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from thulium_dsl.grammar import schemas

Tree = dict[str, Any]
Names = tuple[str, ...]

ABSENT = object()


def shorthands() -> Iterator[tuple[Names, Names]]:
    """Every second spelling of a setting: its path, and the path of the setting that it stands for."""
    for key in schemas.walk():
        if "x-same-as" in key.schema:
            yield key.path, tuple(key.schema["x-same-as"].split("."))


def lookup(tree: Any, path: tuple[str | int, ...]) -> Any:
    """What stands at a path, or ABSENT."""
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return ABSENT
        tree = tree[name]
    return tree


def with_one_spelling(tree: Tree) -> Tree:
    """A copy of the tree in which a value under a second spelling stands under the first."""
    tree = deepcopy(tree)
    for spelling, target in shorthands():
        value = lookup(tree, spelling)
        holder = lookup(tree, target[:-1])
        if value is ABSENT:
            continue
        lookup(tree, spelling[:-1]).pop(spelling[-1])
        holder.setdefault(target[-1], value)
    return tree


def with_types(tree: Tree) -> Tree:
    """The tree with the types that its sections have by a key that belongs to one type alone."""
    parts = schemas.experiment()["properties"]
    kinds = {name: schemas.implied_type(part, tree.get(name)) for name, part in parts.items()}
    return {**tree, **{name: {"type": kind, **tree[name]} for name, kind in kinds.items() if kind}}


def complete(tree: Tree) -> Tree:
    """The whole experiment: every key has a value, and equal documents give equal trees.

    Args:
        tree: one that the schemas accept.
    """
    filled: Tree = _filled(with_types(with_one_spelling(tree)), schemas.experiment())
    return filled


def _filled(value: Any, schema: schemas.Schema) -> Any:
    if isinstance(value, dict):
        parts = schemas.properties(schema, value)
        present = {name: value.get(name, part.get("default", ABSENT)) for name, part in parts.items()}
        return {name: _filled(inner, parts[name]) for name, inner in present.items() if inner is not ABSENT}
    if isinstance(value, list):
        return [_filled(item, schema["items"]) for item in value]
    return coerced(value, schema)


def coerced(value: Any, schema: schemas.Schema) -> Any:
    """A number in the schema's own type: 3.0 for an integer is 3, 1 for a number is 1.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return {"integer": int, "number": float}.get(str(schema.get("type")), lambda number: number)(value)
