"""What changes the file system, as a process sees it of itself; and how it dies there."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Audit event -> for each path in its arguments: its place there, and that of the folder that it is relative to.
PATHS = {
    "open": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.link": ((0, 2), (1, 3)),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
}
# What differs from run to run: where TensorBoard's files of a project go, their names, numbers of processes, the digest
# of the engine's files, and the order in which a folder is emptied.
VARYING = (
    (r"\d{8}-\d{6}-run(-\d+)?", "TIME-run"),
    (r"tfevents\.[^ ]*", "tfevents"),
    (r"(\.thulium/resume/\.?)[0-9a-f]{16}", r"\1DIGEST"),
    (r"\.\d+(\.gone)?\b(?=$|/| )", r".N\1"),
    (r"^(?:remove|rmdir) (.*(?:\.gone|\.thulium-prepare/(?:new|old)))/.*", r"remove from \1"),
)

Tree = dict[str, tuple[int, ...]]  # path -> what tells one state of a file from another
Seen = Callable[[str], None]  # told of each event that may change the file system, before it happens
Ending = Callable[[], None]  # called when the command has ended


@dataclass(frozen=True)
class Write:
    """A change of the file system by the command when nobody disturbs it.

    Attributes:
        event: its number, among those that may change something.
        label: what is done, to what.
        is_content: whether a file's bytes are written, so that it can be cut in the middle.
    """

    event: int
    label: str
    is_content: bool


@dataclass(frozen=True)
class Death:
    """When a command dies: before a write, with half of it done, or at its end."""

    mode: str  # "before", "in", "at the end"
    event: int
    label: str


class Hook:
    """Tells of all that may change the file system below a folder."""

    def __init__(self, folder: Path, seen: Seen) -> None:
        self.folder, self.seen, self.own = str(folder), seen, threading.local()
        self.process = os.getpid()
        sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in PATHS or getattr(self.own, "is_busy", False) or os.getpid() != self.process:
            return
        if event == "open" and not _opens_to_write(args[2]):
            return
        paths = [_path(args, *places) for places in PATHS[event]]
        if not any(path.startswith(self.folder + os.sep) for path in paths):
            return
        self.own.is_busy = True
        try:
            self.seen(_label(event, paths, self.folder))
        finally:
            self.own.is_busy = False


def _opens_to_write(flags: int) -> bool:
    return flags & os.O_ACCMODE != os.O_RDONLY or bool(flags & (os.O_CREAT | os.O_TRUNC))


def _path(args: tuple[Any, ...], place: int, folder: int | None) -> str:
    if isinstance(args[place], int):  # a descriptor: seen when it was opened
        return ""
    number = -1 if folder is None else args[folder]
    base = os.getcwd() if number == -1 else os.readlink(f"/proc/self/fd/{number}")
    return os.path.normpath(os.path.join(base, os.fsdecode(args[place])))


def _label(event: str, paths: Sequence[str], folder: str) -> str:
    label = f"{event.removeprefix('os.')} {' -> '.join(os.path.relpath(path, folder) for path in paths)}"
    for pattern, name in VARYING:
        label = re.sub(pattern, name, label)
    return label


def tree(folder: Path) -> Tree:
    """All files and folders below a folder."""
    found: Tree = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        is_folder = stat.S_ISDIR(facts.st_mode)
        more = () if is_folder else (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        found[str(path.relative_to(folder))] = (facts.st_mode, *more)
    return found


def written(before: Tree, after: Tree) -> tuple[str, int] | None:
    """The file whose bytes were written between two moments, and its size when half of that was; None if none was."""
    sizes = {entry[1]: entry[2] for entry in before.values() if entry[1:]}
    known = {entry[1:] for entry in before.values() if entry[1:]}  # also under another name
    fresh = [(entry[3], path) for path, entry in after.items() if entry[1:] and entry[1:] not in known]
    if not fresh:
        return None
    _, path = max(fresh)
    _, number, size, _ = after[path]
    old = sizes.get(number, 0)
    return (path, (old + size) // 2) if size > old else (path, size // 2) if size else None


def record(folder: Path, report: Path) -> tuple[Seen, Ending]:
    """Notes every write; returns what is told of each event, and what is called at the end."""
    events: list[tuple[str, Tree]] = []

    def end() -> None:
        trees = [*(found for _, found in events[1:]), tree(folder)]
        writes = [
            asdict(Write(number, label, written(before, after) is not None))
            for number, ((label, before), after) in enumerate(zip(events, trees))
            if before != after
        ]
        report.write_text(json.dumps(writes), encoding="utf-8")

    return lambda label: events.append((label, tree(folder))), end


def die_at(pattern: str) -> tuple[Seen, Ending]:
    """Ends this process before the first event whose label has a pattern in it."""

    def seen(label: str) -> None:
        if re.search(pattern, label):
            os.kill(os.getpid(), signal.SIGKILL)

    return seen, lambda: None


def die(folder: Path, report: Path, death: Death) -> tuple[Seen, Ending]:
    """Ends this process as a death says."""
    count, before = 0, Tree()

    def kill(label: str) -> None:
        report.write_text(label, encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)

    def half() -> None:
        if found := written(before, tree(folder)):
            os.truncate(folder / found[0], found[1])
        kill(death.label)

    def seen(label: str) -> None:
        nonlocal count, before
        number, count = count, count + 1
        if number == death.event and death.mode == "before":
            kill(label)
        elif number == death.event and death.mode == "in":
            before = tree(folder)
            if label != death.label:
                kill(label)
        elif number == death.event + 1 and death.mode == "in":
            half()

    return seen, lambda: half() if death.mode == "in" else kill(death.label)
