"""Rewrites a document of an older language version: a text edit for each key that moved or is gone, comments kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Table
from dataclasses import dataclass

from thulium_dsl.grammar.resolve import lookup
from thulium_dsl.grammar.schemas import LANGUAGE, gone
from thulium_dsl.grammar.validate import check
from thulium_dsl.messages.problems import DocumentError, Problem
from thulium_dsl.text import edits
from thulium_dsl.text.document import Document, parse
from thulium_dsl.text.nodes import Mapping, Scalar


@dataclass(frozen=True, slots=True)
class Change:
    """A key that has another place in the next version (another name, another section, or both), or none any more.

    Attributes:
        old, new: dotted; an empty ``new``: the key is gone, and the comments right above it go with it.
    """

    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.old} → {self.new}" if self.new else f"{self.old} is gone"


# Language version -> what the next one changed.
MIGRATIONS: Table[int, tuple[Change, ...]] = {}


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A document in the current version.

    Attributes:
        text: the whole text; the old one if nothing had to change.
        version: the version that the document was written in.
        changes: what was done to it, in order.
    """

    text: str
    version: int
    changes: tuple[Change, ...]


def upgrade(document: Document, migrations: Table[int, tuple[Change, ...]] = MIGRATIONS) -> Upgraded:
    """The text of a document, rewritten for the current version of the language.

    Args:
        document: its own file only is rewritten.
        migrations: what each version's successor changed.

    Raises:
        DocumentError: it cannot be read, its version is not one that can be upgraded, or a key stands in its old and
            its new place.
    """
    version = _version(document)
    bom = "\ufeff" if document.has_bom else ""
    if version is None or any(step not in migrations for step in range(version, LANGUAGE)):
        raise DocumentError(check(document).problems)
    done = []
    for step in range(version, LANGUAGE):
        for change in migrations[step]:
            if edits.find(document, _path(change.old)):
                document = _moved(document, change)
                done.append(change)
    for name in gone():
        if edits.find(document, _path(name)):
            document = parse(edits.removed(document, _path(name)), document.file)
            done.append(Change(name, ""))
    return Upgraded(bom + _current(document, version), version, tuple(done))


def _current(document: Document, version: int) -> str:
    """The text with the number of the current version."""
    if version == LANGUAGE:
        return document.text
    pair = edits.find(document, ("version",))
    assert pair is not None, "a document without version is one of version 1"
    return document.text[: pair.value.start] + str(LANGUAGE) + document.text[pair.value.end :]


def _version(document: Document) -> int | None:
    """The document's version; None where no upgrade can begin."""
    if document.problems:
        return None
    root = document.root
    node = root.get("version") if isinstance(root, Mapping) else None
    if node is None:
        return 1
    is_number = isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool)
    return node.value if is_number and isinstance(node, Scalar) and node.value <= LANGUAGE else None


def _moved(document: Document, change: Change) -> Document:
    old, new = _path(change.old), _path(change.new)
    place = document.key_place(old)
    if edits.find(document, new):
        line = document.key_place(new).line
        what = f"is called {change.new} now, which stands on line {line} already"
        raise DocumentError([place.problem(old, what, "keep one of the two")])
    if old[:-1] == new[:-1]:
        return parse(edits.renamed(document, old, new[-1]), document.file)
    if old[-1] != new[-1]:
        document = parse(edits.renamed(document, old, new[-1]), document.file)
        old = (*old[:-1], new[-1])
    section, thing = ".".join(new[:-1]), "it"
    try:
        after = _rewritten(document, old, new, [])
        if not after.problems and (lost := _lost(document, after)):  # they stood in braces, or around the key alone
            after, thing = _rewritten(document, old, new, lost), f"the comment {lost[0]}"
    except TypeError as error:
        raise DocumentError([_no_room(place.problem(old, ""), change, str(error), thing)]) from None
    if after.problems or lookup(after.tree, new) != lookup(document.tree, old) or _lost(document, after):
        raise DocumentError([_no_room(place.problem(old, ""), change, section, thing)])
    return after


def _rewritten(document: Document, old: tuple[str, ...], new: tuple[str, ...], remarks: list[str]) -> Document:
    """The document with a key in another section, and comments above it."""
    pair = edits.find(document, old)
    assert pair is not None
    inline = document.text[pair.key.start : pair.value.end]
    text = edits.inserted(document, new[:-1], [*remarks, *edits.written(document, old)], inline)
    return parse(edits.removed(parse(text, document.file), old), document.file)


def _lost(before: Document, after: Document) -> list[str]:
    """The comments that a document has and another one has not."""
    texts = [[remark for _, remark in edits.comments(document.text)] for document in (before, after)]
    return list((Counter(texts[0]) - Counter(texts[1])).elements())


def _no_room(problem: Problem, change: Change, section: str, thing: str) -> Problem:
    where = f"'{section}' has no room for {thing} as it is written"
    what = f"belongs to {change.new} now, and cannot be moved there: {where}"
    hint = f"write '{section}' as a section with a line for each key, or move it by hand"
    return Problem(problem.file, problem.line, problem.column, problem.path, what, hint, problem.length, problem.source)


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(dotted.split("."))
