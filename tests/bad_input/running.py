"""Runs prepare on a spoilt data set, through the command line's own main, and says what came of it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from bad_input import good
from bad_input.cases import Case
from thulium.cli.main import main
from thulium.data.shards import Split
from thulium.ingest.readers import image_search
from thulium.ingest.splitting import SPLITS

DOCUMENT, OUT = "experiment.yaml", "out"
COMMAND = ("thulium", "prepare", DOCUMENT, "--output-dir", OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did.

    Attributes:
        code: the exit code.
        printed: all that stood on the terminal.
        report: what report.json holds; nothing where there is none.
        texts: of the lines that were kept, by split.
        first: the pixels of train's first line; none where nothing was kept.
        changed: files that are new, gone or different, but for those below out/ where the run succeeded.
    """

    code: int
    printed: str
    report: Mapping[str, Any]
    texts: Mapping[str, list[str]]
    first: np.ndarray | None
    changed: list[str]

    @property
    def lines(self) -> dict[str, int]:
        """How many lines were kept of each split."""
        return {split: len(texts) for split, texts in self.texts.items()}

    @property
    def skipped(self) -> dict[str, int]:
        """Reason -> how many report.json counts."""
        return {reason: entry["count"] for reason, entry in self.report["skipped"].items()}


def prepare(folder: Path, kind: str, case: Case | None, on_error: str = "fail") -> None:
    """Write a data set and its document into a new folder."""
    folder.mkdir()
    root = good.write(kind, folder)
    if case:
        case.spoil(root)
    text = good.document(kind, on_error, case.document if case else {})
    (folder / DOCUMENT).write_text(text, encoding="utf-8")


def run(folder: Path) -> Outcome:
    """Run the command in a folder. An exception that is no exit, or a warning of another package, goes through."""
    image_search._listed.cache_clear()  # it knows folders by name and time, and here all folders have one name
    before = _files(folder)
    screen, code = io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        patch.chdir(folder)
        patch.setattr("sys.argv", list(COMMAND))
        patch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "100000")  # main sets it, and would leave it set
        patch.setenv("GOMP_SPINCOUNT", "1000")  # likewise
        with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
    return outcome(folder, code, screen.getvalue(), before)


def outcome(folder: Path, code: int, printed: str, before: Mapping[str, str]) -> Outcome:
    """What a run that has ended did."""
    out = folder / OUT
    splits = {name: Split(out / name) for name in SPLITS} if code == 0 else {}
    report = json.loads((out / "report.json").read_text(encoding="utf-8")) if code == 0 else {}
    after = _files(folder)
    if code == 0:
        after = {name: digest for name, digest in after.items() if name.split("/")[0] != OUT}
    return Outcome(
        code=code,
        printed=printed,
        report=report,
        texts={name: list(split.texts) for name, split in splits.items()},
        first=np.asarray(splits["train"].image(0)) if splits else None,
        changed=sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)),
    )


def outcomes(case: Case) -> tuple[Outcome, Outcome | None]:
    """What a case comes to; and, where it is refused, what it comes to with on_error: skip."""
    with TemporaryDirectory() as place:
        prepare(Path(place) / "fail", case.kind, case)
        first = run(Path(place) / "fail")
        if first.code == 0:
            return first, None
        prepare(Path(place) / "skip", case.kind, case, "skip")
        return first, run(Path(place) / "skip")


@lru_cache
def good_outcome(kind: str) -> Outcome:
    """What the good data set of a kind comes to."""
    with TemporaryDirectory() as place:
        prepare(Path(place) / "good", kind, None)
        return run(Path(place) / "good")


def expected_lines(case: Case) -> dict[str, int]:
    """How many lines are kept, where any are."""
    whole = Counter(good.COUNTS[case.kind])
    whole.update(case.added)
    whole.subtract(case.lost)
    return dict(whole)


def _files(folder: Path) -> dict[str, str]:
    """Every file below a folder, links among them, with a digest of what it holds."""
    return {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*"))}


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if not path.is_file():
        return "folder"
    return hashlib.sha256(path.read_bytes()).hexdigest() if os.access(path, os.R_OK) else "not to be read"
