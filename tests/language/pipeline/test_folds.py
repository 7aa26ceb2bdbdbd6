"""Folds in a document: what they may be, what they go with, what they compile to, and what a plan says of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.grammar.validate import check, complete_tree, experiment_of
from thulium_dsl.pipeline import dvc_yaml, graph, job, plan, start
from thulium_dsl.text.document import parse

GOLDEN = Path(__file__).parents[2] / "golden" / "graph" / "folds.yaml"


def document(folds: object, split: str = "", more: str = "") -> str:
    return f"dataset:\n  type: page\n  split: {{folds: {folds}{split}}}\n{more}"


def experiment(folds: object) -> Experiment:
    return experiment_of(parse(document(folds)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (document(2), "must be at least 3, found 2"),
        (document(101), "must be at most 100, found 101"),
        (document("five"), "must be a whole number or nothing, found 'five'"),
        (
            document(5, ", by: given"),
            "folds 5 divides the lines anew, and with by given (<text>:3) folders say which split they are in",
        ),
        (
            document(5, "", "  train_list: a\n  val_list: b\n  test_list: c\n"),
            "folds 5 divides the lines anew, and with train_list a (<text>:4) lists say which split they are in",
        ),
        (
            "dataset:\n  sources: [{name: a, type: page}, {name: b, type: alto}]\n  split: {folds: 5}\n",
            "folds 5 divides the lines of one source, and this dataset lists several",
        ),
        (document(5, ", val: 0.8"), "val 0.8 and folds 5 (<text>:3) leave nothing to learn from"),
        (
            document(5, "", "training: {seeds: [1, 2]}\n"),
            "seeds [1, 2] and folds 5 (<text>:3) in one document would be a model for each fold and seed, which is "
            "not known here",
        ),
        (
            document(5, "", "evaluation: {split: val}\n"),
            "split val does not judge every line once, as folds 5 (<text>:3) is for: the test of each fold does",
        ),
    ],
)
def test_what_folds_do_not_go_with_is_refused(text: str, says: str) -> None:
    assert [problem.what for problem in check(parse(text, "<text>")).problems] == [says]


@pytest.mark.parametrize("kind", ["custom", "synthetic"])
def test_data_whose_splits_are_given_have_no_folds(kind: str) -> None:
    (problem,) = check(parse(f"dataset: {{type: {kind}, split: {{folds: 5}}}}")).problems
    assert problem.path == "dataset.split.folds"
    assert problem.what == f"data of type {kind} say themselves which split a line is in, so nothing can be divided"
    assert check(parse(f"dataset: {{type: {kind}, split: {{folds: null, val: 0.2}}}}")).problems == ()


def test_the_share_of_the_test_does_nothing_with_folds() -> None:
    assert check(parse(document(5, ", val: 0.5, test: 0.6"))).problems == ()
    assert len(check(parse(document("", ", val: 0.5, test: 0.6"))).problems) == 1


def test_folds_compile_to_this(tmp_path: Path) -> None:
    text = dvc_yaml.render(graph.build(experiment(4), tmp_path))
    if os.environ.get("THULIUM_GOLDEN") == "write":
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_another_number_is_another_graph_and_none_is_that_of_before(tmp_path: Path) -> None:
    three, four, none = (graph.build(experiment(folds), tmp_path) for folds in (3, 4, "null"))
    assert three.fingerprint != four.fingerprint
    assert none == graph.build(experiment_of(parse("dataset: {type: page}")), tmp_path)
    assert "folds" not in dvc_yaml.render(none)


def test_compiling_goes_to_folds_and_back(tmp_path: Path) -> None:
    one = dvc_yaml.write(tmp_path, experiment("null"))
    before = (tmp_path / "dvc.yaml").read_text()
    folds = dvc_yaml.write(tmp_path, experiment(3))
    now = yaml.safe_load((tmp_path / "dvc.yaml").read_text())
    assert (one.kept, folds.kept, folds.lost) == ((), (), ())
    assert list(now["stages"]) == ["prepare", "train", "evaluate", "pool"]
    assert (now["metrics"], "plots" in now) == (["metrics.json"], False)
    assert dvc_yaml.differences(tmp_path, experiment(4)) == ("stage train", "stage evaluate", "stage pool")
    dvc_yaml.write(tmp_path, experiment("null"))
    assert (tmp_path / "dvc.yaml").read_text() == before


def test_a_plan_names_what_runs_because_of_one_fold_alone(tmp_path: Path) -> None:
    tree = complete_tree(parse(document(3)))
    pipeline = yaml.safe_load(dvc_yaml.render(graph.build(experiment(3), tmp_path)))
    names = ["prepare", *(f"{name}@{fold}" for name in ("train", "evaluate") for fold in (1, 2)), "pool"]
    locked = {name: {"params": {"params.yaml": {}}} for name in names}
    status = {"train@3": [], "evaluate@3": []}
    assert [str(step) for step in plan.plan(status, pipeline, {"stages": locked}, tree)] == [
        "train@3: it never ran",
        "evaluate@3: it never ran; because train@3 runs",
        "pool: because evaluate@3 runs",
    ]


def test_a_plan_counts_the_lines_of_the_first_fold(tmp_path: Path) -> None:
    tree = complete_tree(parse(document(3, "", "training: {init_from: a.safetensors}\n")))
    own = tmp_path / "data" / "prepared" / "folds" / "1"
    own.mkdir(parents=True)
    (own / "prepared.json").write_text("{}")
    (own / "report.json").write_text('{"splits": {"train": {"lines": 10}}}')
    (own / "charset.json").write_text('[{"character": "a", "train": 3}]')
    (tmp_path / "folds" / "1" / "metrics").mkdir(parents=True)
    (tmp_path / "folds" / "1" / "metrics" / "train.json").write_text('{"parameters": 77}')
    lock = {"stages": {"train@1": {"params": {"params.yaml": {"model": tree["model"]}}}}}
    found = job.size(tmp_path, tmp_path, tree, lock, is_stale=False)
    assert found is not None
    assert (found.lines, found.parameters) == (10, 77)
    assert job.spread(tmp_path, tree) == ""
    for fold, lines in ((2, 7), (3, 40)):
        other = own.parent / str(fold)
        other.mkdir()
        (other / "prepared.json").write_text("{}")
        (other / "report.json").write_text(json.dumps({"splits": {"train": {"lines": lines}}}))
    assert job.spread(tmp_path, tree) == " (with 7 to 40 lines; that of fold 1)"
    few = {**tree, "training": {**tree["training"], "lines": 5}}
    assert job.spread(tmp_path, few) == ""
    header = b'{"__metadata__": {"thulium": "{\\"charset\\": [\\"a\\"]}"}}'
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    known = start.start(tmp_path, tree, is_stale=False)
    assert known is not None
    assert (known.known, known.new) == (1, ())
