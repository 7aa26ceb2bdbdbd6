"""Training on a GPU."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from gpu.conftest import lines_of, untrained

from thulium.data.loader import create_dataloader
from thulium.runtime import device as devices
from thulium.stages.train import train
from thulium.training.run import Keeper
from thulium.training.trainer import HTRTrainer

SECTIONS = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")


class Cut(BaseException):
    """The process is gone, as far as the training can tell."""


@pytest.mark.parametrize("amp_dtype", [torch.bfloat16, torch.float16, None])
def test_the_loss_falls_in_each_precision(experiment, data, device, monkeypatch, amp_dtype) -> None:
    monkeypatch.setattr(devices, "_amp_dtype", lambda _device: amp_dtype)
    trainer = HTRTrainer(untrained(experiment, data), 0.003, device=device, gradient_clip=1.0, ema_decay=0.9)
    assert trainer.device.amp_dtype is amp_dtype
    loader = lines_of(data.split("train"))
    losses = [trainer.train_epoch(loader, epoch)["train_loss"] for epoch in range(8)]
    assert losses[-1] < 0.8 * losses[0]
    assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}
    assert {parameter.device.type for parameter in trainer.best_model.parameters()} == {device}


def test_a_trained_model_reads_its_lines(trained, data) -> None:
    values = trained.validate(lines_of(data.split("train")), 0)
    assert values["val_cer"] < 0.3


def test_a_state_comes_back_to_the_bit_and_the_next_step_is_the_same_but_for_its_last_digits(
    experiment, data, device
) -> None:
    loader = create_dataloader(data.folder / "train", batch_size=4, seed=1)
    first, second = (
        HTRTrainer(untrained(experiment, data), 0.003, device=device, mixed_precision=False, ema_decay=0.9)
        for _ in range(2)
    )
    first.train_epoch(loader, 0)
    second.load_state_dict(deepcopy(first.state_dict()))
    for name, value in first.state_dict()["model"].items():
        assert torch.equal(value, second.state_dict()["model"][name]), name
    states = [trainer.state_dict()["random"][0] for trainer in (first, second)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    # The gradients of CTC are summed by atomic additions on a GPU, in any order: no two runs are equal to the bit.
    random = torch.get_rng_state(), (torch.cuda.get_rng_state() if device == "cuda" else None)
    losses = []
    for trainer in (first, second):
        torch.set_rng_state(random[0])
        if random[1] is not None:
            torch.cuda.set_rng_state(random[1])
        losses.append(trainer.train_epoch(loader, 1)["train_loss"])
    assert losses[1] == pytest.approx(losses[0], rel=0.01)


def test_a_training_that_is_cut_ends_near_one_that_was_not(experiment, prepared, tmp_path, monkeypatch, capsys) -> None:
    small = replace(
        experiment,
        training=replace(experiment.training, mixed_precision=False),
        checkpointing=replace(experiment.checkpointing, resume_every_minutes=1e-9),
    )

    def run(out: Path) -> list[dict[str, float]]:
        parts = {name: getattr(small, name) for name in SECTIONS}
        places = {"prepared": prepared, "out": out, "run_dir": out / "logs", "resume_dir": out / ".thulium" / "resume"}
        train(**parts, **places)
        with open(out / "plots" / "history.csv", encoding="utf-8") as file:
            return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]

    whole = run(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "on_step", _cutting(Keeper.on_step, 9))
        with pytest.raises(Cut):
            run(tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut" / "checkpoints", ignore_errors=True)
    resumed = run(tmp_path / "cut")
    assert "resuming from epoch " in capsys.readouterr().err
    assert [row["epoch"] for row in resumed] == [row["epoch"] for row in whole]
    for one, other in zip(resumed, whole, strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=0.05)
        assert one.get("lr") == pytest.approx(other.get("lr"), nan_ok=True)


def _cutting(on_step: Callable[[Keeper], None], steps: int) -> Callable[[Keeper], None]:
    left = [steps]

    def watched(keeper: Keeper) -> None:
        on_step(keeper)
        left[0] -= 1
        if not left[0]:
            raise Cut

    return watched


def test_pinned_batches_come_from_other_processes_and_are_learnt_from(experiment, data, device, on_gpu) -> None:
    loader = create_dataloader(data.folder / "train", batch_size=4, seed=1, workers=2, pinned=True)
    batches = list(loader)
    assert all(batch.images.is_pinned() for batch in batches)
    assert sorted(line_id for batch in batches for line_id in batch.ids) == sorted(data.split("train").ids)
    trainer = HTRTrainer(untrained(experiment, data), 0.003, device=device)
    plain = HTRTrainer(untrained(experiment, data), 0.003, device=device)
    losses = [
        trainer.train_epoch(loader, 0)["train_loss"],
        plain.train_epoch(create_dataloader(data.folder / "train", batch_size=4, seed=1), 0)["train_loss"],
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
