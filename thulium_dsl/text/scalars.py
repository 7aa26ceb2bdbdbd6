"""What a plain (unquoted) word means: YAML 1.2's core schema, minus the words that readers of YAML disagree on.

DVC reads YAML 1.2 with extras of its own, many tools read YAML 1.1. A word that they read differently is refused, so
that a document means the same to all of them. The one exception is a number such as 3e-4, which YAML 1.1 takes for a
text: DVC itself writes such numbers.
"""

from __future__ import annotations

import re
from typing import Any

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")

_LONGEST_NUMBER = 300

_SWITCH = re.compile(r"y|n|yes|no|on|off", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_DOT_EXPONENT = re.compile(r"[-+]?\.[0-9]+[eE][0-9]+")
_OTHER_BASE = re.compile(r"[-+]?0([bB][01_]*|[oO][0-7_]*|[xX][0-9a-fA-F_]*)")
_UNDERSCORE = re.compile(r"(?=[-+.0-9].*_)[-+]?[0-9_.]*([eE][-+]?[0-9_]*)?")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-9]+)+(\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")


def value_of(word: str) -> Any:
    """What a plain word stands for: None, a bool, an int, a float, or its own text."""
    if _NULL.fullmatch(word):
        return None
    if _BOOL.fullmatch(word):
        return word.lower() == "true"
    if _INT.fullmatch(word):
        return int(word)
    if _HEX.fullmatch(word):
        return int(word, 16)
    if _FLOAT.fullmatch(word):
        return float(word)
    if _INF.fullmatch(word) or _NAN.fullmatch(word):
        return float(word.replace(".", ""))
    return word


def disagreement(word: str) -> tuple[str, str] | None:
    """Why a plain word is refused and what to write instead; None for a word with one meaning."""
    quoted = "'" + word.replace("'", "''") + "'"
    if len(word) > _LONGEST_NUMBER and word[0] in "+-.0123456789":
        return ("this number is too long", "quote it if it is a text") if word.strip("+-.0123456789eE_") == "" else None
    reading = _readings(word)
    if reading is None:
        return None
    readings, instead = reading
    return (
        f"readers of YAML disagree on {word}: {readings}",
        f"write {instead}, or quote it: {quoted}" if instead else f"quote it: {quoted}",
    )


def _readings(word: str) -> tuple[str, str] | None:
    """How readers take the word, and a spelling without that doubt (empty if there is none)."""
    if _SWITCH.fullmatch(word):
        instead = "true" if word.lower() in ("y", "yes", "on") else "false"
        return f"{instead}, or a text", instead
    if _LEADING_ZERO.fullmatch(word):
        return "a decimal number, an octal one, or a text", str(int(word))
    if _OTHER_BASE.fullmatch(word) and not _HEX.fullmatch(word):
        return "a number in another base, or a text", _decimal(word)
    if _UNDERSCORE.fullmatch(word):
        return "a number, or a text", _decimal(word)
    if _DOT_EXPONENT.fullmatch(word):
        return "a number, or a text", word.replace(".", "0.")
    if _BASE_60.fullmatch(word):
        return "a text, or a number in base 60", ""
    if _DATE.fullmatch(word):
        return "a date, or a text", ""
    return ("a text, or a key with a meaning of its own", "") if word in ("=", "<<") else None


def _decimal(word: str) -> str:
    bare = word.replace("_", "")
    try:
        return str(int(bare, 0)) if re.fullmatch(r"[-+]?([0-9]+|0[a-zA-Z].*)", bare) else repr(float(bare))
    except ValueError:
        return ""
