"""Values as YAML in the form that DVC writes: two spaces, list items as far left as their key, few quotes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from thulium_dsl.text import scalars
from thulium_dsl.text.nodes import KeyPath

Remarks = Mapping[KeyPath, str]  # path -> the comment on its line

WIDEST = 120

_INDICATORS = tuple("-?:,[]{}#&*!|>'\"%@`")


def block(name: str, value: Any, indent: int = 0, path: KeyPath = (), remarks: Remarks | None = None) -> list[str]:
    """The lines of a key and its value.

    Args:
        path: of the key, to find its remark.
        remarks: comments; each stands behind its value, or above it (below the name of a section) when the line
            would be too wide.
    """
    margin, remarks = " " * indent, remarks or {}
    if isinstance(value, dict) and value:
        inner = [line for key in value for line in block(key, value[key], indent + 2, (*path, key), remarks)]
    elif isinstance(value, list) and value:
        inner = [line for index, item in enumerate(value) for line in _item(item, indent, (*path, index), remarks)]
    else:
        written = "" if value is None else inline(value)
        return remarked(f"{margin}{name}: {written}".rstrip(), remarks.get(path, ""))
    head = remarked(f"{margin}{name}:", remarks.get(path, ""))
    if len(head) > 1 and isinstance(value, dict):
        # Below the key: above it, after a list, DVC loses the comment.
        head = [head[-1], *(f"  {line}" for line in remarked(f"{margin}{name}:", remarks[path], WIDEST - 2)[:-1])]
    return [*head, *inner]


def remarked(line: str, remark: str, widest: int = WIDEST) -> list[str]:
    """A line with a comment behind it, or above it when both together are too wide."""
    if not remark:
        return [line]
    if len(line) + len(remark) + 4 <= widest:
        return [f"{line}  # {remark}"]
    margin = line[: len(line) - len(line.lstrip())]
    return [*(f"{margin}# {part}" for part in textwrap.wrap(remark, widest - len(margin) - 2)), line]


def section_blocks(tree: dict[str, Any], remarks: Remarks | None = None) -> list[str]:
    """Sections with an empty line between them, but not after a list: there, DVC takes it out again."""
    return [line for lines in section_lines(tree, remarks).values() for line in lines]


def section_lines(tree: dict[str, Any], remarks: Remarks | None = None) -> dict[str, list[str]]:
    """The same, section by section; the empty line belongs to the section below it."""
    found: dict[str, list[str]] = {}
    after_list = True
    for name, value in tree.items():
        found[name] = [*([] if after_list else [""]), *block(name, value, path=(name,), remarks=remarks)]
        after_list = _ends_with_list(value)
    return found


def _ends_with_list(value: Any) -> bool:
    if isinstance(value, dict) and value:
        return _ends_with_list(list(value.values())[-1])
    return isinstance(value, list) and bool(value)


def inline(value: Any) -> str:
    """A value on one line, as it stands in braces or after a key."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _quoted(value) if isinstance(value, str) else repr(value)


def _item(value: Any, indent: int, path: KeyPath, remarks: Remarks) -> list[str]:
    margin = " " * indent
    if not isinstance(value, dict) or not value:
        return remarked(f"{margin}- {inline(value)}", remarks.get(path, ""))
    lines = [line for key in value for line in block(key, value[key], indent + 2, (*path, key), remarks)]
    return [f"{margin}- {lines[0].lstrip()}", *lines[1:]]


def _quoted(text: str) -> str:
    """A text without quotes where every reader takes it for that text; else in single ones, else in double ones."""
    if not text.isprintable():
        return '"' + "".join(_escaped(char) for char in text) + '"'
    is_text = isinstance(scalars.value_of(text), str) and scalars.disagreement(text) is None
    is_plain = not text.startswith(_INDICATORS) and text == text.strip() and not re.search(r"[,?\[\]{}]|: |:$| #", text)
    return text if is_text and is_plain else "'" + text.replace("'", "''") + "'"


def _escaped(char: str) -> str:
    return f"\\U{ord(char):08x}" if not char.isprintable() else "\\" + char if char in '"\\' else char
