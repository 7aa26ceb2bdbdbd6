"""Prepared lines are replaced all together, and whatever else lies in their folder stays.

What is new is written into a folder of ours below theirs. When it is whole, the manifest goes first, then each file
and folder changes places, and the new manifest comes last. So wherever this is cut, either what was there is whole, or
there is no manifest and nobody takes it for prepared lines; the folder of ours then says whose the rest is.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from thulium.data.prepared import FOLD_TABLE, FOLDS, MANIFEST, SPLITS
from thulium.runtime.errors import DataError

WORK = ".thulium-prepare"
REPORTS = ("charset.json", "report.json", "report.html")
NAMES = (*SPLITS, "pages.ipc", *REPORTS, FOLD_TABLE, FOLDS)  # of what is written beside the manifest


@contextlib.contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """A new folder to write prepared lines into; they take the place of those in ``out`` when the block ends well.

    Args:
        out: made if it is not there; a link is followed.

    Raises:
        DataError: ``out`` is a file, or something of another origin has the name of what is written.
    """
    refuse_foreign(out)
    final = out.resolve()
    is_new = not final.exists()
    work = final / WORK
    new, old = work / "new", work / "old"
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        for left_over in (new, old):  # the folder that holds them stays: it says that the rest is ours
            shutil.rmtree(left_over, ignore_errors=True)
        new.mkdir()
        old.mkdir()
        yield new
        _exchange(final, new, old)
    except BaseException:
        _give_up(final, work, is_new)
        raise
    shutil.rmtree(work)


def refuse_foreign(out: Path) -> None:
    """Refuse a folder in which something that prepare has not written would be replaced.

    Raises:
        DataError: names it.
    """
    if out.is_file():
        raise DataError(f"{out}: is a file; name a folder")
    if (out / MANIFEST).exists() or (out / WORK).exists():
        return
    names = SPLITS if _is_report(out / "report.json") else NAMES
    taken = [name for name in names if (out / name).exists()]
    if taken:
        what = f"holds {', '.join(taken)}, which prepare has not written and would replace"
        raise DataError(f"{out}: {what}: name another folder")


def _is_report(path: Path) -> bool:
    """Whether a file is the report of a dry run."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and {"splits", "skipped"} <= set(report)


def _exchange(final: Path, new: Path, old: Path) -> None:
    (final / MANIFEST).unlink(missing_ok=True)
    for name in NAMES:
        if (final / name).exists() or (final / name).is_symlink():
            (final / name).rename(old / name)
        if (new / name).exists():  # with folds, they stand in place of the splits
            (new / name).rename(final / name)
    (new / MANIFEST).rename(final / MANIFEST)


def _give_up(final: Path, work: Path, is_new: bool) -> None:
    """Leave what was there; where that is no longer whole, our folder too."""
    for part in ("new", "old"):
        shutil.rmtree(work / part, ignore_errors=True)
    if (final / MANIFEST).exists() or not any((final / name).exists() for name in NAMES):
        shutil.rmtree(work, ignore_errors=True)
    if is_new:
        with contextlib.suppress(OSError):
            final.rmdir()
