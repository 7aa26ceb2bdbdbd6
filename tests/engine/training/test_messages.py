"""What a training says, and how it ends, when things do not go well."""

import math
from dataclasses import replace

import pytest

from thulium.evaluation.metrics import LineResult
from thulium.evaluation.recognise import Judged
from thulium.models.file import load_model
from thulium.runtime.tables import read_table
from thulium.stages.train import train
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar.spec import CosineSpec, TrapezoidSpec

SECTIONS = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
EPOCHS = 5


@pytest.fixture
def run(experiment, prepared, tmp_path, monkeypatch, capfd):
    """Runs a training whose validations are made up: a row each for the untrained model and the epochs."""

    def run(rows, prediction="", **sections):
        rows = iter(rows)

        def validate(trainer, _loader, _epoch):
            results = tuple(LineResult(str(i), "page", f"text {i}", prediction.format(i)) for i in range(6))
            trainer.reading = Judged(results, (1.0,), 1)
            cer, loss = next(rows)
            rates = {"val_cer": cer, "val_wer": 1.0, "val_line_accuracy": 0.0}
            return rates | {"val_loss": loss, "val_reads": float(bool(prediction))}

        monkeypatch.setattr(HTRTrainer, "validate", validate)
        parts = {name: getattr(experiment, name) for name in SECTIONS}
        parts["training"] = replace(parts["training"], epochs=EPOCHS)
        parts["early_stopping"] = replace(parts["early_stopping"], patience=2)
        summary = train(**parts | sections, prepared=prepared, out=tmp_path, run_dir=tmp_path / "logs")
        return summary, capfd.readouterr().err

    return run


def test_a_silent_model_is_trained_to_the_end_and_its_lowest_loss_is_the_best(run, tmp_path):
    summary, said = run([(0.98, 9.0), (0.98, 5.0), *((1.0, loss) for loss in (4.0, 4.5, 4.4, 4.3))])
    assert summary["epochs"] == EPOCHS
    assert "stopped" not in said
    assert (summary["best_epoch"], summary["best_val_cer"]) == (2, 1.0)
    assert load_model(tmp_path / "checkpoints" / "best.safetensors")[1]["epoch"] == 2


@pytest.mark.parametrize(("is_enabled", "epochs"), [(True, 3), (False, EPOCHS)])
def test_a_model_that_reads_is_stopped_where_that_is_asked(run, experiment, is_enabled, epochs):
    stopping = replace(experiment.early_stopping, enabled=is_enabled, patience=2)
    scheduler = CosineSpec(type="cosine", warmup_epochs=0)  # one that no stop makes shorter
    training = replace(experiment.training, epochs=EPOCHS, scheduler=scheduler)
    summary, said = run([(0.9, 4.0)] * (EPOCHS + 1), prediction="read {}", early_stopping=stopping, training=training)
    assert summary["epochs"] == epochs
    assert ("\nstopped: val_cer did not improve for 2 epochs\n" in said) == is_enabled


# share of the fall -> epochs, and whether the run is said to fall, or to have stopped
ENDS = {0.5: (6, True), 0.25: (4, True), 0.01: (4, True), 1.0: (3, False)}


@pytest.mark.parametrize("decay_share", ENDS)
def test_where_a_run_would_stop_before_its_learning_rate_has_fallen_it_falls(run, experiment, tmp_path, decay_share):
    epochs, falls = ENDS[decay_share]
    stopping = replace(experiment.early_stopping, enabled=True, patience=2)
    scheduler = TrapezoidSpec(type="trapezoid", warmup_epochs=0, decay_share=decay_share)
    training = replace(experiment.training, epochs=12, scheduler=scheduler)
    summary, said = run([(0.9, 4.0)] * 13, prediction="read {}", early_stopping=stopping, training=training)
    assert summary["epochs"] == epochs
    what = (
        f"val_cer did not improve for 2 epochs: the learning rate falls from here, and the run ends with epoch {epochs}"
    )
    assert said.count(what) == falls
    assert ("\nstopped: val_cer did not improve" in said) == (not falls)
    rows = read_table(tmp_path / "plots" / "history.csv")
    if falls:
        assert float(rows[-1]["lr"]) < 0.3 * training.lr
        assert [float(row["lr"]) for row in rows[1:3]] == [training.lr] * 2
        assert f"epoch {epochs}/{epochs}" in said


def test_a_fall_that_has_begun_is_not_stopped(run, experiment):
    stopping = replace(experiment.early_stopping, enabled=True, patience=2)
    scheduler = TrapezoidSpec(type="trapezoid", warmup_epochs=0, decay_share=0.5)
    training = replace(experiment.training, epochs=4, scheduler=scheduler)
    summary, said = run([(0.9, 4.0)] * 5, prediction="read {}", early_stopping=stopping, training=training)
    assert summary["epochs"] == 4
    assert "stopped" not in said
    assert "falls from here" not in said  # it fell as the document has it


def test_a_run_of_no_numbers_ends_and_says_why(run):
    summary, said = run([(math.nan, math.nan)] * (EPOCHS + 1), prediction="read {}")
    assert summary["epochs"] == 2
    assert "best_epoch" not in summary
    assert "\nstopped: val_cer was not a number for 2 epochs\nwarning: there is no best checkpoint: val_cer was" in said


@pytest.mark.parametrize(("warmup", "is_said"), [(0.4, True), (0.6, False), (0.0, False)])
def test_a_warm_up_that_is_none_is_said(run, experiment, warmup, is_said):
    scheduler = replace(experiment.training.scheduler, warmup_epochs=warmup)
    training = replace(experiment.training, epochs=1, scheduler=scheduler, batch_size=3)
    said = run([(1.0, 4.0)] * 2, training=training)[1]
    what = "warmup_epochs: there is no warm-up: 0.4 epochs of 3 steps are less than two steps, and the learning rate"
    assert (what in said) == ("there is no warm-up" in said) == is_said
    assert ("help: raise it to 0.67 or more, or write 0 if no warm-up is wanted" in said) == is_said


def test_a_warm_up_that_has_no_room_is_advised_away(run, experiment):
    scheduler = replace(experiment.training.scheduler, warmup_epochs=0.5)
    training = replace(experiment.training, epochs=2, scheduler=scheduler, batch_size=1000)
    said = run([(1.0, 4.0)] * 3, training=training)[1]
    assert "0.5 epochs of 1 step are less than two steps" in said
    assert "help: write 0: a training of 2 steps has no room for a warm-up\n" in said


def test_validation_lines_that_can_never_be_read_right_are_named(experiment, prepared, tmp_path, capfd):
    parts = {name: getattr(experiment, name) for name in SECTIONS}
    parts["training"] = replace(parts["training"], epochs=1)
    train(**parts, prepared=prepared, out=tmp_path, run_dir=tmp_path / "logs")
    said = capfd.readouterr().err
    assert "of 6 validation lines cannot be read right, since their text needs more frames than the image gives" in said
