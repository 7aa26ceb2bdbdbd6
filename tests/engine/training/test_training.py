"""The loop and what belongs to it."""

import math
from dataclasses import replace

import lab
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import nn

from thulium.data.charset import Charset
from thulium.data.folder import FolderSplit
from thulium.data.loader import create_dataloader
from thulium.data.prepared import open_prepared
from thulium.evaluation.metrics import LineResult
from thulium.evaluation.recognise import Judged
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime import processor
from thulium.runtime.errors import DataError, DeviceError, StepError
from thulium.stages.train import train
from thulium.training import optimizer as optimizers
from thulium.training.best import Ranking
from thulium.training.early_stopping import EarlyStopping
from thulium.training.ema import Ema
from thulium.training.state import misfit_of_optimizer, with_switches_of
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar.spec import EarlyStoppingSpec


def small_model(experiment, prepared, **head):
    torch.manual_seed(1)
    data = open_prepared(prepared)
    spec = replace(experiment.model, head=replace(experiment.model.head, **head))
    return HTRModel(spec, Charset(data.symbols), data.preprocessing)


def test_eight_lines_are_learnt_by_heart(experiment, tmp_path):
    texts = ["one", "twenty", "3 pigs", "four", "Five", "six,", "seven", "No. 8"]
    (tmp_path / "images").mkdir()
    for i, text in enumerate(texts):
        line = Image.new("L", (16 * len(text), 32), 255)
        ImageDraw.Draw(line).text((4, 2), text, font=ImageFont.load_default(22))
        line.save(tmp_path / "images" / f"{i}.png")
    (tmp_path / "labels.txt").write_text("".join(f"{i}.png {text}\n" for i, text in enumerate(texts)))
    torch.manual_seed(1)
    model = HTRModel(experiment.model, Charset.from_texts(texts), experiment.preprocessing)
    loader = create_dataloader(tmp_path, batch_size=8, preprocessing=experiment.preprocessing)
    trainer = HTRTrainer(model, 5e-3, device="cpu", mixed_precision=False, gradient_clip=1.0)
    for epoch in range(400):
        trainer.train_epoch(loader, epoch)
        if epoch % 20 == 19 and trainer.validate(loader, epoch)["val_cer"] == 0:
            break
    assert trainer.validate(loader, epoch)["val_cer"] == 0


def test_the_same_seed_trains_the_same_weights(experiment, prepared):
    def weights():
        trainer = HTRTrainer(small_model(experiment, prepared), 1e-3, device="cpu", mixed_precision=False)
        trainer.train_epoch(create_dataloader(prepared / "train", batch_size=4, seed=1), 0)
        return [parameter.clone() for parameter in trainer.model.parameters()]

    assert all(torch.equal(a, b) for a, b in zip(weights(), weights(), strict=True))


def test_worker_processes_change_nothing(experiment, prepared):
    def loss(workers):
        trainer = HTRTrainer(small_model(experiment, prepared), 1e-3, device="cpu", mixed_precision=False)
        loader = create_dataloader(prepared / "train", batch_size=4, seed=1, workers=workers)
        return [trainer.train_epoch(loader, epoch)["train_loss"] for epoch in range(2)]

    assert loss(0) == loss(2)


def test_a_loss_that_is_no_number_names_epoch_step_and_lines(experiment, prepared):
    trainer = HTRTrainer(small_model(experiment, prepared), 1e-3, device="cpu", mixed_precision=False)
    with torch.no_grad():
        trainer.model.decoder.classify.bias.fill_(math.nan)
    loader = create_dataloader(prepared / "train", batch_size=4, seed=1)
    with pytest.raises(StepError, match=r"epoch 3, step 1: the loss is nan; lines of the batch: train-000"):
        trainer.train_epoch(loader, 2)


def test_lines_of_a_bad_batch_are_kept(experiment, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(HTRModel, "loss", lambda _model, _batch, output, _num: output.logits.sum() * math.nan)
    sections = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
    parts = {name: getattr(experiment, name) for name in sections}
    monkeypatch.setattr(HTRTrainer, "validate", lambda *_: {"val_cer": 1.0})
    with pytest.raises(StepError, match=r"epoch 1, step 1: the loss is nan(?s:.*)the lines, as the model saw them: "):
        train(**parts, prepared=prepared, out=tmp_path, run_dir=tmp_path / "t", resume_dir=tmp_path / ".thulium/resume")
    (folder,) = (tmp_path / ".thulium").glob("*/bad-batch")
    kept = FolderSplit(folder, experiment.preprocessing)
    assert 0 < len(kept) <= experiment.training.batch_size
    assert set(kept.texts) <= set(open_prepared(prepared).split("train").texts)


def test_a_training_that_reads_nothing_says_so(experiment, prepared, tmp_path, capfd, monkeypatch):
    def validate(trainer, _loader, _epoch):
        results = tuple(LineResult(str(i), "page", f"text {i}", "") for i in range(6))
        trainer.reading = Judged(results, (1.0,), 1)
        return dict.fromkeys(("val_loss", "val_cer", "val_wer", "val_line_accuracy"), 1.0) | {"val_reads": 0.0}

    monkeypatch.setattr(HTRTrainer, "validate", validate)
    sections = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
    train(**{name: getattr(experiment, name) for name in sections}, prepared=prepared, out=tmp_path, run_dir=tmp_path)
    said = capfd.readouterr().err
    assert said.count("warning: after ") == 1
    few = "4 steps are few: raise training.epochs; 7 lines are few to learn from nothing: start from a model that reads"
    assert f"after 4 steps the model reads nothing in any line (6 validation lines)\n  help: {few}" in said


def test_parts_that_rest_for_no_epoch_are_refused(experiment, prepared):
    with pytest.raises(ValueError, match="freeze_epochs"):
        HTRTrainer(small_model(experiment, prepared), 1e-3, device="cpu", freeze=("backbone",))


@pytest.mark.parametrize(
    ("flags", "amp_dtype"), [("fpu avx512_bf16", torch.bfloat16), ("amx_bf16", torch.bfloat16), ("avx2", None)]
)
def test_the_processor_says_whether_sixteen_bits_are_used(monkeypatch, tmp_path, flags, amp_dtype):
    (tmp_path / "cpuinfo").write_text(f"model name\t: A Processor\nflags\t\t: {flags}\n")
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    assert devices.choose("cpu", mixed_precision=True).amp_dtype is amp_dtype
    assert devices.choose("cpu", mixed_precision=False).amp_dtype is None
    assert processor.name() == "A Processor"


def test_gradients_are_clipped_before_the_step(experiment, prepared):
    def move(gradient_clip):
        model = small_model(experiment, prepared)
        before = [p.detach().clone() for p in model.parameters()]
        trainer = HTRTrainer(
            model,
            optimizer=lambda module: torch.optim.SGD(module.parameters(), lr=1.0),
            device="cpu",
            mixed_precision=False,
            gradient_clip=gradient_clip,
        )
        loader = create_dataloader(prepared / "train", batch_size=12, seed=1)
        trainer.train_epoch(loader, 0)
        return math.sqrt(
            sum(float(((p - q) ** 2).sum().detach()) for p, q in zip(before, model.parameters(), strict=True))
        )

    assert move(0.01) == pytest.approx(0.01, rel=1e-2)
    assert move(0.0) > 0.1


def test_only_matrices_decay(experiment, prepared):
    optimizer = optimizers.build(small_model(experiment, prepared), experiment.training.optimizer, 0.5)
    decayed, free = optimizer.param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (experiment.training.optimizer.weight_decay, 0.0)
    assert {p.ndim for p in free["params"]} == {1}
    assert decayed["lr"] == free["lr"] == 0.5


def test_averaged_weights_follow_slowly_and_buffers_at_once():
    model = nn.BatchNorm1d(1)
    ema = Ema(model, 0.9)
    ema.update(model)
    with torch.no_grad():
        model.weight.fill_(5.0)
        model.running_mean.fill_(7.0)
    ema.update(model)
    assert 1.0 < float(ema.model.weight.detach()) < 5.0
    assert float(ema.model.running_mean) == 7.0


def test_patience_counts_epochs_without_improvement():
    spec = EarlyStoppingSpec(enabled=True, patience=2, metric="val_cer", mode="min", min_delta=0.01)
    stopping = EarlyStopping(spec)
    assert [stopping.should_stop({"val_cer": v}) for v in (0.5, 0.4, 0.395, 0.398)] == [False, False, False, True]
    rising = EarlyStopping(replace(spec, metric="val_line_accuracy", mode="max", min_delta=0.0))
    values = ({"val_line_accuracy": v} for v in (0.1, 0.2, 0.2, 0.3, 0.1, 0.1))
    assert [rising.should_stop(v) for v in values] == [False, False, False, False, False, True]
    never = EarlyStopping(replace(spec, enabled=False))
    assert not any(never.should_stop({"val_cer": 0.5}) for _ in range(20))


SPEC = EarlyStoppingSpec(enabled=True, patience=2, metric="val_cer", mode="min", min_delta=0.0)


def epochs_until_stopped(stopping, epochs):
    """How many epochs are taken in until the run should end; None if it should not."""
    return next((number for number, metrics in enumerate(epochs, 1) if stopping.should_stop(metrics)), None)


def test_a_tie_is_decided_by_the_loss():
    falling = [{"val_cer": 1.0, "val_loss": 4.0 - 0.1 * epoch} for epoch in range(10)]
    assert epochs_until_stopped(EarlyStopping(SPEC), falling) is None
    assert epochs_until_stopped(EarlyStopping(SPEC), [{"val_cer": 1.0, "val_loss": 4.0}] * 10) == 3
    assert epochs_until_stopped(EarlyStopping(replace(SPEC, min_delta=0.15)), falling) is None
    assert epochs_until_stopped(EarlyStopping(replace(SPEC, min_delta=0.25)), falling) == 3


SILENT = {"val_cer": 1.0, "val_loss": 3.0, "val_reads": 0.0}
READING = {"val_cer": 0.9, "val_loss": 2.0, "val_reads": 1.0}


def test_nothing_is_waited_for_before_the_model_reads():
    stopping = EarlyStopping(SPEC)
    assert epochs_until_stopped(stopping, [SILENT] * 10) is None
    assert not stopping.should_stop(READING)
    assert epochs_until_stopped(stopping, [SILENT] * 10) == 2  # it has read before


@pytest.mark.parametrize("metric", ["val_cer", "val_loss"])
def test_a_model_that_does_not_read_yet_has_no_error_rate(metric):
    lucky = {"val_cer": 0.97, "val_loss": 8.0, "val_reads": 0.0}  # one letter in every line, as before any training
    ranking = Ranking(metric)
    assert ranking.is_better(SILENT, lucky)
    assert not ranking.is_better(lucky, SILENT)
    assert ranking.is_better(READING | {"val_cer": 1.2}, lucky)
    assert not ranking.is_better(lucky, READING | {"val_cer": 1.2})


def test_a_training_that_is_gone_on_with_knows_whether_the_model_has_read():
    stopping, again = EarlyStopping(SPEC), EarlyStopping(SPEC)
    stopping.should_stop(READING)
    again.load_state_dict(stopping.state_dict())
    assert vars(again) == vars(stopping)
    assert epochs_until_stopped(again, [SILENT] * 10) == 2


def test_what_is_never_a_number_ends_the_run_and_is_never_the_best():
    none = [{"val_cer": math.nan, "val_loss": math.nan, "val_reads": 0.0}] * 10
    stopping = EarlyStopping(SPEC)
    assert epochs_until_stopped(stopping, none) == 2
    assert stopping.best is None
    assert not stopping.should_stop(READING)
    assert not stopping.should_stop(none[0])
    assert stopping.best == READING


def test_lines_of_another_height_are_refused(experiment, prepared, tmp_path):
    folder = lab.write_lines_folder(tmp_path / "lines", ["one"])
    trainer = HTRTrainer(small_model(experiment, prepared), 1e-3, device="cpu")
    with pytest.raises(DataError, match=r"lines 64 pixels high, the model was made for 24: give create_dataloader"):
        trainer.train_epoch(create_dataloader(folder, batch_size=1), 0)


def test_a_gpu_that_is_not_there_names_the_way_out():
    with pytest.raises(DeviceError, match=r'device "cuda": no CUDA GPU was found here; use device "auto"'):
        devices.choose("cuda", mixed_precision=True)


@pytest.mark.parametrize(("name", "number"), [("auto", 0), ("cuda", 0), ("cuda:1", 1)])
def test_a_gpu_without_a_number_is_the_first(monkeypatch, name, number):
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation: True)
    monkeypatch.setattr(torch._C, "_cuda_setDevice", chosen.append, raising=False)  # what torch.cuda.set_device calls
    device = devices.choose(name, mixed_precision=True)
    assert (device.torch_device, device.amp_dtype, chosen) == (torch.device("cuda", number), torch.bfloat16, [number])


def test_the_validation_loss_does_not_depend_on_the_batches(experiment, prepared):
    data = open_prepared(prepared)
    model = HTRModel(experiment.model, Charset(data.symbols[:30]), data.preprocessing)  # many symbols are unknown
    trainer = HTRTrainer(model, 1e-3, device="cpu", mixed_precision=False)
    losses = [
        trainer.validate(create_dataloader(prepared / "val", batch_size=size), 0)["val_loss"] for size in (1, 4, 6)
    ]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-4)


def test_a_first_value_that_is_no_number_is_beaten_by_any():
    spec = EarlyStoppingSpec(enabled=True, patience=2, metric="val_cer", mode="min", min_delta=0.0)
    stopping = EarlyStopping(spec)
    assert not any(stopping.should_stop({"val_cer": v}) for v in (math.nan, 0.5, 0.4, 0.3))


def test_full_precision_is_full_precision():
    assert devices.choose("cpu", mixed_precision=False).amp_dtype is None


def test_an_optimizers_state_may_come_from_another_kind_of_device():
    def learnt(*, fused: bool) -> torch.optim.Optimizer:
        torch.manual_seed(1)
        layer = nn.Linear(2, 2)
        optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=fused or None)  # as on a GPU
        layer(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        return optimizer

    state, own = learnt(fused=True).state_dict(), learnt(fused=False)
    assert misfit_of_optimizer(state, own) == ""
    own.load_state_dict(with_switches_of(own, state))
    assert own.param_groups[0]["fused"] is None
    assert torch.equal(own.state_dict()["state"][0]["exp_avg"], state["state"][0]["exp_avg"])
