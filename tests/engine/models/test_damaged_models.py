"""Model files that are damaged, or made to do harm: refused by name, before anything is made of what they say."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from thulium.data.charset import Charset
from thulium.models import file as model_file
from thulium.models.file import load_model, save_model
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import CheckpointError
from thulium.training.checkpoints import CheckpointManager

CONTROL = "\x1b[31m"
BIAS = "decoder.classify.bias"
Change = Callable[[dict[str, Any], dict[str, Tensor]], Any]


@pytest.fixture
def model(experiment) -> HTRModel:
    torch.manual_seed(1)
    return HTRModel(experiment.model, Charset(("ä", "b", " ")), experiment.preprocessing)


def retell(path: Path, change: Change) -> None:
    """Write a model file with another header or other weights, and the digest that belongs to them."""
    content = path.read_bytes()
    size = struct.unpack_from("<Q", content)[0]
    header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["thulium"])
    weights = load(content)
    changed = change(header, weights)
    if not isinstance(changed, str):
        header["sha256"] = model_file._digest(header, weights)
        changed = json.dumps(header)
    path.write_bytes(save(weights, {"thulium": changed}))


def put(dotted: str, value: Any) -> Change:
    def change(header: dict[str, Any], _weights: Any) -> None:
        *path, name = dotted.split(".")
        for part in path:
            header = header[part]
        header[name] = value

    return change


def lack(dotted: str) -> Change:
    def change(header: dict[str, Any], _weights: Any) -> None:
        *path, name = dotted.split(".")
        for part in path:
            header = header[part]
        del header[name]

    return change


def weigh(change: Callable[[dict[str, Tensor]], Any]) -> Change:
    return lambda _header, weights: (change(weights), None)[1]


CURVE = {"slope": 1.5, "offset": 0.25}


def curves(**changed: Any) -> Change:
    return put("calibration", {"lines": CURVE, "characters": CURVE | changed})


HEAD = "model.head.hidden_size"
NOT_OURS = "is a safetensors file, but not a model of Thulium's"
ALPHABET = "in its alphabet is no character"
HEADERS: dict[str, tuple[Change, str]] = {
    "no JSON": (lambda _header, _weights: "{", NOT_OURS),
    "a list": (lambda _header, _weights: "[1]", NOT_OURS),
    "nothing": (lambda _header, _weights: "{}", NOT_OURS),
    "nesting": (lambda _header, _weights: "[" * 100_000, NOT_OURS),
    "a long number": (lambda _header, _weights: f'{{"format": {"9" * 5000}}}', NOT_OURS),
    "another format": (put("format", 3), "has format 3, this version reads 2: train again, or use the version of"),
    "a format that steers": (put("format", CONTROL), r"has format \\x1b\[31m, this version"),
    "no model": (lack("model"), "its header has no model"),
    "no order": (lack("order"), "its header has no order"),
    "a model of text": (put("model", "x"), "model: must be a section with keys of its own, found 'x'"),
    "another head": (put("model.head.type", "gru"), "model.head.type: .*'gru'"),
    "a key that lacks": (lack(HEAD), f"{HEAD}: is missing"),
    "a size without end": (put(HEAD, 10**9), f"{HEAD}: must be at most 4096"),
    "a size of text": (put(HEAD, "24"), f"{HEAD}: must be a whole number"),
    "a share that is no number": (put("model.head.dropout", float("nan")), "dropout: must be a finite number"),
    "a height below": (put("preprocessing.height", -1), "preprocessing.height: must be at least"),
    "a key that steers": (put(f"preprocessing.{CONTROL}", 1), "unknown key"),
    "deep settings": (put("text.map", json.loads("[" * 900 + "]" * 900)), "is no model that this version can use"),
    "a symbol twice": (put("charset", ["a", "b", "a"]), "a character stands twice in its alphabet"),
    "an empty symbol": (put("charset", ["ä", "b", ""]), f"'' {ALPHABET}"),
    "half a symbol": (put("charset", ["ä", "b", "\udfff"]), rf"'\\udfff' {ALPHABET}"),
    "symbols of numbers": (put("charset", [1, 2, 3]), "its alphabet is no list of characters"),
    "a blank beyond": (put("model.decoder.blank_index", 9), "blank_index is 9, but the charset has 3 symbols"),
    "an order": (put("order", "up"), "its reading order is none"),
    "facts": (put("facts", []), "its facts are none"),
    "metrics": (put("facts.metrics", {"val_cer": "low"}), "its metrics are no numbers"),
    "an epoch": (put("facts.epoch", "one"), "its epoch is no number"),
    "a calibration": (put("calibration", []), "its calibration is none"),
    "a calibration of half": (put("calibration", {"lines": CURVE}), "its calibration is none"),
    "a curve": (put("calibration", {"lines": CURVE, "characters": {"slope": 1}}), "its calibration has no curves"),
    "a curve with more to it": (curves(by_length=1.0), "its calibration has no curves"),
    "a curve that falls": (curves(slope=-1.0), "its calibration has a curve that does not rise"),
    "a curve of text": (curves(slope="1"), "its calibration has a curve that does not rise"),
    "a curve without end": (curves(offset=float("inf")), "its calibration has a curve that does not rise"),
    "a curve of no number": (curves(offset=float("nan")), "its calibration has a curve that does not rise"),
    "more symbols": (put("charset", list("abcd")), r"do not fit the model \(decoder.classify.weight has the shape"),
    "more layers": (put("model.head.num_layers", 2), r"do not fit the model \(head\..* is missing, and \d+ more"),
    "weights that lack": (weigh(lambda weights: weights.pop(BIAS)), rf"do not fit the model \({BIAS} is missing"),
    "weights to spare": (weigh(lambda weights: weights.update({CONTROL: torch.ones(1)})), "belongs to none of its"),
    "weights of no number": (weigh(lambda weights: weights[BIAS].fill_(torch.nan)), rf"no numbers \({BIAS}\)"),
    "whole numbers": (weigh(lambda weights: weights.update({BIAS: weights[BIAS].char()})), f"{BIAS} is of the type I8"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_model_file_that_is_none_is_refused(tmp_path: Path, model: HTRModel, name: str) -> None:
    path = tmp_path / "best.safetensors"
    save_model(model, path, {"epoch": 1, "metrics": {"val_cer": 0.5}})
    change, says = HEADERS[name]
    retell(path, change)
    with pytest.raises(CheckpointError, match=rf"best\.safetensors: .*{says}") as refused:
        load_model(path)
    assert CONTROL not in str(refused.value)
    assert "\n" not in str(refused.value)
    if name != "more layers":  # which are not asked for where there is a model already
        with pytest.raises(CheckpointError):
            CheckpointManager(tmp_path).load_best(model)


def test_a_file_says_nothing_of_memory_before_its_weights_are_known(tmp_path, model, monkeypatch) -> None:
    save_model(model, tmp_path / "m.safetensors")
    retell(tmp_path / "m.safetensors", put(HEAD, 4096))
    devices = []

    def watched(*parts: Any) -> HTRModel:
        devices.append(torch.empty(0).device.type)
        return HTRModel(*parts)

    monkeypatch.setattr(model_file, "HTRModel", watched)
    with pytest.raises(CheckpointError, match="weights do not fit the model"):
        load_model(tmp_path / "m.safetensors")
    assert devices == ["meta"]


@pytest.mark.parametrize("size", [2**63 - 1, 10**10, 2**20, 0])
def test_a_file_that_claims_more_than_it_has_is_refused(tmp_path, model, size) -> None:
    path = tmp_path / "m.safetensors"
    save_model(model, path)
    path.write_bytes(struct.pack("<Q", size) + path.read_bytes()[8:])
    with pytest.raises(CheckpointError, match="is damaged or not a safetensors file"):
        load_model(path)


def test_weights_of_fewer_bits_are_weights(tmp_path, model) -> None:
    save_model(model, tmp_path / "m.safetensors")
    retell(tmp_path / "m.safetensors", weigh(lambda weights: weights.update({BIAS: weights[BIAS].half()})))
    loaded, _ = load_model(tmp_path / "m.safetensors")
    assert loaded.decoder.classify.bias.dtype == torch.float32


def test_loading_draws_as_many_numbers_as_it_ever_did(tmp_path, model, experiment) -> None:
    """What a training draws after it has started from another model must not change."""
    save_model(model, tmp_path / "m.safetensors")
    torch.manual_seed(3)
    HTRModel(model.spec, model.charset, model.preprocessing)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load_model(tmp_path / "m.safetensors")
    assert torch.equal(torch.rand(1), expected)


STEPPED = {"step": torch.tensor(1.0)}
OTHERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda _state: [],
    "nothing": lambda _state: {},
    "none": lambda _state: {"optimizer": None},
    "no groups": lambda state: {"optimizer": state["optimizer"] | {"param_groups": []}},
    "a memory without moments": lambda state: {"optimizer": state["optimizer"] | {"state": {0: STEPPED}}},
    "a memory of nothing": lambda state: {"optimizer": state["optimizer"] | {"state": {9999: STEPPED}}},
    "moments of another shape": lambda state: {
        "optimizer": state["optimizer"]
        | {"state": {0: STEPPED | {"exp_avg": torch.ones(1), "exp_avg_sq": torch.ones(1)}}}
    },
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_optimizers_state_that_is_none_is_refused(tmp_path, model, name) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    manager = CheckpointManager(tmp_path)
    manager.save(model, optimizer, None, 0, {"val_cer": 0.5})
    path = tmp_path / "best.optimizer.pt"
    torch.save(OTHERS[name](torch.load(path, weights_only=True)), path)
    with pytest.raises(CheckpointError, match=r"best\.optimizer\.pt: is not of this optimizer"):
        manager.load_best(model, optimizer)


def test_the_state_of_any_of_torchs_optimizers_comes_back(tmp_path, model) -> None:
    for make in (torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop, torch.optim.RAdam, torch.optim.Adagrad):
        optimizer = make(model.parameters(), lr=0.1, **({"momentum": 0.9} if make is torch.optim.SGD else {}))
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        manager = CheckpointManager(tmp_path / make.__name__)
        manager.save(model, optimizer, None, 0, {"val_cer": 0.5})
        fresh = make(model.parameters(), lr=0.3, **({"momentum": 0.5} if make is torch.optim.SGD else {}))
        manager.load_best(model, fresh)
        assert fresh.param_groups[0]["lr"] == 0.1
        assert fresh.state_dict()["state"].keys() == optimizer.state_dict()["state"].keys()


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("params.yaml", b"version: 1\n", "is a document, not a model file"),
        ("metrics.json", b"{}", "is JSON, not a model file"),
        ("predictions.csv", b"id,text\n", "is a table, not a model file"),
        ("dvc.lock", b"schema: '2.0'\n", "is a text, not a model file"),
        ("model.pt", b"PK\3\4\0\0", "is an archive in ZIP format, as PyTorch writes weights, not a model file"),
        ("model.safetensors", b"a text", "is damaged or not a safetensors file"),
        ("cut", b"\1\0\0", "is damaged or not a safetensors file"),
    ],
)
def test_a_file_of_another_kind_is_called_so(name: str, content: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{name}: {what}"):
        load_model(tmp_path / name)
