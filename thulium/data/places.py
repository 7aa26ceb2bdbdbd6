"""What stands below a folder: files in a stable order, and the split that their place says they are in."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from thulium.runtime.errors import DataError, list_faults, visible
from thulium.runtime.pointers import absent

if TYPE_CHECKING:  # they need packages of the engine, and `thulium init --from` looks at folders without these
    from thulium.data.line import SplitName

# What people and other tools call the three splits.
_SPLIT_WORDS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "eval": "val",
    "test": "test",
}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")  # how those end that have to be unpacked
_WORD = re.compile(r"(?:partial-)?([a-z]+)")  # the Hub calls the part of a table that it has converted partial-train
_BEGINNING = re.compile(r"([a-z]+)[-_.\d].*")  # training-set, test_2


def files(root: Path, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    """The wanted files below a folder, by their name relative to it (with / and composed accents), in its order.

    Raises:
        DataError: there is no such folder; or a name in it is no text, or is there twice but for its accents.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else absent(root) or "no such folder"
        raise DataError(f"{printable(root)}: {what}; dataset.root names the folder of the data")
    there = list(walk(root))
    found = [path for path in there if is_wanted(path.name)]
    keyed = sorted((key_of(path.relative_to(root)), path) for path in found)
    faulty = [f"{printable(path)}: the name is not UTF-8: rename it" for path in found if not is_utf8(path)]
    faulty += [f"{printable(path)}: {said}" for path, said in absent_files(there, is_wanted)]
    faulty += [f"{printable(path)}: is a pipe or a device, not a file: remove it" for path in found if _is_pipe(path)]
    faulty += [
        f"{printable(path)}: another file has this name, only the writing of an accent differs: rename or remove one"
        for (key, path), (other, _) in pairwise(keyed)
        if key == other
    ]
    if faulty:
        raise DataError(list_faults(sorted(faulty)))
    yield from keyed


def absent_files(there: list[Path], is_wanted: Callable[[str], bool]) -> Iterator[tuple[Path, str]]:
    """The wanted files and the folders that are not there, but a file of DVC's for them; each with what to do.

    Args:
        there: all files below a folder.
    """
    from thulium.data.images.formats import is_not_read

    for path in there:
        file = path.with_suffix("")
        is_meant = is_wanted(file.name) and not is_not_read(file)
        if path.suffix == ".dvc" and (is_meant or not file.suffix) and not os.path.lexists(file):
            yield file, absent(file) or ""


def _is_pipe(path: Path) -> bool:
    """Whether reading a file would wait for whoever writes into it."""
    try:
        mode = path.stat().st_mode
    except OSError:  # such as a link to nothing, which is named when it is read
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def walk(root: Path) -> Iterator[Path]:
    """Every file below a folder; what begins with a dot is passed over.

    Links are followed, since DVC may keep data behind them; no folder is entered twice, so a link to a folder above
    it ends nowhere.

    Raises:
        DataError: a folder may not be looked into.
    """
    entered: set[str] = set()
    for where, folders, names in os.walk(root, onerror=_refuse, followlinks=True):
        entered.add(os.path.realpath(where))
        # Sorted: of two links to one folder, it is always the same that is followed.
        folders[:] = [name for name in sorted(folders) if not name.startswith(".")]
        folders[:] = [name for name in folders if os.path.realpath(os.path.join(where, name)) not in entered]
        yield from (Path(where) / name for name in sorted(names) if not name.startswith("."))


def _refuse(error: OSError) -> None:
    """Without this, what lies in a folder that cannot be read would be passed over without a word."""
    where = printable(Path(error.filename))
    raise DataError(f"{where}: cannot be read ({error.strerror}): change its permissions, or remove it")


def printable(path: Path) -> str:
    """A path for a message, whatever its name is made of: bytes that are no text, line breaks, terminal commands."""
    return visible(str(path))


def is_utf8(path: Path) -> bool:
    """Whether the name of a file is text."""
    return not any("\ud800" <= symbol <= "\udfff" for symbol in str(path))  # which stand for bytes that are none


def key_of(relative: PurePosixPath | Path) -> str:
    """A relative path as names are compared: some systems write an accented letter as two characters, some as one."""
    return unicodedata.normalize("NFC", relative.as_posix())


def split_of(key: str) -> SplitName | None:
    """The split that a file is in by a folder that it lies in, or by its own name where it lies in none.

    The nearest folder decides that is called as a split: those above it name data sets and archives. Only where there
    is none, the nearest counts whose name begins so, as ``training-set`` and ``test_2`` do: a book ``val-de-loire`` in
    ``train`` is of ``train``.
    """
    *folders, name = key.split("/")
    for form in (_WORD, _BEGINNING):
        for folder in reversed(folders or [name]):
            if split := _split_by(form, folder):
                return split
    return None


def split_of_name(name: str) -> SplitName | None:
    """The split that a file is in by its own name: train-00000-of-00001.parquet."""
    return _split_by(_WORD, name) or _split_by(_BEGINNING, name)


def _split_by(form: re.Pattern[str], name: str) -> SplitName | None:
    found = form.fullmatch(name.lower())
    return _SPLIT_WORDS.get(found[1]) if found else None


def folder_of(key: str) -> str:
    """The folder of a file, "." for the topmost."""
    return str(PurePosixPath(key).parent)
