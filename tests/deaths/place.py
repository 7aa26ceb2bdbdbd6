"""Where commands die, and are run again."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from deaths.events import Death, Ending, Hook, Seen, Write, die, die_at, record

ENGINE = (
    "thulium.cli.main",
    "thulium.stages.prepare",
    "thulium.stages.train",
    "thulium.stages.evaluate",
    "thulium.stages.pretrain",
)
LANGUAGE = (
    *("grammar.idle", "grammar.include", "grammar.local", "grammar.validate", "edit.fill"),
    *("pipeline.dvc_yaml", "pipeline.graph", "pipeline.pace", "pipeline.project", "pipeline.taken"),
)
# What commands import late: 2 s for each run if the process that forks them has not.
LATE = ("thulium.runtime.documents", "torch._dynamo", "torch.utils.tensorboard", "jsonschema", "pydantic.type_adapter")
NOT_COMPARED = re.compile(r"(runs|out/tensorboard)/|\.thulium/pace\.json$")

Step = Callable[[Path], None] | str  # a function of the folder; or a command, `| dies at` and a part of a label


@dataclass(frozen=True)
class Scenario:
    """A command, and the steps that make what lies in the folder when it begins."""

    command: str
    start: tuple[Step, ...]


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


class Place:
    """A folder in which commands run and die: always the same, since what some write depends on its name."""

    def __init__(self, root: Path) -> None:
        self.work, self.report, self.said = root / "work", root / "report", root / "said"
        self._kept = root / "kept"  # a copy of the folder after each step that was asked for
        self._begun = self.work  # the one that the scenario begins with
        self._places: dict[tuple[Step, ...], Path] = {}

    def begin(self, steps: tuple[Step, ...]) -> None:
        """Make the folder as it is when the command begins."""
        known = max((number for number in range(len(steps) + 1) if steps[:number] in self._places), default=0)
        shutil.rmtree(self.work, ignore_errors=True)
        if known:
            shutil.copytree(self._places[steps[:known]], self.work, symlinks=True)
        else:
            self.work.mkdir()
        for number in range(known, len(steps)):
            self._take(steps[number])
            kept = self._places[steps[: number + 1]] = self._kept / str(len(self._places))
            shutil.copytree(self.work, kept, symlinks=True)
        self._begun = self._places[steps]

    def begin_again(self) -> None:
        shutil.rmtree(self.work)
        shutil.copytree(self._begun, self.work, symlinks=True)

    def run(self, command: str, watch: Callable[[], tuple[Seen, Ending]] | None = None) -> int:
        """Run a command in the folder; its exit code, or what killed it as a negative number.

        Args:
            watch: called in the process of the command, before it begins.
        """
        self.report.unlink(missing_ok=True)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os._exit(self._child(command, watch))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _child(self, command: str, watch: Callable[[], tuple[Seen, Ending]] | None) -> int:
        said = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.chdir(self.work)
        sys.argv = ["thulium", *command.split()]
        if watch is None:
            return _main()
        seen, end = watch()
        Hook(self.work, seen)
        code = _main()
        end()
        return code

    def _take(self, step: Step) -> None:
        if callable(step):
            step(self.work)
            return
        command, _, moment = step.partition(" | dies at ")
        code = self.run(command, partial(die_at, moment) if moment else None)
        if code != (-signal.SIGKILL if moment else 0):
            raise RuntimeError(f"{step}: ended with {code}\n{self.said.read_text(encoding='utf-8')}")


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


def sampled(deaths: Sequence[Death], share: float) -> list[Death]:
    """A share of them, spread over all; at least one."""
    number = max(1, round(share * len(deaths)))
    return [deaths[(2 * place + 1) * len(deaths) // (2 * number)] for place in range(number)]


def try_deaths(place: Place, scenario: Scenario, share: float) -> Outcome:
    """Let a command die at each of its writes (or at a share of them), and run it again each time.

    Raises:
        RuntimeError: the command fails when nobody disturbs it, or writes something that was not seen.
    """
    place.begin(scenario.start)
    before = results(place.work)
    code = place.run(scenario.command, partial(record, place.work, place.report))
    said = place.said.read_text(encoding="utf-8")
    if code:
        raise RuntimeError(f"{scenario.command}: ended with {code}\n{said}")
    writes = [Write(**entry) for entry in json.loads(place.report.read_text(encoding="utf-8"))]
    expected = results(place.work)
    if unseen := _unseen(before, expected, writes):
        raise RuntimeError(f"{scenario.command}: nobody saw who wrote {unseen}")
    chosen = sampled([*deaths_of(writes)], share)
    tried = {death: _try_one(place, scenario, death, expected) for death in chosen}
    failures = [f"died {death.mode} {death.label}: {wrong}" for death, wrong in tried.items() if wrong]
    return Outcome([write.label for write in writes], len(chosen), failures)


def _unseen(before: Mapping[str, str], after: Mapping[str, str], writes: Sequence[Write]) -> list[str]:
    """What a command has changed although no write was seen, neither of it nor of the folder that holds it."""
    seen = {path for write in writes for path in write.label.partition(" ")[2].split(" -> ")}
    new = [name for name, digest in after.items() if before.get(name) != digest]
    return [name for name in new if not seen & {name, *map(str, Path(name).parents)}]


def _try_one(place: Place, scenario: Scenario, death: Death, expected: Mapping[str, str]) -> str:
    """What is wrong after a death and another run of the same command; empty if nothing is."""
    place.begin_again()
    code = place.run(scenario.command, partial(die, place.work, place.report, death))
    label = place.report.read_text(encoding="utf-8") if place.report.exists() else None
    if code != -signal.SIGKILL or label != death.label:
        return f"it ended with {code} at {label}\n{place.said.read_text(encoding='utf-8')}"
    code = place.run(scenario.command)
    found = results(place.work)
    odd = [name for name in sorted(found.keys() | expected.keys()) if found.get(name) != expected.get(name)]
    if code or odd:
        what = f"the same command ended with {code}; other than undisturbed: {odd}"
        return f"{what}\n{place.said.read_text(encoding='utf-8')}"
    return ""


def load_engine() -> None:
    """Import all that commands need, and let Arrow, which opens files by itself, tell of it."""
    import pyarrow

    for name in (*ENGINE, *LATE, *(f"thulium_dsl.{name}" for name in LANGUAGE)):
        importlib.import_module(name)
    opened = pyarrow.OSFile

    def open_file(path: str, mode: str = "r", **more: Any) -> Any:
        sys.audit("open", path, mode, os.O_WRONLY | os.O_CREAT if "w" in mode else os.O_RDONLY)
        return opened(path, mode, **more)

    pyarrow.OSFile = open_file
