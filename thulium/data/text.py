"""The one normalisation of text: for transcriptions in prepare, and for predictions in evaluate."""

from __future__ import annotations

import unicodedata

from thulium_dsl.spec import UnicodeForm


def normalize(text: str, unicode_form: UnicodeForm) -> str:
    """Text in one Unicode form, every run of white space one plain space, none at the ends."""
    return " ".join(unicodedata.normalize(unicode_form, text).split())
