"""A document as it counts: every value, the defaults and other files included, and where each one came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thulium_dsl.grammar import resolve, schemas
from thulium_dsl.grammar.idle import idle_in
from thulium_dsl.grammar.resolve import ABSENT
from thulium_dsl.grammar.validate import complete_tree
from thulium_dsl.text.document import Document
from thulium_dsl.text.nodes import KeyPath
from thulium_dsl.text.written import Remarks, section_blocks

DEFAULT = "default"
VERSION = "version"


def show(document: Document, with_origin: bool = False) -> str:
    """The whole experiment as a document of its own, in the form that DVC writes.

    Args:
        with_origin: say beside each value which line of which file it came from.

    Raises:
        DocumentError: the document has problems.
    """
    tree = complete_tree(document)
    origins = origins_of(document, tree) if with_origin else {}
    remarks = [f"# {_printable(str(option))}" for option in idle_in(document.tree)] if with_origin else []
    return "\n".join([*section_blocks(tree, origins), *([""] if remarks else []), *remarks]) + "\n"


def changed(document: Document) -> str:
    """What of an experiment differs from the defaults: the shortest document that means the same.

    Raises:
        DocumentError: the document has problems.
    """
    tree = complete_tree(document)
    return "\n".join(section_blocks({VERSION: tree[VERSION], **_changed(tree, schemas.experiment())}, {})) + "\n"


def _changed(value: Any, schema: schemas.Schema) -> Any:
    """The keys of a section whose values are not the schema's; with them its type, if that has options."""
    parts, of_section = schemas.properties(schema, value), schema.get("default") or {}
    found = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            if (own := _changed(inner, parts[name])) or "x-optional" in parts[name]:
                found[name] = own
        elif inner != of_section.get(name, parts[name].get("default", ABSENT)):
            found[name] = _items(inner, parts[name]) if isinstance(inner, list) else inner
    return {"type": value["type"], **found} if found and schemas.branches(schema) else found


def _items(items: list[Any], schema: schemas.Schema) -> list[Any]:
    return [_changed(item, schema["items"]) if isinstance(item, dict) else item for item in items]


def origins_of(document: Document, tree: dict[str, Any]) -> Remarks:
    """Where each value of a complete tree was written: path -> "file:line", or "default"."""
    second = {target: spelling for spelling, target in resolve.shorthands()}
    resting = {option.path for option in idle_in(document.tree)}
    places = {path: entry for path, entry in document.places.items() if path not in resting}
    origins = {}
    for path in _values(tree, ()):
        entry = places.get(path) or places.get(second.get(tuple(map(str, path)), ()))
        origins[path] = _printable(f"{entry.value.file}:{entry.value.line}") if entry else DEFAULT
    return origins


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _values(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    """The paths of what is written on one line: scalars and things that are empty."""
    parts = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    if not parts:
        yield path
    for name, inner in parts:
        yield from _values(inner, (*path, name))
