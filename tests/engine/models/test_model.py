"""The networks."""

from dataclasses import replace
from functools import partial

import lab
import pytest
import torch
from PIL import Image

from thulium.data.batch import Batch, collate
from thulium.data.charset import Charset
from thulium.data.loader import create_dataloader
from thulium.models.backbones import BACKBONES
from thulium.models.heads import HEADS
from thulium.models.heads.transformer import rotations, turned
from thulium.models.masks import reversal
from thulium.models.span_mask import SpanMask
from thulium.models.wrappers import HTRModel
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.building import build as spec_of
from thulium_dsl.grammar.spec import BackboneSpec, HeadSpec, ModelSpec, SpanMaskSpec

CHARSET = Charset(tuple("abcdefgh "))
SIZES = {
    name: family
    for family, branch in schemas.branches(schemas.find("model.backbone")[0].schema).items()
    for name in branch["properties"]["config_name"]["enum"]
}
SMALL = {
    "bilstm": {"hidden_size": 24, "num_layers": 1, "dropout": 0.1},
    "transformer": {"hidden_size": 24, "num_layers": 2, "num_heads": 2, "feedforward_size": 48, "dropout": 0.1},
    "none": {},
}
# Of each option another value.
OTHER = {
    ("bilstm", "hidden_size"): 16,
    ("bilstm", "num_layers"): 2,
    ("bilstm", "dropout"): 0.5,
    ("transformer", "hidden_size"): 16,
    ("transformer", "num_layers"): 1,
    ("transformer", "num_heads"): 4,
    ("transformer", "feedforward_size"): 24,
    ("transformer", "dropout"): 0.5,
}


def head_of(name, **options):
    return spec_of(HeadSpec, {"type": name, **SMALL[name], **options})


def build(experiment, config_name="resnet_tiny", head="bilstm", blank=0, shortcut=0.1, share=0.0):
    torch.manual_seed(1)
    spec = ModelSpec(
        backbone=spec_of(BackboneSpec, {"type": SIZES[config_name], "config_name": config_name}),
        span_mask=SpanMaskSpec(share=share, length=4),
        head=head_of(head),
        decoder=replace(experiment.model.decoder, blank_index=blank, shortcut_weight=shortcut),
    )
    return HTRModel(spec, Charset(CHARSET.symbols, blank), experiment.preprocessing)


def noise(width):
    return Image.effect_noise((width, 24), 90)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("config_name", SIZES)
def test_a_line_reads_the_same_alone_and_beside_wider_ones(experiment, config_name, head):
    model = build(experiment, config_name, head)
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


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("config_name", ["resnet_tiny", "vgg_tiny"])
def test_what_stands_in_the_padding_is_not_read(experiment, config_name, head):
    model = build(experiment, config_name, head).eval()
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


@pytest.mark.parametrize("family", BACKBONES)
def test_sizes_grow_from_tiny_to_base(experiment, family):
    counts = [build(experiment, name).num_parameters for name in SIZES if SIZES[name] == family]
    assert counts == sorted(counts)
    assert len(counts) == 3


@pytest.mark.parametrize(("head", "option"), OTHER)
def test_every_option_of_a_head_changes_what_is_learnt(head, option):
    def learnt(**options):
        torch.manual_seed(1)
        made = HEADS[head](head_of(head, **options), 8)
        return made.train()(torch.ones(2, 5, 8), torch.tensor([5, 3]))[0, 0]

    usual, other = learnt(), learnt(**{option: OTHER[head, option]})
    assert usual.shape != other.shape or not torch.allclose(usual, other)


def test_every_option_of_every_head_is_tried():
    assert set(OTHER) == {(head, option) for head, options in SMALL.items() for option in options}
    assert set(SMALL) == set(HEADS)


def test_attention_counts_distances_and_not_places():
    queries, keys = torch.randn(2, 1, 1, 1, 16)
    rotation = rotations(torch.arange(40), 16)
    products = turned(queries.expand(1, 1, 40, 16), rotation) @ turned(keys.expand(1, 1, 40, 16), rotation).mT
    for distance in (0, 3, 17):
        same = torch.diagonal(products[0, 0], distance)
        assert torch.allclose(same, same[:1].expand_as(same), atol=1e-4)


def test_a_transformer_tells_frames_of_one_look_apart_by_their_neighbours():
    torch.manual_seed(1)
    head = HEADS["transformer"](head_of("transformer"), 8).eval()
    x = torch.randn(1, 1, 8).repeat(1, 7, 1)
    x[:, 0] += 1
    with torch.no_grad():
        y = head(x, torch.tensor([7]))[0]
    assert not torch.allclose(y[2], y[5], atol=1e-3)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_stretches_of_each_line_are_hidden_by_itself(share):
    torch.manual_seed(1)
    mask, frames = SpanMask(8, share=share, length=4), torch.tensor([40, 25, 3]).repeat(400)
    hidden = mask.draw(frames, 48)
    assert not (hidden & (torch.arange(48) >= frames[:, None])).any()
    for place, length in enumerate((40, 25)):
        shares = hidden[place::3, :length].float().mean(dim=1)
        stretches = share * length / 4
        overlapping = 1 - (1 - 4 / length) ** stretches  # what as many stretches at random places cover
        assert float(shares.mean()) == pytest.approx(overlapping, rel=0.15)
        assert len(set(map(tuple, hidden[place::3].tolist()))) > 10
        ends = hidden[place::3].float().diff(dim=1, prepend=torch.zeros(400, 1)).clamp(min=0).sum(dim=1)
        assert float(ends.max()) <= int(stretches) + 1


def test_longer_stretches_are_fewer():
    torch.manual_seed(1)
    frames = torch.full((200,), 64)
    starts = [SpanMask(8, share=0.3, length=n).draw(frames, 64).int().diff(dim=1).eq(1).sum() for n in (2, 8)]
    assert starts[0] > 2 * starts[1]


def test_frames_are_hidden_from_the_head_in_training_only(experiment):
    images, widths = pixels([noise(80), noise(200)])
    model, open_model = build(experiment, share=0.5), build(experiment)
    open_model.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        assert torch.equal(model.eval()(images, widths).logits, open_model.eval()(images, widths).logits)
        hidden, seen = (m.train()(images, widths) for m in (model, open_model))
    assert torch.equal(hidden.shortcut, seen.shortcut)
    assert not torch.allclose(hidden.logits, seen.logits)
    assert "span_mask.hidden" in dict(model.named_parameters())
    assert open_model.span_mask is None


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("config_name", ["resnet_tiny", "vgg_tiny"])
def test_eight_lines_are_learnt_by_heart(experiment, tmp_path, config_name, head):
    texts = ["bad", "cab", "head", "deaf", "a cage", "facade", "egg", "beach"]
    lab.write_lines_folder(tmp_path, texts)
    model = build(experiment, config_name, head)
    loader = create_dataloader(tmp_path, batch_size=8, preprocessing=experiment.preprocessing)
    optimizer = partial(torch.optim.AdamW, lr=5e-3 if head != "transformer" else 2e-3)
    trainer = HTRTrainer(
        model, optimizer=lambda m: optimizer(m.parameters()), device="cpu", mixed_precision=False, gradient_clip=1.0
    )
    for epoch in range(300):
        trainer.train_epoch(loader, epoch)
        if epoch % 20 == 19 and trainer.validate(loader, epoch)["val_cer"] == 0:
            break
    assert trainer.validate(loader, epoch)["val_cer"] == 0, epoch
