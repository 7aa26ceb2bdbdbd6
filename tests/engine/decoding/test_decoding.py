"""From the document to what decodes: every setting counts, and what cannot be used is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from thulium.cli.main import app
from thulium.data.charset import Charset
from thulium.data.prepared import open_prepared
from thulium.decoding import searches as decoding
from thulium.decoding.hypothesis import texts
from thulium.decoding.lm import arpa, ngrams
from thulium.models.file import save_model
from thulium.models.wrappers import HTRModel
from thulium.runtime.documents import defaults
from thulium.runtime.errors import DataError
from thulium.runtime.tables import read_table
from thulium.stages.evaluate import evaluate, tune
from thulium.stages.language_model import language_model
from thulium.training.history import History
from thulium_dsl.grammar.spec import BeamSpec, GreedySpec

SPEC = BeamSpec(type="beam", beam_size=8, language_model="train", more_text="none", order=4, alpha=0.8, beta=0.5)


@pytest.fixture(scope="module")
def data(prepared):
    return open_prepared(prepared)


@pytest.fixture(scope="module")
def charset(data):
    return Charset(data.symbols, order=data.order)


@pytest.fixture(scope="module")
def doubtful(charset):
    """The output of a model that is sure of little: logits (B, T, K) and frames (B,)."""
    logits = np.random.default_rng(5).normal(size=(8, 30, charset.num_classes)) * 2
    logits[:, 1::2, charset.blank_index] += 4
    return torch.from_numpy(logits.astype(np.float32)), torch.full((8,), 30)


@pytest.fixture(scope="module")
def written(prepared, tmp_path_factory):
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    language_model(prepared=prepared, order=2, text=None, output=path)
    return str(path)


@pytest.mark.parametrize(
    "change",
    [
        {"beam_size": 1},
        {"language_model": "none"},
        {"language_model": "FILE"},
        {"more_text": "TEXT"},
        {"order": 1},
        {"alpha": 0.1},
        {"beta": 3.0},
    ],
    ids=str,
)
def test_another_value_changes_what_is_read(change, data, charset, doubtful, written, tmp_path):
    (text := tmp_path / "text.txt").write_text("quick brown foxes\n" * 40, encoding="utf-8")
    files = {"FILE": written, "TEXT": str(text)}
    changed = replace(SPEC, **{key: files.get(value, value) for key, value in change.items()})
    read = [texts(decoding.build(spec, charset, data), *doubtful, charset) for spec in (SPEC, SPEC, changed)]
    assert read[0] == read[1] != read[2]


def test_a_file_reads_as_the_model_that_it_was_written_from(data, charset, doubtful, prepared, tmp_path):
    language_model(prepared=prepared, order=SPEC.order, text=None, output=tmp_path / "lm.arpa")
    from_file = replace(SPEC, language_model=str(tmp_path / "lm.arpa"))
    found = [texts(decoding.build(spec, charset, data), *doubtful, charset) for spec in (SPEC, from_file)]
    assert found[0] == found[1]


def test_a_file_is_of_the_lines_that_are_learnt_from_too(data, prepared, charset, tmp_path):
    part = {"lines": 4, "seed": 2}
    made = language_model(prepared=prepared, order=3, text=None, output=tmp_path / "lm.arpa", **part)
    ours = decoding.model_of(replace(data, **part).split("train").texts, 3, charset)
    assert (made.num_own, made.num_more, made.num_grams) == (4, 0, len(ours.log_probs))


def test_a_model_of_a_text_of_ones_own(prepared, data, tmp_path):
    (tmp_path / "text.txt").write_text("Cafe\u0301  au lait\n\nthe\tend\n", encoding="utf-8")
    made = language_model(prepared=prepared, order=3, text=tmp_path / "text.txt", output=tmp_path / "lm.arpa")
    found = arpa.read(tmp_path / "lm.arpa")
    assert (made.num_own, made.num_more) == (0, 2)
    assert found.symbols == {*data.symbols, *"Café au laitthe end"}  # normalised, and what the model writes
    assert found.log_prob("lai", "t") > found.log_prob("lai", "x")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (
            ngrams.build(["abc"], 2, reading="visual_rtl"),
            "of texts in visual_rtl order, but this model writes in logical",
        ),
        (ngrams.build(["мир"], 2), r"knows 0 of the \d+ characters of these lines"),
    ],
)
def test_a_model_of_other_texts_is_refused(model, says, data, charset, tmp_path):
    arpa.write(model, tmp_path / "lm.arpa")
    with pytest.raises(DataError, match=says):
        decoding.build(replace(SPEC, language_model=str(tmp_path / "lm.arpa")), charset, data)


def test_a_model_of_these_lines_serves_one_that_writes_more(prepared, data, tmp_path):
    path = tmp_path / "lm.arpa"
    language_model(prepared=prepared, order=3, text=None, output=path)
    many = Charset(tuple(sorted({*data.symbols, *map(chr, range(0x400, 0x500))})))  # as after `extend_charset: union`
    decoder = decoding.build(replace(SPEC, language_model=str(path)), many, data)
    assert decoder.scorer is not None


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (GreedySpec(type="greedy"), "greedy"),
        (replace(SPEC, language_model="none"), "beam 8"),
        (SPEC, "beam 8, 4-grams of the training lines, alpha 0.8, beta 0.5"),
        (replace(SPEC, language_model="a/lm.arpa"), "beam 8, a/lm.arpa, alpha 0.8, beta 0.5"),
    ],
)
def test_decoding_is_told_in_a_few_words(spec, says):
    assert decoding.say(spec) == says


@pytest.fixture(scope="module")
def run(experiment, charset, data, tmp_path_factory):
    """A folder as train leaves it, with a model that has learned nothing."""
    out = tmp_path_factory.mktemp("run")
    torch.manual_seed(1)
    model = HTRModel(experiment.model, charset, experiment.preprocessing, data.text).eval()
    (out / "checkpoints").mkdir()
    save_model(model, out / "checkpoints" / "best.safetensors", {"epoch": 0})
    history = History(out / "plots" / "history.csv")
    history.add(0, {"val_cer": 1.0, "val_loss": 9.0})
    history.write()
    return out


def test_evaluate_decodes_as_the_document_says_and_reports_it(experiment, prepared, run):
    found = {}
    for spec in (GreedySpec(type="greedy"), SPEC):
        evaluation = replace(experiment.evaluation, decoding=spec)
        parts = {
            "resources": experiment.resources,
            "prepared": prepared,
            "checkpoints": run / "checkpoints",
            "out": run,
        }
        evaluate(evaluation=evaluation, **parts)
        assert json.loads((run / "metrics.json").read_text())["measured"]["decoding"] == decoding.say(spec)
        assert decoding.say(spec) in (run / "reports" / "evaluation.html").read_text(encoding="utf-8")
        found[spec.type] = [row["prediction"] for row in read_table(run / "predictions.csv")]
    assert found["greedy"] != found["beam"]


def test_tuning_reads_validation_lines_only_and_finds_the_lowest_rate(experiment, prepared, run, data, monkeypatch):
    opened = []
    split = type(data).split
    monkeypatch.setattr(type(data), "split", lambda self, name: opened.append(name) or split(self, name))
    evaluation = replace(experiment.evaluation, split="test", decoding=replace(SPEC, beam_size=2))
    parts = {"resources": experiment.resources, "prepared": prepared, "checkpoints": run / "checkpoints"}
    tuned = tune(evaluation=evaluation, **parts)
    assert set(opened) == {"train", "val"}
    assert tuned.num_lines == len(split(data, "val"))
    assert tuned.best.cer == min(trial.cer for trial in tuned.trials)
    assert {(trial.alpha, trial.beta) for trial in tuned.trials if not trial.alpha} == {(0.0, 0.0)}


@pytest.mark.parametrize("spec", [GreedySpec(type="greedy"), replace(SPEC, language_model="none")])
def test_without_a_language_model_there_is_nothing_to_tune(spec, experiment, prepared, run):
    evaluation = replace(experiment.evaluation, decoding=spec)
    parts = {"resources": experiment.resources, "prepared": prepared, "checkpoints": run / "checkpoints"}
    with pytest.raises(DataError, match=r"there is nothing to tune: write .type: beam, language_model: train."):
        tune(evaluation=evaluation, **parts)


DOCUMENT = """\
dataset: {type: synthetic, lines: {train: 12, val: 6, test: 6}, seed: 3}
preprocessing: {height: 24}
resources: {device: cpu, threads: 1}
evaluation: {decoding: {type: beam, beam_size: 2, order: 3, language_model: train}}
"""


def test_the_commands_say_what_to_do_next(prepared, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "prepared").symlink_to(prepared)
    (tmp_path / "run" / "checkpoints").symlink_to(run / "checkpoints")
    (tmp_path / "small.yaml").write_text(DOCUMENT, encoding="utf-8")
    words = ["small.yaml", "--output-dir", "run"]
    for _ in range(2):  # what it wrote itself, it replaces
        packed = CliRunner().invoke(app, ["lm", *words, "--output", "some/lm.arpa.gz"])
        assert packed.exit_code == 0, packed.output
    written = CliRunner().invoke(app, ["lm", *words, "--output", "some/lm.arpa"])
    assert re.fullmatch(
        r"wrote some/lm\.arpa: \d+ n-grams up to length 3, of 12 training lines\n"
        r"perplexity on the validation lines: \d+\.\d\d a character\n",
        written.output,
    )
    assert arpa.read(tmp_path / "some" / "lm.arpa").order == 3
    said = CliRunner().invoke(app, ["tune-decoding", *words]).output.splitlines()
    assert said[0] == "CER on 6 validation lines"
    assert said[2].startswith("0 ")
    assert any(row.startswith(("best: CER", "nothing here is better than greedy")) for row in said)


def test_the_default_is_greedy():
    assert defaults().evaluation.decoding == GreedySpec(type="greedy")
