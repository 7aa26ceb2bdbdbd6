"""The one normalisation of text: for transcriptions in prepare, and for predictions in evaluate."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from thulium_dsl.grammar.spec import TextSpec, UnicodeForm

# All that ends a line anywhere (str.splitlines), and tabs: none of it can stand in a line.
BREAK = re.compile("\r\n|[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]")


def normalize(text: str, rules: TextSpec | UnicodeForm) -> str:
    """Text as the rules have it; with a Unicode form alone, the language's other rules.

    Replacements (``map``, where ``on_unknown`` is map) are made in a text that has its form and its white space
    already, in one pass from left to right, the longest that fits first; what comes out is given both once more. So
    doing it twice is doing it once, unless what a replacement writes makes up something that one of them finds.
    """
    spec = plain(rules) if isinstance(rules, str) else rules
    text = _spaced(unicodedata.normalize(spec.unicode_form, text), spec)
    if spec.on_unknown != "map" or not spec.map:
        return text
    pattern, replacements = _replacements(spec)
    text = pattern.sub(lambda match: replacements[match[0]], text)
    return _spaced(unicodedata.normalize(spec.unicode_form, text), spec)


def is_blank(text: str) -> bool:
    """Whether nothing stands in a text that anybody sees: white space, and marks of format such as U+200B, alone."""
    return all(char.isspace() or unicodedata.category(char) == "Cf" for char in text)


def _spaced(text: str, spec: TextSpec) -> str:
    if spec.whitespace == "collapse":
        return " ".join(text.split())
    text = BREAK.sub(" ", text)
    return text.strip() if spec.whitespace == "strip" else text


@lru_cache(maxsize=8)
def plain(unicode_form: UnicodeForm) -> TextSpec:
    """The rules where only a Unicode form is given: single plain spaces, nothing replaced."""
    return TextSpec(
        unicode_form=unicode_form, whitespace="collapse", order="auto", charset="auto", on_unknown="error", map=()
    )


@lru_cache(maxsize=8)
def _replacements(spec: TextSpec) -> tuple[re.Pattern[str], dict[str, str]]:
    # The first of two that find the same counts, so the dict is filled from the end.
    found = {unicodedata.normalize(spec.unicode_form, pair.find): pair.replace for pair in reversed(spec.map)}
    found.pop("", None)
    return re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True))) or r"(?!)"), found
