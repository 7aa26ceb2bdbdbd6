"""What a schema forbids, in our words: one sentence a keyword. No text of the validating library reaches a user."""

from __future__ import annotations

import difflib
import itertools
import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from thulium_dsl.grammar import hints, schemas
from thulium_dsl.grammar.hints import plain

if TYPE_CHECKING:
    from jsonschema import ValidationError

_CLOSE = 0.6
_STEM = 4  # letters that are no chance
_ALIKE = 0.62  # of a choice; with less, words are named that have nothing to do with each other
_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a section with keys of its own",
}


class Saying(NamedTuple):
    """A sentence about the value that an error is at, or about one of its keys."""

    what: str
    hint: str = ""
    key: str | None = None


def sayings(error: ValidationError) -> list[Saying]:
    """What an error of the schema means; unknown keys get a sentence each.

    Raises:
        KeyError: a schema uses a keyword that has no words here; our mistake, held off by a test.
    """
    return list(WORDED[error.validator](error))


def shown(value: Any) -> str:
    """A value as a user would write it, short enough for a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a section"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return f"{value:.15g}" if isinstance(value, float) and value.is_integer() else repr(value)


def _type(error: ValidationError) -> Iterator[Saying]:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    value = error.instance
    if value is None and "object" in wanted:
        yield Saying("this section is empty", hints.for_type(value, wanted, error.schema))
        return
    hint = hints.for_type(value, wanted, error.schema)
    yield Saying(f"must be {' or '.join(_TYPES[name] for name in wanted)}, found {shown(value)}", hint)


def _enum(error: ValidationError) -> Iterator[Saying]:
    choices = [plain(choice) for choice in error.validator_value]
    allowed = choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
    hint = ""
    if list(error.absolute_path) == ["version"]:
        is_old = isinstance(error.instance, (int, float)) and error.instance < 1
        newer = "a newer document needs a newer Thulium: pip install --upgrade thulium"
        hint = f"there is no version before the first: write version: {choices[-1]}" if is_old else newer
    elif isinstance(error.instance, str):
        hint = _choice(error.instance, choices)
    yield Saying(f"must be {allowed}; found {shown(error.instance)}", hint)


def _choice(text: str, choices: list[str]) -> str:
    """The choice that a text comes closest to."""
    if text.strip() in choices:
        is_block = "\n" in text
        return f"write {text.strip()}{' behind its key, without | or >' if is_block else ', without the spaces'}"
    if text.strip("“”„«»‘’‚\u00a0 ") in choices:
        return "use straight quotes, or none"
    if advice := hints.unseen(text):
        return advice
    close = _of_one_stem(text, choices) or _alike(text, choices)
    if close:
        return f"did you mean '{close}'?"
    return f"write {choices[0]}, the only one there is" if len(choices) == 1 else ""


def _alike(text: str, choices: list[str]) -> str:
    """The choice that is spelt nearly so, without the words that several choices have; empty if none is."""
    words = [word for choice in choices for word in choice.lower().split("_")]

    def own(name: str) -> str:
        kept = [word for word in name.lower().split("_") if words.count(word) < 2]
        return "_".join(kept) or name.lower()

    named = {own(choice): choice for choice in choices}
    found = difflib.get_close_matches(own(text), list(named), 1, _ALIKE)
    return named[found[0]] if found else ""


def _of_one_stem(text: str, choices: list[str]) -> str:
    """The one choice that shares the longest stem with a text, as random_rotation does with rotate; else empty."""
    words = [word for choice in choices for word in choice.split("_")]
    stems = {
        choice: max(
            _num_common(ours, theirs) if words.count(theirs) == 1 else 0  # not "random", of several
            for ours in re.split("[_-]", text.lower())
            for theirs in choice.split("_")
        )
        for choice in choices
    }
    longest = [choice for choice, length in stems.items() if length == max(stems.values())]
    return longest[0] if len(longest) == 1 and stems[longest[0]] >= _STEM else ""


def _num_common(one: str, other: str) -> int:
    """How many letters two words begin with alike."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _required(error: ValidationError) -> Iterator[Saying]:
    # jsonschema yields one error a missing key, and says which one only in its message.
    for name in [name for name in error.validator_value if f"'{name}'" in error.message]:
        part = error.schema["properties"][name]
        choices = [plain(choice) for choice in part.get("enum", ())]
        misspelt = difflib.get_close_matches(name, list(error.instance), 1, _CLOSE)
        glued = next((key for key in error.instance if key.startswith(f"{name}:")), None)
        named = next((key for key in error.instance if key in choices), None)
        if glued:
            yield Saying(f"unknown key '{glued}'", _glued(glued), glued)
        elif named:
            hint = f"write 'type: {named}', and its keys below in the same column"
            yield Saying(f"'{named}' is a type, not a key", hint, named)
        elif misspelt:
            yield Saying(f"unknown key '{misspelt[0]}'", f"did you mean '{name}'?", misspelt[0])
        else:
            example = plain(part["examples"][0])
            hint = f"it is one of {', '.join(choices)}" if len(choices) > 1 else f"add '{name}: {example}'"
            yield Saying(f"the key '{name}' is missing", hint)


def _additional(error: ValidationError) -> Iterator[Saying]:
    known = [name for name in error.schema["properties"]]
    for name in error.instance:
        if name not in known:
            yield _unknown_key(name, error)


def _unknown_key(name: str, error: ValidationError) -> Saying:
    path = tuple(part for part in error.absolute_path if isinstance(part, str))
    parts = error.schema["properties"]
    what = f"unknown key '{name}'"
    if gone := error.schema.get("x-gone", {}).get(name):
        return Saying(f"the key '{name}' is gone", gone, name)
    meant = _alias(name, parts)
    if meant:
        return Saying(what, f"did you mean '{meant}'?", name)
    kinds = [key.kind for key in schemas.walk() if key.path == (*path, name) and key.kind]
    kind = error.instance.get("type")
    if name in kinds:  # a type that this key alone says
        hint = f"remove 'type: {kind}' and its options, or '{name}'; they may be an item of '{name}'"
        return Saying(f"'{name}' does not go with type {kind}", hint, name)
    if kinds and (holder := error.schema.get("x-implied-by")):
        hint = f"move it into the item of '{holder}' that it is about"
        return Saying(f"'{name}' is said of one source, and this dataset lists several", hint, name)
    if kinds and kind:
        return Saying(f"'{name}' is not an option of {kind}", f"it belongs to {_joined(kinds)}", name)
    return Saying(what, _oddity(name, error.instance[name]) or _advice(name, list(parts)), name)


def _glued(name: str) -> str:
    key, _, value = name.partition(":")
    return f"a space is missing after the ':': write '{key}: {value}'"


def _oddity(name: str, value: Any) -> str:
    """Advice for a key that is no word of any language."""
    if re.match(r"\w+:\S", name):
        return _glued(name)
    if name.startswith("-"):
        return f"a space is missing after the '-': write '- {name[1:]}'"
    if "." in name and schemas.find(name):
        *above, last = name.split(".")
        where = " in ".join(f"'{part}:'" for part in reversed(above))
        return f"write '{last}' indented under {where}"
    if advice := hints.unseen(name):
        return advice
    if odd := next((char for char in name if unicodedata.name(char, "").startswith(("CYRILLIC", "GREEK"))), None):
        return f"'{odd}' is {unicodedata.name(odd).lower()}, a letter of another alphabet: type the word anew"
    if isinstance(value, dict) and set(value) & set(schemas.sections()):
        return "remove this line, and move what stands under it to the left margin"
    return ""


def _alias(name: str, parts: schemas.Schema) -> str | None:
    """The key of this section that goes by another name elsewhere in the field."""
    return next((known for known, part in parts.items() if name.lower() in (known, *part.get("x-aliases", ()))), None)


def _advice(name: str, known: list[str]) -> str:
    """A key that stands elsewhere word for word is a better guess than one that only looks alike."""
    close = difflib.get_close_matches(name.lower(), known, 1, _CLOSE)
    near = f"did you mean '{close[0]}'?" if close else ""
    return _owner(name) or near or _other_name(name) or f"known here: {', '.join(known)}"


def _owner(name: str) -> str:
    """The section that a key belongs to, as a hint."""
    if name in schemas.experiment()["properties"]:
        kind = "a section of its own" if name in schemas.sections() else "a key of the whole document"
        return f"'{name}' is {kind}: it starts at the left margin"
    owners = dict.fromkeys(
        ".".join(key.path[:-1]) for key in schemas.walk() if key.path[-1] == name and "x-same-as" not in key.schema
    )
    usual = [owner for owner in owners if owner.partition(".")[0] not in schemas.optional()] or list(owners)
    return f"'{name}' belongs to {_joined(usual)}" if usual and len(usual) <= 3 else ""


def _other_name(name: str) -> str:
    """The one key of the language that goes by this name elsewhere in the field, as a hint."""
    aliases = dict.fromkeys(key.dotted for key in schemas.walk() if name.lower() in key.schema.get("x-aliases", ()))
    return f"did you mean {next(iter(aliases))}?" if len(aliases) == 1 else ""


def _length(noun: str, side: str) -> Callable[[ValidationError], Iterator[Saying]]:
    def say(error: ValidationError) -> Iterator[Saying]:
        if noun == "characters" and error.validator_value == 1:
            yield Saying("must not be empty", f"write a text, such as {plain(error.schema['examples'][0])}")
            return
        if noun == "items" and error.validator_value == 1 and side == "at least":
            yield Saying("must not be empty", f"list something, such as {plain(error.schema['examples'][0])}")
            return
        is_exact = error.schema.get("minItems") == error.schema.get("maxItems") is not None
        yield Saying(
            f"must have {'exactly' if is_exact else side} {error.validator_value} {noun}, found {len(error.instance)}"
        )

    return say


def _distinct(error: ValidationError) -> Iterator[Saying]:
    twice = next(item for item in error.instance if error.instance.count(item) > 1)
    yield Saying(f"holds {shown(twice)} more than once", "name each once")


def _bound(words: str) -> Callable[[ValidationError], Iterator[Saying]]:
    def say(error: ValidationError) -> Iterator[Saying]:
        is_share = error.validator_value == 1 and words in ("at most", "less than") and 2 <= error.instance <= 100
        hint = f"write {error.instance / 100:.6g} for {plain(error.instance)} percent" if is_share else ""
        if error.absolute_path[-1] == "lr":  # a rate, and no share of anything
            hint = f"write for example {plain(error.schema['examples'][0])}"
        yield Saying(f"must be {words} {plain(error.validator_value)}, found {shown(error.instance)}", hint)

    return say


def _pattern(error: ValidationError) -> Iterator[Saying]:
    example = plain(error.schema["examples"][0])
    hint = f"write for example {example}; {_says(error)}"
    if "integer" in error.schema["type"] and error.instance.strip().isdecimal():
        hint = f"write {int(error.instance)}, without quotes"
    if meant := error.schema.get("x-meant", {}).get(error.instance.lower()):
        hint = f"did you mean '{meant}'?"
    yield Saying(f"{shown(error.instance)} is not a value of this key", hint)


def _says(error: ValidationError) -> str:
    description: str = error.schema["description"]
    return description[0].lower() + description[1:].rstrip(".")


def _joined(names: list[Any]) -> str:
    names = [str(name) for name in names]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


WORDED: dict[str, Callable[[ValidationError], Iterator[Saying]]] = {
    "type": _type,
    "enum": _enum,
    "required": _required,
    "additionalProperties": _additional,
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("greater than"),
    "exclusiveMaximum": _bound("less than"),
    "minLength": _length("characters", "at least"),
    "minItems": _length("items", "at least"),
    "maxItems": _length("items", "at most"),
    "uniqueItems": _distinct,
    "pattern": _pattern,
}
