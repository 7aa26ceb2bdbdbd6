"""Reads cases in processes of their own, so that one that crashes, does not end or eats memory is only a finding."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from fuzz.kind import Kind
from thulium_dsl.messages.problems import ThuliumError

LIMIT_S = 2.0  # of processor time, for a case
PATIENCE_S = 120.0  # of the clock: a case that sleeps, or a machine that has much to do
MEMORY = 2 * 2**30  # bytes above those of a process that has loaded all it needs
CHUNK = 50  # cases that a process is given at a time
KEPT = 25  # failures of a kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case; ``failure`` is empty where it was read or refused."""

    number: int
    is_accepted: bool
    failure: str
    seconds: float
    peak: int  # bytes above those of the process before its first case


@dataclass
class Totals:
    """What came of the cases of a kind."""

    kind: str
    accepted: int = 0
    refused: int = 0
    slowest: tuple[float, int] = (0.0, -1)  # seconds of processor time, number of the case
    peak: tuple[int, int] = (0, -1)  # bytes, number of the case
    failures: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count a case."""
        self.accepted += outcome.is_accepted and not outcome.failure
        self.refused += not (outcome.is_accepted or outcome.failure)
        self.slowest = max(self.slowest, (outcome.seconds, outcome.number))
        self.peak = max(self.peak, (outcome.peak, outcome.number))
        if outcome.failure:
            self.failures[outcome.number] = outcome.failure

    def __str__(self) -> str:
        number = self.accepted + self.refused + len(self.failures)
        (slowest, slow), (peak, large) = self.slowest, self.peak
        return (
            f"{self.kind:<11}{number:>7} cases: {self.accepted} accepted, {self.refused} refused, "
            f"{len(self.failures)} failed; slowest {slowest * 1000:.0f} ms (case {slow}); "
            f"peak memory +{peak / 2**20:.0f} MiB (case {large}); {self.seconds:.0f} s"
        )


def case(kind: Kind, seeds: Path, number: int, seed: int) -> Mapping[str, bytes]:
    """The changed files of a case; the same numbers give the same case."""
    return kind.change(seeds, random.Random(f"{seed}-{kind.name}-{number}"))


def fuzz(kind: Kind, cases: range, *, seed: int, jobs: int, keep: Path) -> Totals:
    """Read cases of a kind; inputs that fail are put below ``keep``."""
    start, totals = time.monotonic(), Totals(kind.name)
    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        _in_a_process(kind.make, seeds)
        for outcome in _outcomes(kind, seeds, cases, seed, jobs):
            totals.add(outcome)
            if outcome.failure and len(totals.failures) <= KEPT:
                _keep(kind, seeds, outcome, seed, keep)
    totals.seconds = time.monotonic() - start
    return totals


def _keep(kind: Kind, seeds: Path, outcome: Outcome, seed: int, keep: Path) -> None:
    place = keep / f"{kind.name}-{seed}-{outcome.number}"
    shutil.copytree(seeds, place / "input", dirs_exist_ok=True)
    for name, content in case(kind, seeds, outcome.number, seed).items():
        (place / "input" / name).write_bytes(content)
    (place / "failure.txt").write_text(outcome.failure, encoding="utf-8", errors="backslashreplace")


def _in_a_process(work: object, *arguments: object) -> None:
    """Do something in a process of its own: threads that a library starts do not survive a fork."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"the valid files could not be written: exit code {process.exitcode}")


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    left: list[int]  # cases that it was given and has not done; the first is the one that it is at
    since: float
    is_gone: bool = False

    def ask(self, numbers: list[int]) -> None:
        """Give it cases; none: it ends."""
        self.left, self.since = list(numbers), time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # it is gone, as will be seen
            self.connection.send(numbers)

    def received(self) -> Iterator[Outcome]:
        """What it has done since it was last asked."""
        try:
            while self.left and self.connection.poll():
                outcome = self.connection.recv()
                self.left.remove(outcome.number)
                self.since = time.monotonic()
                yield outcome
        except (EOFError, ConnectionResetError):
            self.is_gone = True
        if time.monotonic() - self.since > PATIENCE_S:
            self.process.kill()


def _outcomes(kind: Kind, seeds: Path, cases: range, seed: int, jobs: int) -> Iterator[Outcome]:
    chunks = [list(cases[first : first + CHUNK]) for first in range(0, len(cases), CHUNK)][::-1]
    workers: list[_Worker] = []
    try:
        while chunks or workers:
            while chunks and len(workers) < jobs:
                workers.append(_start(kind, seeds, seed))
                workers[-1].ask(chunks.pop())
            wait([worker.connection for worker in workers], timeout=1)
            for worker in list(workers):
                yield from worker.received()
                if worker.is_gone:
                    yield _lost(worker)
                    workers.remove(worker)
                    chunks += [worker.left] if worker.left else []
                elif not worker.left:
                    worker.ask(chunks.pop() if chunks else [])
            workers = [worker for worker in workers if worker.left]
    finally:
        for worker in workers:
            worker.process.kill()


def _start(kind: Kind, seeds: Path, seed: int) -> _Worker:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(kind, seeds, seed, theirs), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours, [], time.monotonic())


def _lost(worker: _Worker) -> Outcome:
    """The case that a process died of."""
    worker.process.join()
    code = worker.process.exitcode or 0
    names = {-signal.SIGPROF: f"took more than {LIMIT_S:g} s", -signal.SIGKILL: "was killed: it did not end"}
    why = names.get(code) or (f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with {code}")
    return Outcome(worker.left.pop(0), False, why, LIMIT_S if code == -signal.SIGPROF else 0.0, 0)


def _work(kind: Kind, seeds: Path, seed: int, connection: Connection) -> None:
    """Read cases as they are asked for, until none are."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # Linux: end with the parent
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(seeds, Path(place) / "case"))
        os.chdir(place)
        with contextlib.suppress(ThuliumError):
            kind.read(folder, 0)  # what is loaded only once is no case's fault
        _limit_memory()
        base = _peak()
        while numbers := connection.recv():
            for number in numbers:
                connection.send(_one(kind, seeds, folder, number, seed, base))


def _limit_memory() -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _one(kind: Kind, seeds: Path, folder: Path, number: int, seed: int, base: int) -> Outcome:
    changed = case(kind, seeds, number, seed)
    for name, content in changed.items():
        (folder / name).write_bytes(content)
    before = _peak()
    failure, is_accepted, seconds = _attempt(kind, folder, number)
    after = _peak()
    for path in sorted(folder.rglob("*"), reverse=True):
        if not (seeds / path.relative_to(folder)).exists():
            path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path, ignore_errors=True)
    for path in seeds.rglob("*"):
        copy = folder / path.relative_to(seeds)
        if path.is_file() and (str(path.relative_to(seeds)) in changed or not copy.exists()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return Outcome(number, is_accepted, failure, seconds, after - base if after > before else 0)


def _attempt(kind: Kind, folder: Path, number: int) -> tuple[str, bool, float]:
    """(failure, whether it was accepted, seconds) of a case. One that takes too long ends the process."""
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        kind.read(folder, number)
        return "", True, time.process_time() - start
    except ThuliumError as error:
        return _odd_message(str(error)), False, time.process_time() - start
    except BaseException:
        return traceback.format_exc(limit=-25), False, time.process_time() - start
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _odd_message(message: str) -> str:
    """What is wrong with a message: a terminal would obey it, or it has no end."""
    if not message.strip():
        return "refused without a word"
    if odd := next((char for char in message if not (char.isprintable() or char == "\n")), ""):
        return f"a message with U+{ord(odd):04X}: {message[:2000]!r}"
    return f"a message of {len(message)} characters: {message[:500]!r}" if len(message) > 20_000 else ""
