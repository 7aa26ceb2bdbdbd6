"""Files that are whole or not there; the language has them too, so they stand with it."""

from thulium_dsl.text.files import FULL, PART, naming, object_in, replace_bytes, replace_text

__all__ = ["FULL", "PART", "naming", "object_in", "replace_bytes", "replace_text"]
