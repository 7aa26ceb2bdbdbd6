"""Files -> Document: the tree of a text, and the file, line and column of every key and value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from thulium_dsl.nodes import Entry, KeyPath, Lines, Mapping, Node, Place, Sequence
from thulium_dsl.problems import Problem
from thulium_dsl.reader import Reader

LARGEST_FILE = 1_000_000  # bytes

COMPANION = "data.yaml"
_COMPANION_SECTIONS = ("dataset", "preprocessing")


@dataclass(frozen=True, slots=True)
class Document:
    """A text that was read. ``tree`` has only what stands in the text: defaults come later.

    Attributes:
        file: the file as the user named it.
        text: the text without its byte-order mark, line ends as they are.
        root: its nodes; None when it is empty or cannot be read.
        tree: what it holds, companion sections included.
        places: path -> where it stands, companion sections included.
        problems: what is wrong with it as a text.
        suspects: paths that a problem was already found at.
        companion: the data.yaml that supplied sections, if any.
    """

    file: str
    text: str = ""
    has_bom: bool = False
    root: Node | None = None
    tree: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, Entry] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    suspects: frozenset[KeyPath] = frozenset()
    companion: Document | None = None

    def place(self, path: KeyPath) -> Place:
        """Where to point for the value at a path, or for the nearest thing around it that stands in the text."""
        for length in range(len(path), 0, -1):
            entry = self.places.get(path[:length])
            if entry:
                return entry.value if entry.is_inline or entry.key is None else entry.key
        return Place(self.file, 0, 0, 1, "")

    def key_place(self, path: KeyPath) -> Place:
        """Where a key stands; for a list item, where the item begins."""
        entry = self.places.get(path)
        return self.place(path) if entry is None else entry.key or entry.value


def read(path: str | Path) -> Document:
    """Read a document and, where it leaves out data sections, the data.yaml beside it. Problems are in the result."""
    document = _read_file(Path(path))
    beside = Path(path).with_name(COMPANION)
    lacks = [name for name in _COMPANION_SECTIONS if name not in document.tree]
    is_readable = document.root is not None or not document.problems
    if Path(path).name == COMPANION or not lacks or not is_readable or not beside.is_file():
        return document
    return _joined(document, _read_file(beside), ["version", *lacks])


def parse(text: str, file: str = "params.yaml") -> Document:
    """Read one text, as if it stood in ``file``."""
    has_bom = text.startswith("\ufeff")
    text = text.removeprefix("\ufeff")
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if unprintable:
        return _broken(file, text, unprintable.start())
    reader = Reader(text, file)
    root = reader.read()
    tree = _value(root) if isinstance(root, Mapping) else {}
    return Document(
        file, text, has_bom, root, tree, reader.places, tuple(sorted(reader.problems)), frozenset(reader.suspects)
    )


def _read_file(path: Path) -> Document:
    file = str(path)
    try:
        if path.is_file() and path.stat().st_size > LARGEST_FILE:
            return _unread(file, "larger than 1 MB: this cannot be an experiment", "name the document, not the data")
        return parse(path.read_bytes().decode("utf-8"), file)
    except FileNotFoundError:
        return _unread(file, "there is no such file", "check the name, or start a project with: thulium init")
    except IsADirectoryError:
        return _unread(file, "this is a folder", "name the document in it, such as params.yaml")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        what = f"line {line} is not UTF-8 text: byte 0x{error.object[error.start]:02x}"
        return _unread(file, what, "save the file as UTF-8")
    except OSError as error:
        return _unread(file, f"cannot be read: {error.strerror}", "check the file and its permissions")


def _unread(file: str, what: str, hint: str) -> Document:
    return Document(file, problems=(Problem(file, 0, 0, "", what, hint),))


def _broken(file: str, text: str, offset: int) -> Document:
    place = Lines(text, file).place(offset, offset + 1)
    what = f"a character that no text file holds: U+{ord(text[offset]):04X}"
    return Document(file, text, problems=(place.problem((), what, "remove it, or save the file as UTF-8 text"),))


def _joined(document: Document, other: Document, wanted: list[str]) -> Document:
    """The document with those of the wanted sections that only the other one has."""
    supplied = [name for name in wanted if name in other.tree and name not in document.tree]
    strangers = [name for name in other.tree if name not in ("version", *_COMPANION_SECTIONS)]
    problems = [
        other.key_place((name,)).problem(
            (name,), f"'{name}' has no place in a {COMPANION} beside {document.file}", f"move it to {document.file}"
        )
        for name in strangers
    ]
    return Document(
        document.file,
        document.text,
        document.has_bom,
        document.root,
        {**document.tree, **{name: other.tree[name] for name in supplied}},
        {**{path: entry for path, entry in other.places.items() if path[0] in supplied}, **document.places},
        tuple(sorted([*document.problems, *other.problems, *problems])),
        document.suspects | other.suspects,
        other,
    )


def _value(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {key.value: _value(value) for key, value in node.pairs}
    return [_value(item) for item in node.items] if isinstance(node, Sequence) else node.value
