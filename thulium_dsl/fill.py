"""Writes what a document leaves to defaults into its text, by insertion: what stands there stays as it is.

`dvc exp run -S KEY=VALUE` refuses a key that the file does not have, and DVC cannot track a default that is written
nowhere. New text is in the form that DVC itself writes, so that a later -S changes one line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from thulium_dsl import resolve, scalars, schemas
from thulium_dsl.document import Document, parse
from thulium_dsl.nodes import Mapping, Node, Scalar, Sequence
from thulium_dsl.validate import complete_tree

_LINE_END = re.compile(r"[\r\n]|\Z")
_CONTENT = re.compile(r"^[ \t]*[^# \t\r\n]", re.MULTILINE)
_INDICATORS = tuple("-?:,[]{}#&*!|>'\"%@`")


@dataclass(frozen=True, slots=True)
class Filled:
    """A complete text, and the dotted keys that it has now and had not before."""

    text: str
    added: tuple[str, ...]


def fill(document: Document) -> Filled:
    """The document's text with every key of the experiment in it.

    Raises:
        DocumentError: the document has problems.
    """
    tree = complete_tree(document)
    filler = _Filler(document)
    filler.fill(tree)
    text = filler.edited()
    assert complete_tree(parse(text, document.file)) == tree, "a filled document means what it meant"
    return Filled(("\ufeff" if document.has_bom else "") + text, tuple(filler.added))


def block(name: str, value: Any, indent: int = 0) -> list[str]:
    """The lines of a key and its value in DVC's own form: two spaces, list items as far left as their key."""
    margin = " " * indent
    if isinstance(value, dict) and value:
        return [f"{margin}{name}:", *(line for key in value for line in block(key, value[key], indent + 2))]
    if isinstance(value, list) and value:
        return [f"{margin}{name}:", *(line for item in value for line in _item(item, indent))]
    written = "" if value is None else inline(value)
    return [f"{margin}{name}: {written}".rstrip()]


def _sections(tree: dict[str, Any]) -> list[str]:
    """Sections with an empty line between them, but not after a list: there, DVC takes it out again."""
    lines: list[str] = []
    for name, value in tree.items():
        after_list = bool(lines) and lines[-1].lstrip().startswith("- ")
        lines += [*([""] if lines and not after_list else []), *block(name, value)]
    return lines


def inline(value: Any) -> str:
    """A value on one line, as it stands in braces or after a key."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _quoted(value) if isinstance(value, str) else repr(value)


def _item(value: Any, indent: int) -> list[str]:
    if not isinstance(value, dict) or not value:
        return [f"{' ' * indent}- {inline(value)}"]
    lines = [line for key in value for line in block(key, value[key], indent + 2)]
    return [f"{' ' * indent}- {lines[0].lstrip()}", *lines[1:]]


def _quoted(text: str) -> str:
    """A text without quotes where every reader takes it for that text; else in single ones, else in double ones."""
    if not text.isprintable():
        return '"' + "".join(_escaped(char) for char in text) + '"'
    is_text = isinstance(scalars.value_of(text), str) and scalars.disagreement(text) is None
    is_plain = not text.startswith(_INDICATORS) and text == text.strip() and not re.search(r"[,?\[\]{}]|: |:$| #", text)
    return text if is_text and is_plain else "'" + text.replace("'", "''") + "'"


def _escaped(char: str) -> str:
    return f"\\U{ord(char):08x}" if not char.isprintable() else "\\" + char if char in '"\\' else char


@dataclass(slots=True)
class _Filler:
    """Collects edits of a text: (start, end, replacement), children before their parents."""

    document: Document
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    moved: dict[tuple[str, ...], str] = field(default_factory=dict)  # path -> "value  # comment", as the user wrote it

    def fill(self, tree: dict[str, Any]) -> None:
        root = self.document.root
        for spelling, target in resolve.shorthands():
            self._move(spelling, target)
        if isinstance(root, Mapping):
            self._mapping(root, tree, schemas.experiment(), ())
        else:
            self._append(tree)

    def edited(self) -> str:
        text = self.document.text
        # From the back, so that offsets hold. The sort is stable: of two edits with one end, the earlier one comes
        # first in the text, which puts inner sections before outer ones and removals before insertions.
        for start, end, new in sorted(self.edits, key=lambda edit: edit[1])[::-1]:
            text = text[:start] + new + text[end:]
        return text

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.document.text else "\n"

    def _node(self, node: Node, value: Any, schema: schemas.Schema, path: tuple[str, ...]) -> None:
        if isinstance(node, Mapping):
            self._mapping(node, value, schema, path)
        elif isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                self._node(item, value[index], schema["items"], (*path, str(index)))

    def _mapping(self, node: Mapping, value: dict[str, Any], schema: schemas.Schema, path: tuple[str, ...]) -> None:
        parts = schemas.properties(schema, value)
        present = {key.value for key, _ in node.pairs}
        for key, inner in node.pairs:
            if key.value in value:  # not a spelling that moved away
                self._node(inner, value[key.value], parts[key.value], (*path, key.value))
        missing = {name: value[name] for name in value if name not in present}
        self.added += [".".join((*path, name)) for name in missing]
        if not missing:
            return
        if node.is_flow:
            self._insert_flow(node, missing, path)
        else:
            self._insert_block(node, missing, path)

    def _insert_flow(self, node: Mapping, missing: dict[str, Any], path: tuple[str, ...]) -> None:
        words = [f"{name}: {self.moved.get((*path, name), inline(value))}" for name, value in missing.items()]
        if node.pairs:
            end = node.pairs[-1][1].end
            self.edits.append((end, end, "".join(f", {word}" for word in words)))
        else:
            self.edits.append((node.end - 1, node.end - 1, ", ".join(words)))

    def _insert_block(self, node: Mapping, missing: dict[str, Any], path: tuple[str, ...]) -> None:
        lines: list[str] = []
        for name, value in missing.items():
            moved = self.moved.get((*path, name))
            lines += block(name, value, node.column) if moved is None else [f"{' ' * node.column}{name}: {moved}"]
        if not path:
            lines = ["", *_sections(missing)]
        offset = self._line_end(_last(node))
        if not path and not _CONTENT.search(self.document.text, offset):
            offset = len(self.document.text.rstrip())  # after the comments that the file ends with
        self.edits.append((offset, offset, "".join(self.newline + line for line in lines)))

    def _append(self, tree: dict[str, Any]) -> None:
        text = self.document.text
        lines = _sections(tree)
        start = "" if not text or text.endswith(("\n", "\r")) else self.newline
        body = self.newline.join(["", *lines] if text else lines) + self.newline
        self.edits.append((len(text), len(text), start + body))
        self.added += list(tree)

    def _move(self, spelling: tuple[str, ...], target: tuple[str, ...]) -> None:
        """Take a second spelling out of the text, and keep what it said for the place that it belongs to."""
        holder: Node | None = self.document.root
        for name in spelling[:-1]:
            holder = holder.get(name) if isinstance(holder, Mapping) else None
        pair = (
            holder
            and isinstance(holder, Mapping)
            and next((p for p in holder.pairs if p[0].value == spelling[-1]), None)
        )
        if not pair:
            return
        key, value = pair
        text = self.document.text
        self.moved[target] = text[value.start : value.end]
        assert isinstance(holder, Mapping)
        if holder.is_flow:
            self.edits.append((*_flow_pair(holder, key), ""))
            return
        end = self._line_end(value)
        comment = text[value.end : end]
        around = self.document.root.get(target[0]) if isinstance(self.document.root, Mapping) else None
        if isinstance(around, Mapping) and not around.is_flow:
            self.moved[target] += comment.rstrip()
        start = text.rfind("\n", 0, key.start)
        start -= text[start - 1 : start] == "\r"
        self.edits.append((start, end, ""))

    def _line_end(self, node: Node) -> int:
        if isinstance(node, Scalar) and node.is_block:  # it ends where the next line begins
            return len(self.document.text[: node.end].rstrip())
        found = _LINE_END.search(self.document.text, node.end)
        assert found is not None
        return found.start()


def _flow_pair(holder: Mapping, key: Scalar) -> tuple[int, int]:
    """From a pair in braces to the next one, or from the one before to its end."""
    index = next(index for index, (known, _) in enumerate(holder.pairs) if known is key)
    if index + 1 < len(holder.pairs):
        return key.start, holder.pairs[index + 1][0].start
    start = holder.pairs[index - 1][1].end if index else key.start
    return start, holder.pairs[index][1].end


def _last(node: Node) -> Node:
    """The value that a block ends with; its own end mark lies beyond comments and empty lines."""
    if isinstance(node, Mapping) and not node.is_flow and node.pairs:
        return _last(node.pairs[-1][1])
    if isinstance(node, Sequence) and not node.is_flow and node.items:
        return _last(node.items[-1])
    return node
