"""Which checkpoints stay, and what they hold."""

import errno
import math
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from thulium.data.charset import Charset
from thulium.models import header
from thulium.models.calibration import Calibration, Curve, LineCurve
from thulium.models.file import load_model, save_model
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import CheckpointError
from thulium.training.checkpoints import CheckpointManager, clear


@pytest.fixture
def model(experiment):
    torch.manual_seed(1)
    return HTRModel(experiment.model, Charset(("ä", "b", " ")), experiment.preprocessing)


def save_epochs(manager, model, cers, optimizer=None):
    for epoch, cer in enumerate(cers):
        manager.save(model, optimizer, None, epoch, {"val_cer": cer})


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_best_last_and_the_newest_periodic_ones_stay(tmp_path, model):
    manager = CheckpointManager(tmp_path / "c", save_every=2, keep_last=2)
    save_epochs(manager, model, [0.9, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    assert names(tmp_path / "c") == [
        "best.safetensors", "epochs/epoch-00004.safetensors", "epochs/epoch-00006.safetensors", "last.safetensors",
    ]  # fmt: skip
    assert (manager.best, manager.best_epoch) == (0.3, 1)
    assert load_model(tmp_path / "c" / "best.safetensors")[1] == {"epoch": 2, "metrics": {"val_cer": 0.3}}
    assert load_model(tmp_path / "c" / "last.safetensors")[1]["epoch"] == 7


def test_a_file_that_something_else_removed_is_missed(tmp_path, model):
    manager = CheckpointManager(tmp_path, save_every=1)
    save_epochs(manager, model, [0.9, 0.3])
    assert sorted(manager.files) == ["best.safetensors", "epochs/epoch-00002.safetensors", "last.safetensors"]
    (tmp_path / "best.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"best\.safetensors: was written by this training, and is gone"):
        _ = manager.files
    again = CheckpointManager(tmp_path, save_every=1)
    again.load_state_dict(manager.state_dict())
    assert sorted(again.files) == ["epochs/epoch-00002.safetensors", "last.safetensors"]


def test_nothing_more_is_kept_than_was_asked_for(tmp_path, model):
    save_epochs(CheckpointManager(tmp_path, save_best=False), model, [0.9, 0.3])
    assert names(tmp_path) == ["last.safetensors"]


def test_a_metric_may_be_better_when_higher(tmp_path, model):
    manager = CheckpointManager(tmp_path, best_metric="val_line_accuracy", mode="max")
    for epoch, accuracy in enumerate([0.1, 0.5, 0.2]):
        manager.save(model, None, None, epoch, {"val_line_accuracy": accuracy})
    assert manager.best_epoch == 1


def test_a_tie_is_decided_by_the_loss_where_there_is_one(tmp_path, model):
    manager, blind = CheckpointManager(tmp_path / "a"), CheckpointManager(tmp_path / "b")
    for epoch, loss in enumerate([4.0, 3.0, 3.5, math.nan]):
        manager.save(model, None, None, epoch, {"val_cer": 1.0, "val_loss": loss})
        blind.save(model, None, None, epoch, {"val_cer": 1.0})
    assert (manager.best_epoch, blind.best_epoch) == (1, 0)
    again = CheckpointManager(tmp_path / "a")
    again.save(model, None, None, 4, {"val_cer": 1.0, "val_loss": 3.1})
    assert again.best_epoch == 1
    again.save(model, None, None, 5, {"val_cer": 1.0, "val_loss": 2.9})
    assert (again.best_epoch, again.best) == (5, 1.0)


def test_what_is_no_number_is_never_the_best(tmp_path, model):
    manager = CheckpointManager(tmp_path)
    save_epochs(manager, model, [math.nan, 0.5, math.nan])
    assert (manager.best_epoch, manager.best) == (1, 0.5)


def test_a_model_file_needs_nothing_else(tmp_path, model):
    save_model(model, tmp_path / "m.safetensors", {"note": "ü"})
    loaded, facts = load_model(tmp_path / "m.safetensors")
    assert (loaded.spec, loaded.charset, loaded.preprocessing) == (model.spec, model.charset, model.preprocessing)
    assert all(
        torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), model.state_dict().values(), strict=True)
    )
    assert facts == {"note": "ü"}
    assert not loaded.training


def test_a_calibration_is_kept_where_there_is_one(tmp_path, model):
    for calibration in (None, Calibration(Curve(1.5, -0.25), LineCurve(0.75, 0.0, 0.5))):
        model.calibration = calibration
        CheckpointManager(tmp_path, is_new=True).save(model, None, None, 0, {"val_cer": 0.5})
        assert load_model(tmp_path / "best.safetensors")[0].calibration == calibration
        assert b"calibration" in (tmp_path / "last.safetensors").read_bytes() or calibration is None
    model.calibration = None
    CheckpointManager(tmp_path).load_best(model)
    assert model.calibration == calibration


def test_the_best_state_comes_back_with_its_optimizer(tmp_path, model):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    manager = CheckpointManager(tmp_path)
    save_epochs(manager, model, [0.5], optimizer)
    kept = [p.detach().clone() for p in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    save_epochs(manager, model, [0.9], optimizer)
    assert manager.load_best(model, optimizer)["epoch"] == 1
    assert all(torch.equal(a, b) for a, b in zip(kept, model.parameters(), strict=True))
    assert optimizer.state_dict()["state"] == {}


def test_a_folder_that_is_opened_again_keeps_its_best(tmp_path, model):
    save_epochs(CheckpointManager(tmp_path, save_every=1), model, [0.5, 0.1])
    again = CheckpointManager(tmp_path, save_every=1, keep_last=1)
    assert (again.best, again.best_epoch) == (0.1, 1)
    save_epochs(again, model, [0.9])
    assert load_model(tmp_path / "best.safetensors")[1]["metrics"] == {"val_cer": 0.1}
    assert (tmp_path / "epochs" / "epoch-00001.safetensors").exists()
    other = CheckpointManager(tmp_path, best_metric="val_wer")
    assert (other.best, other.best_epoch) == (None, None)


def test_clearing_removes_checkpoints_and_nothing_else(tmp_path, model):
    save_epochs(CheckpointManager(tmp_path, save_every=1), model, [0.5], torch.optim.SGD(model.parameters(), lr=1.0))
    others = ["epochs/notes.txt", "notes.txt", "paris-best.safetensors"]
    for name in others:
        (tmp_path / name).write_text("mine")
    (tmp_path / ".best.safetensors.thulium-part").write_text("half of it")
    assert len(names(tmp_path)) == 10
    clear(tmp_path)
    assert names(tmp_path) == others


@pytest.mark.parametrize("name", ["best.safetensors", "epochs/epoch-00001.safetensors"])
def test_a_file_with_the_name_of_a_checkpoint_that_is_none_is_not_removed(tmp_path, model, name):
    save_epochs(CheckpointManager(tmp_path, save_every=2), model, [0.5])
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(save({"weight": torch.zeros(3)}, {"format": "pt"}))
    with pytest.raises(CheckpointError, match=f"{path}: has the name of a checkpoint, but was not written by Thulium"):
        clear(tmp_path)
    assert "last.safetensors" in names(tmp_path)


def test_checkpoints_are_not_removed_behind_a_link(tmp_path, model):
    save_epochs(CheckpointManager(tmp_path / "real"), model, [0.5])
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(CheckpointError, match="link: is a link"):
        clear(tmp_path / "link")
    assert len(names(tmp_path / "real")) == 2


def test_settings_are_kept_in_every_model_file(tmp_path, model):
    save_epochs(CheckpointManager(tmp_path, about={"settings": {"lr": 0.1}}), model, [0.5])
    assert load_model(tmp_path / "last.safetensors")[1]["settings"] == {"lr": 0.1}


def test_the_same_weights_make_the_same_bytes(tmp_path, model):
    for name in "ab":
        save_model(model, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_that_may_not_be_opened_is_not_called_missing(tmp_path, model, monkeypatch):
    """As any account but root's meets it; safetensors says that there is no such file."""
    save_model(model, tmp_path / "m.safetensors")

    def refused(*_words, **_options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def missing(*_words, **_options):
        raise FileNotFoundError("No such file or directory")

    monkeypatch.setattr(header, "safe_open", missing)
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(CheckpointError, match=r"cannot be read \(Permission denied\): change its permissions"):
        header.read_header(tmp_path / "m.safetensors")


def test_files_that_cannot_be_used_say_why(tmp_path, model, experiment):
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load_model(tmp_path / "none.safetensors")
    save_model(model, tmp_path / "m.safetensors", {"epoch": 1, "metrics": {}})
    whole = (tmp_path / "m.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"half\.safetensors: is damaged"):
        load_model(tmp_path / "half.safetensors")
    (tmp_path / "best.safetensors").write_bytes(whole)
    other = HTRModel(experiment.model, Charset(("a",)), experiment.preprocessing)
    (tmp_path / "best.optimizer.pt").write_bytes(b"half")
    with pytest.raises(CheckpointError, match=r"best\.optimizer\.pt: is damaged"):
        CheckpointManager(tmp_path).load_best(model, torch.optim.SGD(model.parameters(), lr=1.0))
    with pytest.raises(CheckpointError, match=r"trained with 3 symbols .*this model has 1"):
        CheckpointManager(tmp_path).load_best(other)


def test_saving_leaves_no_half_written_file(tmp_path, model, monkeypatch):
    save_model(model, tmp_path / "m.safetensors")
    before = (tmp_path / "m.safetensors").read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("No space left on device")))
    with torch.no_grad():
        model.decoder.classify.bias.add_(1)
    with pytest.raises(OSError, match="No space left"):
        save_model(model, tmp_path / "m.safetensors")
    assert (tmp_path / "m.safetensors").read_bytes() == before
