"""Trainings that were cut, as they are found on disk; what is in them is the concern of thulium/training/resume.py.

``<project or output folder>/.thulium/resume/`` holds a folder for each. In it, ``lock`` is held by the process that is
at the training, and ``about.json`` says what it is. A name that begins with a dot is that of a folder which is being
removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

FOLDER = Path(".thulium") / "resume"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A training that was cut.

    Attributes:
        path: its folder.
        at: how far it came, in words; empty if nothing is known.
        out: where its results would have gone.
        size: bytes.
        is_held: whether a process is at it.
    """

    path: Path
    at: str
    out: str
    size: int
    is_held: bool


def unfinished(root: Path) -> list[Unfinished]:
    """Those of a project or an output folder."""
    found = []
    for path in folders(root / FOLDER):
        about = about_of(path)
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        found.append(Unfinished(path, about.get("at", ""), about.get("out", ""), size, is_held(path)))
    return found


def folders(root: Path) -> list[Path]:
    """Those of the trainings that are kept in a folder."""
    return sorted(path for path in root.glob("[!.]*") if path.is_dir())


def remove(path: Path) -> None:
    """Remove a training's folder: at once, since one who looks for its lock meanwhile would put one there again."""
    path.rename(path.with_name(f".{path.name}.{os.getpid()}.gone"))
    sweep(path.parent)


def sweep(root: Path) -> None:
    """Remove what is left of folders whose removal was cut."""
    for path in root.glob(".*.gone"):
        shutil.rmtree(path, ignore_errors=True)


def forget_finished(root: Path) -> None:
    """Remove the folders of trainings that were cut when they had finished, and were about to remove them."""
    sweep(root)
    for path in folders(root):
        if about_of(path).get("is_finished") is True and not is_held(path):
            remove(path)


def is_held(path: Path) -> bool:
    """Whether a process holds a folder."""
    lock = lock_of(path)
    if lock:
        lock.close()
    return lock is None


def lock_of(path: Path) -> IO[bytes] | None:
    """The lock of a folder; None if another process has it, or the folder went away."""
    try:
        lock = open(path / "lock", "ab")  # noqa: SIM115 (held)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    except OSError:
        return lock  # a file system without locks
    if not (path / "lock").exists() or os.stat(path / "lock").st_ino != os.fstat(lock.fileno()).st_ino:
        lock.close()  # who had it before has removed the folder
        return None
    return lock


def about_of(path: Path) -> dict[str, Any]:
    try:
        about = json.loads((path / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
