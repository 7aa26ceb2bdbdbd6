"""A training in several processes, started by the command itself, by torchrun, and by DVC."""

from __future__ import annotations

import csv
import os
import signal
import sys
import time
from pathlib import Path

import lab
import pytest

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


def history(out: Path) -> list[dict[str, float]]:
    with open(out / "plots" / "history.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def write_documents(folder: Path) -> None:
    text = lab.longer(lab.DOCUMENT).replace("dropout: 0.1", "dropout: 0.0").replace("epochs: 4", "epochs: 2")
    (folder / "one.yaml").write_text(text)
    (folder / "two.yaml").write_text(text.replace("processes: 1", "processes: 2"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> Path:
    """A folder with the same training in one process and in two: one/ and two/."""
    folder = tmp_path_factory.mktemp("trained")
    write_documents(folder)
    for name in ("one", "two"):
        done = run("thulium", "train", f"{name}.yaml", "--output-dir", name, cwd=folder)
        assert done.stdout == f"trained: {name}/checkpoints\n"
        assert done.stderr.count("training on") == 1
        assert "Warning" not in done.stderr
    return folder


def test_two_processes_train_the_same_model_as_one(trained: Path) -> None:
    one, two = history(trained / "one"), history(trained / "two")
    assert one[0] == pytest.approx(two[0], rel=1e-5)
    for before, after in zip(one, two, strict=True):
        assert before == pytest.approx(after, rel=1e-3)


def test_torchrun_starts_the_same_training(trained: Path, run: lab.Shell) -> None:
    starter = ("torchrun", "--nproc_per_node=2", "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0")
    command = ("-m", "thulium.cli.main", "train", "one.yaml", "--output-dir", "torchrun")
    local = {"GLOO_SOCKET_IFNAME": "lo"}
    done = run(*starter, "--local-addr=localhost", *command, cwd=trained, **local)
    assert done.stdout == "trained: torchrun/checkpoints\n"
    assert lab.digests(trained / "torchrun", "plots", "metrics", "checkpoints") == lab.digests(
        trained / "two", "plots", "metrics", "checkpoints"
    )
    again = run(*starter, "--local-addr=localhost", *command, cwd=trained, **local)
    assert again.stdout == "torchrun holds a finished run; nothing was done (add --restart to train anew)\n"


@pytest.mark.parametrize("victim", ["0", "1", "launcher"])
def test_a_killed_process_ends_all_and_the_training_goes_on(
    victim: str, trained: Path, tmp_path: Path, run: lab.Shell
) -> None:
    write_documents(tmp_path)
    command = ("thulium", "train", "two.yaml", "--output-dir", "two")
    process = run.start(*command, cwd=tmp_path)
    lab.read_until(process, "^epoch 1/2")
    time.sleep(0.7)
    ranks = {found["RANK"]: number for number, found in lab.processes_in(tmp_path).items() if "RANK" in found}
    os.kill(ranks.get(victim, process.pid), signal.SIGKILL)
    said = process.communicate(timeout=30)[1]
    lab.wait_until_none_is_left(tmp_path)
    if victim != "launcher":
        assert process.returncode == 137
        assert said.splitlines()[-1].startswith(f"rank {victim} was killed by SIGKILL, and the other processes were")
        assert "Traceback" not in said
    else:
        (line,) = [row for row in said.splitlines() if "stopped" in row or "interrupted" in row]
        assert line.startswith("the process that started this training has ended: stopped at ")
    assert "resuming from " in run(*command, cwd=tmp_path).stderr
    assert lab.digests(tmp_path / "two", "plots", "metrics", "checkpoints") == lab.digests(
        trained / "two", "plots", "metrics", "checkpoints"
    )


def test_a_signal_stops_all_processes_with_one_line(tmp_path: Path, run: lab.Shell) -> None:
    write_documents(tmp_path)
    process = run.start("thulium", "train", "two.yaml", "--output-dir", "two", cwd=tmp_path)
    lab.read_until(process, "^before training")
    os.kill(process.pid, signal.SIGUSR1)
    said = process.communicate(timeout=30)[1]
    lab.wait_until_none_is_left(tmp_path)
    assert process.returncode == 138
    (line,) = said.splitlines()
    assert line.startswith("stopped by SIGUSR1 at ")


def test_processes_are_a_value_under_dvc(project: Path, run: lab.Shell) -> None:
    run("dvc", "repro", "prepare", cwd=project)
    lab.edit(project / "params.yaml", "processes: 1", "processes: 2")
    done = run("dvc", "repro", "train", cwd=project)
    assert done.stderr.count("training on 24 lines") == 1
    assert "> thulium train params.yaml" in done.stdout
    lab.edit(project / "params.yaml", "processes: 2", "processes: 1")
    assert "Running stage" not in run("dvc", "repro", "train", cwd=project).stdout


def test_gpus_that_are_not_there_are_named_once(config: Path, run: lab.Shell) -> None:
    command = ("thulium", "train", "config/train.yaml", "--output-dir", "runs/one", "--gpus")
    done = run(*command, "0,1", cwd=config, code=2, CUDA_VISIBLE_DEVICES="")
    assert done.stderr.count("no CUDA GPU was found here") == 1
    assert done.stderr.startswith("rank ")
    assert "found '0,,1'" in run(*command, "0,,1", cwd=config, code=2).stderr


def test_the_other_commands_refuse_torchrun(config: Path, run: lab.Shell) -> None:
    done = run(
        "torchrun", "--nproc_per_node=2", "--standalone", "--local-addr=localhost", "-m", "thulium.cli.main",
        "evaluate", "config/train.yaml", cwd=config, code=1,
    )  # fmt: skip
    assert done.stderr.count("'thulium evaluate' runs in one process: start it without torchrun") == 1
