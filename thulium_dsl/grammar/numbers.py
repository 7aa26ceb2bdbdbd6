"""What number a person meant who wrote none, or one that may be another, and what to write instead."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from thulium_dsl.grammar import schemas
from thulium_dsl.messages.problems import Problem
from thulium_dsl.text.document import Document
from thulium_dsl.text.nodes import KeyPath

NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_LIKE_ASCII = str.maketrans({"−": "-", "–": "-", "\u00a0": " ", **dict.fromkeys("“”„«»‘’‚", "")})
_SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_RAISED = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_THOUSANDS = re.compile("[1-9][0-9]{0,2}([ \u00a0\u2009\u202f'’.,])[0-9]{3}(?:\\1[0-9]{3})*")
_ONE_POINT = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_POWER = re.compile(
    rf"(?:(?P<times>{NUMBER})\s*[*x×·]\s*)?(?P<base>{NUMBER})\s*(?:\^|\*\*)\s*\(?(?P<exponent>[-+]?[0-9]{{1,3}})\)?"
)
_SIGNS = {",": "comma", ".": "point", "'": "apostrophe", "’": "apostrophe"}


def advice(text: str, is_whole: bool) -> str:
    """What to write in place of a text where a number belongs; empty where that cannot be said for sure."""
    plain = text.translate(_LIKE_ASCII).strip()
    if plain != text and re.fullmatch(NUMBER, plain):
        return f"write {plain}, with the signs of a keyboard: no curly quotes, long dashes or fixed spaces"
    if (found := _THOUSANDS.fullmatch(text)) and (is_whole or found[1] not in ",."):
        return f"write {re.sub('[^0-9]', '', text)}, without the {_SIGNS.get(found[1], 'space')}"
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text) and not is_whole:
        return f"write {text.replace(',', '.')}, with a point"
    if found := re.fullmatch(rf"({NUMBER})\s*%", text):
        return f"write {float(found[1]) / 100:.6g}: shares are written as fractions of 1"
    return _of_power(plain, is_whole) or _of_number_and_more(text)


def _of_power(text: str, is_whole: bool) -> str:
    """Advice for such as 10^-4, 3*10**-4 or 10⁻⁴: YAML does not calculate."""
    found = _POWER.fullmatch(_RAISED.sub(lambda raised: "^" + raised[0].translate(_SUPERSCRIPTS), text))
    if found is None:
        return ""
    times, exponent = found["times"] or "1", int(found["exponent"])
    try:
        value = float(times) * float(found["base"]) ** exponent
    except (OverflowError, ZeroDivisionError):
        return ""
    if not math.isfinite(value) or (is_whole and not value.is_integer()):
        return ""
    if value.is_integer() and abs(value) < 1e15:
        return f"write {int(value)}"
    is_decimal = found["base"] == "10" and "e" not in times.lower()
    return f"write {times}e{exponent}" if is_decimal else f"write {value!r}"


def _of_number_and_more(text: str) -> str:
    """Advice for a number with something behind it that is no part of a number."""
    found = re.match(rf"({NUMBER})\s*(.*)", text)
    if found is None:
        return ""
    number, more = found[1], found[2]
    if more.startswith("#"):
        return f"a comment needs a space before its '#': {number}  # ..."
    if more.startswith("//"):
        return f"a comment begins with '#': {number}  # ..."
    if more in ("k", "K"):
        return f"write {float(number) * 1000:.15g}"
    is_unit = more.isprintable() and not more.startswith(("*", ":", ".", "-", "_", "^", "/"))
    if not more or not is_unit or more in ("m", "M", "g", "G") or any(char.isdigit() for char in more):
        return ""  # the number alone may be another than the one that is meant
    return f"write the number alone: {number}"


def points_in(document: Document) -> Iterator[tuple[KeyPath, Problem]]:
    """Whole numbers that are written as 1.000: to YAML that is 1, and to many people a thousand."""
    for path, value in _fractions(document.tree, schemas.experiment(), ()):
        place = document.place(path)
        written = place.source[place.column - 1 :][: place.length]
        if not _ONE_POINT.fullmatch(written):
            continue
        thousands = written.replace(".", "")
        if value.is_integer():
            what = f"{written} means {int(value)} to YAML, and {thousands} to many people"
            yield path, place.problem(path, what, f"write {thousands} or {int(value)}")
        else:
            what = f"must be a whole number, found {written}"
            yield path, place.problem(path, what, f"write {thousands}, without the point")


def _fractions(value: Any, schema: schemas.Schema, path: KeyPath) -> Iterator[tuple[KeyPath, float]]:
    """The values that are no integers to YAML where the schema wants one."""
    if isinstance(value, Mapping):
        parts = schemas.properties(schema, value)
        for name in (name for name in parts if name in value):
            yield from _fractions(value[name], parts[name], (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _fractions(item, schema.get("items", {}), (*path, index))
    elif isinstance(value, float) and "integer" in schema.get("type", ()) and math.isfinite(value):
        yield path, value
