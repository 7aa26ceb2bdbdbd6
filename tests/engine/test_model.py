"""The networks."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from thulium.data.batch import Batch, collate
from thulium.data.charset import Charset
from thulium.models.backbones.resnet import SIZES
from thulium.models.masks import reversal
from thulium.models.wrappers import HTRModel

CHARSET = Charset(tuple("abcdefgh "))


def build(experiment, config_name="resnet_tiny", blank=0, shortcut=0.1):
    torch.manual_seed(1)
    spec = replace(
        experiment.model,
        backbone=replace(experiment.model.backbone, config_name=config_name),
        decoder=replace(experiment.model.decoder, blank_index=blank, shortcut_weight=shortcut),
    )
    return HTRModel(spec, Charset(CHARSET.symbols, blank), experiment.preprocessing)


def noise(width):
    return Image.effect_noise((width, 24), 90)


@pytest.mark.parametrize("config_name", SIZES)
def test_a_line_reads_the_same_alone_and_beside_wider_ones(experiment, config_name):
    model = build(experiment, config_name)
    with torch.no_grad():
        model.train()(*pixels([noise(w) for w in (90, 200, 301)]))  # batch statistics that are not the initial ones
        model.eval()
        lines = [noise(width) for width in (37, 64, 121, 303)]
        together = model(*pixels(lines))
        for i, line in enumerate(lines):
            alone = model(*pixels([line]))
            frames = int(alone.frames[0])
            assert frames == int(together.frames[i]) == -(-line.width // 4)
            assert torch.allclose(alone.logits[0, :frames], together.logits[i, :frames], atol=1e-4)


def pixels(images):
    batch = collate(images, ["a"] * len(images), ["1"] * len(images))
    return batch.images, batch.widths


def test_what_stands_in_the_padding_is_not_read(experiment):
    model = build(experiment).eval()
    images, widths = pixels([noise(50), noise(120)])
    scribbled = images.clone()
    scribbled[0, :, :, 50:] = 7
    with torch.no_grad():
        before, after = model(images, widths).logits, model(scribbled, widths).logits
    assert torch.equal(before[0, :13], after[0, :13])


def test_frames_are_turned_round_within_their_line():
    assert reversal(torch.tensor([3, 5]), 5).tolist() == [[2, 1, 0, 3, 4], [4, 3, 2, 1, 0]]


@pytest.mark.parametrize("blank", [0, 4, 9])
def test_the_loss_falls_wherever_the_blank_stands(experiment, blank):
    model = build(experiment, blank=blank)
    batch = collate([noise(80), noise(100)], ["abc", "bad head"], ["1", "2"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = model.loss(batch, model(batch.images, batch.widths))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2


def test_the_loss_does_not_depend_on_the_batch_a_line_is_in(experiment):
    model = build(experiment).eval()
    lines, texts = [noise(80), noise(140)], ["abc", "bad head"]

    def loss(chosen):
        batch: Batch = collate([lines[i] for i in chosen], [texts[i] for i in chosen], ["x"] * len(chosen))
        return float(model.loss(batch, model(batch.images, batch.widths))) * sum(len(texts[i]) for i in chosen)

    with torch.no_grad():
        assert loss([0, 1]) == pytest.approx(loss([0]) + loss([1]), rel=1e-4)


def test_a_text_that_does_not_fit_its_frames_costs_nothing(experiment):
    model = build(experiment)
    batch = collate([noise(16)], ["abcdefgh"], ["1"])
    loss = model.loss(batch, model(batch.images, batch.widths))
    loss.backward()
    assert float(loss.detach()) == 0.0


def test_the_shortcut_is_there_only_while_training_and_only_if_asked_for(experiment):
    images, widths = pixels([noise(80)])
    model = build(experiment)
    assert model(images, widths).shortcut is not None
    assert model.eval()(images, widths).shortcut is None
    assert build(experiment, shortcut=0.0)(images, widths).shortcut is None


def test_sizes_grow_from_tiny_to_base(experiment):
    counts = [build(experiment, name).num_parameters for name in SIZES]
    assert counts == sorted(counts)
