"""A document as it counts: every value, the defaults and other files included, and where each one came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thulium_dsl import resolve
from thulium_dsl.document import Document
from thulium_dsl.nodes import KeyPath
from thulium_dsl.validate import complete_tree
from thulium_dsl.written import Remarks, section_blocks

DEFAULT = "default"


def show(document: Document, with_origin: bool = False) -> str:
    """The whole experiment as a document of its own, in the form that DVC writes.

    Args:
        with_origin: say beside each value which line of which file it came from.

    Raises:
        DocumentError: the document has problems.
    """
    tree = complete_tree(document)
    origins = origins_of(document, tree) if with_origin else {}
    return "\n".join(section_blocks(tree, origins)) + "\n"


def origins_of(document: Document, tree: dict[str, Any]) -> Remarks:
    """Where each value of a complete tree was written: path -> "file:line", or "default"."""
    second = {target: spelling for spelling, target in resolve.shorthands()}
    origins = {}
    for path in _values(tree, ()):
        entry = document.places.get(path) or document.places.get(second.get(tuple(map(str, path)), ()))
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
