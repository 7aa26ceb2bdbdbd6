"""thulium.lock: what the names of a project stood for when they were fetched. It belongs to git.

With it, a colleague gets the same bytes; what was changed elsewhere since is refused, and not trained on unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from thulium.runtime.errors import DataError, visible
from thulium.runtime.files import replace_text

FILE = "thulium.lock"
VERSION = 1
_HEAD = "# Written by `thulium fetch`: what names stand for, so that everybody gets the same bytes. Keep it in git.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """A file that was fetched.

    Attributes:
        path: from the project's folder.
    """

    path: str
    url: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a name stood for.

    Attributes:
        page: where a person looks at it.
        revision: the version there; empty if there are none.
        license: as it said itself; empty if it said nothing.
    """

    name: str
    page: str
    revision: str
    license: str
    files: tuple[LockedFile, ...]


Lock = Mapping[str, Entry]  # by the file or the folder that it was fetched into, from the project's folder


def read(root: Path) -> Lock:
    """The lock of a project; empty if there is none.

    Raises:
        DataError: it is damaged.
    """
    path = root / FILE
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        if found["version"] != VERSION:
            raise ValueError(f"its version is {found['version']}, this one reads {VERSION}")
        return {str(place): _entry(row) for place, row in found["fetched"].items()}
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError, OSError) as error:
        what = visible(str(error).split("\n")[0][:80])
        raise DataError(f"{path}: is damaged ({what})\n  help: bring back the one that git has") from None


def _entry(row: dict[str, Any]) -> Entry:
    files = tuple(LockedFile(**file) for file in row["files"])
    if any(not isinstance(file.size, int) or not isinstance(file.sha256, str) for file in files):
        raise ValueError("a file in it has no size or digest")
    return Entry(**{**row, "files": files})


def write(root: Path, lock: Lock) -> None:
    """Write the lock of a project."""
    rows = {place: asdict(lock[place]) | {"files": [asdict(f) for f in lock[place].files]} for place in sorted(lock)}
    text = yaml.safe_dump({"version": VERSION, "fetched": rows}, sort_keys=False, allow_unicode=True, width=1000)
    replace_text(root / FILE, _HEAD + text)
