"""Which script a letter is of, by its name in Unicode: nothing else in the standard library tells."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_OTHER_NAMES = {"Cjk": "Han"}
_NO_SCRIPTS = ("Modifier", "Other")  # letters of all scripts, such as U+02BC, and those without a name


def scripts(text: str) -> Iterator[str]:
    """The script of each letter, such as "Latin"; marks, digits and signs have none."""
    for letter in filter(str.isalpha, text):
        # Wide letters, ordinals and the like carry other names than the letters that they are forms of.
        plain = unicodedata.normalize("NFKD", letter)[0]
        word = unicodedata.name(plain, "other").split()[0].capitalize()
        if word not in _NO_SCRIPTS:
            yield _OTHER_NAMES.get(word, word)
