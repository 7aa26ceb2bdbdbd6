"""A short form of each suite that `make test-long` runs: kills, torchrun, two hosts, the queue. Chaos has its own."""

from __future__ import annotations

import csv
import os
import signal
import socket
import sys
from pathlib import Path

import lab
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

COMMAND = ("train", "one.yaml", "--output-dir", "out")
RESULTS = ("out/checkpoints", "out/metrics", "out/plots")


def write_document(folder: Path) -> Path:
    """A training of three epochs of three steps, kept after each."""
    folder.mkdir(parents=True, exist_ok=True)
    text = lab.DOCUMENT.replace("  epochs: 1\n", "  epochs: 3\n")
    text = text.replace("resume_every_minutes: 5.0", "resume_every_minutes: 1e-6")
    (folder / "one.yaml").write_text(text, encoding="utf-8")
    return folder


def history(folder: Path) -> list[list[float]]:
    with open(folder / "out" / "plots" / "history.csv", newline="") as file:
        return [[float(value) for value in row] for row in list(csv.reader(file))[1:]]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> Path:
    """The folder of a training that nothing disturbs, in one process."""
    folder = write_document(tmp_path_factory.mktemp("alone"))
    run("thulium", *COMMAND, cwd=folder)
    return folder


def assert_alike(one: Path, other: Path) -> None:
    for before, after in zip(history(one), history(other), strict=True):
        assert before == pytest.approx(after, rel=1e-3, nan_ok=True)


def test_a_killed_training_goes_on_and_writes_the_same_bytes(alone: Path, tmp_path: Path, run: lab.Shell) -> None:
    write_document(tmp_path)
    process = run.start("thulium", *COMMAND, cwd=tmp_path)
    lab.read_until(process, "^epoch 1/3")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    assert "resuming from " in run("thulium", *COMMAND, cwd=tmp_path).stderr
    assert lab.digests(tmp_path, *RESULTS) == lab.digests(alone, *RESULTS)


def test_torchrun_trains_the_same_model_in_two_processes(alone: Path, tmp_path: Path, run: lab.Shell) -> None:
    write_document(tmp_path)
    starter = ("torchrun", "--standalone", "--nproc_per_node=2", "--local-addr=localhost")
    done = run(*starter, "-m", "thulium.cli.main", *COMMAND, cwd=tmp_path, GLOO_SOCKET_IFNAME="lo")
    assert done.stdout == "trained: out/checkpoints\n"
    assert_alike(alone, tmp_path)


@pytest.mark.long
def test_two_launchers_with_a_folder_each_train_as_one(alone: Path, tmp_path: Path, run: lab.Shell) -> None:
    """Two hosts but for the cable between them: that one is cut in test_two_hosts.py."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    processes = []
    for number in (0, 1):
        starter = (
            "env", "GLOO_SOCKET_IFNAME=lo", "torchrun", "--nnodes=2", "--nproc_per_node=1", "--rdzv-backend=c10d",
            f"--rdzv-endpoint=localhost:{port}", f"--rdzv-conf=is_host={1 - number}", "--local-addr=localhost",
        )  # fmt: skip
        folder = write_document(tmp_path / f"host-{number}")
        processes.append(run.start(*starter, "-m", "thulium.cli.main", *COMMAND, cwd=folder))
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert sum(out.count("trained: out/checkpoints") for out, _ in said) == 1
    (main,) = [folder for folder in tmp_path.iterdir() if (folder / "out" / "checkpoints").exists()]
    assert_alike(alone, main)
    assert all((folder / "out" / "prepared" / "train").is_dir() for folder in tmp_path.iterdir())


@pytest.mark.long  # make check has the queue in test_a_grid_runs_in_the_queue
def test_an_experiment_in_the_queue_yields_what_it_yields_alone(finished: Path, run: lab.Shell) -> None:
    lines = (finished / "predictions.csv").read_text(encoding="utf-8")
    run("dvc", "exp", "run", "--queue", "-S", "evaluation.worst_lines=2", "--name", "two", cwd=finished)
    try:
        run("dvc", "queue", "start", "--jobs", "1", cwd=finished)
        tasks = lab.wait_for_queue(finished, run, limit_s=120)
    finally:
        run("dvc", "queue", "stop", "--kill", cwd=finished, code=None)
    assert tasks == [("two", "Success")]
    (ref,) = run("git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/two", cwd=finished).stdout.split()
    metrics = run("git", "show", f"{ref}:metrics.json", cwd=finished).stdout
    assert metrics == (finished / "metrics.json").read_text(encoding="utf-8")
    assert lines == (finished / "predictions.csv").read_text(encoding="utf-8")
