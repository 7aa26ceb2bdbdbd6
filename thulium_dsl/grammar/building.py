"""A resolved tree -> the values of spec.py: a class is chosen by the annotations, and in a union by ``type``."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.spec import Experiment


def experiment_in(tree: Mapping[str, Any]) -> Experiment:
    """The experiment of a complete tree; a section that may be left out, and is, has no value."""
    experiment: Experiment = build(Experiment, {**dict.fromkeys(schemas.optional()), **tree})
    return experiment


def build(kind: Any, value: Any) -> Any:
    """Make a spec of a resolved tree.

    Args:
        kind: a spec class, or a type that stands in one: a union of them (chosen by ``type``), a tuple, a number …
        value: what the resolved document holds there.

    Raises:
        TypeError, KeyError: the tree was not resolved and checked before; our mistake, not the user's.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return build(_choose(get_args(kind), value), value)
    if is_dataclass(kind):
        assert isinstance(kind, type)
        hints = _hints(kind)
        unknown = set(value) - {field.name for field in fields(kind)}
        if unknown:
            raise TypeError(f"{kind.__name__} has no {sorted(unknown)}")
        return kind(**{name: build(hints[name], value[name]) for name in hints})
    if origin is tuple:
        return tuple(build(get_args(kind)[0], item) for item in value)
    if kind is float:
        return float(value)
    return int(value) if kind is int and not isinstance(value, bool) else value


def _choose(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None:
        return type(None)
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    if len(kinds) == 1:
        return kinds[0]
    if not isinstance(value, Mapping):
        if int in kinds and isinstance(value, (int, float)):
            return int
        is_list = isinstance(value, (list, tuple))
        return next(kind for kind in kinds if (get_origin(kind) is tuple) == is_list)
    return next(kind for kind in kinds if value["type"] in get_args(_hints(kind)["type"]))


@cache  # the annotations are texts, and it takes Python long to make types of them
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
