"""What a person probably meant by a value of the wrong kind, and what to write instead."""

from __future__ import annotations

import re
from typing import Any

from thulium_dsl.grammar import numbers, schemas
from thulium_dsl.text import scalars

_YES = {"ja", "oui", "si", "sí", "yes", "y", "on", "enabled", "enable", "1"}
_NO = {"nein", "non", "no", "n", "off", "disabled", "disable", "none", "0"}


def for_type(value: Any, wanted: list[str], schema: schemas.Schema) -> str:
    """Advice for a value that is not of a wanted type; empty when the sentence about it says all."""
    if isinstance(value, str) and re.search(r"\$\{?\w|\{\{", value):
        return "a document has no variables: write the value itself"
    if "object" in wanted:
        return _for_section(value, schema)
    if "array" in wanted:
        return _for_list(value, schema)
    if value is None:
        has_default = "default" in schema
        return f"remove the line to get the default, {plain(schema['default'])}" if has_default else ""
    example = plain(schema["examples"][0]) if "examples" in schema else ""
    if isinstance(value, list) and "x-several" in schema:
        return f"write one value; {schema['x-several']}"
    if isinstance(value, list | dict):
        return f"write one value, such as {example}" if example else "write one value"
    if isinstance(value, str):
        return _for_word(value, wanted, schema) or (f"write for example {example}" if example else "")
    if "boolean" in wanted:
        return "write true or false"
    if "string" in wanted:
        return f"put it in quotes: '{plain(value)}'"
    return f"write a number, such as {example}" if example else ""


def _for_word(text: str, wanted: list[str], schema: schemas.Schema) -> str:
    """A text where a number, or true or false, belongs."""
    if not isinstance(scalars.value_of(text), str) and text != "":
        return f"remove the quotes: {text}"
    if "boolean" in wanted:
        word = text.strip().lower()
        if word in _YES or word in _NO:
            return "write true" if word in _YES else "write false"
        return unseen(text) or "write true or false"
    if text == "None" and "default" in schema:
        return f"remove the line to get the default, {plain(schema['default'])}"
    return numbers.advice(text, is_whole="integer" in wanted) or unseen(text)


def _for_section(value: Any, schema: schemas.Schema) -> str:
    if value is None:
        return "indent its keys under it, or remove the line"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "remove the '-' before its keys, or the [ ] around them"
    parts = schema.get("properties", {})
    if isinstance(value, str) and (slip := _slip_of_a_key(value)):
        return slip
    if isinstance(value, bool) and "enabled" in parts:
        return f"write 'enabled: {plain(value)}' under it"
    if isinstance(value, str) and "type" in parts:
        choices = [plain(choice) for choice in parts["type"]["enum"]]
        chosen = value if value in choices else choices[0]
        return f"write {{type: {chosen}}}; its types: {', '.join(choices)}"
    if "examples" in schema:
        return f"write its keys under it, such as {plain(schema['examples'][0])}"
    return f"write its keys under it: {', '.join(parts)}" if parts else ""


def _slip_of_a_key(value: str) -> str:
    """What is wrong with a line that is a text to YAML, and was meant as a key with a value."""
    if "\u00a0" in value:
        return "it holds a fixed space, U+00A0, which is none to YAML: type the line anew"
    if re.match(r"\w+\s*\N{FULLWIDTH COLON}", value):
        return "'\N{FULLWIDTH COLON}', U+FF1A, is no ':' to YAML: type a plain ':', and a space after it"
    if found := re.match(r"-?\s*(\w+):(\S+)", value):
        return f"a space is missing after the ':': write '{found[1]}: {found[2]}'"
    if found := re.match(r"(\w+)\s*=\s*(\S+)", value):
        return f"write '{found[1]}: {found[2]}', with a ':'"
    return ""


def _for_list(value: Any, schema: schemas.Schema) -> str:
    items = schema.get("items", {})
    example = plain(schema["examples"][0]) if "examples" in schema else ""
    kinds = schemas.branches(items)
    if value is None:
        return "write its items under it, each after '- '; or remove the line to get the default"
    if isinstance(value, dict) and kinds:
        kind = next((name for name in value if name in kinds), next(iter(kinds)))
        return f"write '- type: {kind}' under it, and the keys of {kind} below 'type'"
    if isinstance(value, dict) and value and {"find", "replace"} <= set(items.get("properties", {})):
        return f"write {plain([{'find': find, 'replace': put} for find, put in value.items()])}"
    found = re.findall(numbers.NUMBER, value.replace("-", " ")) if isinstance(value, str) else []
    if found and len(found) == schema.get("minItems"):
        return f"write [{', '.join(found)}]"
    if example and "null" in schema.get("type", ()):
        return f"write a list, such as {example}, or nothing"
    return f"write a list, such as {example}" if example else ""


def unseen_in(text: str) -> str:
    """The first character that cannot be seen, or looks like a space; empty if there is none."""
    return next((char for char in text if not char.isprintable() and char != "\n"), "")


def unseen(text: str) -> str:
    """Advice for a text with such a character."""
    odd = unseen_in(text)
    return f"it holds U+{ord(odd):04X}, which looks like nothing or like a space: type the line anew" if odd else ""


def plain(value: Any) -> str:
    """A value of a schema as it is written in a document, on one line."""
    if isinstance(value, list):
        return f"[{', '.join(plain(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {plain(inner)}" for name, inner in value.items()) + "}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
