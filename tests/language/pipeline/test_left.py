"""What stages wrote before folds or seeds were switched on or off: it is named, with what to do."""

from __future__ import annotations

from pathlib import Path

import lab
import pytest
import yaml
from lab_commands import call

FOLDED = lab.complete(
    lab.DIFFERENT.replace(
        "  type: synthetic\n  lines: {train: 24, val: 8, test: 8}\n",
        "  type: gt_txt\n  root: lines\n  split: {folds: 3}\n",
    )
)
OF_ONE = ("checkpoints/best.safetensors", "checkpoints/epochs/e.safetensors", "plots/history.csv", "metrics/train.json")
POOLED = ("predictions.csv", "metrics.json", "plots/cer_by_page.csv")


def finished(root: Path, **stages: tuple[str, ...]) -> None:
    """Leave what stages have written, and DVC's note of it."""
    for path in (path for paths in stages.values() for path in paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    locked = {name.replace("_", "@"): {"outs": [{"path": path} for path in paths]} for name, paths in stages.items()}
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": locked}))


def said(root: Path, text: str) -> str:
    (root / "params.yaml").write_text(text)
    done = call("compile", root / "params.yaml")
    assert call("validate", root / "params.yaml").stderr == done.stderr
    return done.stderr


def test_files_of_one_model_are_named_when_there_are_folds(tmp_path: Path) -> None:
    assert said(tmp_path, FOLDED) == ""
    finished(tmp_path, train=OF_ONE, evaluate=POOLED, prepare=("data/prepared/train",), own=("paper.pdf",))
    assert said(tmp_path, FOLDED) == (
        "warning: no stage writes checkpoints, metrics, plots/history.csv any more, since the document has "
        "changed: what is there is of before\n"
        "  help: move them away, or remove them: rm -r checkpoints metrics plots/history.csv\n"
    )
    (tmp_path / "checkpoints" / "mine.safetensors").touch()
    assert "rm -r checkpoints/best.safetensors checkpoints/epochs metrics plots/history.csv\n" in said(tmp_path, FOLDED)
    assert said(tmp_path, lab.DOCUMENT) == ""


@pytest.mark.parametrize("kind", ["folds", "seeds"])
def test_folders_of_folds_or_seeds_that_are_no_more_are_named(kind: str, tmp_path: Path) -> None:
    text = FOLDED if kind == "folds" else lab.DOCUMENT.replace("  seeds:\n", "  seeds:\n  - 1\n  - 2\n  - 3\n")
    said(tmp_path, text)
    finished(tmp_path, **{f"evaluate_{n}": (f"{kind}/{n}/metrics.json",) for n in (1, 2, 3, 4)})
    assert f"no stage writes {kind}/4 any more" in said(tmp_path, text)
    assert f"help: move it away, or remove it: rm -r {kind}\n" in said(tmp_path, lab.DOCUMENT)


def test_what_a_pretraining_wrote_is_named_but_not_the_model_that_a_training_still_starts_from(tmp_path: Path) -> None:
    said(tmp_path, lab.DOCUMENT)
    finished(tmp_path, pretrain=("pretrained/model.safetensors", "plots/pretraining.csv"))
    assert "rm -r plots pretrained\n" in said(tmp_path, lab.DOCUMENT)
    started = lab.DOCUMENT.replace("  init_from:\n", "  init_from: pretrained/model.safetensors\n")
    assert started != lab.DOCUMENT
    assert "rm -r plots\n" in said(tmp_path, started)
