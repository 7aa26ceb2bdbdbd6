"""The schemas: where they lie, put together, and how to find a key in them.

They are the only place where a key, a bound or a default is written. In a checkout they stand at the top of the
repository, in an installed wheel inside this package.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from thulium_dsl.grammar import keywords

Schema = Mapping[str, Any]

LANGUAGE = 1  # the version of the language
_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "_schemas", _PACKAGE.parent / "schemas")


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the language.

    Attributes:
        path: names from the section down; list positions are left out.
        kind: the ``type`` that its surroundings must have; None: it is always there.
        schema: what it may hold.
    """

    path: tuple[str, ...]
    kind: str | None
    schema: Schema

    @property
    def dotted(self) -> str:
        return ".".join(self.path)


def folder() -> Path:
    """The folder with the schema files."""
    return next(place for place in _PLACES if place.is_dir())


@lru_cache(maxsize=1)
def experiment() -> Schema:
    """The schema of a whole document: every section in its place, no reference left."""
    schema = _load("experiment.schema.json")
    schema["properties"] = {
        name: _section(part["$ref"]) if "$ref" in part else part for name, part in schema["properties"].items()
    }
    return schema


def bundle() -> str:
    """The schema of a whole document as one file, for editors: with a snippet for each type that a section may have."""
    return json.dumps(_with_snippets(experiment()), indent=2, ensure_ascii=False) + "\n"


def _with_snippets(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_snippets(item) for item in part]
    if not isinstance(part, dict):
        return part
    snippets = [
        {"label": kind, "description": branch["x-summary"], "body": {**_own(part), "type": kind, **defaults(branch)}}
        for kind, branch in branches(part).items()
    ]
    added = {"defaultSnippets": snippets} if snippets else {}
    return {**{name: _with_snippets(inner) for name, inner in part.items()}, **added}


def _own(part: Schema) -> dict[str, Any]:
    """The defaults of the keys that a section has whatever its type, but for the type."""
    return defaults({"properties": {name: own for name, own in part["properties"].items() if name != "type"}})


def defaults(schema: Schema) -> dict[str, Any]:
    """What an empty section, or a section of a type, becomes: every key with its default."""
    parts = {name: part for name, part in schema["properties"].items() if part and "x-same-as" not in part}
    return {name: _default(part) for name, part in parts.items()}


def _default(part: Schema) -> Any:
    """The default of a key as a whole: of a section that is one of several types, with the keys of its type."""
    if "properties" not in part:
        return part["default"]
    chosen = part["default"].get("type")
    return {**part["default"], **defaults(branches(part)[chosen] if chosen else part)}


def sections() -> tuple[str, ...]:
    """The top-level keys that hold values, ``version`` first, in the schema's order."""
    return tuple(name for name, part in experiment()["properties"].items() if "x-directive" not in part)


def optional() -> frozenset[str]:
    """The sections that a document may do without: left out, they have no value, where others have their defaults."""
    return frozenset(name for name in sections() if "x-optional" in experiment()["properties"][name])


def gone() -> tuple[str, ...]:
    """The keys that sections had once, dotted."""
    parts = experiment()["properties"]
    return tuple(f"{section}.{name}" for section in sections() for name in parts[section].get("x-gone", ()))


def branches(schema: Schema) -> dict[str, Schema]:
    """What each ``type`` adds to a schema: type -> the schema of its branch."""
    return {part["if"]["properties"]["type"]["const"]: part["then"] for part in schema.get("allOf", ())}


def implied_type(schema: Schema, value: Any) -> str | None:
    """The type that a section without one has by a key of it, such as ``sources``; None where no key says it."""
    if not isinstance(value, Mapping) or "type" in value:
        return None
    return next((kind for kind, part in branches(schema).items() if part.get("x-implied-by") in value), None)


def properties(schema: Schema, value: Any) -> dict[str, Schema]:
    """The keys that a value may have: those of the schema, then those of the branch that its ``type`` chooses."""
    chosen = branches(schema).get(value.get("type")) if isinstance(value.get("type"), str) else None
    own = schema.get("properties", {})
    return {**own, **{name: part for name, part in (chosen or {}).get("properties", {}).items() if name not in own}}


def walk(schema: Schema | None = None, path: tuple[str, ...] = (), kind: str | None = None) -> Iterator[Key]:
    """Every key of the language, sections first, depth first."""
    if schema is None:
        yield from _every_key()
        return
    schema = schema["items"] if schema.get("type") == "array" else schema
    levels = [(kind, schema), *branches(schema).items()]
    for level_kind, level in levels:
        for name, part in level.get("properties", {}).items():
            if part:  # a branch repeats "type": {} only to allow it
                yield Key((*path, name), level_kind, part)
                yield from walk(part, (*path, name), level_kind)


@lru_cache(maxsize=1)
def _every_key() -> tuple[Key, ...]:
    return tuple(walk(experiment()))


def find(dotted: str) -> list[Key]:
    """The keys of a dotted name, one for each ``type`` that has it; list positions in the name are passed over."""
    path = tuple(name for name in dotted.split(".") if not name.isdigit())
    return [key for key in walk() if key.path == path]


def default_of(dotted: str) -> Any:
    """The default of a key, as the schema writes it.

    Raises:
        KeyError: there is no such key, or it has no default.
    """
    keys = find(dotted)
    if not keys:
        raise KeyError(dotted)
    return deepcopy(keys[0].schema["default"])


def names_a_file(key: Key, value: Any) -> bool:
    """Whether what stands at a key is the path of a file or a folder: not null, nor a word for none or for no file."""
    if not key.schema.get("x-path") or not isinstance(value, str):
        return False
    return value not in key.schema.get("x-words", [key.schema["default"]] if key.schema.get("x-structural") else [])


def is_path(dotted: str, value: Any) -> bool:
    """The same for a dotted name."""
    return any(names_a_file(key, value) for key in find(dotted))


def _section(name: str) -> dict[str, Any]:
    loaded = _load(name)
    definitions = loaded.pop("definitions", {})
    section: dict[str, Any] = _inlined({key: value for key, value in loaded.items() if key != "$schema"}, definitions)
    return section


def _inlined(part: Any, definitions: Schema) -> Any:
    """The same with each reference to a definition of the file replaced by what it names."""
    if isinstance(part, list):
        return [_inlined(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        file, _, name = part["$ref"].partition("#/definitions/")
        known = _load(file)["definitions"] if file else definitions
        return _inlined(known[name], known)
    return {key: _inlined(value, definitions) for key, value in part.items()}


def _load(name: str) -> dict[str, Any]:
    """A schema file.

    Raises:
        ValueError: a keyword of ours in it is misspelt, or its value is of the wrong type; our mistake.
    """
    loaded: dict[str, Any] = json.loads((folder() / name).read_text(encoding="utf-8"))
    if faults := list(keywords.faults(loaded)):
        raise ValueError("\n".join(f"schemas/{name}: {fault}" for fault in faults))
    return loaded
