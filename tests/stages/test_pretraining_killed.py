"""A pretraining in one process and in several, killed and run again, ends as if it never had been."""

from __future__ import annotations

import csv
import os
import signal
import sys
from pathlib import Path

import lab
import pytest

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

SECTION = """\
pretraining:
  dataset: {type: images, root: lines}
  epochs: 4
  batch_size: 4
  clusters: 16
  mixed_precision: false
"""
LEFT = ("plots", "metrics", "pretrained")


def history(out: Path) -> list[dict[str, float]]:
    with open(out / "plots" / "pretraining.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def write_documents(folder: Path) -> None:
    lab.write_lines_folder(folder / "lines", (f"line {number} of many words" for number in range(60)))
    text = lab.DIFFERENT + SECTION
    (folder / "one.yaml").write_text(text)
    (folder / "two.yaml").write_text(text.replace("threads: 1", "threads: 1, processes: 2"))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> Path:
    """A folder with the same pretraining in one process and in two: one/ and two/."""
    folder = tmp_path_factory.mktemp("pretrained")
    write_documents(folder)
    for name in ("one", "two"):
        done = run("thulium", "pretrain", f"{name}.yaml", "--output-dir", name, cwd=folder)
        assert done.stderr.count("pretraining on 57 lines, watched on 3") == 1
        assert "Warning" not in done.stderr
    return folder


def test_two_processes_pretrain_the_same_model_as_one(pretrained: Path) -> None:
    one, two = history(pretrained / "one"), history(pretrained / "two")
    assert len(one) == len(two) == 5
    for before, after in zip(one, two, strict=True):
        assert {name: before[name] for name in ("val_loss", "lr")} == pytest.approx(
            {name: after[name] for name in ("val_loss", "lr")}, rel=1e-2, nan_ok=True
        )


@pytest.mark.parametrize("name", ["one", "two"])
def test_a_pretraining_that_was_killed_goes_on(name: str, pretrained: Path, tmp_path: Path, run: lab.Shell) -> None:
    write_documents(tmp_path)
    command = ("thulium", "pretrain", f"{name}.yaml", "--output-dir", name)
    process = run.start(*command, cwd=tmp_path)
    lab.read_until(process, "^epoch 2/4")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    lab.wait_until_none_is_left(tmp_path)
    assert not (tmp_path / name / "metrics" / "pretrain.json").exists()
    assert "resuming from " in run(*command, cwd=tmp_path).stderr
    assert lab.digests(tmp_path / name, *LEFT) == lab.digests(pretrained / name, *LEFT)
