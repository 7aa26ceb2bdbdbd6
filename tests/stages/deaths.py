"""Lets a command die before, in and after each of its writes, and runs the same command again.

A process imports the engine once and forks a child for each death. In the child, an audit hook is told of all that
changes the file system; what changes nothing there (a folder that is there already) is no write. Run as a script, it
prints what came of it as JSON, since the process that runs tests has threads and cannot be forked.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

ENGINE = ("thulium.cli.main", "thulium.stages.prepare", "thulium.stages.train", "thulium.stages.evaluate")
LAZY = ("torch._dynamo", "torch.utils.tensorboard", "thulium.documents", "thulium_dsl.graph", "thulium_dsl.local", "thulium_dsl.validate", "thulium_dsl.project", "thulium_dsl.fill", "thulium_dsl.taken", "jsonschema")
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
# What differs from run to run: where TensorBoard's files of a project go, their names, numbers of processes, and the
# order in which a folder is emptied.
VARYING = (
    (r"\d{8}-\d{6}-run", "TIME-run"),
    (r"tfevents\.[^ ]*", "tfevents"),
    (r"\.\d+(\.gone)?\b(?=$|/| )", r".N\1"),
    (r"^(?:remove|rmdir) (.*(?:\.gone|\.thulium-prepare/(?:new|old)))/.*", r"remove from \1"),
)
NOT_COMPARED = re.compile(r"(runs|out/tensorboard)/|\.thulium/pace\.json$")

Tree = dict[str, tuple[int, ...]]  # path -> what tells one state of a file from another
Seen = Callable[[str], None]  # told of each event that may change the file system, before it happens


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


@dataclass(frozen=True)
class Outcome:
    """What a scenario came to.

    Attributes:
        writes: of the command, undisturbed, in their order.
        deaths: how many were tried.
        failures: each a text: when the command died, and what was wrong after the same command had run again.
    """

    writes: list[str]
    deaths: int
    failures: list[str]


@dataclass(frozen=True)
class Scenario:
    """A command, and what lies in the folder when it begins.

    Attributes:
        start: what makes the folder: functions of it, and commands that are run in it.
    """

    command: str
    start: tuple[Callable[[Path], None] | str, ...]


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


def record(folder: Path, report: Path) -> tuple[Seen, Callable[[], None]]:
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


def die(folder: Path, report: Path, death: Death) -> tuple[Seen, Callable[[], None]]:
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


class Place:
    """Where commands are run and die: one folder, since what some write depends on its name."""

    def __init__(self, root: Path) -> None:
        self.root, self.work, self.begun = root, root / "work", root / "begun"
        self.report, self.said = root / "report", root / "said"

    def run(self, command: str, watch: Callable[[Path, Path], Any] | None = None) -> int:
        """Run a command in the folder; its exit code, or what killed it as a negative number."""
        self.report.unlink(missing_ok=True)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os._exit(self._child(command, watch))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _child(self, command: str, watch: Callable[[Path, Path], Any] | None) -> int:
        said = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.chdir(self.work)
        sys.argv = ["thulium", *command.split()]
        seen, end = watch(self.work, self.report) if watch else (None, None)
        if seen:
            Hook(self.work, seen)
        code = _main()
        if end:
            end()
        return code

    def begin(self, scenario: Scenario) -> None:
        """Make the folder as it is when the command begins, and keep a copy."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        for step in scenario.start:
            if callable(step):
                step(self.work)
                continue
            command, _, moment = step.partition(" | dies at ")
            code = self.run(command, partial(_die_at, moment=moment) if moment else None)
            if code != (-signal.SIGKILL if moment else 0):
                raise RuntimeError(f"{step}: ended with {code}\n{self.said.read_text()}")
        shutil.rmtree(self.begun, ignore_errors=True)
        shutil.copytree(self.work, self.begun, symlinks=True)

    def begin_again(self) -> None:
        shutil.rmtree(self.work)
        shutil.copytree(self.begun, self.work, symlinks=True)


def _die_at(_folder: Path, _report: Path, moment: str) -> tuple[Seen, Callable[[], None]]:
    def seen(label: str) -> None:
        if re.search(moment, label):
            os.kill(os.getpid(), signal.SIGKILL)

    return seen, lambda: None


def _main() -> int:
    """Run the command line as its entry point does; its exit code."""
    from thulium.cli.main import main

    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def results(folder: Path) -> dict[str, str]:
    """Everything that lies in a folder, but for what is another each time: path -> digest."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not NOT_COMPARED.search(name):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "a folder"
    return found


def deaths_of(writes: Sequence[Write]) -> Iterator[Death]:
    """Before each write, which is after the one before it, in each that can be cut, and at the end.

    What is written to a file piece by piece, as TensorBoard's are, is one write.
    """
    for before, write in zip((None, *writes), writes):
        if before and write.label == before.label and not write.label.startswith("remove"):
            continue
        yield Death("before", write.event, write.label)
        if write.is_content:
            yield Death("in", write.event, write.label)
    yield Death("at the end", -1, "")


def sampled(deaths: Sequence[Death], most: int) -> list[Death]:
    """Some of them, spread over all; 0: all."""
    if not most or most >= len(deaths):
        return list(deaths)
    return [deaths[(2 * number + 1) * len(deaths) // (2 * most)] for number in range(most)]


def try_all(place: Place, scenario: Scenario, most: int) -> Outcome:
    """Let a command die at each of its writes (or at some of them), and run it again each time."""
    place.begin(scenario)
    code = place.run(scenario.command, record)
    if code:
        raise RuntimeError(f"{scenario.command}: ended with {code}\n{place.said.read_text()}")
    writes = [Write(**entry) for entry in json.loads(place.report.read_text(encoding="utf-8"))]
    expected = results(place.work)
    chosen = sampled([*deaths_of(writes)], most)
    failures = [f"{_say(death)}: {wrong}" for death in chosen if (wrong := try_one(place, scenario, death, expected))]
    return Outcome([write.label for write in writes], len(chosen), failures)


def _say(death: Death) -> str:
    return f"died {death.mode} {death.label}".rstrip()


def try_one(place: Place, scenario: Scenario, death: Death, expected: Mapping[str, str]) -> str:
    """What is wrong after a death and another run of the same command; empty if nothing is."""
    place.begin_again()
    code = place.run(scenario.command, partial(die, death=death))
    label = place.report.read_text(encoding="utf-8") if place.report.exists() else None
    if code != -signal.SIGKILL or label != death.label:
        return f"it did not die there, but ended with {code} at {label}\n{place.said.read_text()}"
    code = place.run(scenario.command)
    found = results(place.work)
    odd = [name for name in sorted(found.keys() | expected.keys()) if found.get(name) != expected.get(name)]
    if code or odd:
        return f"the same command ended with {code}, other than expected: {odd}\n{place.said.read_text()}"
    return ""


def load_engine() -> None:
    """Import all that commands need, and let Arrow, which opens files by itself, tell of it."""
    import pyarrow

    for name in (*ENGINE, *LAZY):
        importlib.import_module(name)
    opened = pyarrow.OSFile

    def open_file(path: str, mode: str = "r", **more: Any) -> Any:
        sys.audit("open", path, mode, os.O_WRONLY | os.O_CREAT if "w" in mode else os.O_RDONLY)
        return opened(path, mode, **more)

    pyarrow.OSFile = open_file


def main() -> None:
    from lives import SCENARIOS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS], help="default: all")
    parser.add_argument("--most", type=int, default=0, help="deaths of each scenario, spread over all; 0: all")
    options = parser.parse_args()
    load_engine()
    with tempfile.TemporaryDirectory(prefix="thulium-deaths-") as folder:
        place = Place(Path(folder).resolve())
        for name in options.scenarios or SCENARIOS:
            print(json.dumps({"name": name, **asdict(try_all(place, SCENARIOS[name], options.most))}), flush=True)


if __name__ == "__main__":
    main()
