"""Models with weights in 16 bits, and those that have a name: read where they lie, by every door."""

import copy
from dataclasses import replace

import lab
import pytest
import torch
from safetensors.torch import load_file

from thulium.data.charset import Charset
from thulium.data.prepared import open_prepared
from thulium.models.file import load_model, packed, save_model
from thulium.models.recogniser import Recogniser
from thulium.models.wrappers import HTRModel
from thulium.models.zoo import file_of
from thulium.runtime.errors import CheckpointError
from thulium.training.transfer import transfer
from thulium_dsl.grammar import zoo


@pytest.fixture(scope="module")
def model(experiment, prepared):
    torch.manual_seed(1)
    data = open_prepared(prepared)
    return HTRModel(experiment.model, Charset(data.symbols), data.preprocessing, data.text).eval()


@pytest.fixture
def table(model, tmp_path, monkeypatch):
    """A zoo with one model."""
    file = tmp_path / "zoo" / "small" / "model.safetensors"
    file.parent.mkdir(parents=True)
    save_model(model, file, in_16_bits=True)
    row = lab.zoo_row("small", file)
    monkeypatch.setattr(zoo, "_PLACES", (tmp_path / "zoo",))
    monkeypatch.setattr(zoo, "MODELS", (row, replace(row, name="far", url="https://example.org/far")))
    return file


def images(prepared):
    split = open_prepared(prepared).split("test")
    return [split.image(place) for place in range(len(split))]


def test_a_file_in_16_bits_has_half_the_size_and_reads_the_same(model, prepared, tmp_path):
    save_model(model, tmp_path / "whole.safetensors", {"epoch": 3})
    save_model(model, tmp_path / "half.safetensors", {"epoch": 3}, in_16_bits=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    read = [Recogniser.load(tmp_path / f"{name}.safetensors").read(images(prepared)) for name in ("whole", "half")]
    assert [line.text for line in read[0]] == [line.text for line in read[1]]
    loaded, facts = load_model(tmp_path / "half.safetensors")
    assert facts == {"epoch": 3}
    assert {tensor.dtype for tensor in loaded.parameters()} == {torch.float32}
    for name, tensor in model.state_dict().items():
        assert torch.allclose(loaded.state_dict()[name], tensor, rtol=1e-3, atol=1e-6), name


def test_vectors_keep_their_32_bits(model, tmp_path):
    model = copy.deepcopy(model)
    model.backbone.stem_norm.running_var[0] = 1e-9  # 16 bits have nothing between this and 0
    save_model(model, tmp_path / "half.safetensors", in_16_bits=True)
    weights = load_file(tmp_path / "half.safetensors")
    assert {str(weights[name].dtype) for name in weights if weights[name].dim() > 1} == {"torch.float16"}
    assert {str(weights[name].dtype) for name in weights if weights[name].dim() == 1} == {"torch.float32"}
    assert weights["backbone.stem_norm.running_var"][0] > 0


def test_a_training_starts_from_a_file_in_16_bits(model, tmp_path):
    save_model(model, tmp_path / "half.safetensors", in_16_bits=True)
    source, _ = load_model(tmp_path / "half.safetensors")
    target = HTRModel(model.spec, Charset((*model.charset.symbols, "ж")), model.preprocessing)
    transfer(source, target)
    assert torch.equal(target.backbone.stem.weight, model.backbone.stem.weight.half().float())


def test_a_weight_that_16_bits_cannot_hold_is_refused(model, experiment):
    large = HTRModel(experiment.model, model.charset, model.preprocessing)
    with torch.no_grad():
        large.decoder.classify.weight[0, 0] = 1e5
    with pytest.raises(CheckpointError, match=r"decoder\.classify\.weight has weights beyond what 16 bits hold"):
        packed(large, {}, in_16_bits=True)


def test_a_name_is_read_where_its_file_lies(table, prepared):
    lines = images(prepared)
    assert Recogniser.load("zoo:small").read(lines) == Recogniser.load(table).read(lines)
    assert file_of(table) == table


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zoo:smal", "there is no model 'smal' in the zoo\n  help: did you mean 'zoo:small'?"),
        ("zoo:a/b", "'zoo:a/b' is no name of a model\n  help: write 'zoo:' and the name alone"),
        ("zoo:far", "does not travel with Thulium\n  help: `thulium fetch zoo:far` brings models/zoo/far/model.safe"),
    ],
)
def test_a_name_that_cannot_be_read_says_what_to_do(table, name, message):
    with pytest.raises(CheckpointError) as error:
        Recogniser.load(name)
    assert message in str(error.value)


def test_a_file_that_is_not_the_one_of_the_table_is_refused(table):
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"zoo:small: its file is not the one .* should have .*: install Thulium"):
        file_of("zoo:small")
    table.unlink()
    with pytest.raises(CheckpointError, match=r"zoo:small: its file cannot be read .*: install Thulium anew"):
        file_of("zoo:small")
