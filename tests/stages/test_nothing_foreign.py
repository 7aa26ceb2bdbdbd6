"""With the real DVC: what Thulium did not make stays, and a stage that refuses to run has removed nothing."""

from __future__ import annotations

import json
from pathlib import Path

import lab
import pytest

RESULTS = (
    "checkpoints/best.safetensors",
    "checkpoints/last.safetensors",
    "data/prepared/prepared.json",
    "metrics.json",
    "metrics/train.json",
    "plots/history.csv",
    "predictions.csv",
    "reports/evaluation.html",
)
MINE = (
    "checkpoints/notes.txt",
    "checkpoints/paris-best.safetensors",
    "checkpoints/epochs.txt",
    "reports/notes.txt",
    "plots/notes.csv",
    "metrics/notes.json",
    "data/prepared/notes.txt",
)


def results(project: Path) -> dict[str, bytes]:
    return {name: (project / name).read_bytes() for name in RESULTS}


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")


def test_files_beside_the_results_stay(finished: Path, run: lab.Shell) -> None:
    put(finished, *MINE)
    assert json.loads(run("dvc", "status", "--json", cwd=finished).stdout) == {}
    run("dvc", "exp", "run", "-S", "training.lr=1e-4", cwd=finished)
    run("dvc", "exp", "run", "--temp", "-S", "training.lr=1e-5", cwd=finished)
    lab.edit(finished / "params.yaml", "test: 8\n  seed: 1", "test: 8\n  seed: 2")
    run("dvc", "repro", cwd=finished)
    run("dvc", "repro", "--force", cwd=finished)
    assert {name: (finished / name).read_text() for name in MINE} == dict.fromkeys(MINE, "mine")


@pytest.mark.parametrize("place", ["../elsewhere", "{absolute}", "elsewhere", "."])
def test_a_folder_that_a_value_names_is_not_touched(finished: Path, run: lab.Shell, place: str) -> None:
    elsewhere = finished / "elsewhere" if place == "elsewhere" else finished.parent / "elsewhere"
    put(elsewhere, "best.safetensors", "notes.txt")
    before = results(finished)
    value = place.format(absolute=elsewhere)
    done = run("dvc", "exp", "run", "-S", f"checkpointing.save_dir={value}", cwd=finished, code=None)
    assert done.returncode
    lab.edit(finished / "params.yaml", "lr: 0.001", "lr: 0.002")
    assert run("dvc", "repro", cwd=finished, code=None).returncode
    compiled = run("thulium", "compile", cwd=finished, code=2)
    assert (
        "best.safetensors: a stage would write here" in compiled.stderr or "must be a folder below" in compiled.stderr
    )
    assert [(elsewhere / name).read_text() for name in ("best.safetensors", "notes.txt")] == ["mine", "mine"]
    assert results(finished) == before


REFUSED = {
    "a typo": ("lr: 0.001", "lr: 0.001\n  epoch: 3"),
    "a value out of bounds": ("lr: 0.001", "lr: -1"),
    "a forgotten compile": ("save_dir: checkpoints/", "save_dir: models/"),
    "a device that is not there": ("device: cpu", "device: cuda:7\n  # and another learning rate"),
    "first weights that are no model": ("init_from:", "init_from: metrics/nothing.safetensors"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_removes_nothing(finished: Path, run: lab.Shell, case: str) -> None:
    before = results(finished)
    lab.edit(finished / "params.yaml", "weight_decay: 0.01", "weight_decay: 0.02")  # so that the training would run
    lab.edit(finished / "params.yaml", *REFUSED[case])
    assert run("dvc", "repro", cwd=finished, code=None).returncode
    assert results(finished) == before
    assert run("git", "status", "--short", cwd=finished).stdout == " M params.yaml\n"


def test_a_refused_override_removes_nothing(finished: Path, run: lab.Shell) -> None:
    before = results(finished)
    for override in ("training.lr=-1", "training.lr=fast", "checkpointing.save_best=false", "evaluation.split=none"):
        done = run("dvc", "exp", "run", "-S", override, cwd=finished, code=None)
        assert done.returncode, override
        assert results(finished) == before
        run("git", "checkout", "--quiet", "params.yaml", "dvc.lock", cwd=finished)
