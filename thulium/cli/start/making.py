"""A project is made out of sight, and moved to its place when it is whole.

Whoever is killed meanwhile leaves nothing that looks like a project, and the same command starts anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from thulium_dsl.messages.problems import ThuliumError

SUFFIX = ".thulium-init"  # of the hidden folder in which a project is made; no one else gives such names
PATIENCE_S = 5  # for git or DVC of a command that was killed, which may still write there


@dataclass(frozen=True, slots=True)
class Making:
    """A project that is being made.

    Attributes:
        folder: where it will be.
        staging: a hidden folder beside that, in which it is now.
    """

    folder: Path
    staging: Path

    @property
    def project(self) -> Path:
        """Where it is now."""
        return self.staging / self.folder.name

    @property
    def has_own_repository(self) -> bool:
        """Whether git knows it alone; otherwise it is a part of a repository that was there before."""
        return (self.project / ".git").exists()

    def new(self) -> Path:
        """A folder on its disk, for what is to come into it."""
        # With the permissions that folders have here; the one that it lies in is for nobody else to look into.
        inside = Path(tempfile.mkdtemp(dir=self.staging)) / "data"
        inside.mkdir()
        return inside

    def run(self, *words: str, may_have_none: bool = False) -> None:
        """Run a command in the project.

        Args:
            may_have_none: it is a commit that may have nothing to keep.

        Raises:
            ThuliumError: it fails.
        """
        try:
            done = subprocess.run(words, cwd=self.project, capture_output=True, text=True, check=False)
        except OSError as error:
            raise ThuliumError(f"{self.folder} was not made: {words[0]}: {error.strerror}") from None
        if done.returncode and not (may_have_none and "nothing to commit" in done.stdout):
            what = f"{self.folder} was not made: {' '.join(words[:2])} failed:\n{done.stdout}{done.stderr}"
            raise ThuliumError(what.rstrip())


@contextlib.contextmanager
def making(folder: Path) -> Iterator[Making]:
    """Make a project in the block; at its end, it comes to its place. If it fails, nothing is left.

    Raises:
        ThuliumError: it cannot be made there, or another command is making it.
    """
    missing = [path for path in folder.parents if not os.path.lexists(path)]
    staging = folder.with_name(f".{folder.name}{SUFFIX}")
    try:
        with _claimed(staging, folder):
            _clear(staging, folder)
            place = Making(folder, staging)
            yield place
            _put(place)
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


@contextlib.contextmanager
def _claimed(staging: Path, folder: Path) -> Iterator[None]:
    """Have the hidden folder for this command alone; at the end, it goes."""
    from thulium.runtime.unfinished import lock_of

    try:
        staging.mkdir(parents=True, exist_ok=True)
        lock = lock_of(staging)
    except OSError as error:
        what = f"{folder} was not made: {staging.parent}: {error.strerror}: name another place"
        raise ThuliumError(what) from None
    if lock is None:
        raise ThuliumError(f"{folder}: another `thulium init` is making it: wait until it has ended")
    with lock:
        try:
            yield
        except BaseException:
            _forget(staging)
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _clear(staging: Path, folder: Path) -> None:
    """Remove what is left of a command that was killed."""
    give_up = time.monotonic() + PATIENCE_S
    if found := [path for path in staging.iterdir() if path.name != "lock"]:
        _forget(staging)
    while found:
        for path in found:
            shutil.rmtree(path, ignore_errors=True)
        found = [path for path in staging.iterdir() if path.name != "lock"]
        if found and time.monotonic() > give_up:
            raise ThuliumError(f"{folder} was not made: {staging}: is left of one that was killed: remove it")


def _put(place: Making) -> None:
    is_part = not place.has_own_repository
    if is_part:
        _forget(place.staging)
    try:
        os.rename(place.project, place.folder)
    except OSError as error:
        raise ThuliumError(f"{place.folder} was not made: {error.strerror}: name a new folder") from None
    if is_part:
        with contextlib.suppress(OSError):
            subprocess.run(["git", "add", "."], cwd=place.folder, capture_output=True, check=False)


def _forget(staging: Path) -> None:
    """Take what was added to the index of a repository back: git and DVC did so on the way."""
    words = ["git", "rm", "-r", "--cached", "--quiet", "--force", "--ignore-unmatch", "--", staging.name]
    with contextlib.suppress(OSError):
        subprocess.run(words, cwd=staging.parent, capture_output=True, check=False)
