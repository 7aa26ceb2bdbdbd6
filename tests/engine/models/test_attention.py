"""The attention decoder: it learns, and what it reads of a line depends on that line alone."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from thulium.data.batch import collate
from thulium.data.charset import Charset
from thulium.data.prepared import open_prepared
from thulium.decoding.searches import with_model
from thulium.models.file import load_model, save_model
from thulium.models.recogniser import Recogniser
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.stages.evaluate import evaluate
from thulium.stages.train import train
from thulium_dsl.grammar.spec import AttentionSpec, BeamSpec

SECTIONS = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
SPEC = AttentionSpec(type="attention", blank_index=1, hidden_size=16, ctc_weight=0.3)


@pytest.fixture
def model(experiment):
    torch.manual_seed(1)
    spec = replace(experiment.model, decoder=SPEC)
    return HTRModel(spec, Charset(tuple("abc "), blank_index=1), experiment.preprocessing).eval()


def lines(model, *widths):
    noise = torch.Generator().manual_seed(3)
    height = model.preprocessing.height
    return [Image.fromarray(torch.randint(0, 256, (height, w), generator=noise).byte().numpy()) for w in widths]


@pytest.mark.parametrize("mixed_precision", [False, True])
def test_it_learns_a_few_texts_by_heart(experiment, mixed_precision):
    torch.manual_seed(1)
    texts = ["abc", "cab a", "b"]
    model = HTRModel(
        replace(experiment.model, decoder=SPEC), Charset(tuple("abc "), blank_index=1), experiment.preprocessing
    )
    images = lines(model, 60, 90, 30)
    batch = collate(images, texts, ["1", "2", "3"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    device = devices.choose("cpu", mixed_precision=False)
    for _ in range(120):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed_precision):
            output = model(batch.images, batch.widths, model.targets(batch))
        loss = model.loss(batch, output)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.1
    readings = Recogniser(model.eval(), device).read(images, in_detail=True)
    assert [reading.text for reading in readings] == texts
    assert all(reading.confidence > 0.8 for reading in readings)
    assert [character.symbol for character in readings[1].characters] == list("cab a")


def test_a_line_is_read_the_same_alone_and_among_others(model):
    images = lines(model, 40, 200, 77, 120)
    recogniser = Recogniser(model, devices.choose("cpu", mixed_precision=False))
    together = [reading.text for reading in recogniser.read(images)]
    assert together == [recogniser.read([image])[0].text for image in images]


def test_a_beam_search_reads_in_the_ctc_beside_it(model):
    images = lines(model, 120)
    spec = BeamSpec(type="beam", beam_size=8, language_model="none", more_text="none", order=3, alpha=0.0, beta=0.0)
    search = with_model(spec, model.charset, None)
    recogniser = Recogniser(model, devices.choose("cpu", mixed_precision=False), search=search)
    batch = collate(images, [""], ["1"])
    output = recogniser.output(batch)
    expected = model.charset.decode(search(output.logits, output.frames, 1)[0].classes)
    assert recogniser.readings(output)[0].text == expected.strip()


def test_it_is_trained_kept_and_judged_as_any_other(experiment, prepared, tmp_path):
    parts = {name: getattr(experiment, name) for name in SECTIONS}
    parts["model"] = replace(experiment.model, decoder=replace(SPEC, blank_index=0))
    train(**parts, prepared=prepared, out=tmp_path, run_dir=tmp_path / "runs")
    found, _ = load_model(tmp_path / "checkpoints" / "last.safetensors")
    assert found.spec.decoder == replace(SPEC, blank_index=0)
    places = {"prepared": prepared, "checkpoints": tmp_path / "checkpoints", "out": tmp_path}
    assert evaluate(evaluation=experiment.evaluation, resources=experiment.resources, **places)["cer"] >= 0


@pytest.mark.parametrize("change", [{"hidden_size": 24}, {"ctc_weight": 0.6}])
def test_another_value_reaches_the_model(experiment, prepared, change):
    data = open_prepared(prepared)

    def loss(spec):
        torch.manual_seed(1)
        model = HTRModel(replace(experiment.model, decoder=spec), Charset(data.symbols), data.preprocessing)
        batch = collate(lines(model, 90), ["".join(data.symbols[:3])], ["1"])
        return float(model.loss(batch, model(batch.images, batch.widths, model.targets(batch))).detach())

    spec = replace(SPEC, blank_index=0)
    assert loss(spec) == loss(spec) != loss(replace(spec, **change))


def test_its_file_holds_all_that_reading_needs(model, tmp_path):
    save_model(model, tmp_path / "m.safetensors")
    loaded, _ = load_model(tmp_path / "m.safetensors")
    images = lines(model, 77)
    device = devices.choose("cpu", mixed_precision=False)
    assert Recogniser(loaded, device).read(images) == Recogniser(model, device).read(images)
