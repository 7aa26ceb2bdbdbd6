"""thulium.lock: what the names of a project stood for when they were fetched. It belongs to git.

With it, a colleague gets the same bytes; what was changed elsewhere since is refused, and not trained on unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
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
        if not isinstance(found, dict) or not isinstance(found.get("fetched"), dict):
            raise ValueError("it has no 'fetched' with what was fetched")
        if found.get("version") != VERSION:
            raise ValueError(f"its version is {found.get('version')}, this one reads {VERSION}")
        return {str(place): _entry(row) for place, row in found["fetched"].items()}
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError, OSError) as error:
        what = visible(str(error).split("\n")[0][:80])
        raise DataError(f"{path}: is damaged ({what})\n  help: bring back the one that git has") from None


def _entry(row: Any) -> Entry:
    rows = row.get("files") if isinstance(row, dict) else None
    if not isinstance(rows, list) or not rows:
        raise ValueError("an entry in it has no files")
    files = tuple(LockedFile(**_checked(LockedFile, file)) for file in rows)
    return Entry(**_checked(Entry, row | {"files": files}))


def _checked(kind: type[LockedFile | Entry], row: Any) -> dict[str, Any]:
    """A row that has all that a kind has, each of its type, and nothing else."""
    types = {"size": int, "files": tuple}
    wanted = [field.name for field in fields(kind)]
    if not isinstance(row, dict) or set(row) != set(wanted):
        raise ValueError(f"a row in it should have {', '.join(wanted)}, and nothing else")
    if odd := next((name for name in wanted if type(row[name]) is not types.get(name, str)), None):
        raise ValueError(f"a '{odd}' in it is no {'number' if odd == 'size' else 'text'}")
    return row


def write(root: Path, lock: Lock) -> None:
    """Write the lock of a project."""
    rows = {place: asdict(lock[place]) | {"files": [asdict(f) for f in lock[place].files]} for place in sorted(lock)}
    text = yaml.safe_dump({"version": VERSION, "fetched": rows}, sort_keys=False, allow_unicode=True, width=1000)
    replace_text(root / FILE, _HEAD + text)
