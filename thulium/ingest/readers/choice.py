"""Which files of a folder are read: ``dataset.files`` and ``dataset.exclude``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path, PurePosixPath

from thulium.data.line import Fault
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import RootedDataset

Found = list[tuple[str, Path]]


def choose(found: Iterable[tuple[str, Path]], dataset: RootedDataset) -> tuple[Found, list[Fault]]:
    """Of the files below a root, by their name relative to it, those that the document asks for.

    Returns:
        Those files; and a fault, none an error, for each file that is left out and for each pattern of
        ``dataset.exclude`` that fits none.

    Raises:
        DataError: there are files, and ``dataset.files`` fits none of them.
    """
    there = list(found)
    unused = dict.fromkeys(dataset.exclude)
    wanted: Found = []
    left_out: list[Fault] = []
    for key, path in there:
        excluding = [pattern for pattern in dataset.exclude if fits(key, pattern)]
        for pattern in excluding:
            unused.pop(pattern, None)
        if excluding:
            left_out.append(_left_out(path, f"exclude ({excluding[0]})"))
        elif fits(key, dataset.files):
            wanted.append((key, path))
        else:
            left_out.append(_left_out(path, f"files ({dataset.files})"))
    if there and not any(fits(key, dataset.files) for key, _ in there):
        what = f"{dataset.files!r} fits none of the {len(there)} files, such as {there[0][0]!r}: correct it"
        raise DataError(f"{dataset.root}: dataset.files {what}")
    if there and not wanted:
        what = f"leaves out each of the {len(there)} files: take the pattern out that is too wide"
        raise DataError(f"{dataset.root}: dataset.exclude {what}")
    return wanted, [*left_out, *(_fits_none(dataset.root, pattern) for pattern in unused)]


def fits(key: str, pattern: str) -> bool:
    """Whether a pattern fits a file's name, or its path below the root. A name always fits itself."""
    pattern = unicodedata.normalize("NFC", pattern)
    return any(name == pattern or fnmatchcase(name, pattern) for name in (key, PurePosixPath(key).name))


def one_too_many(one: Path, other: Path, root: Path) -> str:
    """What to do about two files that are about the same thing: a pattern that tells them apart, if there is one."""
    longer, shorter = sorted((one, other), key=lambda path: len(path.name), reverse=True)
    ending = next((ending for ending in (".gt.txt", longer.suffix) if longer.name.endswith(ending)), "")
    stem, prefix = (path.name.removesuffix(ending) for path in (longer, shorter))
    more = stem.removeprefix(prefix) if stem.startswith(prefix) else ""
    if more.startswith("."):  # as of one kind of transcription among others, of which each page may have one
        pattern = f"*{escape(more)}{ending}"
        only = f"read only such files by dataset.files: '{pattern}'"
        return f"keep one of them: {only}, or leave them out by dataset.exclude: ['{pattern}']"
    pattern = f"{_key(longer.parent, root)}/*" if longer.name == shorter.name else _key(longer, root)
    return f"keep one of them: remove the other, or leave it out by dataset.exclude: ['{pattern}']"


def _key(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _left_out(path: Path, by: str) -> Fault:
    what = f"is left out by dataset.{by}"
    return Fault(reason="excluded", where=str(path), what=what, is_error=False, is_page=True, num_lines=0)


def _fits_none(root: str, pattern: str) -> Fault:
    what = f"dataset.exclude has {pattern!r}, which fits no file: correct it, or take it out"
    return Fault(reason="pattern without a file", where=root, what=what, is_error=False, num_lines=0)
