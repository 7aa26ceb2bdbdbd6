"""Reading on a GPU gives what it gives on a CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from thulium.data.batch import collate
from thulium.data.loader import LineLoader
from thulium.decoding.searches import BeamSearch
from thulium.evaluation.recognise import judge
from thulium.models.file import save_model
from thulium.models.recogniser import Recogniser
from thulium.runtime import device as devices

CLOSE = 2e-3  # of logits that are 32 bits, and some units apart


@pytest.fixture
def recogniser(trained, device) -> Recogniser:
    """In 32 bits, as evaluate reads."""
    return Recogniser(trained.model.eval(), devices.choose(device, mixed_precision=False))


@pytest.fixture
def images(data) -> list[Image.Image]:
    split = data.split("train")
    return [split.image(index) for index in range(len(split))]


def logits_of(recogniser: Recogniser, images: list[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
    output = recogniser.output(collate(images, [""] * len(images), [str(place) for place in range(len(images))]))
    return output.logits.float().cpu(), output.frames.cpu()


def test_a_line_reads_the_same_alone_and_beside_wider_ones(recogniser, images) -> None:
    together, frames = logits_of(recogniser, images)
    for place, image in enumerate(images):
        alone, own = logits_of(recogniser, [image])
        used = int(own[0])
        assert used == int(frames[place])
        torch.testing.assert_close(alone[0, :used], together[place, :used], atol=CLOSE, rtol=CLOSE)


def test_what_stands_in_the_padding_is_not_read(recogniser, images) -> None:
    batch = collate(images, [""] * len(images), [str(place) for place in range(len(images))])
    scribbled = collate(images, [""] * len(images), [str(place) for place in range(len(images))])
    for row, width in zip(scribbled.images, scribbled.widths.tolist(), strict=True):
        row[..., width:] = 7
    assert batch.images.shape == scribbled.images.shape
    before, after = (recogniser.readings(recogniser.output(one)) for one in (batch, scribbled))
    assert before == after


def test_the_beam_search_finds_the_same(recogniser, images) -> None:
    logits, frames = logits_of(recogniser, images)
    where, search = recogniser.device.torch_device, BeamSearch(8, None)
    there = search(logits.to(where), frames.to(where), 0)
    here = search(logits, frames, 0)
    assert [line.classes for line in there] == [line.classes for line in here]
    np.testing.assert_allclose([line.score for line in there], [line.score for line in here], rtol=1e-4)


def test_a_model_file_reads_the_same_on_the_cpu(recogniser, images, data, tmp_path) -> None:
    save_model(recogniser.model, tmp_path / "model.safetensors")
    on_cpu = Recogniser.load(tmp_path / "model.safetensors", device="cpu")
    assert {parameter.device.type for parameter in on_cpu.model.parameters()} == {"cpu"}
    here, there = on_cpu.read(images), recogniser.read(images)
    assert [reading.text for reading in here] == [reading.text for reading in there]
    assert any(reading.text for reading in here)
    losses = [
        judge(one, LineLoader(data.split("val"), batch_size=3, shuffle=False)).loss for one in (on_cpu, recogniser)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


def test_a_model_file_is_loaded_onto_the_device(recogniser, images, tmp_path, device) -> None:
    save_model(recogniser.model, tmp_path / "model.safetensors")
    loaded = Recogniser.load(tmp_path / "model.safetensors", device="auto" if device == "cuda" else device)
    assert {parameter.device.type for parameter in loaded.model.parameters()} == {device}
    assert loaded.read(images) == recogniser.read(images)
    detailed = loaded.read(images[:2], in_detail=True)
    assert all(reading.confidence is None or 0 < reading.confidence <= 1 for reading in detailed)
