"""Starting from another model's weights."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from thulium.data.charset import Charset
from thulium.data.loader import create_dataloader
from thulium.data.prepared import open_prepared
from thulium.models.file import load_model, save_model
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import CheckpointError
from thulium.stages.train import train
from thulium.training import messages
from thulium.training.trainer import HTRTrainer
from thulium.training.transfer import joined_charset, transfer
from thulium_dsl.grammar.building import build
from thulium_dsl.grammar.spec import HeadSpec

SECTIONS = ("model", "augmentation", "early_stopping", "checkpointing", "logging", "resources")


def model_of(experiment, symbols, seed, **model):
    torch.manual_seed(seed)
    return HTRModel(replace(experiment.model, **model), Charset(tuple(symbols)), experiment.preprocessing)


def class_of(model, symbol):
    return model.charset.encode(symbol)[0]


@pytest.fixture
def known(experiment, prepared, tmp_path):
    """A file of a model that knows three characters of the data and one that is not in them."""
    symbols = sorted({*sorted(open_prepared(prepared).symbols)[-3:], "ж"})
    path = tmp_path / "models" / "known.safetensors"
    path.parent.mkdir()
    model = model_of(experiment, symbols, 7)
    save_model(model, path)
    return path, model


def run(experiment, prepared, out, **training):
    sections = {name: getattr(experiment, name) for name in SECTIONS}
    settings = replace(experiment.training, mixed_precision=False, **training)
    train(**sections, training=settings, prepared=prepared, out=out, run_dir=out / "t")
    return load_model(out / "checkpoints" / "last.safetensors")[0]


def test_characters_that_both_know_keep_their_weights(experiment):
    source = model_of(experiment, "abc", 1)
    decoder = replace(experiment.model.decoder, blank_index=2)
    model = model_of(experiment, "bcde", 2, decoder=decoder)
    model.charset = Charset(tuple("bcde"), 2)
    fresh = model.decoder.classify.weight.detach().clone()
    transfer(source, model)
    for layer in ("classify", "shortcut"):
        ours, theirs = getattr(model.decoder, layer), getattr(source.decoder, layer)
        for symbol in "bc":
            here, there = class_of(model, symbol), class_of(source, symbol)
            assert torch.equal(ours.weight[here], theirs.weight[there]), (layer, symbol)
            assert ours.bias[here] == theirs.bias[there]
        assert torch.equal(ours.weight[2], theirs.weight[0]), "the blank"
    for symbol in "de":
        assert torch.equal(model.decoder.classify.weight[class_of(model, symbol)], fresh[class_of(model, symbol)])
    for name, tensor in source.state_dict().items():
        if not name.startswith("decoder"):
            assert torch.equal(model.state_dict()[name], tensor), name


def test_what_was_read_before_is_read_afterwards(experiment):
    """With characters added that nothing was learnt of, the known ones get the same logits for any line."""
    source = model_of(experiment, "abc", 1).eval()
    model = model_of(experiment, "abcxyz", 2).eval()
    transfer(source, model)
    images, widths = torch.randint(0, 255, (2, 1, 24, 96), dtype=torch.uint8), torch.tensor([96, 60])
    before, after = source(images, widths).logits, model(images, widths).logits
    assert torch.equal(before, after[:, :, :4])


def test_a_head_of_another_kind_with_the_same_shapes_is_refused(experiment):
    def model(num_heads, dropout):
        head = {"type": "transformer", "hidden_size": 32, "num_layers": 1, "feedforward_size": 32}
        spec = build(HeadSpec, head | {"num_heads": num_heads, "dropout": dropout})
        return model_of(experiment, "abc", 1, head=spec)

    transfer(model(2, 0.1), model(2, 0.3))
    with pytest.raises(CheckpointError, match=r"another network: model\.head\.num_heads is 8 here and 2 in the file\n"):
        transfer(model(2, 0.1), model(8, 0.3))


@pytest.mark.parametrize(("extend", "expected"), [("union", "abcd"), ("replace", "bd")])
def test_the_alphabet_is_joined_or_replaced(extend, expected):
    joined = joined_charset(Charset(tuple("bd"), 1), Charset(tuple("abc")), extend)
    assert (joined.symbols, joined.blank_index) == (tuple(expected), 1)


def test_the_training_starts_from_the_file(experiment, prepared, known, tmp_path, capfd):
    path, source = known
    model = run(experiment, prepared, tmp_path / "run", init_from=str(path), epochs=1, lr=1e-9, ema_decay=0.0)
    assert "ж" in model.charset.symbols
    for name in ("backbone.stem.weight", "head.forwards.0.weight_hh_l0"):
        assert torch.allclose(model.state_dict()[name], source.state_dict()[name], atol=1e-6), name
    said = capfd.readouterr().err
    assert f"starting from {path}: known characters: 4, " in said
    assert " new (" in said


def test_characters_are_given_up_where_the_document_says_so(experiment, prepared, known, tmp_path, capfd):
    model = run(experiment, prepared, tmp_path / "run", init_from=str(known[0]), epochs=1, extend_charset="replace")
    assert "ж" not in model.charset.symbols
    assert "1 given up (ж)" in capfd.readouterr().err


@pytest.mark.parametrize(("epochs", "moves"), [(1, False), (2, True)])
@pytest.mark.parametrize("part", ["backbone", "head"])
def test_frozen_parts_stay_for_the_first_epochs(experiment, prepared, known, tmp_path, part, epochs, moves):
    path, source = known
    settings = {"freeze": (part,), "freeze_epochs": 1, "ema_decay": 0.0, "init_from": str(path)}
    model = run(experiment, prepared, tmp_path / "run", epochs=epochs, **settings)
    state = source.state_dict()
    same = [torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items() if name.startswith(part)]
    assert all(same) if not moves else not all(same)
    for symbol in source.charset.symbols:  # the decoder learns all the time
        here, there = class_of(model, symbol), class_of(source, symbol)
        weight = model.decoder.classify.weight[here]
        assert not torch.equal(weight, source.decoder.classify.weight[there]), symbol
        assert torch.allclose(weight, source.decoder.classify.weight[there], atol=0.05), symbol


def test_statistics_of_frozen_parts_stay_too(experiment, prepared):
    model = model_of(experiment, open_prepared(prepared).symbols, 1)
    trainer = HTRTrainer(model, 1e-3, device="cpu", mixed_precision=False, freeze=("backbone",), freeze_epochs=1)
    loader = create_dataloader(prepared / "train", batch_size=4)
    before = model.backbone.stem_norm.running_mean.clone()
    trainer.train_epoch(loader, 0)
    assert torch.equal(model.backbone.stem_norm.running_mean, before)
    trainer.train_epoch(loader, 1)
    assert not torch.equal(model.backbone.stem_norm.running_mean, before)


def test_another_network_is_refused_with_both_settings(experiment, prepared, known, tmp_path):
    wide = replace(experiment, model=replace(experiment.model, head=replace(experiment.model.head, hidden_size=20)))
    with pytest.raises(CheckpointError, match=r"init_from: .*model\.head\.hidden_size is 20 here and 24 in the file"):
        run(wide, prepared, tmp_path / "run", init_from=str(known[0]))


def test_a_file_that_is_not_there_is_named(experiment, prepared, tmp_path):
    with pytest.raises(CheckpointError, match=r"training\.init_from: .*none\.safetensors: no such checkpoint"):
        run(experiment, prepared, tmp_path / "run", init_from=str(tmp_path / "none.safetensors"))


def test_a_shortcut_that_the_file_lacks_starts_anew(experiment):
    without = replace(experiment.model.decoder, shortcut_weight=0.0)
    source = model_of(experiment, "abc", 1, decoder=without)
    model = model_of(experiment, "abc", 2)
    transfer(source, model)
    assert torch.equal(model.decoder.classify.weight, source.decoder.classify.weight)
    other = model_of(experiment, "abc", 3, decoder=without)
    transfer(model, other)
    assert torch.equal(other.decoder.classify.weight, model.decoder.classify.weight)


def test_characters_that_cannot_be_seen_are_named_by_their_code_points(experiment, prepared, tmp_path, capfd):
    save_model(model_of(experiment, ["b", "!", "\u0301", "\u202e", "\x07"], 1), tmp_path / "odd.safetensors")
    path = str(tmp_path / "odd.safetensors")
    run(experiment, prepared, tmp_path / "run", init_from=path, epochs=1, extend_charset="replace")
    assert "4 given up (! U+0301 U+202E U+0007)" in capfd.readouterr().err


def test_another_height_is_warned_of(experiment, prepared, tmp_path, capfd):
    taller = replace(experiment, preprocessing=replace(experiment.preprocessing, height=32))
    save_model(model_of(taller, "abc", 1), tmp_path / "tall.safetensors")
    run(experiment, prepared, tmp_path / "run", init_from=str(tmp_path / "tall.safetensors"), epochs=1)
    assert "set preprocessing.height to 32" in capfd.readouterr().err


def test_a_training_says_what_its_start_was_worth(experiment, prepared, known, tmp_path, capfd):
    """The model of the file reads nothing of the lines, and knows three of their characters."""
    run(experiment, prepared, tmp_path / "run", init_from=str(known[0]), epochs=1)
    said = capfd.readouterr().err
    assert "% of the characters in the training lines are new to it, and it helps little with these" in said
    assert (
        ", with the weights that it starts from\nwarning: the model that it starts from reads next to nothing" in said
    )
    assert "the model that it started from read the validation lines with val_cer " in said


def test_a_start_that_a_training_does_not_better_is_warned_of():
    def figures(*rows, best):
        checkpoints = SimpleNamespace(best_epoch=best)
        return SimpleNamespace(
            history=SimpleNamespace(rows=[*enumerate({"val_cer": cer} for cer in rows)]), checkpoints=checkpoints
        )

    better = list(messages.since_start(figures(0.2, 0.3, 0.1, 0.15, best=1)))
    assert better == ["the model that it started from read the validation lines with val_cer 20.00%, this one 10.00%"]
    said = "\n".join(messages.since_start(figures(0.2, 0.3, best=None)))
    assert "20.00%, this one 30.00%\nwarning: this training has not made it better\n  help: lower training.lr" in said


def test_nothing_of_a_start_is_said_where_there_is_none(experiment, prepared, tmp_path, capfd):
    run(experiment, prepared, tmp_path / "run", epochs=1)
    said = capfd.readouterr().err
    assert "start" not in said.replace("init_from", "").partition("warning: after")[0]
