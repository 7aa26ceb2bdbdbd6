"""TensorBoard and Weights & Biases."""

import json
from dataclasses import replace

import pytest

from thulium.errors import MissingPackage
from thulium.stages.train import train

SECTIONS = ("model", "training", "augmentation", "early_stopping", "checkpointing", "resources")


def run(experiment, prepared, out, **logging):
    parts = {name: getattr(experiment, name) for name in SECTIONS}
    spec = replace(experiment.logging, **logging)
    train(**parts, logging=spec, prepared=prepared, out=out, run_dir=out / "runs" / "one")


def test_tensorboard_has_the_curves_and_lines_to_read(experiment, prepared, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(experiment, prepared, tmp_path, tensorboard=replace(experiment.logging.tensorboard, enabled=True))
    events = EventAccumulator(str(tmp_path / "runs" / "one"))
    events.Reload()
    assert {"train/loss", "train/lr", "val/cer", "val/wer", "val/loss", "pace/lines_per_s"} <= set(
        events.Tags()["scalars"]
    )
    assert [event.step for event in events.Scalars("val/cer")] == [1, 2]
    assert events.Tags()["tensors"] == ["val/lines/text_summary"]


def test_weights_and_biases_gets_the_run_when_offline(experiment, prepared, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="the extra thulium[wandb] is not installed")
    seen = {}
    init = wandb.init
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setattr(wandb, "init", lambda **options: seen.update(options) or init(**options))
    spec = replace(experiment.logging.wandb, enabled=True, project="hands", entity="archive")
    run(experiment, prepared, tmp_path, wandb=spec)
    assert (seen["project"], seen["entity"]) == ("hands", "archive")
    assert json.dumps(seen["config"]["training"])
    (file,) = (tmp_path / "runs" / "one" / "wandb").glob("offline-run-*/run-*.wandb")
    assert b"val/cer" in file.read_bytes()


def test_weights_and_biases_that_is_not_installed_says_what_to_do(experiment, prepared, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(MissingPackage, match=r"pip install 'thulium\[wandb\]'"):
        run(experiment, prepared, tmp_path, wandb=replace(experiment.logging.wandb, enabled=True))
    assert not (tmp_path / "metrics" / "train.json").exists()
