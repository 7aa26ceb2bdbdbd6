"""Several seeds in one document: what they may be, what they compile to, and what a plan says of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.grammar.validate import check, complete_tree, experiment_of
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline import dvc_yaml, graph, job, plan
from thulium_dsl.text.document import parse

GOLDEN = Path(__file__).parents[2] / "golden" / "graph" / "seeds.yaml"


def document(seeds: str, more: str = "") -> str:
    return f"dataset: {{type: synthetic}}\ntraining:\n  seeds: {seeds}\n{more}"


def experiment(seeds: str) -> Experiment:
    return experiment_of(parse(document(seeds)))


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ("[]", "must have at least 2 items, found 0"),
        ("[1]", "must have at least 2 items, found 1"),
        ("[1, 2, 1]", "holds 1 more than once"),
        ("[1, 2, -1]", "must be at least 0, found -1"),
        ("[1, 4294967296]", "must be at most 4294967295, found 4294967296"),
        ("[1, 2.5]", "must be a whole number, found 2.5"),
        ("['1; touch PWNED', 2]", "must be a whole number, found '1; touch PWNED'"),
        ("3", "must be a list or nothing, found 3"),
    ],
)
def test_what_is_no_list_of_seeds_is_refused(seeds: str, says: str) -> None:
    problems = check(parse(document(seeds))).problems
    assert [problem.what for problem in problems] == [says]
    assert problems[0].line == 3


def test_several_seeds_compile_to_this(tmp_path: Path) -> None:
    text = dvc_yaml.render(graph.build(experiment("[1, 2, 3]"), tmp_path))
    if os.environ.get("THULIUM_GOLDEN") == "write":
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_another_list_of_seeds_is_the_same_graph_and_none_is_another(tmp_path: Path) -> None:
    two, three, none = (graph.build(experiment(seeds), tmp_path) for seeds in ("[1, 2]", "[9, 1, 7]", "null"))
    assert two == three
    assert two.fingerprint != none.fingerprint
    assert none == graph.build(experiment_of(parse("dataset: {type: synthetic}")), tmp_path)


def test_every_key_of_the_training_but_the_seeds_is_tracked(tmp_path: Path) -> None:
    train = graph.build(experiment("[1, 2]"), tmp_path).nodes[1]
    keys = [f"training.{name}" for name in complete_tree(parse(document("[1, 2]")))["training"]]
    tracked = [name for name in train.params if name.startswith("training")]
    assert sorted([*tracked, "training.seed", "training.seeds"]) == sorted(keys)


def test_compiling_goes_from_one_seed_to_several_and_back(tmp_path: Path) -> None:
    one = dvc_yaml.write(tmp_path, experiment("null"))
    before = (tmp_path / "dvc.yaml").read_text()
    several = dvc_yaml.write(tmp_path, experiment("[1, 2]"))
    now = yaml.safe_load((tmp_path / "dvc.yaml").read_text())
    assert (one.kept, several.kept, several.lost) == ((), (), ())
    assert list(now["stages"]) == ["prepare", "train", "evaluate", "summarize"]
    assert (now["metrics"], "plots" in now) == (["metrics.json"], False)
    assert dvc_yaml.differences(tmp_path, experiment("[5, 6, 7]")) == ()
    assert dvc_yaml.differences(tmp_path, experiment("null"))[:2] == ("stage train", "stage evaluate")
    dvc_yaml.write(tmp_path, experiment("null"))
    assert (tmp_path / "dvc.yaml").read_text() == before


def test_a_folder_of_another_origin_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "barley.txt").write_text("precious")
    with pytest.raises(ThuliumError, match="seeds: a stage would write here, but something is there"):
        dvc_yaml.write(tmp_path, experiment("[1, 2]"))
    (tmp_path / "dvc.lock").write_text("stages:\n  train@1:\n    outs:\n    - path: seeds/1/metrics.json\n")
    assert dvc_yaml.write(tmp_path, experiment("[1, 2]")).is_new


def planned(status: dict[str, Any], lock: dict[str, Any], tmp_path: Path) -> list[str]:
    tree = complete_tree(parse(document("[1, 2]")))
    pipeline = yaml.safe_load(dvc_yaml.render(graph.build(experiment("[1, 2]"), tmp_path)))
    return [str(step) for step in plan.plan(status, pipeline, {"stages": lock}, tree)]


def test_a_plan_names_what_runs_because_of_one_seed_alone(tmp_path: Path) -> None:
    names = ("prepare", "train@1", "evaluate@1", "summarize")
    lock: dict[str, Any] = {name: {"params": {"params.yaml": {"training.seeds": [1]}}} for name in names}
    seeds = {"changed deps": {"params.yaml": {"training.seeds": "modified"}}}
    assert planned({"train@2": [], "evaluate@2": [], "summarize": [seeds]}, lock, tmp_path) == [
        "train@2: it never ran",
        "evaluate@2: it never ran; because train@2 runs",
        "summarize: training.seeds [1] → [1, 2]; because train@2 and evaluate@2 run",
    ]


def test_a_training_of_a_seed_has_the_size_of_one(tmp_path: Path) -> None:
    tree = complete_tree(parse(document("[4, 5]")))
    (tmp_path / "data" / "prepared").mkdir(parents=True)
    (tmp_path / "data" / "prepared" / "prepared.json").write_text("{}")
    (tmp_path / "data" / "prepared" / "report.json").write_text('{"splits": {"train": {"lines": 10}}}')
    (tmp_path / "seeds" / "4" / "metrics").mkdir(parents=True)
    (tmp_path / "seeds" / "4" / "metrics" / "train.json").write_text('{"parameters": 77}')
    lock = {"stages": {"train@4": {"params": {"params.yaml": {"model": tree["model"]}}}}}
    found = job.size(tmp_path, tmp_path, tree, lock, is_stale=False)
    assert found is not None
    assert (found.lines, found.parameters) == (10, 77)
