"""Files -> Document: the tree of a text, and the file, line and column of every key and value."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from thulium_dsl.messages.problems import Problem
from thulium_dsl.text.nodes import Entry, KeyPath, Lines, Mapping, Node, Place, Sequence
from thulium_dsl.text.reader import Reader

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

LARGEST_FILE = 100_000  # bytes

COMPANION = "data.yaml"

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Document:
    """A text that was read. ``tree`` has only what stands in the text: defaults come later.

    Attributes:
        file: the file as the user named it.
        text: the text without its byte-order mark, line ends as they are.
        root: its nodes; None when it is empty or cannot be read.
        tree: what it holds, the sections of other files included.
        places: path -> where it stands, the sections of other files included.
        problems: what is wrong with it as a text.
        suspects: paths that a problem was already found at.
        companion: the data.yaml that supplied sections, if any.
        parts: the other files that it is made of.
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
    parts: tuple[Document, ...] = ()

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


def misnamed(file: Path) -> str:
    """What to say of a file that is no document by its name, and would be ruined or misread as one; empty of others."""
    if file.suffix.lower() in SUFFIXES:
        return ""
    if file.is_dir():
        return f"{file}: this is a folder\n  help: name the document in it, such as params.yaml"
    return f"{file}: is no document by its name, which would end in .yaml\n  help: name one, such as params.yaml"


def read_file(path: Path) -> Document:
    """Read one file, and no other that it names."""
    file = str(path)
    if path.exists() and not (path.is_file() or path.is_dir()):  # reading it might never end, and it cannot be filled
        return _unread(file, "this is a pipe or a device, not a file", "write the document into a file and name that")
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            return _unread(
                file,
                f"larger than {LARGEST_FILE // 1000} kB: this cannot be an experiment",
                "name the document, not the data",
            )
        return parse(content.decode("utf-8"), file)
    except FileNotFoundError:
        return _unread(file, "there is no such file", "check the name, or start a project with: thulium init")
    except IsADirectoryError:
        return _unread(file, "this is a folder", "name the document in it, such as params.yaml")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        what = f"line {line} is not UTF-8 text: byte 0x{error.object[error.start]:02x}"
        if error.object.startswith(_UTF16_MARKS):
            what = f"line {line} is not UTF-8 text, but UTF-16 by its look"
        return _unread(file, what, "save the file as UTF-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return _unread(file, f"cannot be read: {reason}", "check the name of the file and its permissions")


def _unread(file: str, what: str, hint: str) -> Document:
    return Document(file, problems=(Problem(file, 0, 0, "", what, hint),))


def _broken(file: str, text: str, offset: int) -> Document:
    place = Lines(text, file).place(offset, offset + 1)
    what = f"a character that no text file holds: U+{ord(text[offset]):04X}"
    return Document(file, text, problems=(place.problem((), what, "remove it, or save the file as UTF-8 text"),))


def _value(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {key.value: _value(value) for key, value in node.pairs}
    return [_value(item) for item in node.items] if isinstance(node, Sequence) else node.value
