"""What a command has written into a folder, so that it knows its own files from those of others.

A file that stands there with the very content that was written may be passed over, or written anew. One that somebody
has changed since, such as a person who corrected a text, is nobody's to replace.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from thulium.runtime.files import PART, naming

NAME = Path(".thulium") / "predicted.jsonl"


def is_written(folder: Path) -> bool:
    """Whether results of `thulium predict` lie in a folder."""
    return (folder / NAME).exists()


State = Literal["new", "done", "stale", "other", "foreign"]


@dataclass(frozen=True, slots=True)
class Made:
    """What a file was made of.

    Attributes:
        digest: of all that decides its content.
        origin: the path of what was read, from the ledger's folder, so that both may be moved together; empty in rows
            of older versions.
    """

    digest: str
    origin: str


class Ledger:
    """The files of a folder that were written, with what they were made of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, dict[str, Made]] = defaultdict(dict)  # file -> digest -> what it was made of
        with contextlib.suppress(OSError):
            for row in (folder / NAME).read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, LookupError, TypeError):  # a row that was cut, as by a full disk
                    entry = json.loads(row)
                    made = Made(entry["made_of"], entry.get("origin", ""))
                    self._known[entry["file"]][entry["sha256"]] = made

    def made(self, digest: str, source: Path) -> Made:
        """What a file of this folder is made of; ``source`` is what is read."""
        return Made(digest, os.path.relpath(os.path.abspath(source), os.path.abspath(self.folder)))

    def state(self, name: str, made: Made) -> State:
        """What stands under a name.

        Returns:
            new: nothing; done: what is to be written; stale: what was written of this origin when it, or the settings,
            were others; other: what was written of another origin; foreign: what somebody else wrote or changed.
        """
        path = self.folder / name
        if not os.path.lexists(path):
            return "new"
        known = self._known.get(name)
        if not known or not path.is_file():
            return "foreign"
        found = known.get(_digest(path))
        if found is None:
            return "foreign"
        if found.digest == made.digest:
            return "done"
        return "stale" if found.origin in ("", made.origin) else "other"

    def origin(self, name: str) -> Path:
        """What was read for a file whose state is other."""
        return Path(os.path.normpath(self.folder / self._known[name][_digest(self.folder / name)].origin))

    def note(self, name: str, digest: str, made: Made) -> None:
        """Note a file that is about to be there: one that came to be there and is not noted would be another's."""
        self._known[name][digest] = made
        file = self.folder / NAME
        file.parent.mkdir(parents=True, exist_ok=True)
        with naming(file), file.open("a", encoding="utf-8") as rows:
            row = {"file": name, "sha256": digest, "made_of": made.digest, "origin": made.origin}
            rows.write("\n" + json.dumps(row))  # behind a cut row, too
            rows.flush()
            os.fsync(rows.fileno())


class NotedFile:
    """A file that is written piece by piece, and is there when it is whole."""

    def __init__(self, ledger: Ledger, name: str, made: Made, begin: bytes = b"") -> None:
        """Plan a file. Nothing is there before its first piece: Ctrl-C may come before anybody could drop it.

        Args:
            name: its path from the ledger's folder.
            made: what decides its content.
            begin: what stands before its first piece.
        """
        self._ledger, self._name, self._made, self._begin = ledger, name, made, begin
        self._path = ledger.folder / name
        self._part = self._path.with_name(f".{self._path.name}{PART}")
        self._digest = hashlib.sha256()
        self._file: IO[bytes] | None = None

    def add(self, content: bytes) -> None:
        """Write a piece of it."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("wb")
            content = self._begin + content
        self._digest.update(content)
        with naming(self._path):
            self._file.write(content)

    def close(self) -> None:
        """End the file; from now on it is there."""
        self.add(b"")  # it may be empty
        assert self._file
        with naming(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self._ledger.note(self._name, self._digest.hexdigest(), self._made)
        os.replace(self._part, self._path)

    def drop(self) -> None:
        """Leave nothing of it."""
        if self._file:
            with contextlib.suppress(OSError):
                self._file.close()
        self._part.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
