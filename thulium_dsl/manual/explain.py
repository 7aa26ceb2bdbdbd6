"""What a key means, from the schemas: for `thulium explain`."""

from __future__ import annotations

import difflib
import textwrap
from typing import Any

from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.hints import plain
from thulium_dsl.grammar.schemas import Key
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline import stages

_WIDTH = 100
_TYPES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "array": "list",
    "object": "section",
}
_BOUNDS = {
    "exclusiveMinimum": "greater than {}",
    "minimum": "at least {}",
    "exclusiveMaximum": "less than {}",
    "maximum": "at most {}",
    "minItems": "{} items or more",
    "maxItems": "{} items or fewer",
    "x-pattern-words": "{}",
}


def explain(dotted: str | None = None) -> str:
    """The meaning of a key or section, or the list of sections.

    Raises:
        ThuliumError: there is no such key.
    """
    if dotted is None:
        keys = [key for key in schemas.walk() if len(key.path) == 1]
        return "\n".join([*_listed(keys), "", "More about one: thulium explain training, thulium explain training.lr"])
    keys = schemas.find(dotted) or _of_type(dotted)
    if not keys:
        raise ThuliumError(f"there is no key '{dotted}'\n  help: {_suggestion(dotted)}")
    return "\n\n".join("\n".join(_key(key)) for key in _merged(keys))


def _of_type(dotted: str) -> list[Key]:
    """The keys of a type that is named like a key below its section: augmentation.transforms.random_scale."""
    above, _, kind = dotted.rpartition(".")
    return [key for key in schemas.walk() if key.kind == kind and ".".join(key.path[:-1]) == above]


def _merged(keys: list[Key]) -> list[Key]:
    """One key for those that say the same in several branches."""
    merged: dict[str, Key] = {}
    for key in keys:
        text = plain(dict(key.schema))
        same = merged.get(text)
        merged[text] = Key(key.path, f"{same.kind} or {key.kind}", key.schema) if same else key
    return list(merged.values())


def _key(key: Key) -> list[str]:
    schema = key.schema
    every = {other.kind for other in schemas.walk() if other.path[0] == key.path[0] and other.kind}
    is_of_some = key.kind and set(key.kind.split(" or ")) != every
    head = f"{key.dotted} (for type {key.kind})" if is_of_some else key.dotted
    rows = {
        "type": type_of(schema),
        "unit": schema.get("x-unit"),
        "allowed": allowed(schema),
        "default": plain(schema["default"]) if "default" in schema and not _is_section(schema) else None,
        "same as": schema.get("x-same-as"),
        "re-runs": None if "x-directive" in schema else reruns(key.path[0]),
        "example": f"{key.path[-1]}: {plain(schema['examples'][0])}" if "examples" in schema else None,
    }
    lines = textwrap.wrap(f"{head}: {schema['description']}", _WIDTH)
    lines += [""] + [f"  {name:8}  {text}" for name, text in rows.items() if text]
    inner = [child for child in schemas.walk(schema, key.path) if len(child.path) == len(key.path) + 1]
    return [*lines, "", *_listed(inner)] if inner else lines


def _listed(keys: list[Key]) -> list[str]:
    """A line or two for each key: name, meaning, default."""
    names = [f"{key.path[-1]} ({key.kind})" if key.kind else key.path[-1] for key in keys]
    width = max(map(len, names))
    lines: list[str] = []
    for name, key in zip(names, keys):
        has_default = "default" in key.schema and not isinstance(key.schema["default"], dict | list)
        text = key.schema["description"] + (f" [{plain(key.schema['default'])}]" if has_default else "")
        lines += textwrap.wrap(text, _WIDTH, initial_indent=f"  {name:{width}}  ", subsequent_indent=" " * (width + 4))
    return lines


def type_of(schema: schemas.Schema) -> str:
    """The types that a value may have, in words."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " or ".join(_TYPES[kind] for kind in kinds)


def _is_section(schema: schemas.Schema) -> bool:
    return schema.get("type") == "object"


def allowed(schema: schemas.Schema) -> str:
    """What a value of the right type must be, in words; empty if it may be anything."""
    if "enum" in schema:
        return ", ".join(plain(choice) for choice in schema["enum"])
    bounds: dict[str, Any] = {name: schema[name] for name in _BOUNDS if name in schema}
    if "minItems" in bounds and bounds["minItems"] == bounds.get("maxItems"):
        return f"{bounds['minItems']} items"
    return ", ".join(_BOUNDS[name].format(value) for name, value in bounds.items())


def reruns(section: str) -> str:
    """The stages that run again when a section changes, in words."""
    names = stages.reruns(section)
    return ", ".join(names) if names else "nothing: DVC does not track it"


def _suggestion(dotted: str) -> str:
    last = dotted.split(".")[-1].lower()
    known = list(dict.fromkeys(key.dotted for key in schemas.walk()))
    named = [key.dotted for key in schemas.walk() if last in (key.path[-1], *key.schema.get("x-aliases", ()))]
    guess = difflib.get_close_matches(dotted, named, 1, 0) or difflib.get_close_matches(dotted, known, 1, 0.6)
    guess = guess or [name for name in known if difflib.get_close_matches(last, [name.split(".")[-1]], 1, 0.6)]
    return f"did you mean {guess[0]}?" if guess else "'thulium explain' lists the sections"
