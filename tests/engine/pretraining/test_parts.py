"""Pieces, kinds of shape, and what is hidden."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from thulium.data.batch import Batch, collate
from thulium.data.charset import Charset
from thulium.models.wrappers import HTRModel
from thulium.pretraining.clusters import k_means, kind_of
from thulium.pretraining.hiding import covered, drawn
from thulium.pretraining.model import GuessingModel, nats
from thulium.pretraining.pieces import COLUMNS, ROWS, VALUES, pieces
from thulium.runtime.documents import section
from thulium.runtime.errors import DataError
from thulium.training.transfer import transfer
from thulium_dsl.grammar.spec import Experiment, HidingSpec

SPEC = HidingSpec(share=0.4, length=8)


def test_a_piece_is_what_lies_around_its_frame() -> None:
    ink = torch.zeros(1, 1, 32, 80)
    ink[..., 40:44] = 1  # exactly the eleventh frame of four pixels
    found = pieces(ink, 4)
    assert found.shape == (1, 20, VALUES)
    seen = found.abs().sum(dim=2)[0] > 0
    assert seen.nonzero().flatten().tolist() == [8, 9, 10, 11, 12]  # 16 pixels around the middle of the frame reach it
    middle = found[0, 10].view(ROWS, COLUMNS)
    assert torch.equal(middle, middle[:1].expand(ROWS, -1))
    assert middle[0, 1] == middle[0, 2] > 0 > middle[0, 0]
    assert middle[0, 1] == middle[0].max()


def test_a_piece_does_not_tell_how_dark_pen_and_paper_are() -> None:
    ink = torch.rand(1, 1, 32, 64, generator=torch.Generator().manual_seed(1))
    faint = 0.1 + 0.6 * ink
    inner = slice(2, -3)  # whose pieces do not reach beyond the line
    assert torch.allclose(pieces(faint, 4)[:, inner], pieces(ink, 4)[:, inner], atol=0.4)
    assert not torch.allclose(pieces(ink.flip(3), 4)[:, inner], pieces(ink, 4)[:, inner], atol=0.4)


@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize("width", [1, 7, 8, 33])
def test_there_is_a_piece_for_every_frame(stride: int, width: int) -> None:
    assert pieces(torch.ones(2, 1, 24, width), stride).shape == (2, -(-width // stride), VALUES)


def test_kinds_are_those_that_there_are() -> None:
    generator = torch.Generator().manual_seed(1)
    true = 10 * torch.eye(5, 8)
    which = torch.randint(5, (500,), generator=generator)
    centres = k_means(true[which] + 0.1 * torch.randn(500, 8, generator=generator), 5, seed=1)
    order = kind_of(true, centres)
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]
    assert torch.allclose(centres[order], true, atol=0.1)


def test_the_same_seed_gives_the_same_kinds_and_another_one_others() -> None:
    given = torch.rand(300, 8, generator=torch.Generator().manual_seed(1))
    first, again, other = (k_means(given, 16, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_pieces_that_are_all_alike_are_of_some_kind() -> None:
    centres = k_means(torch.zeros(40, 8), 16, seed=1)
    assert centres.isfinite().all()
    assert kind_of(torch.zeros(2, 3, 8), centres).shape == (2, 3)


def test_more_kinds_than_pieces_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"pretraining\.clusters is 16, and the lines have 15 frames(?s:.*)help: lower it"
    ):
        k_means(torch.zeros(15, 8), 16, seed=1)


def test_what_is_hidden_depends_on_the_line_and_not_on_its_batch() -> None:
    alone = drawn(["b"], [60], 60, SPEC, 1, 0)
    among = drawn(["a", "b"], [90, 60], 90, SPEC, 1, 0)
    assert torch.equal(among[1, :60], alone[0])
    assert not among[1, 60:].any()
    assert not torch.equal(drawn(["b"], [60], 60, SPEC, 1, 1), alone)
    assert not torch.equal(drawn(["b"], [60], 60, SPEC, 2, 0), alone)


def test_as_much_is_hidden_as_the_document_asks_for() -> None:
    ids = [str(number) for number in range(300)]
    for share, least, most in ((0.1, 0.09, 0.11), (0.4, 0.31, 0.36)):  # stretches overlap
        hidden = drawn(ids, [200] * 300, 200, HidingSpec(share=share, length=8), 1, 0)
        assert least < float(hidden.float().mean()) < most


@pytest.mark.parametrize("frames", [1, 2, 3, 9])
def test_of_a_short_line_something_is_hidden_and_something_not(frames: int) -> None:
    hidden = drawn(["a"], [frames], frames, HidingSpec(share=0.01, length=8), 1, 0)
    assert 0 < int(hidden.sum()) <= max(1, frames // 2)


def test_hidden_columns_are_noise_that_depends_on_the_line_and_not_on_its_batch() -> None:
    images = torch.zeros(2, 1, 24, 10, dtype=torch.uint8)
    hidden = torch.tensor([[False, True, True], [True, False, False]])
    seen = covered(images, hidden, 4, ["a", "b"], 1, 0)
    assert (seen[0, ..., :4] == 0).all()
    assert (seen[1, ..., 4:] == 0).all()
    assert 100 < float(seen[0, ..., 4:].float().mean()) < 155
    narrow = covered(images[1:, ..., :7], hidden[1:, :2], 4, ["b"], 1, 0)
    assert torch.equal(narrow, seen[1:, ..., :7])
    assert not torch.equal(covered(images[1:], hidden[1:], 4, ["b"], 1, 1), seen[1:])


def model_of(experiment: Experiment, **spec: object) -> GuessingModel:
    torch.manual_seed(1)
    model = GuessingModel(
        replace(experiment.model, **spec),
        experiment.preprocessing,
        kinds=6,
        hiding=HidingSpec(share=0.4, length=4),
        seed=1,
    )
    model.centres.normal_()
    return model


def lines(experiment: Experiment, *widths: int) -> Batch:
    from PIL import Image

    height = experiment.preprocessing.height
    pixels = torch.randint(0, 256, (height, 96), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    image = Image.fromarray(pixels.numpy())
    images = [image.crop((0, 0, width, height)) for width in widths]
    return collate(images, [""] * len(widths), [str(width) for width in widths])


def test_the_loss_counts_hidden_frames_fully_and_others_little(experiment: Experiment) -> None:
    model = model_of(experiment)
    batch = model.hide(lines(experiment, 90, 50), 0)
    output = model.output(model.features(batch.images, batch.widths), batch)
    hidden, seen = batch.hidden, batch.used & ~batch.hidden
    own, early = nats(output.logits, batch.kinds), nats(output.early, batch.kinds)
    wanted = (own[hidden].sum() + 0.5 * own[seen].sum() + 0.25 * early[seen].sum()) / int(hidden.sum())
    assert torch.allclose(model.loss(batch, output), wanted)
    assert torch.allclose(model.loss(batch, output, 2 * batch.num_hidden), wanted / 2)


def test_the_loss_of_a_batch_is_that_of_its_lines(experiment: Experiment) -> None:
    """Padding counts nothing, and neither does the company of other lines."""
    model = model_of(experiment).eval()

    @torch.no_grad()
    def loss(*widths: int) -> float:
        batch = model.hide(lines(experiment, *widths), 0).widened(144)
        return float(model.loss(batch, model.output(model.features(batch.images, batch.widths), batch), 1))

    assert loss(90, 50) == pytest.approx(loss(90) + loss(50), rel=1e-4)


def test_what_is_hidden_cannot_be_seen_and_what_is_asked_is_of_the_line_as_it_was(experiment: Experiment) -> None:
    model = model_of(experiment)
    plain = lines(experiment, 96)
    batch = model.hide(plain, 0)
    other = replace(plain, images=plain.images.clone())
    columns = batch.hidden.repeat_interleave(4, dim=1)[0]
    other.images[..., columns] = 0
    again = model.hide(other, 0)
    assert torch.equal(again.images, batch.images)
    assert not torch.equal(again.kinds, batch.kinds)


def test_the_plain_model_has_the_same_weights_and_no_alphabet(experiment: Experiment) -> None:
    decoder = replace(experiment.model.decoder, blank_index=3)
    model = model_of(experiment, decoder=decoder)
    plain = model.plain()
    assert plain.charset.symbols == ()
    assert torch.equal(plain.backbone.stem.weight, model.backbone.stem.weight)
    assert not [name for name in plain.state_dict() if name.startswith(("guess", "centres"))]


@pytest.mark.parametrize("decoder", [{"type": "ctc"}, {"type": "attention"}], ids=str)
def test_a_model_that_reads_takes_over_what_was_learnt(experiment: Experiment, decoder: dict[str, str]) -> None:
    spec = section("model", decoder=decoder).decoder
    source = model_of(experiment, decoder=spec)
    torch.manual_seed(2)
    model = HTRModel(replace(experiment.model, decoder=spec), Charset(("a", "b")), experiment.preprocessing)
    fresh = model.decoder.classify.weight[1:].clone() if decoder["type"] == "ctc" else None
    transfer(source.plain(), model)
    for name, tensor in source.state_dict().items():
        if name.startswith(("backbone.", "head.")):
            assert torch.equal(model.state_dict()[name], tensor)
    if fresh is not None:
        assert torch.equal(model.decoder.classify.weight[1:], fresh)
