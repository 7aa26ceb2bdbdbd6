"""What ``thulium init --from`` says: what was seen, what was chosen and why, and what comes next."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from thulium.cli.start.choice import SPLITS, Choice
from thulium.cli.start.sight import Sight

if TYPE_CHECKING:
    from thulium.ingest.overview import Overview

RUNS = {"ltr": "left to right", "rtl": "right to left", "mixed": "both ways"}
SHOWN = 4
PLAIN = 0.01  # of the lines; what fewer do is not spoken of


def size_of(number: int) -> str:
    """Bytes, as people read them."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} bytes"


def saw(sight: Sight, choice: Choice, source: Path) -> str:
    """What lies there."""
    rows = [f"looked at {source}: {', '.join(_files(sight))}; {size_of(sight.size)}"]
    if choice.seen is not None:
        rows += [f"  {row}" for row in _lines(choice, choice.seen)]
    return "\n".join(rows)


def chose(choice: Choice, folder: Path) -> str:
    """What was chosen and why, and what to know."""
    remarks = [*choice.remarks, *_of_lines(choice)]
    rows = [f"chose, in {folder / 'params.yaml'}:", *(f"  {reason}" for reason in choice.reasons)]
    return "\n".join([*rows, *(["note:", *(f"  {remark}" for remark in remarks)] if remarks else [])])


def next_steps(folder: Path, is_committed: bool) -> str:
    """What to type."""
    steps = [f"cd {os.path.relpath(folder)}"]
    if not is_committed:
        steps.append(f"git commit -m 'Start {folder.name}'    # experiments need it")
    steps += ["thulium prepare --dry    # reads and checks all of it, writes nothing", "dvc repro"]
    return "\n".join([f"made {folder.name}; next:", *(f"  {step}" for step in steps)])


def _files(sight: Sight) -> list[str]:
    said = []
    for kind in ("page", "alto"):
        if files := sight.found.get(kind):
            versions = " and ".join(sorted(sight.versions.get(kind, ())))
            said.append(f"{_counted(len(files), 'file')} of {kind.upper()}{' ' + versions if versions else ''}")
    for kind, what in (("gt_txt", "NAME.gt.txt"), ("custom", "labels.txt"), ("parquet", "parquet")):
        if files := sight.found.get(kind):
            said.append(f"{_counted(len(files), what + ' file')}")
    if sight.images:
        said.append(_counted(len(sight.images), "image"))
    if not sight.found:
        endings = Counter(path.suffix.lower() for path in sight.texts)
        said += [_counted(number, f"{ending} file") for ending, number in sorted(endings.items())]
    if sight.programs:
        said.append(f"written by {' and '.join(sorted(sight.programs))}")
    return said


def _lines(choice: Choice, seen: Overview) -> list[str]:
    on = f" on {_counted(seen.num_pages, 'page')}" if choice.kind in ("page", "alto") else ""
    counts = [f"{_counted(seen.num_lines, 'line')} with a text{on}", f"{seen.not_transcribed:,} without"]
    if seen.errors:
        counts.append(f"{_counted(seen.errors.total(), 'fault')}")
    rows = [", ".join(counts)]
    if seen.scripts:
        ways = [words for name, words in RUNS.items() if seen.directions[name] >= PLAIN * seen.num_lines]
        rows.append(f"script: {', '.join(seen.scripts[:SHOWN])}; written {' and '.join(ways)}")
    if seen.sizes:
        rows.append(_sizes(choice, seen))
    if seen.is_divided():
        rows.append("lines to learn from, to choose and to judge: " + ", ".join(f"{seen.lines[s]:,}" for s in SPLITS))
    return rows


def _sizes(choice: Choice, seen: Overview) -> str:
    widths, heights = zip(*seen.sizes, strict=True)
    what = "page images" if choice.kind in ("page", "alto") else "line images"
    return f"{what}: {_range(widths)} pixels wide, {_range(heights)} high"


def _range(numbers: tuple[int, ...]) -> str:
    smallest, largest = min(numbers), max(numbers)
    return f"{smallest:,}" if smallest == largest else f"{smallest:,} to {largest:,}"


def _of_lines(choice: Choice) -> list[str]:
    """What to know of the lines."""
    seen = choice.seen
    if seen is None:
        return []
    remarks = []
    if seen.errors:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(seen.errors.items()))
        remarks.append(
            f"dataset.on_error fail: some of it cannot be used ({reasons}), and `thulium prepare` will name it"
        )
    if choice.kind == "gt_txt" and seen.is_of_lines():
        remarks.append("dataset.page_pattern: which lines are of one page, their names and folders do not say")
    if choice.kind == "parquet" and seen.is_of_lines():
        remarks.append("dataset.page_column: no column says which lines are of one page")
    return remarks


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
