"""TensorBoard and Weights & Biases."""

import html
import json
import time
from dataclasses import replace

import pytest

from thulium.data.prepared import open_prepared
from thulium.evaluation.metrics import LineResult
from thulium.runtime.errors import MissingPackage
from thulium.stages.train import train
from thulium.training import samples
from thulium.training.loggers import _table
from thulium.training.samples import MARGIN, TEXT_ROW, Samples, is_pictured

SECTIONS = ("model", "training", "augmentation", "early_stopping", "checkpointing", "resources")


def run(experiment, prepared, out, **logging):
    parts = {name: getattr(experiment, name) for name in SECTIONS}
    spec = replace(experiment.logging, **logging)
    train(**parts, logging=spec, prepared=prepared, out=out, run_dir=out / "runs" / "one")


def test_tensorboard_has_the_curves_and_lines_to_read(experiment, prepared, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(experiment, prepared, tmp_path, tensorboard=replace(experiment.logging.tensorboard, enabled=True))
    events = EventAccumulator(str(tmp_path / "runs" / "one"))
    events.Reload()
    assert {"train/loss", "train/lr", "val/cer", "val/wer", "val/loss", "pace/lines_per_s"} <= set(
        events.Tags()["scalars"]
    )
    assert [event.step for event in events.Scalars("val/cer")] == [1, 2]
    assert events.Tags()["tensors"] == ["val/lines/text_summary"]


def test_a_disk_that_takes_no_more_curves_does_not_end_a_training(experiment, prepared, tmp_path, monkeypatch, capfd):
    from torch.utils.tensorboard import SummaryWriter

    def full(_writer):
        raise OSError(28, "No space left on device")

    for name in ("flush", "close"):
        monkeypatch.setattr(SummaryWriter, name, full)
        run(experiment, prepared, tmp_path, tensorboard=replace(experiment.logging.tensorboard, enabled=True))
        assert (tmp_path / "metrics" / "train.json").exists()
        assert (
            "runs/one cannot be written to (No space left on device): the run is no longer shown"
            in capfd.readouterr().err
        )


def read_back(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"images": 0, "tensors": 0})
    events.Reload()
    return events


def hyperparameters(events):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    metadata = events.SummaryMetadata("_hparams_/session_start_info")
    started = HParamsPluginData.FromString(metadata.plugin_data.content).session_start_info.hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in started.items()}


def test_tensorboard_shows_validation_lines_as_pictures_and_hyperparameters(experiment, prepared, tmp_path):
    run(experiment, prepared, tmp_path, tensorboard=replace(experiment.logging.tensorboard, enabled=True))
    events = read_back(tmp_path / "runs" / "one")
    assert events.Tags()["images"] == ["val/lines"]
    shown = events.Images("val/lines")
    assert [image.step for image in shown] == [1, 2]
    assert shown[0].encoded_image_string.startswith(b"\x89PNG")
    lines = open_prepared(prepared).split("val")
    assert shown[0].height == len(lines) * (lines.height + 2 * TEXT_ROW + MARGIN)
    found = hyperparameters(events)
    assert found["training.lr"] == experiment.training.lr
    assert found["model.head.hidden_size"] == 24
    assert found["training.mixed_precision"] == "true"
    assert "_hparams_/session_end_info" in events.summary_metadata


def test_a_training_that_goes_on_logs_each_epoch_once(experiment, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr("thulium.training.run.MOST", 1e9)  # every epoch is kept
    experiment = replace(experiment, training=replace(experiment.training, epochs=4))

    def cut(_pace, _device):
        raise KeyboardInterrupt

    parts = {name: getattr(experiment, name) for name in SECTIONS}
    logging = replace(experiment.logging, tensorboard=replace(experiment.logging.tensorboard, enabled=True))
    places = {"prepared": prepared, "out": tmp_path, "run_dir": tmp_path / "runs" / "one"}
    more = {"logging": logging, "resume_dir": tmp_path / ".thulium" / "resume"}
    paces = iter([lambda *_: None, cut])  # in the second epoch, which is logged by then, and not yet kept
    with pytest.raises(KeyboardInterrupt):
        train(**parts, **places, **more, on_pace=lambda *pace: next(paces)(*pace))
    train(**parts, **places, **more)
    events = read_back(tmp_path / "runs" / "one")
    assert [event.step for event in events.Scalars("val/cer")] == [1, 2, 3, 4]
    assert [event.step for event in events.Images("val/lines")] == [1, 2, 3, 4]
    assert hyperparameters(events)["training.epochs"] == 4


def test_the_lines_shown_are_spread_over_the_split_and_always_the_same(prepared):
    lines = open_prepared(prepared).split("train")
    shown = Samples.of(lines)
    assert shown.places == (0, 1, 3, 4, 6, 7, 9, 10)
    results = [
        LineResult(line_id, "p", text, "ab ç שלום") for line_id, text in zip(lines.ids, lines.texts, strict=True)
    ]
    assert [result.id for result in shown.read(results)] == [lines.ids[place] for place in shown.places]
    picture = shown.picture(results)
    row = lines.height + 2 * TEXT_ROW + MARGIN
    assert picture.shape == (8 * row, max(480, *(lines.image(place).width for place in shown.places)))
    first = lines.image(0)
    assert (picture[: first.height, : first.width] == first).all()
    assert (picture[first.height : first.height + TEXT_ROW] < 200).any()  # the transcription
    assert (picture[first.height + TEXT_ROW : row] < 200).any()  # the prediction


def test_accents_are_drawn_also_where_the_system_has_no_fonts(monkeypatch):
    monkeypatch.setattr(samples, "FONTS", ("none.ttf",))
    samples._font.cache_clear()
    font = samples._font()
    samples._font.cache_clear()
    assert font.getmask("é").getbbox() != font.getmask("\uffff").getbbox()


def test_pictures_become_rare():
    pictured = [epoch for epoch in range(1, 1001) if is_pictured(epoch)]
    assert pictured[:12] == list(range(1, 13))
    assert len(pictured) < 60


def test_texts_are_shown_as_they_are():
    from tensorboard.plugin_util import markdown_to_safe_html

    text = "a|b *c* _d_ <b>e</b> `f` [g](h) \\ #1 & -"
    table = _table([LineResult("1", "p", text, "")])
    assert f"<td>{html.escape(text, quote=False)}</td>" in markdown_to_safe_html(table).replace("&quot;", '"')


def test_weights_and_biases_gets_the_run_when_offline(experiment, prepared, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="the extra thulium[wandb] is not installed")
    seen = {}
    init = wandb.init
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setattr(wandb, "init", lambda **options: seen.update(options) or init(**options))
    spec = replace(experiment.logging.wandb, enabled=True, project="hands", entity="archive")
    run(experiment, prepared, tmp_path, wandb=spec)
    assert (seen["project"], seen["entity"]) == ("hands", "archive")
    assert json.dumps(seen["config"]["training"])
    (file,) = (tmp_path / "runs" / "one" / "wandb").glob("offline-run-*/run-*.wandb")
    end = time.monotonic() + 60  # its own process writes, and on a busy machine later than it says
    while b"val/cer" not in file.read_bytes():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_weights_and_biases_that_is_not_installed_says_what_to_do(experiment, prepared, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(MissingPackage, match=r"pip install 'thulium\[wandb\]'"):
        run(experiment, prepared, tmp_path, wandb=replace(experiment.logging.wandb, enabled=True))
    assert not (tmp_path / "metrics" / "train.json").exists()
