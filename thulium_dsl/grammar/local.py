"""What only this machine has: a file beside the document, which git ignores, with ``resources`` of its own.

The tracked document then says what is usual, and no machine has a work tree that differs from the others'.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from thulium_dsl.grammar.hints import plain
from thulium_dsl.messages.problems import Problem
from thulium_dsl.text.document import Document, read_file
from thulium_dsl.text.nodes import dotted

NAME = "resources.local.yaml"
SECTION = "resources"


def with_local(document: Document) -> Document:
    """A document with the values of the file for this machine in place of its own, if there is such a file."""
    path = _file(document)
    if path is None:
        return document
    other = read_file(path)
    own = other.tree.get(SECTION)
    problems = [*document.problems, *other.problems, *_strangers(other)]
    if not isinstance(own, dict):
        own = {}
    tree = {**document.tree, SECTION: {**_section(document), **own}} if own else document.tree
    places = {path: entry for path, entry in other.places.items() if path[0] == SECTION}
    return replace(
        document,
        tree=tree,
        places={**document.places, **places},
        problems=tuple(sorted(problems)),
        suspects=document.suspects | other.suspects,
        parts=(*document.parts, other),
    )


def remarks(document: Document) -> Iterator[str]:
    """What the file for this machine changes, a sentence each."""
    path = _file(document)
    own = read_file(path).tree.get(SECTION) if path else None
    if isinstance(own, dict):
        yield from (f"{dotted((SECTION, name))} {plain(value)} of {path}" for name, value in own.items())


def _section(document: Document) -> dict[str, object]:
    found = document.tree.get(SECTION)
    return found if isinstance(found, dict) else {}


def _file(document: Document) -> Path | None:
    """The file beside the document; of a copy that DVC has made of a project, the one in the project itself."""
    folders = [Path(document.file).parent, *([Path(root)] if (root := os.environ.get("DVC_ROOT")) else [])]
    return next((folder / NAME for folder in folders if (folder / NAME).is_file()), None)


def _strangers(other: Document) -> Iterator[Problem]:
    for name in other.tree:
        if name not in (SECTION, "version"):
            what = f"'{name}' has no place in {NAME}: what decides about results is not for one machine alone"
            yield other.key_place((name,)).problem(
                (name,), what, f"move it into the document; only {SECTION} stands here"
            )
