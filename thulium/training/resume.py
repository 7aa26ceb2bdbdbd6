"""Where a training that was cut is found again: a folder of its own, for as long as it is not finished.

``<root>/<digest>/`` holds, for the training whose settings, data and engine have that digest:

    lock, about.json   see thulium/runtime/unfinished.py
    000007.state       the newest state, 000006.state the one before it: a digest, then what torch.save wrote
    files/             the checkpoints of these states, since a training begins by removing those where it puts its own;
                       where the disk allows it, a second name of the same file, which costs neither time nor room

A second training of the same settings that runs meanwhile elsewhere, as in DVC's queue, takes ``<digest>-2``.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import torch

from thulium.runtime.errors import WorldError
from thulium.runtime.files import replace_bytes, replace_text
from thulium.runtime.progress import say
from thulium.runtime.unfinished import FOLDER, about_of, folders, is_held, lock_of, remove, sweep
from thulium.training.checkpoints import OURS
from thulium.training.state import unpacked

COPY = re.compile(r"[0-9a-f]{32}-[a-z0-9.-]+")  # the name of a checkpoint's copy: its digest, and its own name
KEPT = 2  # states: the newest may turn out to be damaged
WAIT_S = 60  # for a training of the same folder that is about to end


class ResumeFolder:
    """The folder of one training, which this process holds.

    Attributes:
        path: the folder.
        about: what is written down of the training for people and other commands; nothing depends on it.
        run_dir: the folder that TensorBoard reads; kept in the states, since a training goes on writing there.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path, self.about, self.run_dir = path, about, ""
        self._copies: dict[Path, tuple[tuple[int, int], str]] = {}  # checkpoint -> (its stat, name of its copy)
        self._used: dict[int, set[str]] = {}  # number of a state -> names of the copies that it needs

    def load(self, misfit: Callable[[dict[str, Any]], str] = lambda _state: "") -> dict[str, Any] | None:
        """The newest state that is whole and fits; None if there is none. Others are named, and removed.

        Args:
            misfit: says in what a state differs from one of the training; nothing: in nothing.
        """
        states = self._states()
        for path in reversed(states):
            state = _read(path)
            broken = path if state is None else self._first_broken(state["files"])
            why = f"{broken} is damaged or not complete" if broken else ""
            if state is not None and not why:
                odd = misfit(state)
                why = f"{path} is whole, but no state of this training ({odd})" if odd else ""
            if state is not None and not why:
                self._used = {int(path.stem): set(state["files"].values())}
                self.run_dir = state["run_dir"]
                return state
            then = "the training starts anew" if path == states[0] else "the state before it is used"
            say(f"warning: {why}: it is left out, and {then}")
            path.unlink()
        return None

    def save(self, state: Mapping[str, Any], checkpoints: Mapping[str, Path]) -> None:
        """Keep a state, and the checkpoints that belong to it; the one before it stays until this one is whole.

        Args:
            checkpoints: by their names below the folder of checkpoints.

        Raises:
            OSError: the disk does not take it.
        """
        (self.path / "files").mkdir(parents=True, exist_ok=True)
        files = {name: self._copy(path) for name, path in checkpoints.items()}
        content = io.BytesIO()
        torch.save({**state, "files": files, "run_dir": self.run_dir}, content)
        number = int(self._states()[-1].stem) + 1 if self._states() else 1
        replace_bytes(self.path / f"{number:06}.state", _seal(content.getbuffer()), content.getbuffer())
        self._used[number] = set(files.values())
        replace_text(self.path / "about.json", json.dumps(self.about, indent=2) + "\n")
        self._remove_old()

    def restore(self, state: Mapping[str, Any], folder: Path) -> None:
        """Put the checkpoints of a state where the training had them."""
        for name, copy in state["files"].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(folder / name, (self.path / "files" / copy).read_bytes())

    def empty(self) -> None:
        """Forget the states."""
        for path in self._states():
            path.unlink()

    def note_end(self) -> None:
        """Note that the training is as good as finished: who finds its results whole need not resume it."""
        self.about["is_finished"] = True
        replace_text(self.path / "about.json", json.dumps(self.about, indent=2) + "\n")

    def remove(self) -> None:
        """Remove the folder: the training is finished."""
        remove(self.path)

    def _states(self) -> list[Path]:
        return sorted(self.path.glob("*.state"))

    def _copy(self, path: Path) -> str:
        stat = path.stat()
        known = self._copies.get(path)
        if known and known[0] == (stat.st_mtime_ns, stat.st_size) and (self.path / "files" / known[1]).exists():
            return known[1]
        content = path.read_bytes()
        name = f"{hashlib.sha256(content).hexdigest()[:32]}-{path.name}"
        if not (self.path / "files" / name).exists():
            try:
                os.link(path, self.path / "files" / name)  # checkpoints are replaced, never written to
            except OSError:
                replace_bytes(self.path / "files" / name, content)
        self._copies[path] = ((stat.st_mtime_ns, stat.st_size), name)
        return name

    def _first_broken(self, files: Mapping[str, str]) -> Path | None:
        for copy in files.values():
            path = self.path / "files" / copy
            if not path.exists() or not copy.startswith(hashlib.sha256(path.read_bytes()).hexdigest()[:32]):
                path.unlink(missing_ok=True)
                return path
        return None

    def _remove_old(self) -> None:
        for path in self._states()[:-KEPT]:
            path.unlink()
            self._used.pop(int(path.stem), None)
        needed = set().union(*self._used.values())
        for path in (self.path / "files").iterdir():
            if path.name not in needed:
                path.unlink()


@contextlib.contextmanager
def held(root: Path, parts: Mapping[str, str], out: Path) -> Iterator[ResumeFolder]:
    """The folder of a training, held until the block ends.

    Args:
        root: holds the folders of all trainings.
        parts: name -> digest of everything that the training depends on.
        out: where it puts its results.

    Raises:
        WorldError: another process is training there, and does not end.
    """
    about = {"parts": dict(parts), "out": str(out.resolve()), "process": os.getpid(), "is_finished": False}
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    sweep(root)
    path, lock = _claim(root, digest, about)
    with lock:
        replace_text(path / "about.json", json.dumps(about_of(path) | about, indent=2) + "\n")
        yield ResumeFolder(path, about_of(path))


def others(root: Path, folder: ResumeFolder) -> list[tuple[str, ...]]:
    """What each unfinished training that nobody is at has different from this one."""
    found = []
    for path in folders(root):
        parts, own = about_of(path).get("parts"), folder.about["parts"]
        if not isinstance(parts, dict) or ("training" in parts) != ("training" in own):  # a pretraining is none
            continue
        if path != folder.path and any(path.glob("*.state")) and not is_held(path):
            found.append(tuple(name for name in own if parts.get(name) != own[name]))
    return found


def digest_of(paths: Sequence[Path]) -> str:
    """Of the names and the content of some files and of those in some folders."""
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            digest.update(file.name.encode() + b"\0")
            with open(file, "rb") as content:
                while block := content.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()[:16]


def kept_apart(folder: ResumeFolder | None, out: Path) -> Path:
    """A folder of ours for what is kept to be looked at, also when the training is over."""
    return folder.path.parent.parent / folder.path.name if folder else out / FOLDER.parent


def _claim(root: Path, digest: str, about: Mapping[str, Any]) -> tuple[Path, IO[bytes]]:
    """Lock a folder that has states and is free, or else a new one."""
    give_up = time.monotonic() + WAIT_S
    has_waited = False
    while True:
        there = sorted(root.glob(f"{digest}*"))
        for path in there:
            if lock := lock_of(path):
                return path, lock
        holders = [about_of(path) for path in there]
        holder = next((holder for holder in holders if holder.get("out") in (None, about["out"])), None)
        if holder is None:  # all are at work elsewhere
            path = root / (f"{digest}-{len(there) + 1}" if there else digest)
            path.mkdir(parents=True, exist_ok=True)
            if lock := lock_of(path):
                return path, lock
            continue
        if time.monotonic() > give_up:
            raise WorldError(f"{about['out']}: another process trains there already (number {holder.get('process')})")
        if not has_waited:
            say(f"waiting for process {holder.get('process')}, which is still at this training")
            has_waited = True
        time.sleep(0.2)


def _seal(content: memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n"


def _read(path: Path) -> dict[str, Any] | None:
    """A state; None if the file is not what was written."""
    seal, _, content = path.read_bytes().partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != seal:
        return None
    try:
        state = unpacked(content)
    except ValueError:  # written by another version of torch
        return None
    return state if _has_own_names(state) else None


def _has_own_names(state: Any) -> bool:
    """Whether the files that a state speaks of have names that a training gives: it decides where we write and read."""
    if not isinstance(state, dict) or not isinstance(state.get("run_dir"), str):
        return False
    files, kept = state.get("files"), state.get("checkpoints")
    if not isinstance(files, dict) or not isinstance(kept, dict):
        return False
    written, pending, periodic = [*files], kept.get("pending"), kept.get("periodic")
    if not isinstance(pending, dict) or not isinstance(periodic, list):
        return False
    written += [*pending, *(f"{name}.safetensors" for name in periodic)]
    return all(isinstance(name, str) and OURS.fullmatch(name) for name in written) and all(
        isinstance(copy, str) and COPY.fullmatch(copy) for copy in files.values()
    )
