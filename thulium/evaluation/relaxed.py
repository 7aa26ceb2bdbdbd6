"""Readings of a text that pass over some of its differences, each by its name; and what all are brought to first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

_WHITE = re.compile(r"\s+")
_QUOTES = str.maketrans({**dict.fromkeys("’‘‛ʼ‚′`´", "'"), **dict.fromkeys("“”„‟«»″", '"')})
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−⸗", "-"))
_LIGATURES = str.maketrans({"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ĳ": "ij", "Ĳ": "IJ"})
_LATIN_LIGATURES = range(0xFB00, 0xFB07)  # ff, fi, fl, ffi, ffl, long s t, st


def strict(text: str) -> str:
    """A text in Unicode's form NFC, with one space for each run of white space and none at its ends.

    Two programs may write the same text in other code points; that is no error of either.
    """
    return _WHITE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def _without(unwanted: Callable[[str], bool], text: str) -> str:
    return "".join(symbol for symbol in text if not unwanted(symbol))


def _is_punctuation(symbol: str) -> bool:
    return unicodedata.category(symbol).startswith("P")


def _no_diacritics(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", _without(lambda symbol: unicodedata.category(symbol) == "Mn", apart))


def _no_ligatures(text: str) -> str:
    apart = (unicodedata.normalize("NFKC", x) if ord(x) in _LATIN_LIGATURES and x != "ﬅ" else x for x in text)
    return "".join(apart).replace("ﬅ", "ſt").translate(_LIGATURES)


# In the order in which they are applied.
RELAXATIONS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "ligatures": ("ﬁ is fi, æ is ae, œ is oe", _no_ligatures),
    "long_s": ("ſ is s", lambda text: text.replace("ſ", "s")),
    "diacritics": ("é is e, ñ is n", _no_diacritics),
    "quotes": ("all quotation marks are ' or \"", lambda text: text.translate(_QUOTES)),
    "dashes": ("all dashes are -", lambda text: text.translate(_DASHES)),
    "punctuation": ("is left out", lambda text: _without(_is_punctuation, text)),
    "case": ("A is a", str.lower),
    "spaces": ("are left out", lambda text: text.replace(" ", "")),
}


def relaxed(text: str, names: Iterable[str]) -> str:
    """A text as these relaxations leave it, applied in the order of RELAXATIONS, and strict again."""
    wanted = set(names)
    for name, (_, change) in RELAXATIONS.items():
        if name in wanted:
            text = change(text)
    return strict(text)


def unknown(names: Sequence[str]) -> list[str]:
    """The names that are none of a relaxation."""
    return [name for name in names if name not in RELAXATIONS]
