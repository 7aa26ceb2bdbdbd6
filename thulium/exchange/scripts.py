"""The scripts that a model can write, of the characters that it knows: ISO 15924 codes, by Unicode's names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

# The first words of the names of a script's letters. Source: Unicode's names list and ISO 15924.
CODES = {
    "ARABIC": "Arab",
    "ARMENIAN": "Armn",
    "BENGALI": "Beng",
    "BOPOMOFO": "Bopo",
    "CANADIAN": "Cans",
    "CHEROKEE": "Cher",
    "CJK": "Hani",
    "COPTIC": "Copt",
    "CYRILLIC": "Cyrl",
    "DEVANAGARI": "Deva",
    "ETHIOPIC": "Ethi",
    "GEORGIAN": "Geor",
    "GLAGOLITIC": "Glag",
    "GOTHIC": "Goth",
    "GREEK": "Grek",
    "GUJARATI": "Gujr",
    "GURMUKHI": "Guru",
    "HANGUL": "Hang",
    "HEBREW": "Hebr",
    "HIRAGANA": "Hira",
    "KANNADA": "Knda",
    "KATAKANA": "Kana",
    "KHMER": "Khmr",
    "LAO": "Laoo",
    "LATIN": "Latn",
    "MALAYALAM": "Mlym",
    "MONGOLIAN": "Mong",
    "MYANMAR": "Mymr",
    "OGHAM": "Ogam",
    "ORIYA": "Orya",
    "RUNIC": "Runr",
    "SAMARITAN": "Samr",
    "SINHALA": "Sinh",
    "SYRIAC": "Syrc",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "THAI": "Thai",
    "TIBETAN": "Tibt",
    "YI": "Yiii",
}


def scripts_of(symbols: Iterable[str]) -> tuple[str, ...]:
    """The codes of the scripts of some characters, in the order of the alphabet; empty if no letter tells."""
    names = (unicodedata.name(symbol, "") for symbol in symbols if unicodedata.category(symbol).startswith("L"))
    return tuple(sorted({CODES[word] for name in names if (word := name.partition(" ")[0]) in CODES}))
