"""The trainings of a curve, as experiments of DVC: which there are, which wait, and how others are started."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline.plan import read_yaml
from thulium_dsl.pipeline.trained import METRICS, Trained, trained

LOCK = "dvc.lock"
REFS = re.compile(r"(\S+) (\d+) refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/(\S+)")
TASKS = re.compile(r"^[0-9a-f]{7} +(\S+) .* (\w+)$", re.MULTILINE)
QUEUE = Path(".dvc") / "tmp" / "exps" / "celery"


@dataclass(frozen=True, slots=True)
class Finished:
    """A training that is finished and evaluated.

    Attributes:
        name: of the experiment; empty for what stands in the project itself.
        at: when, in seconds of the Unix clock.
        metrics: what its metrics.json holds.
    """

    name: str
    at: int
    of: Trained
    metrics: Mapping[str, Any]

    @property
    def cer(self) -> float:
        """Its CER on the lines that are evaluated."""
        return float(self.metrics["cer"])

    @property
    def characters(self) -> int | None:
        """That the CER is over; None where that is not said."""
        measured = self.metrics.get("measured")
        number = measured.get("characters") if isinstance(measured, dict) else None
        return number if isinstance(number, int) and number > 0 else None


def finished(root: Path) -> list[Finished]:
    """What was trained in a project: the workspace, the last commit and all experiments, of whatever commit.

    Raises:
        ThuliumError: git knows nothing of the folder.
    """
    refs = _git(root, "for-each-ref", "--format=%(objectname) %(committerdate:unix) %(refname)", "refs/exps")
    prefix = _git(root, "rev-parse", "--show-prefix").strip()
    found = [(match[1], int(match[2]), match[3]) for match in map(REFS.fullmatch, refs.splitlines()) if match]
    commits = [("HEAD", 0, ""), *found]
    names = [f"{commit}:{prefix}{file}" for commit, _, _ in commits for file in (LOCK, METRICS)]
    contents = list(_contents(root, names))
    pairs = [(_read(root / LOCK), _read(root / METRICS)), *zip(contents[::2], contents[1::2], strict=True)]
    ends = [(0, ""), *((at, name) for _, at, name in commits)]
    done = (_finished(name, at, lock, metrics) for (at, name), (lock, metrics) in zip(ends, pairs, strict=True))
    return [each for each in done if each]


def _finished(name: str, at: int, lock: bytes | None, metrics: bytes | None) -> Finished | None:
    """A training; None where it is not finished, or its figures are not those that DVC has locked."""
    if lock is None or metrics is None:
        return None
    of = trained(read_yaml(lock.decode("utf-8", "replace")))
    if of is None or of.metrics != hashlib.md5(metrics, usedforsecurity=False).hexdigest():
        return None
    try:
        held = json.loads(metrics)
    except ValueError:
        return None
    return Finished(name, at, of, held) if isinstance(held, dict) and _is_number(held.get("cer")) else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def waiting(root: Path) -> dict[str, str]:
    """The experiments of DVC's queue: name -> "queued", "running", "success" or "failed"."""
    if not (root / QUEUE).is_dir():
        return {}
    done = subprocess.run([*_DVC, "queue", "status"], cwd=root, capture_output=True, text=True, errors="replace")
    return {match[1]: match[2].lower() for match in TASKS.finditer(done.stdout)}


def train(root: Path, name: str, overrides: Sequence[str]) -> None:
    """Train and evaluate in a temporary copy of the project, as an experiment of DVC; to its end.

    Raises:
        ThuliumError: it failed; DVC and Thulium have said why.
        KeyboardInterrupt: Ctrl-C was pressed; what was trained is kept, and the same experiment goes on from there.
    """
    code = _to_its_end([*_DVC, "exp", "run", "--temp", *_words(name, overrides)], root)
    if code:
        raise ThuliumError(
            f"{name} failed, see above; what was finished before stays\n"
            "  help: mend what is said there, and run the same command again: it goes on with what is missing"
        )


def queue(root: Path, name: str, overrides: Sequence[str]) -> None:
    """Put an experiment into DVC's queue.

    Raises:
        ThuliumError: DVC refuses it; says what DVC says.
    """
    words = [*_DVC, "exp", "run", "--queue", *_words(name, overrides)]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise ThuliumError(f"{name}: DVC does not queue it:\n{done.stderr.strip() or done.stdout.strip()}")


def forget(root: Path, name: str) -> None:
    """Take a task that has ended out of DVC's queue, so that its name is free."""
    subprocess.run([*_DVC, "queue", "remove", name], cwd=root, capture_output=True)


_DVC = (sys.executable, "-m", "dvc")


def _words(name: str, overrides: Sequence[str]) -> list[str]:
    # From train on: the prepared lines are there, and what they were made from need not be in the copy.
    return ["--downstream", "train", "--name", name, *(word for each in overrides for word in ("-S", each))]


def _to_its_end(words: Sequence[str], root: Path) -> int:
    """Run a command that answers Ctrl-C itself, and wait for it in any case; its exit code."""
    pressed: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        pressed.append(number)

    from thulium.runtime.signals import die_with_parent

    with _answered_by(note):
        process = subprocess.Popen(words, cwd=root, preexec_fn=die_with_parent)  # this process has one thread
        code = process.wait()
    if pressed:
        raise KeyboardInterrupt
    return code


@contextlib.contextmanager
def _answered_by(handler: Any) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, errors="replace")
        said = "" if done.returncode == 0 else done.stderr.strip()
    except OSError as error:
        said = f"git: {error.strerror}"
    if said:
        raise ThuliumError(f"{root.resolve()}: experiments of DVC stand in git, which says: {said}")
    return done.stdout


def _contents(root: Path, names: Sequence[str]) -> Iterator[bytes | None]:
    """What files of commits hold, one after the other; None of one that is not there."""
    asked = "".join(f"{name}\n" for name in names).encode()
    rest = subprocess.run(["git", "cat-file", "--batch"], cwd=root, input=asked, capture_output=True).stdout
    for _ in names:
        head, _, rest = rest.partition(b"\n")
        words = head.split(b" ")
        if len(words) == 3 and words[1] == b"blob":
            size = int(words[2])
            yield rest[:size]
            rest = rest[size + 1 :]
        else:
            yield None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def is_tracked(root: Path, name: str) -> bool:
    """Whether git knows a file."""
    return bool(_git(root, "ls-files", name).strip())
