"""Lines augmented on a GPU."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from gpu.conftest import untrained
from lab_augment import augmenter, transform

from thulium.data.augmentation.augmenter import TRANSFORMS, Augmenter
from thulium.data.batch import Batch
from thulium.data.loader import LineLoader, Place
from thulium.stages.train import train
from thulium.training.trainer import HTRTrainer

NOISE = "gaussian_noise"
SECTIONS = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")


def batches(data, own: Augmenter, augment_on: Place, batch_size: int = 8) -> list[Batch]:
    loader = LineLoader(
        data.split("train"), batch_size=batch_size, shuffle=True, augmenter=own, augment_on=augment_on, seed=1
    )
    loader.set_epoch(2)
    return list(loader)


def each(batches: list[Batch]) -> dict[str, np.ndarray]:
    """The pixels of every line."""
    return {
        line_id: pixels[0, :, :width].cpu().numpy().astype(float)
        for batch in batches
        for line_id, pixels, width in zip(batch.ids, batch.images, batch.widths.tolist(), strict=True)
    }


@pytest.mark.parametrize("name", [*TRANSFORMS, "all of them"])
def test_lines_look_as_the_loader_and_the_cpu_make_them(data, device, name: str) -> None:
    own = augmenter(
        *([transform(other) for other in TRANSFORMS if other != NOISE] if name == "all of them" else [transform(name)])
    )
    here, there = batches(data, own, "loader"), batches(data, own, "device")
    done = [batch.to(torch.device(device)).augmented() for batch in there]
    assert {batch.images.device.type for batch in done} == {device}
    assert all(torch.equal(one.widths, other.widths) for one, other in zip(here, done, strict=True))
    assert all(one.images.shape == other.images.shape for one, other in zip(here, done, strict=True))
    on_cpu, on_gpu, loaded = each([batch.augmented() for batch in there]), each(done), each(here)
    for line_id, pixels in on_gpu.items():
        if name == NOISE:  # other grains of the same kind
            assert pixels.std() == pytest.approx(loaded[line_id].std(), rel=0.05)
            continue
        assert np.abs(pixels - on_cpu[line_id]).mean() < 0.1
        assert np.abs(pixels - loaded[line_id]).mean() < 4


def test_a_line_comes_out_the_same_in_any_batch(data, device) -> None:
    own = augmenter(*[replace(transform(name), p=0.5) for name in TRANSFORMS])
    found = [
        each([batch.to(torch.device(device)).augmented() for batch in batches(data, own, "device", batch_size)])
        for batch_size in (8, 3, 8)
    ]
    for line_id, pixels in found[0].items():
        assert np.array_equal(pixels, found[2][line_id])
        # To the last grey value, but for the rare one that a kernel for another size rounds to its neighbour.
        difference = np.abs(pixels - found[1][line_id])
        assert (difference > 0).mean() < 1e-3
        assert difference.max() <= 1


def test_a_training_learns_from_them(experiment, data, prepared, device, tmp_path) -> None:
    own = Augmenter(experiment.augmentation, 1, stride=8)
    trainer = HTRTrainer(untrained(experiment, data), 0.003, device=device, gradient_clip=1.0)
    loader = LineLoader(data.split("train"), batch_size=4, shuffle=True, augmenter=own, augment_on="device", seed=1)
    losses = [trainer.train_epoch(loader, epoch)["train_loss"] for epoch in range(8)]
    assert losses[-1] < 0.85 * losses[0]
    small = replace(experiment, resources=replace(experiment.resources, augment_on="device", loader_workers=2))
    parts = {name: getattr(small, name) for name in SECTIONS}
    summary = train(**parts, prepared=prepared, out=tmp_path, run_dir=tmp_path / "logs")
    assert (summary["computed"]["augment_on"], summary["computed"]["device"]) == ("device", device)
