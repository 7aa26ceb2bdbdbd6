"""The stage: what it leaves, that it learns, that it resumes, and that a training starts from it."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lab_cut import Cut, cutting

from thulium.models.file import load_model
from thulium.pretraining.model import Guess, GuessingModel
from thulium.runtime import processor
from thulium.runtime.documents import section
from thulium.runtime.errors import StepError, WorldError
from thulium.runtime.unfinished import unfinished
from thulium.runtime.world import World
from thulium.stages import pretrain as stage
from thulium.stages.train import train
from thulium.training.resume import held, others
from thulium_dsl.grammar.spec import Experiment, PretrainingSpec

SECTIONS = ("model", "augmentation", "preprocessing", "resources")
TRAIN = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")


@pytest.fixture(scope="module")
def spec() -> PretrainingSpec:
    """Two epochs of three steps."""
    found: PretrainingSpec = section("pretraining", dataset={"type": "images"})
    return replace(found, epochs=2, batch_size=4, lr=0.005, clusters=12, mixed_precision=False)


@pytest.fixture(scope="module")
def small(experiment: Experiment) -> Experiment:
    """Everything on that draws."""
    head = replace(experiment.model.head, dropout=0.3, num_layers=2)
    augmentation = replace(experiment.augmentation, enabled=True)
    return replace(experiment, model=replace(experiment.model, head=head), augmentation=augmentation)


def run(experiment: Experiment, spec: PretrainingSpec, lines: Path, out: Path, **more: object) -> dict[str, object]:
    parts = {name: getattr(experiment, name) for name in SECTIONS}
    return stage.pretrain(**parts, pretraining=spec, lines=lines, out=out, resume_dir=out / ".thulium/resume", **more)


def outcome(out: Path) -> dict[str, str]:
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def unbroken(
    small: Experiment, spec: PretrainingSpec, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("unbroken")
    run(small, spec, prepared, out)
    return out


def test_it_leaves_a_model_a_history_and_figures(unbroken: Path, small: Experiment) -> None:
    assert set(outcome(unbroken)) == {"pretrained/model.safetensors", "plots/pretraining.csv", "metrics/pretrain.json"}
    model, facts = load_model(unbroken / "pretrained/model.safetensors", must_read=False)
    assert model.charset.symbols == ()
    assert model.preprocessing == small.preprocessing
    assert facts["epoch"] == 2
    assert facts["settings"]["pretraining"]["clusters"] == 12
    with open(unbroken / "plots/pretraining.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert float(rows[2]["val_loss"]) < float(rows[0]["val_loss"])
    figures = json.loads((unbroken / "metrics/pretrain.json").read_text())
    assert figures["epochs"] == 2
    assert 0 <= figures["val_accuracy"] <= 1


# Two batches of the validation before it; an epoch is three steps and two batches read.
@pytest.mark.parametrize("steps", [2, 4, 9])
def test_one_that_is_cut_ends_as_one_that_never_was(
    small: Experiment,
    spec: PretrainingSpec,
    prepared: Path,
    unbroken: Path,
    tmp_path: Path,
    steps: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stage, "KEPT_EVERY_S", 1e-9)
    cutting(monkeypatch)(steps)
    with pytest.raises(Cut):
        run(small, spec, prepared, tmp_path)
    assert not (tmp_path / "metrics/pretrain.json").exists()
    (cut,) = unfinished(tmp_path)
    assert cut.at
    run(small, spec, prepared, tmp_path)
    assert "resuming from" in capsys.readouterr().err
    assert outcome(tmp_path) == outcome(unbroken)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 3},
        {"batch_size": 3},
        {"lr": 0.004},
        {"mixed_precision": True},
        {"clusters": 13},
        {"seed": 2},
        {"mask": {"share": 0.5}},
        {"mask": {"length": 4}},
    ],
    ids=str,
)
def test_every_key_decides_what_comes_out(
    small: Experiment,
    spec: PretrainingSpec,
    prepared: Path,
    unbroken: Path,
    tmp_path: Path,
    change: dict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processor, "has_bfloat16", lambda: True)
    mask = replace(spec.mask, **change.get("mask", {}))
    run(small, replace(spec, **change | {"mask": mask}), prepared, tmp_path)
    weights = [
        load_model(out / "pretrained/model.safetensors", must_read=False)[0].backbone.stem.weight
        for out in (tmp_path, unbroken)
    ]
    assert weights[0].isfinite().all()
    assert not torch.equal(*weights)


def test_a_training_starts_from_it(
    small: Experiment, prepared: Path, unbroken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {name: getattr(small, name) for name in TRAIN}
    start = str(unbroken / "pretrained/model.safetensors")
    parts["training"] = replace(small.training, epochs=1, init_from=start, mixed_precision=False, lr=1e-9, ema_decay=0)
    train(**parts, prepared=prepared, out=tmp_path, run_dir=tmp_path / "t")
    said = capsys.readouterr().err
    assert (
        f"starting from {start}, which was pretrained on lines without transcriptions and has no characters yet" in said
    )
    assert "are new to it" not in said
    assert "the model that it start" not in said
    assert ", with the weights that it starts from" not in said
    model, begun = load_model(tmp_path / "checkpoints/last.safetensors")[0], load_model(Path(start), must_read=False)[0]
    assert model.charset.symbols
    for name in ("backbone.stem.weight", "head.out_features"):
        part = name.split(".")[0]
        for own, first in zip(getattr(model, part).parameters(), getattr(begun, part).parameters(), strict=True):
            assert torch.allclose(own, first, atol=1e-5)


def test_fewer_lines_in_a_step_than_processes_are_refused(
    small: Experiment, spec: PretrainingSpec, prepared: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorldError, match=r"pretraining\.batch_size is 1, (?s:.*)2 processes\n  help: raise it"):
        run(small, replace(spec, batch_size=1), prepared, tmp_path, world=World(size=2))


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (
            None,
            r"epoch 1, step 1: the loss is nan(?s:.*)lower pretraining\.lr(?s:.*)the lines, as the model saw",
        ),
        (
            MemoryError(),
            r"epoch 1, step 1: the machine has too little memory(?s:.*)lower pretraining\.batch_size",
        ),
    ],
    ids=["no number", "memory"],
)
def test_a_step_that_fails_names_the_keys_of_the_section(
    small: Experiment,
    spec: PretrainingSpec,
    prepared: Path,
    tmp_path: Path,
    fails: Exception | None,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def loss(_model: GuessingModel, _batch: object, output: Guess, _num_symbols: int) -> torch.Tensor:
        if fails:
            raise fails
        return output.logits.sum() * torch.nan

    monkeypatch.setattr(GuessingModel, "loss", loss)
    with pytest.raises(StepError, match=said):
        run(small, spec, prepared, tmp_path)


def test_a_training_says_nothing_of_an_unfinished_pretraining(tmp_path: Path) -> None:
    with held(tmp_path, {"pretraining": "1"}, tmp_path) as folder:
        (folder.path / "000001.state").touch()
    with held(tmp_path, {"training": "1"}, tmp_path) as folder:
        assert others(tmp_path, folder) == []
    with held(tmp_path, {"pretraining": "2"}, tmp_path) as folder:
        assert others(tmp_path, folder) == [("pretraining",)]
