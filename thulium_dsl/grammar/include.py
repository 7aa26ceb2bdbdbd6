"""A document and the files that belong to it, as one: those that it includes, and the data.yaml beside it.

An included file is named relative to the file that includes it, so a folder of documents can move as a whole. Each
section stands in one file, so that there is never a question which of two values counts.

A document may come from someone else, and name any file here. So nothing is shown of what stands in a file outside of
its project.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from thulium_dsl.grammar import schemas
from thulium_dsl.messages.problems import DocumentError, Problem
from thulium_dsl.text.document import COMPANION, Document, read_file
from thulium_dsl.text.nodes import Entry, KeyPath, Place

INCLUDE = "include"
DEEPEST = 5
MOST_FILES = 50

_COMPANION_SECTIONS = ("dataset", "preprocessing")
_ELSEWHERE = re.compile(r"/|~|[A-Za-z]:[\\/]|\\\\")


def read(path: str | Path) -> Document:
    """Read a document and the files that belong to it. Problems are in the result."""
    return compose(Path(path))


def compose(path: Path) -> Document:
    """Read a document, what it includes and, where it leaves out data sections, the data.yaml beside it."""
    document = _Composer(_project_of(path)).read(path)
    beside = path.parent / COMPANION
    lacks = [name for name in _COMPANION_SECTIONS if name not in document.tree]
    is_readable = document.root is not None or not document.problems
    is_included = any(Path(part.file) == beside for part in document.parts)
    if path.name == COMPANION or not lacks or not is_readable or is_included or not beside.is_file():
        return document
    other = _Composer(_project_of(beside)).read(beside)
    wanted = [name for name in ("version", *lacks) if name not in document.tree]
    return replace(_joined(document, other, wanted, list(_strangers(document, other))), companion=other)


def refuse_includes(path: Path) -> None:
    """Refuse a document of a DVC project that includes others: DVC would not see a change in them.

    Raises:
        DocumentError: the document says ``include``.
    """
    document = read_file(path)
    if (INCLUDE,) in document.places:
        what = f"DVC tracks {path.name} alone: a change in an included file would go unnoticed"
        hint = f"write the sections out with: thulium fill {path}; or run without DVC: add --output-dir"
        raise DocumentError([document.key_place((INCLUDE,)).problem((INCLUDE,), what, hint)])


def _strangers(document: Document, companion: Document) -> Iterator[Problem]:
    for name in companion.tree:
        if name not in ("version", *_COMPANION_SECTIONS):
            what = f"'{name}' has no place in a {COMPANION} beside {document.file}"
            hint = f"move it to {document.file}, or let that file include this one"
            yield companion.key_place((name,)).problem((name,), what, hint)


class _Composer:
    """Reads files and what they include; knows which ones it has met, and where they were named."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.met: dict[Path, Place | None] = {}

    def read(self, path: Path, chain: tuple[Path, ...] = (), named: Place | None = None) -> Document:
        document = read_file(path)
        self.met[_real(path)] = named
        if INCLUDE not in document.tree:
            return document
        tree = dict(document.tree)
        written = tree.pop(INCLUDE)
        names = [written] if isinstance(written, str) else written
        whole = replace(document, tree=tree)
        if not isinstance(names, list) or not 0 < len(names) <= MOST_FILES:
            what = f"must be the name of a file, or a list of up to {MOST_FILES} names"
            problem = document.place((INCLUDE,)).problem((INCLUDE,), what, f"write {INCLUDE}: [{COMPANION}]")
            return whole if (INCLUDE,) in document.suspects else _with(whole, problem)
        for index, name in enumerate(names):
            at: KeyPath = (INCLUDE,) if isinstance(written, str) else (INCLUDE, index)
            whole = self._included(whole, path, name, at, (*chain, _real(path)))
        return whole

    def _included(self, document: Document, path: Path, name: object, at: KeyPath, chain: tuple[Path, ...]) -> Document:
        place = document.place(at)
        fault = self._fault(path, name, chain)
        if fault is None:
            target = path.parent / str(name)
            other = self.read(target, chain, place)
            if not _real(target).is_relative_to(self.project):
                other, fault = _veiled(other), self._stranger(name, target, other)
            fault = fault or _unread(name, other)
        if fault is None:
            return _merged(document, other)
        lost = frozenset((section,) for section in schemas.sections() if section not in document.tree)
        known = document if at in document.suspects else _with(document, place.problem(at, *fault))
        return replace(known, suspects=document.suspects | lost)

    def _stranger(self, name: object, target: Path, other: Document) -> tuple[str, str] | None:
        """Why a file from outside of the project is no part of an experiment."""
        is_part = not other.problems and other.tree.keys() <= set(schemas.sections())
        if is_part or _unread(name, other):
            return None
        what = f"'{name}' is no part of an experiment, and lies outside of {self.project}: nothing of it is shown"
        return what, f"look at it by itself: thulium validate {target}"

    def _fault(self, path: Path, name: object, chain: tuple[Path, ...]) -> tuple[str, str] | None:
        """Why a name cannot be followed, and what to do."""
        if not isinstance(name, str) or not name.strip():
            return "must be the name of a file", f"write {INCLUDE}: [{COMPANION}]"
        if _ELSEWHERE.match(name):
            return f"'{name}' means another file on another machine", "name it relative to this file"
        if "\\" in name:
            return f"'{name}' is a path with backslashes", f"write {name.replace(chr(92), '/')}"
        target = _real(path.parent / name)
        if target in chain:
            circle = " → ".join(file.name for file in (*chain[chain.index(target) :], target))
            return f"a circle: {circle}", "remove this line, or the one that leads here"
        if target in self.met:
            first = self.met[target]
            where = f"; it was on {first.file}:{first.line}" if first else ""
            return f"'{name}' is included twice", f"include it once{where}"
        if len(chain) > DEEPEST or len(self.met) >= MOST_FILES:
            limit = f"more than {DEEPEST} files deep" if len(chain) > DEEPEST else f"more than {MOST_FILES} files"
            return f"'{name}' is included {limit}", "put the sections into fewer files"
        return None


def _project_of(path: Path) -> Path:
    """The folder that holds a document and what it may show: of git or DVC, or else the document's own."""
    own = _real(path).parent
    above = [own, *own.parents]
    return next((folder for mark in (".git", ".dvc") for folder in above if (folder / mark).exists()), own)


def _unread(name: object, other: Document) -> tuple[str, str] | None:
    """Why a file that a document names gave nothing."""
    if other.root is not None or not other.problems or other.problems[0].line:
        return None
    return f"'{name}' cannot be included: {other.problems[0].what}", other.problems[0].hint


def _veiled(document: Document) -> Document:
    """The same document, the lines of which are not shown in messages."""
    places = {
        path: Entry(entry.key and replace(entry.key, source=""), replace(entry.value, source=""), entry.is_inline)
        for path, entry in document.places.items()
    }
    return replace(document, places=places)


def _real(path: Path) -> Path:
    """Where a path leads; one that leads in a circle stays as it is, and reading it says so."""
    return Path(os.path.realpath(path))


def _with(document: Document, problem: Problem) -> Document:
    return replace(document, problems=tuple(sorted([*document.problems, problem])))


def _merged(document: Document, other: Document) -> Document:
    """The document with the sections of a file that it includes."""
    problems = []
    for name in other.tree:
        if name in document.tree and (name != "version" or document.tree[name] != other.tree[name]):
            here, there = other.key_place((name,)), document.key_place((name,))
            what = f"'{name}' stands in two files" if name != "version" else "two versions in one experiment"
            problems.append(here.problem((name,), what, f"keep one; the other is in {there.file}:{there.line}"))
    return _joined(document, other, [name for name in other.tree if name not in document.tree], problems)


def _joined(document: Document, other: Document, wanted: list[str], problems: list[Problem]) -> Document:
    """The document with those of the wanted sections that the other one has."""
    supplied = {name: other.tree[name] for name in wanted if name in other.tree}
    places = {path: entry for path, entry in other.places.items() if path[0] in supplied}
    is_broken = other.root is None and bool(other.problems)
    lost = {(name,) for name in schemas.sections() if is_broken and name not in document.tree}
    return replace(
        document,
        tree={**document.tree, **supplied},
        places={**places, **document.places},
        problems=tuple(sorted([*document.problems, *other.problems, *problems])),
        suspects=document.suspects | other.suspects | lost,
        parts=(*document.parts, other, *other.parts),
    )
