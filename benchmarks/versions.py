"""What a grown data set costs to version: bytes that `dvc push` sends when 1 % of the pages come, prepared and as PNG.

Renders 400 pages of 50 lines into a folder of NAME.png and NAME.gt.txt. That folder is added and pushed as it is; and
prepared, added and pushed. Then 4 pages are appended, or 4 neighbouring ones put in the middle, and both go again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PAGES, LINES_PER_PAGE, NEW = 400, 50, 4
DOCUMENT = """\
dataset: {type: gt_txt, root: lines, split: {val: 0.1, test: 0.1, by: page, seed: 1}}
resources: {prepare_workers: 2}
"""


def main(kept: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(kept[0] if kept else folder)  # a folder that is named keeps its pages for the next time
        if not (root / "inserted").exists():
            _render(root / "lines", [f"page{number:04}" for number in range(PAGES)], first=0)
            _render(root / "appended", [f"page{PAGES + number:04}" for number in range(NEW)], first=PAGES)
            _render(root / "inserted", [f"page{PAGES // 2:04}{letter}" for letter in "abcd"], first=PAGES + NEW)
        for what, folder_name in (("appended", "appended"), ("inserted in the middle", "inserted")):
            for form, prepare in (("prepared", True), ("PNG files", False)):
                _measure(root, folder_name, f"{NEW} pages {what}, {form}", prepare)


def _render(folder: Path, names: list[str], first: int) -> None:
    """Pages of lines, each with a hand and texts of its own."""
    from thulium.ingest.readers import synthetic
    from thulium.runtime.documents import defaults
    from thulium_dsl.grammar.spec import LineCounts, SyntheticDataset

    dataset = SyntheticDataset(
        type="synthetic", lines=LineCounts(train=0, val=0, test=0), seed=1, text=defaults().dataset.text
    )
    for place, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        pages = [2 * (first + place), 2 * (first + place) + 1]  # of 25 lines each
        lines = [line for page in pages for line in synthetic.read(synthetic.SyntheticUnit("train", page, 25), dataset)]
        for number, line in enumerate(lines[:LINES_PER_PAGE]):
            line.load().save(folder / name / f"line{number:02}.png")
            (folder / name / f"line{number:02}.gt.txt").write_text(line.text + "\n", encoding="utf-8")


def _measure(root: Path, new: str, title: str, prepare: bool) -> None:
    project = root / "project"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(root / "lines", project / "lines")
    (project / "data.yaml").write_text(DOCUMENT)
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"], ["dvc", "remote", "add", "-q", "-d", "r", "remote"]):
        _run(project, *command)
    target = "prepared" if prepare else "lines"
    first = _version(project, target, prepare)
    shutil.copytree(root / new, project / "lines", dirs_exist_ok=True)
    second = _version(project, target, prepare)
    share = second["bytes"] / (first["bytes"] + second["bytes"])
    print(
        f"{title}: {second['bytes'] / 2**20:.2f} of {first['bytes'] / 2**20:.0f} MiB pushed, {share:.2%} of all",
        flush=True,
    )
    for name, times in (("first", first), ("then", second)):
        parts = ", ".join(f"{step} {times[step]:.1f} s" for step in ("prepare", "add", "push") if step in times)
        print(f"  {name}: {parts}", flush=True)


def _version(project: Path, target: str, prepare: bool) -> dict[str, float]:
    before, times = _size(project / "remote"), {}
    if prepare:
        command = [sys.executable, "-m", "thulium.cli.main", "prepare", "data.yaml", "--output-dir", "prepared"]
        times["prepare"] = _timed(lambda: _run(project, *command))
    times["add"] = _timed(lambda: _run(project, "dvc", "add", "-q", target))
    times["push"] = _timed(lambda: _run(project, "dvc", "push", "-q"))
    return times | {"bytes": _size(project / "remote") - before}


def _timed(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _run(folder: Path, *command: str) -> None:
    own = {"DVC_NO_ANALYTICS": "1", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(sys.argv[1:])
