"""Edits of a document's text at the places of its nodes: what is not meant stays as it is, comments included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from thulium_dsl.text.document import Document
from thulium_dsl.text.nodes import Mapping, Node, Scalar, Sequence

Names = tuple[str, ...]

_LINE_END = re.compile(r"[\r\n]|\Z")
_REMARK = re.compile(r"#[^\r\n]*")
_COMMA = re.compile(r"(?:\s|#[^\r\n]*)*,")  # the next one, comments passed over


@dataclass(frozen=True, slots=True)
class Pair:
    """A key with its value, and the mapping that holds it."""

    holder: Mapping
    key: Scalar
    value: Node


def find(document: Document, path: Names) -> Pair | None:
    """What stands at a path of sections."""
    node: Node | None = document.root
    for name in path[:-1]:
        node = node.get(name) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping):
        return None
    return next((Pair(node, key, value) for key, value in node.pairs if key.value == path[-1]), None)


def renamed(document: Document, path: Names, name: str) -> str:
    """The text with another name for a key that is there."""
    pair = find(document, path)
    assert pair is not None
    return document.text[: pair.key.start] + name + document.text[pair.key.end :]


def removed(document: Document, path: Names) -> str:
    """The text without a key that is there; a section that it leaves empty goes with it."""
    pair = find(document, path)
    assert pair is not None
    while len(pair.holder.pairs) == 1 and len(path) > 1:
        path = path[:-1]
        pair = find(document, path)
        assert pair is not None
    text = document.text
    for start, end in reversed(flow_spans(text, pair) if pair.holder.is_flow else [_block_span(text, pair)]):
        text = text[:start] + text[end:]
    return text


def written(document: Document, path: Names) -> list[str]:
    """The lines of a key that is there, its comments included, as they stand in a section of the top level.

    A key in braces is one line; one that goes over several lines keeps them.
    """
    pair = find(document, path)
    assert pair is not None
    text = document.text
    if pair.holder.is_flow:
        return [text[pair.key.start : pair.value.end]]
    start, end = _block_span(text, pair)
    margin = pair.holder.column
    lines = re.split(r"\r\n|\r|\n", text[start:end].rstrip("\r\n"))
    return [line[margin:] if not line[:margin].strip() else line.lstrip() for line in lines]


def inserted(document: Document, section: Names, lines: list[str], inline: str) -> str:
    """The text with a key at the end of a section, which is made if it is not there.

    Args:
        lines: the key, its value and its comments, as ``written`` gives them.
        inline: key and value alone, for a section in braces.

    Raises:
        TypeError: something on the way to the section is no section.
    """
    node: Node | None = document.root
    depth = 0
    while depth < len(section) and isinstance(node, Mapping) and node.get(section[depth]) is not None:
        node, depth = node.get(section[depth]), depth + 1
    if not isinstance(node, Mapping) or (node.is_flow and (depth < len(section) or "\n" in inline)):
        raise TypeError(".".join(section[: max(depth, 1)]))
    if node.is_flow:
        at = node.pairs[-1][1].end if node.pairs else node.start + 1
        return document.text[:at] + (", " if node.pairs else "") + inline + document.text[at:]
    for name in reversed(section[depth:]):
        lines = [f"{name}:", *(f"  {line}" if line else line for line in lines)]
    newline = "\r\n" if "\r\n" in document.text else "\n"
    margin = " " * node.column
    at = line_end(document.text, last(node))
    return document.text[:at] + "".join(f"{newline}{margin}{line}".rstrip(" ") for line in lines) + document.text[at:]


def _block_span(text: str, pair: Pair) -> tuple[int, int]:
    """From the comments right above a key to the start of the line after its value."""
    start = text.rfind("\n", 0, pair.key.start) + 1
    while start:
        above = text.rfind("\n", 0, start - 1) + 1
        line = text[above : start - 1].rstrip("\r")
        is_own = line.lstrip().startswith("#") and len(line) - len(line.lstrip()) == pair.holder.column
        if not is_own or (not above and pair.holder.column == 0):  # a file's first line speaks of the file
            break
        start = above
    end = line_end(text, last(pair.value))
    newline = "\r\n" if text.startswith("\r\n", end) else text[end : end + 1]  # empty at the end of the text
    return start, end + len(newline)


def flow_spans(text: str, pair: Pair) -> list[tuple[int, int]]:
    """What goes with a pair in braces: the pair and one comma. Comments before and after it stay where they are."""
    pairs = pair.holder.pairs
    start, end = pair.key.start, pair.value.end
    index = next(index for index, (key, _) in enumerate(pairs) if key is pair.key)
    before = pairs[index - 1][1].end if index else start
    if index + 1 < len(pairs) and "#" not in text[end : pairs[index + 1][0].start]:
        return [(start, pairs[index + 1][0].start)]
    if 0 < index == len(pairs) - 1:
        comma = _COMMA.match(text, before)
        return [(before, end)] if "#" not in text[before:start] else [_last_of(comma), (start, end)]
    comma = _COMMA.match(text, end)
    if comma is None:  # the only pair
        return [(start, end)]
    if "#" in comma[0]:
        return [(start, end), _last_of(comma)]
    after = comma.end()
    if text[start - 1].isspace():
        after += len(text[after:]) - len(text[after:].lstrip(" \t"))
    return [(start, after)]


def _last_of(found: re.Match[str] | None) -> tuple[int, int]:
    assert found is not None, "a comma parts two pairs"
    return found.end() - 1, found.end()


def comments(text: str) -> Iterator[tuple[int, str]]:
    """The comments of a text without faults, and where each begins."""
    end = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        for found in _REMARK.finditer(text, end, max(end, token.start_mark.index)):
            yield found.start(), found[0].rstrip()
        end = max(end, token.end_mark.index)


def line_end(text: str, node: Node) -> int:
    """Where the line ends that a node ends on."""
    if isinstance(node, Scalar) and node.is_block:  # it ends where the next line begins
        return len(text[: node.end].rstrip())
    found = _LINE_END.search(text, node.end)
    assert found is not None
    return found.start()


def last(node: Node) -> Node:
    """The value that a block ends with; its own end mark lies beyond comments and empty lines."""
    if isinstance(node, Mapping) and not node.is_flow and node.pairs:
        return last(node.pairs[-1][1])
    if isinstance(node, Sequence) and not node.is_flow and node.items:
        return last(node.items[-1])
    return node
