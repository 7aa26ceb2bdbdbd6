"""Does an experiment survive anything? Kills a small pipeline at random moments, runs the same command until it ends,
and compares what comes out, byte for byte, with a run that nobody disturbed.

Needs Linux; the full disk needs the right to mount (root), and is left out without it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import lab

PATIENCE_S = 60  # for processes to go away
MOST_RUNS = 8  # of the same command after a kill
IN_TRAINING = 0.5  # share of the kills that wait for the training to begin


@dataclass
class Lab:
    """A prepared project for each number of processes, and what it yields undisturbed.

    Attributes:
        target: the stage that is run to, with those before it; empty: all of them.
    """

    folder: Path
    run: lab.Shell
    target: str = ""
    projects: dict[int, Path] = field(default_factory=dict)
    expected: dict[int, dict[str, str]] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)

    def project(self, processes: int) -> Path:
        """The project, made and run to its end once when it is first asked for."""
        if processes not in self.projects:
            project = lab.start_project(self.folder / f"project-{processes}", self.run)
            text = lab.longer(lab.DOCUMENT).replace("processes: 1", f"processes: {processes}")
            (project / "params.yaml").write_text(
                text.replace("resume_every_minutes: 0.002", "resume_every_minutes: 1e-6")
            )
            lab.commit(project, self.run)
            undisturbed = shutil.copytree(project, self.folder / f"undisturbed-{processes}", symlinks=True)
            start = time.monotonic()
            self.run(*self.command, cwd=undisturbed)
            self.seconds[processes] = time.monotonic() - start
            self.expected[processes] = results(undisturbed)
            self.projects[processes] = project
        return self.projects[processes]

    @property
    def command(self) -> tuple[str, ...]:
        return ("dvc", "repro", self.target) if self.target else ("dvc", "repro")


def results(project: Path) -> dict[str, str]:
    return lab.digests(project, "data", *lab.RESULTS)


@dataclass
class Victim:
    """A run that something is done to."""

    folder: Path
    process: subprocess.Popen[str]
    draw: random.Random
    seconds: float  # that the command takes undisturbed

    def first(self, variable: str) -> list[int]:
        """Processes that have a variable, as soon as there are some.

        Raises:
            ProcessLookupError: the command ended before.
        """
        while self.process.poll() is None:
            processes = lab.processes_in(self.folder).items()
            if found := sorted(number for number, variables in processes if variable in variables):
                return found
            time.sleep(0.05)
        raise ProcessLookupError


def stage(victim: Victim) -> None:
    os.kill(victim.first("DVC_STAGE")[0], signal.SIGKILL)


def rank(victim: Victim) -> None:
    victim.first("RANK")
    time.sleep(victim.draw.uniform(0, 0.2) * victim.seconds)
    os.kill(victim.draw.choice(victim.first("RANK")), signal.SIGKILL)


def dvc(victim: Victim) -> None:
    os.kill(victim.process.pid, signal.SIGKILL)


def group(victim: Victim) -> None:
    os.killpg(victim.process.pid, signal.SIGKILL)


def terminate(victim: Victim) -> None:
    os.killpg(victim.process.pid, signal.SIGTERM)


def truncated_checkpoint(victim: Victim) -> None:
    group(victim)
    lab.wait_until_none_is_left(victim.folder, PATIENCE_S)
    found = [*victim.folder.glob("checkpoints/*"), *victim.folder.glob(".thulium/resume/*/files/*")]
    found += sorted(victim.folder.glob(".thulium/resume/*/*.state"))[-1:]
    for path in found and [victim.draw.choice(sorted(found))]:
        content = path.read_bytes()
        path.unlink()  # it may be a link into DVC's cache, which is not what is damaged here
        path.write_bytes(content[: victim.draw.randrange(max(1, len(content)))])


def removed_shard(victim: Victim) -> None:
    group(victim)
    lab.wait_until_none_is_left(victim.folder, PATIENCE_S)
    found = sorted(victim.folder.glob("data/prepared*/*/*.arrow"))
    for path in found and [victim.draw.choice(found)]:
        path.unlink()


def full_disk(victim: Victim) -> None:
    """Leave the disk with little room, and make room again when the command has failed of it."""
    used = sum(path.lstat().st_size for path in victim.folder.rglob("*") if path.is_file())
    resize(victim.folder, used + victim.draw.randrange(4_000_000))
    with contextlib.suppress(subprocess.TimeoutExpired):
        victim.process.communicate(timeout=PATIENCE_S)
    resize(victim.folder, 1_000_000_000)


def resize(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=False, capture_output=True)


# What is done, and how many processes train.
KINDS: dict[str, tuple[Callable[[Victim], None], int]] = {
    "SIGKILL of the stage": (stage, 1),
    "SIGKILL of one rank": (rank, 2),
    "SIGKILL of dvc": (dvc, 1),
    "SIGKILL of the whole group": (group, 1),
    "SIGKILL of the whole group, two ranks": (group, 2),
    "SIGTERM": (terminate, 1),
    "full disk": (full_disk, 1),
    "truncated checkpoint": (truncated_checkpoint, 1),
    "removed shard": (removed_shard, 1),
}


@dataclass(frozen=True)
class Outcome:
    """Of a run that was disturbed some times.

    Attributes:
        kills: how many met a command that had not ended yet.
        resumed: how often a training was resumed.
        lost: files that differ from those of the undisturbed run, or what went wrong.
    """

    kills: int
    resumed: int
    lost: tuple[str, ...]


def disturb(place: Lab, kind: str, kills: int, seed: int) -> Outcome:
    """Run the pipeline, disturbing it some times at random moments, until it ends."""
    act, processes = KINDS[kind]
    source, draw = place.project(processes), random.Random(seed)
    folder = place.folder / f"run-{seed}"
    folder.mkdir()
    with on_a_disk_of_its_own(folder) if kind == "full disk" else contextlib.nullcontext():
        shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)
        done = said = 0
        for _ in range(kills):
            process = place.run.start(*place.command, cwd=folder)
            start = time.monotonic()
            if draw.random() < IN_TRAINING:
                wait_for_training(folder, process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=draw.uniform(0.05, 0.6) * place.seconds[processes])
                place.seconds[processes] = max(5.0, time.monotonic() - start)  # the machine was busier before
                break
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                if process.poll() is None:
                    act(Victim(folder, process, draw, place.seconds[processes]))
                    done += 1
            said += process.communicate(timeout=PATIENCE_S)[1].count("resuming from")
            lab.wait_until_none_is_left(folder, PATIENCE_S)
        for _ in range(MOST_RUNS):
            last = place.run(*place.command, cwd=folder, code=None)
            said += last.stderr.count("resuming from")
            if last.returncode == 0:
                break
        found, expected = results(folder), place.expected[processes]
        differing = [name for name in sorted(found.keys() | expected) if found.get(name) != expected.get(name)]
        left = [path.name for path in folder.glob(".thulium/resume/*")]
        lost = (*differing, *left, *([last.stderr] if last.returncode else []))
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(done, said, lost)


def wait_for_training(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until the stage that trains runs, or the command has ended."""
    while process.poll() is None:
        if any(variables.get("DVC_STAGE") == "train" for variables in lab.processes_in(folder).values()):
            return
        time.sleep(0.1)


@contextlib.contextmanager
def on_a_disk_of_its_own(folder: Path):  # type: ignore[no-untyped-def]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(folder)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def can_mount(folder: Path) -> bool:
    """Whether this process may mount a small disk."""
    folder.mkdir(exist_ok=True)
    try:
        with on_a_disk_of_its_own(folder):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--per-run", type=int, default=4, help="kills of one pipeline before it may end")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="thulium-chaos-"))
        place = Lab(Path(name), lab.Shell(lab.environment(Path(name))))
        kinds = [kind for kind in KINDS if kind != "full disk" or can_mount(Path(name) / "disk")]
        table = {kind: Counter() for kind in kinds}
        stack.callback(print_table, table)  # also of what there is when it is stopped
        seed = options.seed
        while sum(row["kills"] for row in table.values()) < options.kills:
            kind = min(kinds, key=lambda kind: table[kind]["kills"])
            outcome = disturb(place, kind, options.per_run, seed)
            row = table[kind]
            row["kills"] += outcome.kills
            row["resumed"] += outcome.resumed
            row["runs"] += 1
            row["identical"] += not outcome.lost
            row["lost"] += bool(outcome.lost)
            print(f"{kind} (seed {seed}): {outcome}", file=sys.stderr, flush=True)
            seed += 1
    sys.exit(any(row["lost"] for row in table.values()))


def print_table(table: dict[str, Counter[str]]) -> None:
    columns = ("kills", "resumed", "runs", "identical", "lost")
    total = sum(table.values(), Counter())
    print(f"| kind | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for kind, row in {**table, "all": total}.items():
        print(f"| {kind} | {' | '.join(str(row[name]) for name in columns)} |")


if __name__ == "__main__":
    main()
