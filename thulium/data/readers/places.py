"""What stands below a folder: files in a stable order, and the split that their place says they are in."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath

from thulium.data.line import SplitName
from thulium.errors import DataError, list_faults

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
_WORD = re.compile(r"^([a-z]+)(?:[-_.\d].*)?$")


def files(root: Path, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    """The wanted files below a folder, by their name relative to it (with / and composed accents), in its order.

    Raises:
        DataError: there is no such folder; or a name in it is no text, or is there twice but for its accents.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "no such folder"
        raise DataError(f"{root}: {what}; dataset.root names the folder of the data")
    found = [path for path in walk(root) if is_wanted(path.name)]
    keyed = sorted((key_of(path.relative_to(root)), path) for path in found)
    faulty = [f"{printable(path)}: the name is not UTF-8: rename it" for path in found if printable(path) != str(path)]
    faulty += [
        f"{path}: another file has this name, and only the writing of an accent differs: rename or remove one"
        for (key, path), (other, _) in pairwise(keyed)
        if key == other
    ]
    if faulty:
        raise DataError(list_faults(sorted(faulty)))
    yield from keyed


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
    raise DataError(f"{error.filename}: cannot be read ({error.strerror}): change its permissions, or remove it")


def printable(path: Path) -> str:
    """A path for a message, whatever bytes its name is made of."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def key_of(relative: PurePosixPath | Path) -> str:
    """A relative path as names are compared: some systems write an accented letter as two characters, some as one."""
    return unicodedata.normalize("NFC", relative.as_posix())


def split_of(key: str) -> SplitName | None:
    """The split that a file is in by its first folder, or by how its name begins: train-00000-of-00001.parquet."""
    found = _WORD.match(key.split("/")[0].lower())
    return _SPLIT_WORDS.get(found.group(1)) if found else None


def folder_of(key: str) -> str:
    """The folder of a file, "." for the topmost."""
    return str(PurePosixPath(key).parent)
