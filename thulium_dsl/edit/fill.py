"""Writes what a document leaves to defaults into its text, by insertion: what stands there stays as it is.

`dvc exp run -S KEY=VALUE` refuses a key that the file does not have, and DVC cannot track a default that is written
nowhere. New text is in the form that DVC itself writes, so that a later -S changes one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from thulium_dsl.grammar import resolve, schemas
from thulium_dsl.grammar.include import INCLUDE
from thulium_dsl.grammar.validate import complete_tree
from thulium_dsl.text.document import Document, parse
from thulium_dsl.text.edits import Pair, comments, find, flow_spans, last, line_end
from thulium_dsl.text.nodes import KeyPath, Mapping, Node, Scalar, Sequence
from thulium_dsl.text.written import Remarks, block, inline, section_blocks

_CONTENT = re.compile(r"^[ \t]*[^# \t\r\n]", re.MULTILINE)


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


def meanings(tree: dict[str, Any]) -> Remarks:
    """What each key of a complete tree means, for the comments beside them.

    Keys inside list items have none: DVC loses comments there.
    """
    return dict(_meanings(tree, schemas.experiment(), ()))


def _meanings(value: dict[str, Any], schema: schemas.Schema, path: tuple[str, ...]) -> Iterator[tuple[KeyPath, str]]:
    parts = schemas.properties(schema, value)
    for name, inner in value.items():
        yield (*path, name), parts[name]["description"]
        if isinstance(inner, dict):
            yield from _meanings(inner, parts[name], (*path, name))


@dataclass(slots=True)
class _Filler:
    """Collects edits of a text: (start, end, replacement), children before their parents."""

    document: Document
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    moved: dict[tuple[str, ...], str] = field(default_factory=dict)  # path -> "value  # comment", as the user wrote it
    remarks: Remarks = field(default_factory=dict)

    def fill(self, tree: dict[str, Any]) -> None:
        root = self.document.root
        self.remarks = meanings(tree)
        self._forget_includes()
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
            self._insert_flow(node, missing, path, any(name in present for name in value))
        else:
            self._insert_block(node, missing, path)

    def _insert_flow(self, node: Mapping, missing: dict[str, Any], path: tuple[str, ...], goes_on: bool) -> None:
        words = [f"{name}: {self.moved.get((*path, name), inline(value))}" for name, value in missing.items()]
        if goes_on:
            end = node.pairs[-1][1].end
            self.edits.append((end, end, "".join(f", {word}" for word in words)))
        else:
            self.edits.append((node.end - 1, node.end - 1, ", ".join(words)))

    def _insert_block(self, node: Mapping, missing: dict[str, Any], path: tuple[str, ...]) -> None:
        lines: list[str] = []
        for name, value in missing.items():
            moved = self.moved.get((*path, name))
            whole = block(name, value, node.column, (*path, name), self.remarks)
            lines += whole if moved is None else [f"{' ' * node.column}{name}: {moved}"]
        if not path:
            margin = " " * node.column
            lines = ["", *(margin + line if line else line for line in section_blocks(missing, self.remarks))]
        offset = line_end(self.document.text, last(node))
        if not path and not _CONTENT.search(self.document.text, offset):
            offset = len(self.document.text.rstrip())  # after the comments that the file ends with
        self.edits.append((offset, offset, "".join(self.newline + line for line in lines)))

    def _append(self, tree: dict[str, Any]) -> None:
        text = self.document.text
        lines = section_blocks(tree, self.remarks)
        start = "" if not text or text.endswith(("\n", "\r")) else self.newline
        body = self.newline.join(["", *lines] if text else lines) + self.newline
        self.edits.append((len(text), len(text), start + body))
        self.added += list(tree)

    def _move(self, spelling: tuple[str, ...], target: tuple[str, ...]) -> None:
        """Take a second spelling out of the text, and keep what it said for the place that it belongs to."""
        pair = find(self.document, spelling)
        if not pair:
            return
        text, value = self.document.text, pair.value
        self.moved[target] = text[value.start : value.end]
        if pair.holder.is_flow:
            self._cut_flow(pair)
            return
        end = line_end(text, value)
        remarks = self._comments(pair.key.end, end)
        if there := find(self.document, target):  # in a section of lines, as is all that surrounds one
            self._remark(there, remarks)
        elif remarks:
            is_usual = text[value.end : end].strip() == remarks[0]
            self.moved[target] += text[value.end : end].rstrip() if is_usual else f"  {'  '.join(remarks)}"
        start = text.rfind("\n", 0, pair.key.start)
        start -= text[start - 1 : start] == "\r"
        self.edits.append((start, end, ""))

    def _comments(self, start: int, end: int) -> list[str]:
        return [remark for offset, remark in comments(self.document.text) if start <= offset < end]

    def _remark(self, pair: Pair, remarks: list[str]) -> None:
        """Write comments above a key; or one beside it, if it has none."""
        text = self.document.text
        start, end = text.rfind("\n", 0, pair.key.start) + 1, line_end(text, pair.value)
        if len(remarks) == 1 and not self._comments(pair.key.end, end):
            self.edits.append((end, end, f"  {remarks[0]}"))
            return
        margin = " " * pair.holder.column
        self.edits.append((start, start, "".join(f"{margin}{remark}{self.newline}" for remark in remarks)))

    def _cut_flow(self, pair: Pair) -> None:
        """Take a pair out of braces; its comments stay where they stood."""
        text = self.document.text
        inner = self._comments(pair.key.start, pair.value.end)
        margin = " " * (pair.key.start - text.rfind("\n", 0, pair.key.start) - 1)
        for start, end in flow_spans(text, pair):
            kept = "".join(f" {remark}{self.newline}{margin}" for remark in inner if start <= pair.key.start < end)
            self.edits.append((start, end, kept))

    def _forget_includes(self) -> None:
        """Put a remark in place of ``include``: what it named is now written out below."""
        pair = find(self.document, (INCLUDE,))
        if not pair:
            return
        if pair.holder.is_flow:
            self._cut_flow(pair)
            return
        final = last(pair.value)
        is_inline = isinstance(final, Scalar) and not final.is_block
        end = final.end if is_inline else line_end(self.document.text, final)
        names = pair.value.items if isinstance(pair.value, Sequence) else (pair.value,)
        named = ", ".join(inline(str(name.value)) for name in names if isinstance(name, Scalar))
        lines = [*self._comments(pair.key.end, end), f"# written out below: {named}"]
        self.edits.append((pair.key.start, end, f"{self.newline}{' ' * pair.holder.column}".join(lines)))
