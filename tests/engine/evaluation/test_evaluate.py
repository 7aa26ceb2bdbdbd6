"""What evaluate needs, what it says of its figures, and what it does with a model file alone."""

import copy
import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from thulium.data.charset import Charset
from thulium.data.prepared import open_prepared
from thulium.decoding import searches
from thulium.models.calibration import Calibration, Curve, LineCurve
from thulium.models.file import save_model
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import CheckpointError, DataError
from thulium.runtime.tables import read_table
from thulium.stages.evaluate import evaluate
from thulium.training.history import History
from thulium.training.same import digest_of_lines
from thulium_dsl.grammar.spec import BeamSpec
from thulium_dsl.pipeline.stages import BY_SOURCE, stage

ECE = ("ece", "ece_characters")


@pytest.fixture(scope="module")
def model(experiment, prepared):
    torch.manual_seed(1)
    data = open_prepared(prepared)
    return HTRModel(experiment.model, Charset(data.symbols), data.preprocessing, data.text)


def judge(experiment, prepared, out, **more):
    more = {"evaluation": experiment.evaluation, "checkpoints": out / "checkpoints"} | more
    return evaluate(**more, resources=experiment.resources, prepared=prepared, out=out)


def test_figures_come_first_and_what_they_are_of_stands_apart(experiment, prepared, model, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    save_model(model, tmp_path / "checkpoints" / "best.safetensors", {"epoch": 3})
    metrics = judge(experiment, prepared, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    plots = {path.stem for path in (tmp_path / "plots").iterdir()}
    assert plots == {Path(plot.path).stem for plot in stage("evaluate").plots if plot != BY_SOURCE}
    assert list(metrics) == ["cer", "wer", "line_accuracy", "cer_low", "cer_high", "edits", *ECE, "measured"]
    measured = metrics["measured"]
    assert metrics["cer"] == pytest.approx(metrics["edits"] / measured["characters"], abs=1e-6)
    assert measured | {"characters": 0} == {
        "split": "test",
        "lines": 6,
        "lines_left_out": 0,
        "characters": 0,
        "lines_that_do_not_fit": 0,
        "model": "best checkpoint",
        "decoding": "greedy",
        "unit": "code point",
        "unicode_form": "NFC",
        "words": "split at white space",
        "interval_unit": "line",
        "interval_units": 6,
        "model_sha256": hashlib.sha256((tmp_path / "checkpoints" / "best.safetensors").read_bytes()).hexdigest()[:16],
        "confidence": "not calibrated",
    }


def test_prepared_lines_are_hashed_once(experiment, prepared, model, tmp_path, monkeypatch):
    hashed = []

    def digest_of(paths):
        hashed.extend(file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*"))))
        return "0" * 16

    monkeypatch.setattr("thulium.training.same.digest_of", digest_of)
    monkeypatch.setattr("thulium.stages.evaluate.digest_of", digest_of)
    save_model(model, tmp_path / "m.safetensors", {"computed": {"data": "another"}})
    judge(experiment, prepared, tmp_path, model_file=tmp_path / "m.safetensors")
    assert len(hashed) == len(set(hashed))
    assert {file for file in prepared.rglob("*.arrow")} < set(hashed)


def test_figures_that_there_are_none_of_are_null_and_the_file_is_json(experiment, prepared, model, tmp_path):
    silent = copy.deepcopy(model)
    with torch.no_grad():
        silent.decoder.classify.bias[model.charset.blank_index] += 1000
    save_model(silent, tmp_path / "m.safetensors")
    judge(experiment, prepared, tmp_path, model_file=tmp_path / "m.safetensors")
    text = (tmp_path / "metrics.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["ece_characters"] is None


def test_how_sure_the_model_is_stands_beside_what_it_read(experiment, prepared, model, tmp_path, monkeypatch):
    monkeypatch.setattr(model, "calibration", Calibration(Curve(1.0, 0.0), LineCurve(1.0, -9.0)))
    save_model(model, tmp_path / "m.safetensors")
    metrics = judge(experiment, prepared, tmp_path, model_file=tmp_path / "m.safetensors")
    rows = read_table(tmp_path / "predictions.csv")
    shares = [1 - int(row["edits"]) / max(len(row["transcription"]), len(row["prediction"])) for row in rows]
    sure = [float(row["confidence"]) for row in rows]
    assert all(0 <= confidence < 0.5 for confidence in sure)
    assert metrics["ece"] == pytest.approx(abs(sum(shares) - sum(sure)) / 6, abs=2e-4)  # 6 lines are one bin
    assert metrics["measured"]["confidence"] == "calibrated on the validation lines"
    (bin_,) = read_table(tmp_path / "plots" / "reliability.csv")
    assert (float(bin_["right"]), bin_["lines"]) == (pytest.approx(sum(shares) / 6, abs=1e-4), "6")
    assert "Calibrated on the validation lines" in (tmp_path / "reports" / "evaluation.html").read_text()


def test_characters_that_the_model_cannot_write_are_said(experiment, prepared, tmp_path, capfd):
    data = open_prepared(prepared)
    model = HTRModel(experiment.model, Charset(data.symbols[5:]), data.preprocessing, data.text)
    save_model(model, tmp_path / "m.safetensors")
    judge(experiment, prepared, tmp_path, model_file=tmp_path / "m.safetensors")
    said = " of the characters in these lines are new to the model, and it cannot write them: "
    assert said in capfd.readouterr().err
    assert said in (tmp_path / "reports" / "evaluation.html").read_text(encoding="utf-8")


def test_what_the_interval_is_over_is_said(experiment, prepared, model, tmp_path, capfd):
    save_model(model, tmp_path / "m.safetensors")
    judge(experiment, prepared, tmp_path, model_file=tmp_path / "m.safetensors")
    basis = "over 6 lines, since all are of one page"
    assert f"\nthe interval is {basis}: it says nothing of other pages\n" in capfd.readouterr().err
    page = (tmp_path / "reports" / "evaluation.html").read_text(encoding="utf-8")
    assert f"Student’s t on the logarithm of the CER, {basis}. So it says nothing of other pages." in page
    assert "over pages" not in page


def test_lines_that_do_not_fit_their_frames_are_counted(experiment, prepared, model, tmp_path, capfd):
    save_model(model, tmp_path / "m.safetensors")
    evaluation = replace(experiment.evaluation, split="val")
    metrics = judge(experiment, prepared, tmp_path, evaluation=evaluation, model_file=tmp_path / "m.safetensors")
    number = metrics["measured"]["lines_that_do_not_fit"]
    assert 0 < number < 6
    assert f"\n{number} of the lines have more text than the model has frames, and cannot be" in capfd.readouterr().err
    page = (tmp_path / "reports" / "evaluation.html").read_text(encoding="utf-8")
    assert f"{number} of the lines have more text than the model has frames" in page


def test_the_model_of_a_training_that_was_cut_is_judged_with_a_warning(experiment, prepared, model, tmp_path, capfd):
    (tmp_path / "checkpoints").mkdir()
    save_model(model, tmp_path / "checkpoints" / "best.safetensors", {"epoch": 3})
    judge(experiment, prepared, tmp_path)
    said = capfd.readouterr().err
    assert f"warning: the training of {tmp_path}/checkpoints/best.safetensors has not ended, as far as is known" in said
    assert "this is the model of epoch 3; `thulium train` goes on" in said
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "train.json").write_text("{}")
    judge(experiment, prepared, tmp_path)
    judge(experiment, prepared, tmp_path / "b", model_file=tmp_path / "checkpoints" / "best.safetensors")
    assert "has not ended" not in capfd.readouterr().err


def test_a_model_can_be_judged_without_its_history(experiment, prepared, model, tmp_path, capfd):
    (tmp_path / "checkpoints").mkdir()
    save_model(model, tmp_path / "checkpoints" / "best.safetensors", {"epoch": 3})
    judge(experiment, prepared, tmp_path)
    said = capfd.readouterr().err
    assert "plots/history.csv is not there: the report has no learning curves\n" in said
    assert "before training" not in said
    page = (tmp_path / "reports" / "evaluation.html").read_text(encoding="utf-8")
    assert "their record (<code>plots/history.csv</code>) is not there" in page
    assert "CER on validation lines" not in page


def test_a_model_file_alone_is_judged(experiment, prepared, model, tmp_path):
    """A history that lies there is of another model: no curve of it is shown."""
    history = History(tmp_path / "new" / "plots" / "history.csv")
    history.add(0, {"val_cer": 1.0, "val_loss": 9.0})
    history.write()
    save_model(model, tmp_path / "french.safetensors")
    metrics = judge(experiment, prepared, tmp_path / "new", model_file=tmp_path / "french.safetensors")
    assert metrics["measured"]["model"] == "model french.safetensors"
    page = (tmp_path / "new" / "reports" / "evaluation.html").read_text(encoding="utf-8")
    assert re.search(r"The model french\.safetensors\s+read 6 lines", page)
    assert 'aria-label="Loss' not in page


def test_a_model_of_other_lines_says_in_what_they_differ(experiment, prepared, tmp_path):
    preprocessing = replace(experiment.preprocessing, height=48)
    save_model(HTRModel(experiment.model, Charset(("a",)), preprocessing), tmp_path / "m.safetensors")
    said = r"with preprocessing: \{height: 48\}, these are prepared with \{height: 24\}"
    with pytest.raises(CheckpointError, match=rf"{said}\n.*with preprocessing\.height: 48; or"):
        judge(experiment, prepared, tmp_path / "out", model_file=tmp_path / "m.safetensors")
    assert not (tmp_path / "out").exists()


def test_limits_of_the_width_that_no_line_meets_do_not_part_lines_from_a_model(experiment, prepared, model, tmp_path):
    widths = open_prepared(prepared).split("test").widths
    width = int(widths.max())
    assert experiment.preprocessing.min_width < widths.min()
    assert width < experiment.preprocessing.max_width

    def judged(name, **limits):
        of_model = replace(experiment.preprocessing, **limits)
        other = HTRModel(experiment.model, model.charset, of_model, model.text)
        other.load_state_dict(model.state_dict())
        save_model(other, tmp_path / name)
        return judge(experiment, prepared, tmp_path / "out", model_file=tmp_path / name)["edits"]

    own = judged("own.safetensors")
    assert judged("other.safetensors", min_width=9, max_width=width + 1, wide_lines="skip") == own
    for limits in ({"max_width": width}, {"min_width": int(widths.min()), "wide_lines": "skip"}):
        wanted = " and ".join(f"preprocessing\\.{key}: {value}" for key, value in limits.items())
        with pytest.raises(
            CheckpointError, match=f"help: prepare the lines as they were for the model, with {wanted}; or"
        ):
            judged("meets.safetensors", **limits)


def test_it_is_said_whether_the_model_may_have_seen_the_lines(experiment, prepared, model, tmp_path, capfd):
    def said(facts):
        save_model(model, tmp_path / "checkpoints" / "best.safetensors", facts)
        judge(experiment, prepared, tmp_path)
        return capfd.readouterr().err

    (tmp_path / "checkpoints").mkdir()
    own = digest_of_lines(prepared)
    assert "trained on" not in said({"computed": {"data": own}})
    assert "was not trained on the lines of" in said({"computed": {"data": own[::-1]}})
    assert "does not say which lines it was trained on" in said({})


def test_lines_that_prepare_left_out_are_counted(experiment, prepared, model, tmp_path, capfd):
    (tmp_path / "checkpoints").mkdir()
    save_model(model, tmp_path / "checkpoints" / "best.safetensors", {"epoch": 3})
    copy = shutil.copytree(prepared, tmp_path / "prepared")
    report = json.loads((copy / "report.json").read_text())
    report["accounting"]["splits"]["test"] |= {"filtered": 2, "skipped": 3}
    (copy / "report.json").write_text(json.dumps(report))
    assert judge(experiment, copy, tmp_path)["measured"]["lines_left_out"] == 5
    assert "5 more lines of the split were left out by prepare" in capfd.readouterr().err
    for damaged in ("[]", "7", '{"page": 7}'):
        report["writers"]["test"] = json.loads(damaged)
        (copy / "report.json").write_text(json.dumps(report))
        with pytest.raises(DataError, match=r"report\.json: is damaged \(its writers are none\)"):
            judge(experiment, copy, tmp_path)
    (copy / "report.json").write_text('{"accounting": {"splits": []}}')
    with pytest.raises(DataError, match=r"report\.json: is damaged"):
        judge(experiment, copy, tmp_path)


@pytest.mark.parametrize(
    ("training", "known"),
    [({"lines": 3, "seed": 1}, 3), ({"lines": None, "seed": 1}, 12), ({}, 12), ("odd", 12)],
)
def test_a_language_model_of_the_training_lines_is_of_those_that_were_learnt_from(
    experiment, prepared, model, tmp_path, monkeypatch, training, known
):
    made_of = []
    build = searches.model_of
    monkeypatch.setattr(searches, "model_of", lambda texts, *more: made_of.append(len(texts)) or build(texts, *more))
    (tmp_path / "checkpoints").mkdir()
    save_model(model, tmp_path / "checkpoints" / "best.safetensors", {"settings": {"training": training}})
    decoding = BeamSpec(
        type="beam", beam_size=2, language_model="train", more_text="none", order=2, alpha=0.5, beta=0.0
    )
    judge(experiment, prepared, tmp_path, evaluation=replace(experiment.evaluation, decoding=decoding))
    # Another model has not learnt from these lines at all, whatever its own training was.
    judge(
        experiment,
        prepared,
        tmp_path / "other",
        evaluation=replace(experiment.evaluation, decoding=decoding),
        model_file=tmp_path / "checkpoints" / "best.safetensors",
    )
    assert made_of == [known, 12]
