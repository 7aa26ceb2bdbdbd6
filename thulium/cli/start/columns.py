"""What tables call their columns, and which of them is meant."""

from __future__ import annotations

from collections.abc import Sequence

from thulium_dsl.grammar.column_names import TEXTS

COLUMNS = {  # what tables call the two columns that are needed; the first is the default
    "image_column": ("image", "img", "picture", "line_image", "im"),
    "text_column": TEXTS,
}
MORE_COLUMNS = {  # which need not be there; each is what the key is called that names it
    "page_column": ("page", "page_id", "page_name"),
    "document_column": ("document", "document_id", "book"),
    "writer_column": ("writer", "writer_id", "scribe"),
}

SPLIT_COLUMNS = ("split", "subset", "partition", "set")


def meant(key: str, there: Sequence[str]) -> str:
    """The column that a key means: the one of its own name, or the only one of another; else nothing."""
    own, *_ = names = COLUMNS[key]
    found = [own] if own in there else [name for name in there if name.lower() in names]
    return found[0] if len(found) == 1 else ""
