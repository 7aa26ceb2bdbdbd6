"""The files and folders that a document names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from thulium_dsl.grammar import hints, schemas

_QUOTES = tuple("“”„«»‹›‘’‚")
_HOMES = ("~", "$HOME", "${HOME}", "%USERPROFILE%")  # as a shell expands them, each before a slash


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


def oddity(path: str) -> tuple[str, str] | None:
    """What in a path was hardly meant as it stands, and what to do about it; None if nothing is."""
    if path.startswith(_QUOTES):
        return f"YAML takes the quotes of {path} for a part of the name", "use straight quotes, or none"
    if odd := hints.unseen_in(path):
        is_so = f"if the name really has it, write it in double quotes as \\u{ord(odd):04x}"
        return f"{path!r} is hardly the name that is meant", f"{hints.unseen(path)}; {is_so}"
    if home := next((home for home in _HOMES if re.split(r"[/\\]", path)[0] == home), None):
        what = f"'{path}' begins with '{home}', which is not expanded"
        return what, "write the whole path, such as /home/name/lines, or one from the document's folder"
    return None
