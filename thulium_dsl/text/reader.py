"""YAML text -> nodes, with the place of every key and value, and everything that is wrong with it as a text.

The text is read from YAML's event stream with a resolver of our own (scalars.py), so nothing is ever constructed, and
everything that could make two readers see two documents is found here: duplicate keys, anchors, tags, doubtful words.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from thulium_dsl.messages.problems import Problem
from thulium_dsl.text import scalars, syntax
from thulium_dsl.text.nodes import Entry, KeyPath, Lines, Mapping, Node, Place, Scalar, Sequence

MOST_NODES = 3_000
DEEPEST = 50

_UNWRITABLE = re.compile("[\\x00\ud800-\udfff]")  # only an escape in double quotes can make one


class _Stop(Exception):
    """Reading on makes no sense; the reason stands among the problems."""


class Reader:
    """Turns the events of one text into nodes, and notes places and problems on the way."""

    def __init__(self, text: str, file: str) -> None:
        self.lines = Lines(text, file)
        self.events = yaml.parse(text, Loader=yaml.SafeLoader)
        self.places: dict[KeyPath, Entry] = {}
        self.problems: list[Problem] = []
        self.suspects: set[KeyPath] = set()
        self.count = 0
        self.quoted: list[tuple[int, int]] = []

    def read(self) -> Node | None:
        root = None
        try:
            for event in self.events:
                if isinstance(event, yaml.DocumentStartEvent):
                    self._document_start(event, is_first=root is None)
                elif isinstance(event, yaml.NodeEvent):
                    root = self._node(event, ())
        except yaml.MarkedYAMLError as error:
            fault = syntax.explain(error, self.lines.text)
            if not self._has_stray_break(fault.offset):
                self._problem(fault.offset, fault.offset + 1, (), fault.what, fault.hint)
            return None
        except _Stop:
            return None
        return None if self._has_stray_break(len(self.lines.text)) else self._checked_root(root)

    def _has_stray_break(self, until: int) -> bool:
        fault = syntax.stray_break(self.lines.text, self.quoted, until)
        if fault is None:
            return False
        here = self.lines.place(fault.offset, fault.offset + 1).problem((), fault.what, fault.hint)
        # What was found after it may only be misread.
        self.problems = [known for known in self.problems if (known.line, known.column) < (here.line, here.column)]
        self.problems.append(here)
        return True

    def _checked_root(self, root: Node | None) -> Node | None:
        if root is None or (isinstance(root, Scalar) and root.value is None):
            return None
        if not isinstance(root, Mapping):
            what = "an experiment is made of sections, such as 'training:'"
            self._problem(root.start, root.end, (), what, "thulium explain lists the sections")
        return root

    def _document_start(self, event: yaml.DocumentStartEvent, is_first: bool) -> None:
        start, end = _span(event)
        if event.version or event.tags:
            self._problem(start, end, (), "a % directive changes how the text is read", "remove the line")
        if not is_first:
            self._problem(
                start, end, (), "a second document begins here", "one file holds one experiment: remove '---'"
            )
            raise _Stop

    def _node(self, event: yaml.Event, path: KeyPath, depth: int = 0) -> Node:
        self.count += 1
        start, end = _span(event)
        if depth > DEEPEST or self.count > MOST_NODES:
            what = f"more than {DEEPEST} levels deep" if depth > DEEPEST else f"more than {MOST_NODES} values"
            self._problem(start, end, (), what, "this cannot be an experiment")
            raise _Stop
        if isinstance(event, yaml.AliasEvent):
            self._suspect(start, end, path, f"the alias *{event.anchor}", "write the value out")
            return Scalar(start, end, None, False)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent), "no other event begins a node"
        if event.anchor is not None:
            self._suspect(start, end, path, f"the anchor &{event.anchor}", "write the value out where it is used")
        if event.tag is not None:
            self._suspect(start, end, path, f"the tag {_written_tag(event.tag)}", "remove it")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, path, depth)
        assert isinstance(event, yaml.ScalarEvent)
        return self._scalar(event, path)

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> Scalar:
        start, end = _span(event)
        if event.style in ("'", '"'):
            self.quoted.append((start, end))
        if unwritable := _UNWRITABLE.search(event.value):
            what = f"the escape for a character that no text file holds: U+{ord(unwritable[0]):04X}"
            self._problem(start, end, path, what, "remove it")
            return Scalar(start, end, "", False)
        if event.style is not None or event.tag is not None:
            return Scalar(start, end, event.value, event.style in ("|", ">"))
        doubt = scalars.disagreement(event.value)
        if doubt:
            self._problem(start, end, path, *doubt)
            return Scalar(start, end, event.value, False)
        return Scalar(start, end, scalars.value_of(event.value), False)

    def _sequence(self, event: yaml.SequenceStartEvent, path: KeyPath, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(inner := next(self.events), yaml.SequenceEndEvent):
            item_path = (*path, len(items))
            items.append(self._node(inner, item_path, depth + 1))
            self.places[item_path] = Entry(None, self._place(items[-1]), True)
        return Sequence(_span(event)[0], _span(inner)[1], bool(event.flow_style), tuple(items))

    def _mapping(self, event: yaml.MappingStartEvent, path: KeyPath, depth: int) -> Mapping:
        pairs: dict[Any, tuple[Scalar, Node]] = {}
        while not isinstance(inner := next(self.events), yaml.MappingEndEvent):
            key = self._key(inner, path, depth + 1)
            value_event = next(self.events)
            if key is None or key.value in pairs:
                if key is not None:
                    self._duplicate(key, pairs[key.value][0], path)
                # Read for its own problems; places and doubts of a value that is not used must not hide the used one's.
                places, suspects = dict(self.places), set(self.suspects)
                self._node(value_event, path, depth + 1)
                self.places, self.suspects = places, suspects
                continue
            value = self._node(value_event, (*path, key.value), depth + 1)
            pairs[key.value] = (key, value)
            self._note((*path, key.value), key, value)
        assert event.start_mark is not None
        column, is_flow = event.start_mark.column, bool(event.flow_style)
        return Mapping(_span(event)[0], _span(inner)[1], is_flow, column, tuple(pairs.values()))

    def _key(self, event: yaml.Event, path: KeyPath, depth: int) -> Scalar | None:
        before, suspects = len(self.problems), set(self.suspects)
        node = self._node(event, path, depth)
        if isinstance(node, Scalar) and isinstance(node.value, str) and len(self.problems) == before:
            return node
        del self.problems[before:]
        written = self.lines.text[node.start : node.end].splitlines() or [""]
        found = repr(written[0]) if written[0] else "nothing"
        what, hint = f"a key must be a plain word, found {found}", "thulium explain lists the keys"
        if written[0] == "<<":
            what, hint = "the merge key <<: DVC changes a copy, not what was copied", "write the keys out"
        if written[0].startswith("{") and self.lines.text[node.start - 1 : node.start] == "{":
            hint = "a document is no template: write the value itself"
        whole = re.search(r"([0-9]+),$", self.lines.text[: node.start][-30:])
        if whole and written[0].isdigit():
            hint = f"inside braces a comma parts the keys: for a number write {whole[1]}.{written[0]}"
        self.suspects = suspects
        self._problem(node.start, node.end, path, what, hint, is_suspect=False)
        return None

    def _duplicate(self, key: Scalar, first: Scalar, path: KeyPath) -> None:
        line = self.lines.place(first.start, first.end).line
        what, hint = f"'{key.value}' stands twice", f"keep one; the other is on line {line}"
        self._problem(key.start, key.end, (*path, key.value), what, hint, is_suspect=False)

    def _note(self, path: KeyPath, key: Scalar, value: Node) -> None:
        is_inline = value.end > value.start if isinstance(value, Scalar) else value.is_flow
        is_inline = is_inline and not (isinstance(value, Scalar) and value.is_block)
        self.places[path] = Entry(self.lines.place(key.start, key.end), self._place(value), is_inline)

    def _place(self, node: Node) -> Place:
        if isinstance(node, Mapping) and not node.is_flow and node.pairs:
            return self._place(node.pairs[0][0])
        return self.lines.place(node.start, node.end)

    def _suspect(self, start: int, end: int, path: KeyPath, thing: str, hint: str) -> None:
        # An anchored block goes on for lines; the first word is what matters.
        word = re.match(r"\S*", self.lines.text[start:end])
        what = f"{thing}: anchors, aliases and tags are not read alike everywhere"
        self._problem(start, start + max(1, word.end() if word else 1), path, what, hint)

    def _problem(self, start: int, end: int, path: KeyPath, what: str, hint: str, is_suspect: bool = True) -> None:
        self.problems.append(self.lines.place(start, end).problem(path, what, hint))
        if is_suspect:
            self.suspects.add(path)


def _span(event: yaml.Event) -> tuple[int, int]:
    """Where an event begins and ends in the text."""
    assert event.start_mark is not None, "events that were parsed have marks"
    assert event.end_mark is not None
    return event.start_mark.index, event.end_mark.index


def _written_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
