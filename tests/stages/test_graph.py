"""The compiled pipeline under the real DVC: what runs, what does not, and what a user's commands show."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import lab
import pytest

ALL = ["prepare", "train", "evaluate"]

# (what is replaced in params.yaml, by what, the stages that see it themselves)
CHANGES = {
    "evaluation": ("worst_lines: 3", "worst_lines: 2", ["evaluate"]),
    "training.lr": ("lr: 0.001", "lr: 0.002", ["train"]),
    "training.seed": ("  seed: 1\n  seeds:", "  seed: 2\n  seeds:", ["train"]),
    "training.optimizer": ("weight_decay: 0.01", "weight_decay: 0.02", ["train"]),
    "model": ("hidden_size: 16", "hidden_size: 17", ["train"]),
    "augmentation": ("std: 0.05", "std: 0.06", ["train"]),
    "early_stopping": ("patience: 10", "patience: 11", ["train"]),
    "checkpointing": ("keep_last: 1", "keep_last: 2", ["train"]),
    "preprocessing": ("height: 32", "height: 40", ["prepare"]),
    "dataset": ("test: 8\n  seed: 1", "test: 8\n  seed: 2", ["prepare"]),
    "logging.tensorboard": ("tensorboard:\n    enabled: true", "tensorboard:\n    enabled: false", []),
    "logging.wandb": ("project: thulium", "project: another", []),
    "resources": ("threads: 1", "threads: 2", []),
    "spelling of a number": ("lr: 0.001", "lr: 1e-3", []),
    "comment": ("training:", "# A thought.\ntraining:", []),
    "order of keys": ("  epochs: 1\n  batch_size: 8\n", "  batch_size: 8\n  epochs: 1\n", []),
}


def test_repro_makes_everything_that_the_pipeline_promises(finished: Path) -> None:
    metrics = json.loads((finished / "metrics.json").read_text())
    assert 0 <= metrics["cer_low"] <= metrics["cer"] <= metrics["cer_high"]
    assert metrics["measured"]["lines"] == 8
    assert json.loads((finished / "metrics" / "train.json").read_text())["epochs"] == 1
    with open(finished / "plots" / "history.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    folder = finished / "checkpoints"
    checkpoints = {path.relative_to(folder).as_posix() for path in folder.rglob("*.safetensors")}
    assert checkpoints == {"best.safetensors", "last.safetensors", "epochs/epoch-00001.safetensors"}
    report = (finished / "reports" / "evaluation.html").read_text()
    assert 'alt="The image of line' in report
    assert 'alt="One line under each transform of the augmentation"' in report
    with open(finished / "predictions.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 8


def test_a_second_repro_runs_nothing(finished: Path, run: lab.Shell) -> None:
    assert lab.stages_run(run("dvc", "repro", cwd=finished).stdout) == []


def test_what_is_not_for_git_is_ignored(finished: Path, run: lab.Shell) -> None:
    assert run("git", "status", "--short", cwd=finished).stdout == ""
    tracked = run("git", "ls-files", cwd=finished).stdout.split()
    assert {"dvc.lock", "metrics.json", "metrics/train.json", "plots/history.csv"} <= set(tracked)
    assert not [name for name in tracked if name.startswith(("data/", "checkpoints/", "reports/", "runs/"))]


@pytest.fixture(scope="module")
def watched(_finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy of the finished project for all rows of the table: nothing runs in it."""
    return Path(shutil.copytree(_finished, tmp_path_factory.mktemp("watched") / "project", symlinks=True))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_by_the_stages_that_read_it(change: str, watched: Path, run: lab.Shell) -> None:
    old, new, stages = CHANGES[change]
    (watched / "params.yaml").write_text(lab.DOCUMENT, encoding="utf-8")
    lab.edit(watched / "params.yaml", old, new)
    run("thulium", "compile", "--check", cwd=watched)
    assert list(json.loads(run("dvc", "status", "--json", cwd=watched).stdout)) == stages


def test_a_change_of_the_evaluation_runs_only_evaluate(finished: Path, run: lab.Shell) -> None:
    lab.edit(finished / "params.yaml", "worst_lines: 3", "worst_lines: 2")
    assert lab.stages_run(run("dvc", "repro", cwd=finished).stdout) == ["evaluate"]


def test_a_change_of_the_data_runs_everything(finished: Path, run: lab.Shell) -> None:
    lab.edit(finished / "params.yaml", "test: 8\n  seed: 1", "test: 8\n  seed: 2")
    assert lab.stages_run(run("dvc", "repro", cwd=finished).stdout) == ALL


def test_a_change_of_logging_and_resources_runs_nothing(finished: Path, run: lab.Shell) -> None:
    lab.edit(finished / "params.yaml", "tensorboard:\n    enabled: true", "tensorboard:\n    enabled: false")
    lab.edit(finished / "params.yaml", "loader_workers: 0", "loader_workers: 2")
    assert lab.stages_run(run("dvc", "repro", cwd=finished).stdout) == []


def test_a_new_version_of_the_engine_runs_everything(finished: Path, run: lab.Shell) -> None:
    lab.edit(finished / "requirements.txt", "0.1.0", "0.2.0")
    assert sorted(json.loads(run("dvc", "status", "--json", cwd=finished).stdout)) == sorted(ALL)


def test_an_experiment_is_a_change_of_one_line(finished: Path, run: lab.Shell) -> None:
    done = run("dvc", "exp", "run", "--name", "slower", "-S", "training.lr=1e-4", cwd=finished)
    assert lab.stages_run(done.stdout) == ["train", "evaluate"]
    assert run("git", "diff", "--numstat", "params.yaml", cwd=finished).stdout == "1\t1\tparams.yaml\n"
    assert "+  lr: 0.0001" in run("git", "diff", "params.yaml", cwd=finished).stdout

    assert re.search(r"metrics\.json +cer +0\.", run("dvc", "metrics", "diff", "--all", cwd=finished).stdout)
    assert "slower" in run("dvc", "exp", "show", "--csv", cwd=finished).stdout

    run("dvc", "plots", "show", cwd=finished)
    page = (finished / "dvc_plots" / "index.html").read_text()
    assert "learning curve" in page
    assert run("git", "status", "--short", "--", "dvc_plots", cwd=finished).stdout == ""


@pytest.mark.long
def test_checkpoints_move_by_compiling_again(finished: Path, run: lab.Shell) -> None:
    done = run("dvc", "exp", "run", "-S", "checkpointing.save_dir=models/tiny/", cwd=finished, code=None)
    assert done.returncode
    assert "dvc.yaml is out of date: stage train" in done.stdout + done.stderr
    run("thulium", "compile", cwd=finished)
    assert lab.stages_run(run("dvc", "repro", cwd=finished).stdout) == ["train", "evaluate"]
    assert (finished / "models" / "tiny" / "best.safetensors").is_file()
    assert list(json.loads(run("dvc", "status", "--json", cwd=finished).stdout)) == []


@pytest.mark.parametrize("is_on", [True, pytest.param(False, marks=pytest.mark.long)])
def test_checkpoints_go_through_a_remote(finished: Path, run: lab.Shell, tmp_path: Path, is_on: bool) -> None:
    """An empty folder of periodic checkpoints is an output too."""
    lab.edit(finished / "params.yaml", "save_every: 1", f"save_every: {int(is_on)}")
    run("dvc", "repro", cwd=finished)
    run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"), cwd=finished)
    run("dvc", "push", cwd=finished)
    run("git", "commit", "--quiet", "--all", "--message", "Trained", cwd=finished)
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", str(finished), str(clone), cwd=tmp_path)
    run("dvc", "pull", cwd=clone)
    assert json.loads(run("dvc", "status", "--json", cwd=clone).stdout) == {}
    assert lab.stages_run(run("dvc", "repro", cwd=clone).stdout) == []


def test_a_grid_runs_in_the_queue(finished: Path, run: lab.Shell) -> None:
    before = set((finished / "runs").iterdir())
    run("dvc", "exp", "run", "--queue", "-S", "training.lr=1e-4,3e-4", cwd=finished)
    try:
        run("dvc", "queue", "start", cwd=finished)
        tasks = lab.wait_for_queue(finished, run)
    finally:
        run("dvc", "queue", "stop", "--kill", cwd=finished, code=None)
    assert [state for _, state in tasks] == ["Success", "Success"]
    for name, _ in tasks:
        assert lab.stages_run(run("dvc", "queue", "logs", name, cwd=finished).stdout) == ["train", "evaluate"]

    # A run of the queue happens in a temporary copy; its curves must not go away with it.
    new = set((finished / "runs").iterdir()) - before
    assert sorted(path.name.split("-", 2)[2] for path in new) == sorted(name for name, _ in tasks)
    assert all(list(path.glob("events.out.tfevents.*")) for path in new)


def test_a_pipeline_that_is_out_of_date_refuses_to_run(finished: Path, run: lab.Shell) -> None:
    lab.write_data(finished / "data")
    folders = "".join(f"  {split}_dir: data/{split}\n" for split in ("train", "val", "test"))
    synthetic = "  type: synthetic\n  lines:\n    train: 24\n    val: 8\n    test: 8\n  seed: 1\n"
    lab.edit(finished / "params.yaml", synthetic, f"  type: custom\n{folders}")

    done = run("dvc", "repro", cwd=finished, code=255)
    assert lab.stages_run(done.stdout) == ["prepare"]
    assert "dvc.yaml is out of date: stage prepare" in done.stderr
    assert "run: thulium compile" in done.stderr
    assert "Traceback" not in done.stderr

    assert (finished / "data" / "prepared" / "prepared.json").exists()  # of before: nothing has begun
    assert run("git", "diff", "--name-only", cwd=finished).stdout.split() == ["params.yaml"]
    run("thulium", "compile", cwd=finished)
    done = run("dvc", "repro", "prepare", cwd=finished)
    assert "prepared 8 train, 2 val, 3 test lines" in done.stdout


def test_bad_data_leaves_nothing_that_looks_prepared(project: Path, run: lab.Shell) -> None:
    lab.write_data(project / "data")
    (project / "data" / "train" / "images" / "003.png").write_bytes(b"not an image")
    (project / "params.yaml").write_text(
        "dataset:\n  type: custom\n  train_dir: data/train\n  val_dir: data/val\n  test_dir: data/test\n"
    )
    run("thulium", "compile", cwd=project)
    done = run("dvc", "repro", cwd=project, code=255)
    assert "data/train/images/003.png: the image is not an image that can be read" in done.stderr
    assert run("thulium", "prepare", cwd=project, code=2).stdout == ""
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (project / "data").iterdir()) == ["test", "train", "val"]
    assert not (project / "dvc.lock").exists()


def test_a_stage_run_by_hand_does_not_write_into_the_cache(finished: Path, run: lab.Shell) -> None:
    predictions = finished / "predictions.csv"
    before = predictions.read_text()
    predictions.unlink()
    run("dvc", "checkout", "predictions.csv", cwd=finished)
    assert predictions.stat().st_nlink == 2
    lab.edit(finished / "params.yaml", "split: test", "split: val")
    run("thulium", "evaluate", cwd=finished)
    assert predictions.read_text() != before
    run("dvc", "checkout", "--force", "predictions.csv", cwd=finished)
    assert predictions.read_text() == before


def test_an_interrupted_training_says_so_and_is_not_finished(finished: Path, run: lab.Shell) -> None:
    lab.edit(finished / "params.yaml", "  epochs: 1\n", "  epochs: 100000\n")
    process = run.start("thulium", "train", cwd=finished)
    assert process.stderr is not None
    said = next(line for line in process.stderr if line.startswith("training on"))
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert said.startswith("training on 24 lines")
    assert process.returncode == 130, rest
    assert rest.splitlines()[-1].startswith("stopped by SIGINT at ")
    assert "Traceback" not in rest
    assert not (finished / "metrics" / "train.json").exists()
