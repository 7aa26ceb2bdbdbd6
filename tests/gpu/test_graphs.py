"""What is replayed from a CUDA graph is what would have been computed."""

from __future__ import annotations

import logging
from copy import deepcopy

import pytest
import torch
from gpu.conftest import lines_of, untrained

from thulium.data.batch import Batch
from thulium.models.fused import norm, use
from thulium.models.heads import half_lstm
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.training import graphs
from thulium.training.graphs import PLAIN_STEPS, GraphedFeatures
from thulium.training.trainer import HTRTrainer

pytestmark = pytest.mark.usefixtures("on_gpu")


@pytest.fixture
def place(device) -> devices.Device:
    return devices.choose(device, mixed_precision=False)


@pytest.fixture
def model(experiment, data, place) -> HTRModel:
    """Without dropout, whose draws would differ."""
    model = place.place(untrained(experiment, data)).train()
    model.head.dropout.p = 0.0
    return model


@pytest.fixture
def batches(data, place) -> list[Batch]:
    """Three of one shape."""
    batch = next(iter(lines_of(data.split("train")))).to(place.torch_device)
    return [batch, Batch(batch.images.flip(0), batch.widths.flip(0), batch.texts, batch.ids), batch]


def gradients(model: HTRModel, features, batch: Batch) -> dict[str, torch.Tensor]:
    """Of something that weights each value of the features differently."""
    model.zero_grad()
    seen = features(batch.images, batch.widths)
    used = torch.arange(seen.head.shape[1], device=seen.frames.device) < seen.frames[:, None]
    total = sum((part.float().square() * used[..., None]).sum() for part in (seen.head, seen.backbone))
    total.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


def test_features_and_gradients_are_those_of_the_model(model, batches, place) -> None:
    other = deepcopy(model)
    graphed = GraphedFeatures(model, place)
    for _ in range(PLAIN_STEPS):
        graphed(batches[0].images, batches[0].widths)
        other.features(batches[0].images, batches[0].widths)
    for batch in batches:
        found, wanted = gradients(model, graphed, batch), gradients(other, other.features, batch)
        assert found.keys() == wanted.keys()
        for name, gradient in wanted.items():
            torch.testing.assert_close(found[name], gradient, atol=1e-2, rtol=1e-2, msg=name)
    assert len(graphed._recordings) == 1
    for (name, buffer), other_buffer in zip(model.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(buffer, other_buffer, atol=1e-4, rtol=1e-4, msg=name)


def test_parts_of_a_step_are_summed(model, batches, place) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()  # the same for both parts
    graphed = GraphedFeatures(model, place)
    for _ in range(PLAIN_STEPS + 1):
        graphed(batches[0].images, batches[0].widths)
    assert graphed._recordings
    apart = [gradients(model, graphed, batch) for batch in batches[:2]]
    model.zero_grad()
    for batch in batches[:2]:
        seen = graphed(batch.images, batch.widths)
        used = torch.arange(seen.head.shape[1], device=seen.frames.device) < seen.frames[:, None]
        sum((part.float().square() * used[..., None]).sum() for part in (seen.head, seen.backbone)).backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, apart[0][name] + apart[1][name], atol=1e-3, rtol=1e-3, msg=name)


def test_recording_draws_no_random_numbers_and_moves_no_average(model, batches, place) -> None:
    graphed = GraphedFeatures(model, place)
    for _ in range(PLAIN_STEPS):
        graphed(batches[0].images, batches[0].widths)
    random, buffers = torch.cuda.get_rng_state(), [buffer.clone() for buffer in model.buffers()]
    graphed._try_to_record((1,), batches[0].images, batches[0].widths)
    assert graphed._recordings
    assert torch.equal(random, torch.cuda.get_rng_state())
    assert all(torch.equal(one, other) for one, other in zip(buffers, model.buffers(), strict=True))


def test_dropout_is_drawn_anew_at_each_replay(model, batches, place) -> None:
    model.head.dropout.p = 0.5
    graphed = GraphedFeatures(model, place)
    seen = [graphed(batches[0].images, batches[0].widths).head.detach().clone() for _ in range(PLAIN_STEPS + 3)]
    assert not torch.equal(seen[-1], seen[-2])


def test_many_lines_in_16_bits_are_recorded_with_kernels_of_our_own(experiment, data, device, monkeypatch) -> None:
    place = devices.choose(device, mixed_precision=True)
    if not use.works(f"normalisation in {place.amp_dtype}", lambda: norm._try(place.torch_device, place.amp_dtype)):
        pytest.skip("Triton does not work here")
    model, used = place.place(untrained(experiment, data)).train(), list[str]()
    for module, name in ((norm, "fused"), (half_lstm, "half_unrolled")):
        own = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, own=own, name=name, **k: used.append(name) or own(*a, **k))
    few = next(iter(lines_of(data.split("train")))).to(place.torch_device)
    times = -(-half_lstm.MANY_LINES // len(few))
    images, widths = few.images.repeat(times, 1, 1, 1), few.widths.repeat(times)
    graphed = GraphedFeatures(model, place)
    with place.autocast():
        for _ in range(PLAIN_STEPS):
            graphed(images, widths)
        assert not used
        graphed(images, widths)
    assert set(used) == {"fused", "half_unrolled"}


def test_frozen_parts_rest_and_learn_again(experiment, data, device) -> None:
    trainer = HTRTrainer(untrained(experiment, data), 0.003, device=device, freeze=["backbone"], freeze_epochs=3)
    before = {name: value.clone() for name, value in trainer.model.backbone.state_dict().items()}
    loader = lines_of(data.split("train"))
    for epoch in range(3):
        trainer.train_epoch(loader, epoch)
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.backbone.state_dict().items())
    for epoch in range(3, 6):
        trainer.train_epoch(loader, epoch)
    learnt = dict(trainer.model.backbone.named_parameters())
    assert not any(torch.equal(value, before[name]) for name, value in learnt.items())


def test_where_nothing_can_be_recorded_the_training_goes_on_and_says_so(
    experiment, data, device, monkeypatch, caplog
) -> None:
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(graphs, "Recording", refuse)
    trainer = HTRTrainer(untrained(experiment, data), 0.003, device=device)
    loader = lines_of(data.split("train"))
    with caplog.at_level(logging.WARNING):
        for epoch in range(4):
            trainer.train_epoch(loader, epoch)
    assert [record.message for record in caplog.records if "CUDA graphs" in record.message] == [
        "training without CUDA graphs, which is slower: CUDA out of memory"
    ]
