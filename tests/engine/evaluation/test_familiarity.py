"""What a model's confidence in new lines says beside that in the lines that it was validated on."""

import json

import numpy as np
import pytest
import torch

from thulium.data.charset import Charset
from thulium.data.prepared import open_prepared
from thulium.evaluation.calibration import sure_of
from thulium.evaluation.familiarity import characters_new_to, familiarity
from thulium.evaluation.metrics import LineResult
from thulium.models.calibration import Calibration, Curve, LineCurve
from thulium.models.file import load_model, save_model
from thulium.models.header import CheckpointError, read_header
from thulium.models.own_lines import OwnLines, own_lines, own_lines_in
from thulium.models.wrappers import HTRModel

SAME = Curve(1.0, 0.0)


def read(confidences, text="abcd"):
    return [LineResult(f"{i:04}", "p", text, text, float(c)) for i, c in enumerate(confidences)]


@pytest.fixture
def model(experiment, prepared):
    torch.manual_seed(1)
    data = open_prepared(prepared)
    model = HTRModel(experiment.model, Charset(data.symbols), data.preprocessing, data.text)
    model.calibration, model.own_lines = Calibration(SAME, LineCurve(1.0, 0.0)), own_lines(np.linspace(0.8, 1.0, 201))
    return model


def test_what_is_kept_are_confidences_at_each_twentieth():
    kept = own_lines(np.linspace(0.8, 1.0, 201))
    assert kept.confidences == pytest.approx(np.linspace(0.8, 1.0, 21))
    assert (kept.low, kept.median) == (pytest.approx(0.81), pytest.approx(0.9))
    assert [kept.share_below(c) for c in (0.5, 0.9, 0.95, 1.0)] == pytest.approx([0, 0.5, 0.75, 1])
    assert own_lines(np.full(20, 0.7)).share_below(0.7) == 0.5
    assert own_lines(np.full(19, 0.7)) is None
    assert own_lines_in(json.loads(json.dumps(kept.written()))) == kept


def test_the_kept_confidences_are_those_that_readings_have_afterwards():
    half = Calibration(SAME, LineCurve(1.0, -1.0))
    results = [*read([0.5, 0.9]), LineResult("x", "p", "", "")]
    assert sure_of(results, half) == pytest.approx(half.lines(np.array([0.5, 0.9]), np.zeros(2)))
    assert sure_of(results, None) == pytest.approx([0.5, 0.9])


def test_lines_that_the_model_is_as_sure_of_are_no_harder(model):
    found = familiarity(read(np.linspace(0.79, 0.99, 40)), model)
    assert not found.is_harder
    assert found.verdict + found.expected == (
        "these 40 lines are no harder for the model than the validation lines of its training, as far as its "
        "confidence tells (median 0.89, there 0.90); expect some 11% of the characters to be wrong"
    )


def test_lines_that_it_is_less_sure_of_are_harder(model):
    found = familiarity(read(np.linspace(0.4, 0.6, 40)), model)
    assert found.is_harder
    assert found.verdict + found.expected == (
        "these 40 lines are harder for the model than the validation lines of its training: it is less sure of 40 of "
        "them than of 19 in 20 of those (median confidence 0.50, there 0.90); expect some 50% of the characters to be "
        "wrong, often more"
    )


def test_a_part_that_it_cannot_read_is_enough(model):
    assert not familiarity(read([0.95] * 31 + [0.4] * 9), model).is_harder
    assert familiarity(read([0.95] * 30 + [0.4] * 10), model).is_harder


def test_a_difference_that_nobody_would_see_counts_for_nothing(model):
    model.own_lines = own_lines(np.linspace(0.995, 0.999, 201))
    assert not familiarity(read([0.99] * 40), model).is_harder
    assert familiarity(read([0.97] * 40), model).is_harder


def test_nothing_is_said_where_nothing_is_known(model):
    assert familiarity(read([0.5] * 19), model) is None
    assert familiarity([LineResult("1", "p", "a", "a")] * 40, model) is None
    assert familiarity(read([0.5] * 40, ""), model).expected == ""
    model.calibration = None
    assert familiarity(read([0.5] * 40), model).expected == ""
    model.own_lines = None
    assert familiarity(read([0.5] * 40), model) is None


def test_characters_that_the_model_cannot_write_are_named_by_how_often_they_are_there():
    results = read([0.5], "aſſꝑ") + read([0.5], "aaaa\u0304aa")
    assert characters_new_to("a", results) == (
        "36.4% of the characters in these lines are new to the model, and it cannot write them: ſ ꝑ ◌̄"
    )
    assert characters_new_to("a", read([0.5], "a" * 999 + "ſ")).startswith("0.1% of the characters")
    assert characters_new_to("a", read([0.5], "a" * 1000 + "ſ")).startswith("less than 0.1% of the characters")
    assert characters_new_to("aſꝑ\u0304", results) == ""


def test_a_model_file_keeps_them_and_one_without_them_is_read(model, tmp_path):
    kept = model.own_lines
    save_model(model, tmp_path / "m.safetensors")
    assert load_model(tmp_path / "m.safetensors")[0].own_lines == kept
    model.own_lines = None
    save_model(model, tmp_path / "older.safetensors")
    assert read_header(tmp_path / "older.safetensors").own_lines is None


@pytest.mark.parametrize(
    ("confidences", "what"),
    [
        ((0.5,) * 20, "are none"),
        ((*(0.5,) * 20, 1.5), "are none"),
        ((*(0.5,) * 20, float("nan")), "are none"),
        ((*(0.5,) * 20, 0.4), "do not rise"),
    ],
)
def test_what_is_no_row_of_confidences_is_refused(model, tmp_path, confidences, what):
    model.own_lines = OwnLines(confidences)
    save_model(model, tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match=f"the confidences in its validation lines {what}"):
        read_header(tmp_path / "m.safetensors")
