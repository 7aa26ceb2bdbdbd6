"""Commands that are killed, and run again, end as if they never had been."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import lab
import pytest

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


@pytest.fixture(scope="module")
def long_project(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> Path:
    """A project whose data are prepared and whose training takes some seconds."""
    folder = lab.start_project(tmp_path_factory.mktemp("long") / "project", run)
    (folder / "params.yaml").write_text(lab.longer(lab.DOCUMENT), encoding="utf-8")
    run("dvc", "repro", "prepare", cwd=folder)
    lab.commit(folder, run)
    return folder


@pytest.fixture(scope="module")
def unbroken(long_project: Path, tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> dict[str, str]:
    """What the pipeline yields when nobody disturbs it."""
    folder = Path(shutil.copytree(long_project, tmp_path_factory.mktemp("unbroken") / "project", symlinks=True))
    run("dvc", "repro", cwd=folder)
    assert not list((folder / ".thulium" / "resume").iterdir())
    return lab.digests(folder, *lab.RESULTS)


@pytest.fixture
def work(long_project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(long_project, tmp_path / "project", symlinks=True))


def stopped(process: subprocess.Popen[str], limit_s: float = 30) -> str:
    return process.communicate(timeout=limit_s)[1]


# More kinds of it: benchmarks/chaos.py, some of which tests/stages/test_chaos.py tries.
KILLS = {
    "dvc alone": lambda process: os.kill(process.pid, signal.SIGKILL),
    "Ctrl-C": lambda process: os.killpg(process.pid, signal.SIGINT),
}


@pytest.mark.parametrize("kill", KILLS)
def test_a_pipeline_that_was_killed_goes_on(kill: str, work: Path, unbroken: dict[str, str], run: lab.Shell) -> None:
    process = run.start("dvc", "repro", cwd=work)
    lab.read_until(process, "^epoch 2/4")
    time.sleep(0.7)
    KILLS[kill](process)
    stopped(process)
    assert process.returncode != 0
    lab.wait_until_none_is_left(work)
    assert not (work / "metrics" / "train.json").exists()
    done = run("dvc", "repro", cwd=work)
    assert "resuming from " in done.stderr
    assert lab.digests(work, *lab.RESULTS) == unbroken


def test_a_killed_experiment_goes_on_in_a_temporary_copy(work: Path, run: lab.Shell) -> None:
    change = ("dvc", "exp", "run", "-S", "training.lr=0.002")
    process = run.start(*change, cwd=work)
    lab.read_until(process, "^epoch 2/4")
    os.killpg(process.pid, signal.SIGKILL)
    stopped(process)
    lab.wait_until_none_is_left(work)
    done = run(*change, "--temp", cwd=work)
    assert "resuming from " in done.stderr
    assert not list((work / ".thulium" / "resume").iterdir())


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR1, 138)],
    ids=str,
)
def test_a_signal_is_answered_with_a_way_on(work: Path, run: lab.Shell, number: signal.Signals, code: int) -> None:
    process = run.start("thulium", "train", cwd=work)
    lab.read_until(process, "^epoch 1/4")
    os.kill(process.pid, number)
    said = stopped(process)
    assert process.returncode == code
    assert said.splitlines()[-1].startswith(f"stopped by {number.name} at ")
    assert said.endswith("; the same command resumes from there\n")
    listed = run("thulium", "clean", "--dry-run", cwd=work).stdout
    assert listed.startswith("would remove .thulium/resume/")
    assert run("thulium", "clean", cwd=work).stdout == listed.replace("would remove", "removed")
    assert run("thulium", "clean", cwd=work).stdout == "no unfinished training in .\n"


def test_a_second_interrupt_ends_at_once(work: Path, run: lab.Shell) -> None:
    lab.edit(work / "params.yaml", "train: 80", "train: 400")
    lab.edit(work / "params.yaml", "batch_size: 8", "batch_size: 256")  # a step takes long
    run("thulium", "prepare", cwd=work)
    process = run.start("thulium", "train", cwd=work)
    lab.read_until(process, "^before training")
    time.sleep(0.5)
    for _ in range(2):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.2)
    said = stopped(process)
    assert process.returncode == 130
    assert said.endswith("interrupted\n")


def test_the_same_command_goes_on_with_a_folder(config: Path, run: lab.Shell) -> None:
    lab.edit(config / "config" / "train.yaml", "epochs: 1\n", "epochs: 300\n")
    command = ("thulium", "train", "config/train.yaml", "--output-dir", "runs/one")
    process = run.start(*command, cwd=config)
    lab.read_until(process, "^epoch 3/")
    os.kill(process.pid, signal.SIGTERM)
    stopped(process)
    process = run.start(*command, cwd=config)
    assert lab.read_until(process, "^training on")[-2].startswith("resuming from ")
    os.kill(process.pid, signal.SIGTERM)
    stopped(process)
    process = run.start(*command, "--restart", cwd=config)
    assert not any("going on" in line for line in lab.read_until(process, "^before training"))
    os.kill(process.pid, signal.SIGKILL)
    stopped(process)
