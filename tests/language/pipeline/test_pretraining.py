"""A section that may be left out: what a document is with it and without it, and what it compiles to."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from thulium_dsl.edit.fill import fill
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.grammar.validate import complete_tree, experiment_of
from thulium_dsl.manual import show
from thulium_dsl.pipeline import dvc_yaml, foreign, graph, project, stages, start
from thulium_dsl.text.document import parse

GOLDEN = Path(__file__).parents[2] / "golden" / "graph" / "pretraining.yaml"
START = "training: {init_from: pretrained/model.safetensors}\n"
PRETRAINED = "pretraining: {dataset: {type: images}}\n" + START


def experiment(text: str) -> Experiment:
    return experiment_of(parse(text))


def test_a_document_without_it_stays_as_it_is() -> None:
    assert schemas.optional() == {"pretraining"}
    text = fill(parse("")).text
    assert "pretraining" not in text
    assert fill(parse(text)).added == ()
    assert "pretraining" not in complete_tree(parse(text))
    assert experiment("").pretraining is None
    assert "pretraining" not in show.show(parse(""))


def test_one_with_it_is_completed_as_any_other_section() -> None:
    text = fill(parse("pretraining: {}\n")).text
    section = yaml.safe_load(text)["pretraining"]
    assert section == schemas.defaults(schemas.experiment()["properties"]["pretraining"])
    assert section["dataset"]["root"] == "data/untranscribed"
    assert experiment(text).pretraining == experiment("pretraining: {}").pretraining
    assert yaml.safe_load(show.changed(parse("pretraining: {}"))) == {"version": 1, "pretraining": {}}


def test_a_document_with_it_compiles_to_this(tmp_path: Path) -> None:
    text = dvc_yaml.render(graph.build(experiment(PRETRAINED), tmp_path))
    if os.environ.get("THULIUM_GOLDEN") == "write":
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_nothing_of_it_stays_once_the_section_is_gone(tmp_path: Path) -> None:
    before = dvc_yaml.render(graph.build(experiment(PRETRAINED), tmp_path))
    without = graph.build(experiment(""), tmp_path)
    kept = foreign.kept(before, yaml.safe_load(before), without, "dvc.yaml")
    assert kept.names == ()
    assert dvc_yaml.render(without, kept) == dvc_yaml.render(without)


def test_the_rest_of_the_graph_is_that_of_a_document_without_it(tmp_path: Path) -> None:
    without, pretrained = (graph.build(experiment(text), tmp_path) for text in (START, PRETRAINED))
    assert [node.name for node in pretrained.nodes] == ["prepare", "pretrain", "train", "evaluate"]
    assert tuple(node for node in pretrained.nodes if node.name != "pretrain") == without.nodes


def test_a_model_that_no_stage_makes_any_more_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(START)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (said,) = project.remarks(tmp_path / "params.yaml", experiment(START))
    assert said.startswith("training.init_from: no stage makes pretrained/model.safetensors any more")
    assert list(project.remarks(tmp_path / "params.yaml", experiment(PRETRAINED))) == []


@pytest.mark.parametrize("several", ["training: {seeds: [1, 2]}", "dataset: {type: page, split: {folds: 3}}"])
def test_one_pretraining_serves_all_seeds_and_all_folds(several: str, tmp_path: Path) -> None:
    text = PRETRAINED.replace("init_from", "seeds: [1, 2], init_from") if "seeds" in several else PRETRAINED + several
    nodes = {node.name: node for node in graph.build(experiment(text), tmp_path).nodes}
    assert nodes["pretrain"] == graph.build(experiment(PRETRAINED), tmp_path).nodes[1]
    assert "${training.init_from}" in nodes["train"].deps
    assert not nodes["train"].runs_once


def test_what_is_read_is_a_template_and_no_other_value_changes_the_graph(tmp_path: Path) -> None:
    whole = experiment(PRETRAINED)
    assert whole.pretraining is not None
    others = [
        replace(whole.pretraining, epochs=3, lr=0.1, clusters=8, seed=2),
        experiment("pretraining: {dataset: {type: parquet, root: data/tables}}").pretraining,
    ]
    before = graph.build(whole, tmp_path)
    assert [graph.build(replace(whole, pretraining=other), tmp_path) for other in others] == [before, before]
    assert before.nodes[1].deps == ("${pretraining.dataset.root}",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        (PRETRAINED, ""),
        (PRETRAINED.replace("pretrained/", "./runs/a/pretrained/"), ""),
        ("pretraining: {}", "training.init_from is not set"),
        ("pretraining: {}\ntraining: {init_from: other.safetensors}", "training.init_from is other.safetensors"),
    ],
)
def test_a_pretraining_that_nothing_uses_is_said(text: str, said: str) -> None:
    remarks = list(project.unused(experiment(text)))
    help_ = "\n  help: write 'init_from: pretrained/model.safetensors' below training, unless this is the training to "
    expected = f"pretraining: nothing uses what it makes, since {said}{help_}compare with"
    assert remarks == ([expected] if said else [])
    assert list(project.remarks(Path("elsewhere.yaml"), experiment(text))) == remarks


def test_a_change_of_it_reruns_what_comes_after() -> None:
    assert stages.reruns("pretraining") == ("pretrain", "train", "evaluate")
    assert stages.reruns("model") == ("train", "evaluate")


def test_a_plan_says_that_what_it_starts_from_cannot_write_yet(tmp_path: Path) -> None:
    (tmp_path / "data/prepared").mkdir(parents=True)
    (tmp_path / "data/prepared/charset.json").write_text(json.dumps([{"character": "a", "train": 5}]))
    (tmp_path / "pretrained").mkdir()
    header = json.dumps({"__metadata__": {"thulium": json.dumps({"charset": []})}}).encode()
    (tmp_path / "pretrained/model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    found = start.start(tmp_path, complete_tree(parse(PRETRAINED)), is_stale=False)
    model = "pretrained/model.safetensors"
    assert str(found) == f"starting from {model}: pretrained on lines without transcriptions; it can write nothing yet"
