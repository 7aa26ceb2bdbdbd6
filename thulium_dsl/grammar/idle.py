"""Options of another type than the one that a section has: they may stay in the text, and do nothing.

`dvc exp run -S evaluation.decoding.type=greedy` changes one word. What the other type had is still there, so that a
second word brings it back; what the new type needs comes from the defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from thulium_dsl.grammar import resolve, schemas
from thulium_dsl.grammar.hints import plain
from thulium_dsl.text.document import Document
from thulium_dsl.text.nodes import KeyPath, dotted


@dataclass(frozen=True, slots=True)
class Idle:
    """An option that does nothing.

    Attributes:
        kind: the type that it is an option of.
        chosen: the type that its section has.
    """

    path: KeyPath
    value: Any
    kind: str
    chosen: str

    def __str__(self) -> str:
        name = f"{dotted(self.path)} {plain(self.value)}"
        return f"{name} is an option of {self.kind}, and does nothing with {self.chosen}"


def idle_in(tree: Mapping[str, Any]) -> tuple[Idle, ...]:
    """The idle options of a tree as it stands in a text."""
    return tuple(_idle(tree, schemas.experiment(), ()))


def without(tree: Mapping[str, Any], idle: tuple[Idle, ...]) -> dict[str, Any]:
    """A tree without its idle options."""
    given: dict[str, Any] = _without(tree, (), {option.path for option in idle})
    return given


def remarks(document: Document) -> Iterator[str]:
    """What a valid document holds that does nothing, and what it leaves to defaults; a sentence each."""
    idle = idle_in(document.tree)
    yield from map(str, idle)
    given = without(document.tree, idle)
    written = {path for path, _ in _leaves(resolve.with_one_spelling(given), ())}
    whole = resolve.complete(given)
    yield from _unread_text(whole["evaluation"]["decoding"])
    missing = [f"{dotted(path)} {plain(value)}" for path, value in _leaves(whole, ()) if path not in written]
    if missing:
        yield f"not in {document.file}, so by default: {', '.join(missing)}"


def _unread_text(decoding: Mapping[str, Any]) -> Iterator[str]:
    """A language model that is there already, or none, learns from no text."""
    more, model = decoding.get("more_text", "none"), decoding.get("language_model")
    if more != "none" and model != "train":
        yield f"evaluation.decoding.more_text {plain(more)} does nothing with language_model {plain(model)}"


def _idle(value: Any, schema: schemas.Schema, path: KeyPath) -> Iterator[Idle]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _idle(item, schema.get("items", {}), (*path, index))
    if not isinstance(value, dict):
        return
    given = value.get("type", schemas.implied_type(schema, value))
    kinds, chosen = schemas.branches(schema), given if isinstance(given, str) else ""
    own = schemas.properties(schema, {"type": chosen})
    for name, inner in value.items():
        kind = _sibling(name, inner, own.get(name), kinds, chosen)
        if kind is not None:
            yield Idle((*path, name), inner, kind, chosen)
        elif name in own:
            yield from _idle(inner, own[name], (*path, name))


def _sibling(
    name: str, value: Any, own: schemas.Schema | None, kinds: Mapping[str, schemas.Schema], chosen: str
) -> str | None:
    """The type that an option belongs to, if that is another than the chosen one; only where its value fits there."""
    # One who lists sources beside what one source has, or the other way round, has to choose.
    kinds = {kind: part for kind, part in kinds.items() if "x-implied-by" not in part}
    if chosen not in kinds or (own is not None and ("enum" not in own or value in own["enum"])):
        return None
    others = ((kind, part.get("properties", {}).get(name)) for kind, part in kinds.items() if kind != chosen)
    return next((kind for kind, part in others if part and _fits(value, part)), None)


def _fits(value: Any, schema: schemas.Schema) -> bool:
    from jsonschema import Draft7Validator

    return bool(Draft7Validator(schema).is_valid(value))


def _without(value: Any, path: KeyPath, idle: set[KeyPath]) -> Any:
    if isinstance(value, dict):
        names = [name for name in value if (*path, name) not in idle]
        return {name: _without(value[name], (*path, name), idle) for name in names}
    if isinstance(value, list):
        return [_without(item, (*path, index), idle) for index, item in enumerate(value)]
    return value


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """What is written in one piece: values, and lists as a whole."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    else:
        yield path, value
