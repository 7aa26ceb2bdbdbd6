"""The keywords of our own in the schemas, ``x-…``: what each one says, and of what type its value is.

A validator passes over a keyword that it does not know, so a misspelt one would do nothing, and nobody would hear of
it: whatever is not in this table is an error when the schemas are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

PREFIX = "x-"

KEYWORDS: dict[str, type] = {
    "x-aliases": list,  # what others call this key: a hint names it when someone writes one of them
    "x-class": str,  # the name, in grammar/spec.py, of the class or type that holds such a value
    "x-directive": bool,  # says how the document is read, and is no value of the experiment
    "x-gone": dict,  # keys that this section had once: what to do about each
    "x-group": str,  # in the branches of some types: a name for just these classes
    "x-implied-by": str,  # in the branch of a type: the key that says that a section without a type is of it
    "x-meant": dict,  # values that others have for this key: what is written here for each
    "x-optional": bool,  # a section that may be left out, and then is: it has no defaults as a whole
    "x-path": bool,  # the text is a path below the document's folder
    "x-pattern-words": str,  # the "pattern" in words
    "x-same-as": str,  # another spelling of the key with this dotted name
    "x-several": str,  # where one value belongs: what to do with several
    "x-structural": bool,  # a change changes the graph, so that it needs a `thulium compile`
    "x-summary": str,  # in the branch of a type: what it is, as an editor offers it
    "x-unit": str,  # what a number counts
    "x-words": list,  # texts at an "x-path" that are no paths
}


def faults(schema: Any, path: str = "") -> Iterator[str]:
    """Every keyword of our own in a schema that is not in the table, or has a value of another type, with its path."""
    parts = schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ()
    for name, inner in parts:
        if isinstance(name, str) and name.startswith(PREFIX):
            if fault := _fault(name, inner):
                yield f"{path}/{name}: {fault}"
        else:
            yield from faults(inner, f"{path}/{name}")


def _fault(name: str, value: Any) -> str:
    if name not in KEYWORDS:
        return f"no keyword; known: {', '.join(KEYWORDS)}"
    kind = KEYWORDS[name]
    if kind is list:
        is_right = isinstance(value, list) and len(value) > 0 and all(isinstance(text, str) and text for text in value)
        return "" if is_right else f"must be a list of texts, found {value!r}"
    if kind is dict:
        texts = value.values() if isinstance(value, dict) else ()
        is_right = len(texts) > 0 and all(isinstance(text, str) and text for text in texts)
        return "" if is_right else f"must be texts by name, found {value!r}"
    if kind is bool:  # a keyword that does not hold is left out
        return "" if value is True else f"must be true, found {value!r}"
    return "" if isinstance(value, str) and value else f"must be a text, found {value!r}"
