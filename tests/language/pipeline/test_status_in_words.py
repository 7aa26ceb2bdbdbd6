"""DVC's status in words, from values; tests/stages/test_plan.py asks the real DVC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from thulium_dsl.grammar.validate import complete_tree
from thulium_dsl.pipeline import job, pace
from thulium_dsl.pipeline.plan import plan, read_yaml
from thulium_dsl.text.document import parse

PIPELINE = yaml.safe_load("""
stages:
  report: {cmd: make report, deps: [metrics.json]}
  prepare: {cmd: p, deps: ["${dataset.train_dir}"], outs: [data/prepared]}
  train: {cmd: t, deps: [data/prepared], outs: ["${checkpointing.save_dir}"], metrics: [m.json: {cache: false}]}
  evaluate: {cmd: e, deps: [data/prepared, checkpoints], metrics: [metrics.json: {cache: false}]}
  sweep: {foreach: [1, 2], do: {cmd: s, deps: [checkpoints/best.safetensors], wdir: .}}
""")
TREE = complete_tree(parse("training: {lr: 1e-4}"))
LOCK = {"stages": {name: {} for name in ("prepare", "train", "evaluate", "report", "sweep@1", "sweep@2")}}


def lines(status: dict[str, Any], lock: dict[str, Any] = LOCK, tree: dict[str, Any] = TREE) -> list[str]:
    return [str(step) for step in plan(status, PIPELINE, lock, tree)]


def params(**sections: Any) -> dict[str, Any]:
    """A lock in which train ran with these sections."""
    return {"stages": {**LOCK["stages"], "train": {"params": {"params.yaml": sections}}}}


def changed(*sections: str) -> dict[str, Any]:
    return {"train": [{"changed deps": {"params.yaml": dict.fromkeys(sections, "modified")}}]}


def test_nothing_changed() -> None:
    assert lines({}) == []


def test_the_stages_after_a_changed_one_run_too_whatever_their_place_in_the_file() -> None:
    assert lines({"train": [{"changed deps": {"requirements.txt": "modified"}}]}) == [
        "train: requirements.txt changed",
        "evaluate: because train runs",
        "report: because evaluate runs",
        "sweep: because train runs",
    ]


def test_the_folder_of_one_source_is_that_of_its_place_in_the_list() -> None:
    pipeline = {"stages": {"prepare": {"cmd": "p", "deps": ["${dataset.sources[1].root}"]}}}
    tree = complete_tree(parse("dataset: {sources: [{name: a, type: page}, {name: b, type: page, root: data/b}]}"))
    steps = plan({"data/b.dvc": [{"changed outs": {"data/b": "modified"}}]}, pipeline, LOCK, tree)
    assert [str(step) for step in steps][1] == "prepare: because data/b.dvc changes"


def test_a_folder_of_data_comes_first() -> None:
    assert lines({"data/train.dvc": [{"changed outs": {"data/train": "modified"}}]})[:3] == [
        "data/train.dvc: data/train changed",
        "prepare: because data/train.dvc changes",
        "train: because prepare runs",
    ]


def test_a_stage_of_another_folder_is_named_as_dvc_names_it() -> None:
    status = {"scans/dvc.yaml:cut": [{"changed deps": {"params.yaml": {"dataset": "modified"}}}]}
    assert lines(status) == ["scans/dvc.yaml:cut: params.yaml: dataset changed"]


def test_values_stand_beside_each_other() -> None:
    before = {**TREE["training"], "lr": 0.0003, "optimizer": {"type": "adamw"}}
    (train, *_) = lines(changed("training"), params(training=before))
    assert train == "train: training.lr 0.0003 → 0.0001; training.optimizer.weight_decay (nothing) → 0.01"


def test_items_of_a_list_are_compared_one_by_one_unless_there_are_more_or_fewer() -> None:
    transforms = TREE["augmentation"]["transforms"]
    other = [{**transforms[0], "degrees": 1.5}, *transforms[1:]]
    (train, *_) = lines(changed("augmentation"), params(augmentation={"enabled": True, "transforms": other}))
    assert train == "train: augmentation.transforms.0.degrees 1.5 → 1.0"
    (train, *_) = lines(changed("augmentation"), params(augmentation={"enabled": True, "transforms": other[:2]}))
    assert train == "train: augmentation.transforms (2 items) → (10 items)"


def test_a_stage_that_is_not_locked_never_ran() -> None:
    assert lines({"prepare": [{"changed deps": {"params.yaml": "new"}}]}, {})[0] == "prepare: it never ran"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"changed outs": {"m.json": "deleted"}}, "m.json is missing"),
        ({"changed outs": {"m.json": "not in cache"}}, "m.json is not in the cache (dvc pull may bring it)"),
        ("changed command", "its command changed"),
        ("always changed", "it runs always"),
        ({"changed deps": {"other.yaml": {"a.b": "modified"}}}, "other.yaml: a.b changed"),
    ],
)
def test_what_dvc_says_has_words(entry: Any, words: str) -> None:
    assert lines({"train": [entry]})[0] == f"train: {words}"


def test_a_stage_with_items_is_named_as_dvc_names_it() -> None:
    assert lines({"sweep@2": ["changed command"]}) == ["sweep@2: its command changed"]


def test_a_lock_is_read_as_dvc_reads_it() -> None:
    text = "a: 1e-05\nb: '1e-05'\nc: 08\nd: [yes, true, null, 12:30]\ne: {}\n"
    assert read_yaml(text) == {"a": 1e-05, "b": "1e-05", "c": 8.0, "d": ["yes", True, None, "12:30"], "e": {}}
    assert read_yaml("") == {}


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "prepared"
    folder.mkdir(parents=True)
    (folder / "prepared.json").write_text("{}")
    (folder / "report.json").write_text(json.dumps({"splits": {"train": {"lines": 100}}}))
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "train.json").write_text(json.dumps({"parameters": 1_250_000}))
    return tmp_path


def size(root: Path, lock: dict[str, Any], *, is_stale: bool = False) -> str:
    return str(job.size(root, root, TREE, lock, is_stale=is_stale))


def test_a_job_without_prepared_data_has_no_size(tmp_path: Path) -> None:
    assert job.size(tmp_path, tmp_path, TREE, {}, is_stale=False) is None


@pytest.mark.parametrize(
    "report", ["", "[]", "{}", '{"splits": {"train": []}}', '{"splits": {"train": {"lines": null}}}']
)
def test_a_damaged_report_gives_no_size(report: str, prepared: Path) -> None:
    (prepared / "data" / "prepared" / "report.json").write_text(report)
    assert job.size(prepared, prepared, TREE, {}, is_stale=False) is None


def test_a_job_is_counted_and_estimated(prepared: Path) -> None:
    pace.write(prepared, pace.Pace(20.0, "cpu (2 threads)", pace.digest(TREE)))
    assert size(prepared, params(model=TREE["model"])) == (
        "100 lines, 13 steps an epoch, at most 50 epochs: 650 steps; 1.25 M parameters; "
        "about 4 min at the last run's 20 lines/s on cpu (2 threads)"
    )


def test_a_job_of_weighted_sources_is_counted_by_their_lines_an_epoch(prepared: Path) -> None:
    report = {
        "splits": {"train": {"lines": 100}},
        "sources": {"a": {"lines_an_epoch": 120}, "b": {"lines_an_epoch": 8}},
    }
    (prepared / "data" / "prepared" / "report.json").write_text(json.dumps(report))
    assert size(prepared, {}).startswith("128 lines, 16 steps an epoch")
    half = {**TREE, "training": {**TREE["training"], "lines": 50}}
    assert str(job.size(prepared, prepared, half, {}, is_stale=False)).startswith("64 lines, 8 steps an epoch")


@pytest.mark.parametrize(("lines", "counted"), [(40, "40 lines, 5 steps"), (100, "100 lines, 13 steps"), (500, "100 ")])
def test_a_job_on_some_of_the_lines_is_smaller(prepared: Path, lines: int, counted: str) -> None:
    tree = {**TREE, "training": {**TREE["training"], "lines": lines}}
    assert str(job.size(prepared, prepared, tree, {}, is_stale=False)).startswith(counted)


def test_another_model_is_neither_counted_nor_estimated(prepared: Path) -> None:
    pace.write(prepared, pace.Pace(20.0, "cpu", "another"))
    assert size(prepared, params(model={}), is_stale=True) == (
        "100 lines, 13 steps an epoch, at most 50 epochs: 650 steps; no run of this model was timed here, "
        "so there is no estimate of how long it takes; counted on the data as they are prepared now"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"lines_per_s": 1}'])
def test_a_pace_that_cannot_be_read_is_none(text: str, tmp_path: Path) -> None:
    assert pace.read(tmp_path) is None
    (tmp_path / ".thulium").mkdir()
    (tmp_path / ".thulium" / "pace.json").write_text(text)
    assert pace.read(tmp_path) is None


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (100, "2 min"), (9000, "2.5 h")])
def test_durations_are_rounded(seconds: float, words: str) -> None:
    assert job.duration(seconds) == words
