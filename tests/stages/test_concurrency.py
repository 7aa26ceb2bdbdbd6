"""Experiments that run side by side on one machine leave each other alone."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import lab
import pytest

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

RESULTS = ("metrics.json", "metrics/train.json", "plots/history.csv", "plots/confusions.csv")


@pytest.fixture
def project(tmp_path: Path, run: lab.Shell) -> Path:
    """A project whose data are prepared and whose training takes some seconds."""
    folder = lab.start_project(tmp_path / "project", run)
    (folder / "params.yaml").write_text(lab.longer(lab.DOCUMENT), encoding="utf-8")
    run("dvc", "repro", "prepare", cwd=folder)
    lab.commit(folder, run)
    return folder


def alone(project: Path, seed: int, run: lab.Shell) -> dict[str, str]:
    """What the experiment of a seed yields with nothing beside it."""
    folder = Path(shutil.copytree(project, project.parent / f"alone-{seed}", symlinks=True))
    lab.edit(folder / "params.yaml", "  seed: 1\n  seeds:", f"  seed: {seed}\n  seeds:")
    run("dvc", "repro", cwd=folder)
    return {name: (folder / name).read_text(encoding="utf-8") for name in RESULTS}


def yielded(project: Path, name: str, run: lab.Shell) -> dict[str, str]:
    """What an experiment yielded, out of the commit that DVC made of it."""
    refs = run("git", "for-each-ref", "--format=%(refname)", "refs/exps", cwd=project).stdout.split()
    ref = next(ref for ref in refs if ref.endswith(f"/{name}"))
    return {file: run("git", "show", f"{ref}:{file}", cwd=project).stdout for file in RESULTS}


def nothing_is_left(project: Path) -> bool:
    return not list((project / ".thulium" / "resume").iterdir())


def test_two_temporary_runs_side_by_side(project: Path, run: lab.Shell) -> None:
    words = ("dvc", "exp", "run", "--temp", "-S")
    started = [run.start(*words, f"training.seed={seed}", "--name", f"seed-{seed}", cwd=project) for seed in (2, 3)]
    ended = [process.communicate(timeout=240) for process in started]
    assert [process.returncode for process in started] == [0, 0], ended
    for seed in (2, 3):
        assert yielded(project, f"seed-{seed}", run) == alone(project, seed, run)
    assert nothing_is_left(project)


def test_four_in_the_queue_with_two_workers(project: Path, run: lab.Shell) -> None:
    for seed in (2, 3, 4, 5):
        run("dvc", "exp", "run", "--queue", "-S", f"training.seed={seed}", "--name", f"seed-{seed}", cwd=project)
    try:
        run("dvc", "queue", "start", "--jobs", "2", cwd=project)
        tasks = lab.wait_for_queue(project, run, limit_s=280)
    finally:
        run("dvc", "queue", "stop", "--kill", cwd=project, code=None)
    assert sorted(tasks) == [(f"seed-{seed}", "Success") for seed in (2, 3, 4, 5)]
    assert len({yielded(project, f"seed-{seed}", run)["plots/history.csv"] for seed in (2, 3, 4, 5)}) == 4
    for seed in (2, 5):
        assert yielded(project, f"seed-{seed}", run) == alone(project, seed, run)
    assert nothing_is_left(project)


def test_data_outside_of_the_project_need_an_absolute_path_in_a_temporary_copy(project: Path, run: lab.Shell) -> None:
    """What `thulium validate` says of such data is what the real DVC does."""
    lab.write_data(project.parent / "shared")
    text = (project / "params.yaml").read_text()
    synthetic = "  type: synthetic\n  lines:\n    train: 80\n    val: 8\n    test: 8\n  seed: 1\n"
    outcomes = {}
    for name, where in (("relative", "../shared"), ("absolute", str(project.parent / "shared"))):
        folders = "".join(f"  {split}_dir: {where}/{split}\n" for split in ("train", "val", "test"))
        custom = text.replace(synthetic, f"  type: custom\n{folders}").replace("    map: []\n", "    map: []\n", 1)
        assert f"train_dir: {where}/train" in custom
        (project / "params.yaml").write_text(custom)
        run("thulium", "compile", cwd=project)
        run("git", "add", ".", cwd=project)
        run("git", "commit", "--quiet", "--message", name, cwd=project)
        done = run("dvc", "exp", "run", "--temp", "prepare", cwd=project, code=None)
        outcomes[name] = done.returncode
    assert outcomes["relative"] != 0
    assert outcomes["absolute"] == 0
