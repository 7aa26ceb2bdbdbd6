"""No value of a document reaches a shell, and no value becomes a part of the graph's own words."""

from __future__ import annotations

import posixpath
from pathlib import Path

import lab
import pytest
import yaml

from thulium_dsl.edit.fill import fill, inline
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.validate import check, experiment_of
from thulium_dsl.pipeline import dvc_yaml, graph, stages
from thulium_dsl.text.document import parse

COMMANDS = {f"thulium {stage.name} params.yaml" for stage in stages.STAGES}
WRITTEN_OUT = "checkpointing.save_dir"  # the one text that stands in dvc.yaml itself
HOSTILE = [
    "a b  c",
    'it\'s "quoted"',
    "$(touch PWNED)",
    "`touch PWNED`",
    "x; touch PWNED #",
    "x && touch PWNED || true",
    "x | tee PWNED > PWNED",
    "--output-dir=PWNED",
    "-rf",
    "größe/手書き/\N{GRINNING FACE}",
    "two\nlines; touch PWNED",
    "tab\there",
    "\x1b[31mred",
    "/etc/passwd",
    "../../outside",
    "~/home",
    "${training.lr}",
    "${nothing.there}",
    "${",
    "$HOME",
    "%PATH%",
    "*",
    "a\\b",
    "{{ x }}",
    "#x",
    " - item: 1",
]
TEXT_KEYS = sorted(
    {
        key.dotted
        for key in schemas.walk()
        if "string" in key.schema["type"] and "enum" not in key.schema and "x-directive" not in key.schema
    }
)
# The keys of a source are those of a dataset of its type, but for their place, and so are those of lines without texts:
# see the test of their folders below.
TEXT_KEYS = [key for key in TEXT_KEYS if not key.startswith(("dataset.sources", "pretraining.dataset"))]


def document(key: str, value: str) -> str:
    """A document with one key set to a text, in a section of a type that has it."""
    (found, *_) = schemas.find(key)
    *sections, name = key.split(".")
    text = f"{name}: {inline(value)}"
    if "sources" in sections:
        return f"dataset: {{sources: [{{name: x, type: {found.kind}, {text}}}]}}\n"
    for depth in range(len(sections), 0, -1):
        section = sections[depth - 1]
        if section == "map":
            other = "find: x" if name == "replace" else "replace: x"
            text = f"on_unknown: map, map: [{{{text}, {other}}}]"
            continue
        if section in ("dataset", "decoding"):
            text = f"type: {found.kind}, {text}"
        text = f"{section}: {{{text}}}"
    return text + "\n"


def test_there_are_texts_to_try() -> None:
    assert {"checkpointing.save_dir", "dataset.train_dir", "logging.wandb.project"} <= set(TEXT_KEYS)


@pytest.mark.parametrize("key", TEXT_KEYS)
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_refused_or_stays_a_value(key: str, value: str, tmp_path: Path) -> None:
    found = parse(document(key, value))
    problems = check(found).problems
    if problems:
        assert {problem.path.replace(".0", "") for problem in problems} == {key}
        assert "\x1b" not in str(problems[0])
        assert problems[0].hint
        return
    plain = graph.build(experiment_of(parse(document(key, "(plain)"))), tmp_path)
    if key != WRITTEN_OUT:
        assert graph.build(experiment_of(found), tmp_path) == plain
    (tmp_path / "params.yaml").write_text(fill(found).text, encoding="utf-8")
    dvc_yaml.write(tmp_path, experiment_of(found))
    compiled = yaml.safe_load((tmp_path / "dvc.yaml").read_text(encoding="utf-8"))
    more = {f"thulium {stages.PRETRAIN.name} params.yaml"} if key.startswith("pretraining.") else set()
    assert {stage["cmd"] for stage in compiled["stages"].values()} == COMMANDS | more
    folder = posixpath.normpath(value if key == WRITTEN_OUT else "checkpoints")
    assert f"{folder}/last.safetensors" in [next(iter(out)) for out in compiled["stages"]["train"]["outs"]]
    found_deps = {dep for stage in compiled["stages"].values() for dep in stage["deps"] if "${" in dep}
    assert {dep.replace("[0]", "") for dep in found_deps} <= {
        *(f"${{{path.dotted}}}" for path in schemas.walk() if path.schema.get("x-path")),
        f"{folder}/${{evaluation.checkpoint}}.safetensors",
    }


@pytest.mark.parametrize("key", ["dataset.sources.root", "pretraining.dataset.root"])
@pytest.mark.parametrize("value", ["a b  c", "$(touch PWNED)", "${training.lr}", "two\nlines; touch PWNED"])
def test_a_hostile_folder_of_other_lines_is_refused_or_stays_a_value(key: str, value: str, tmp_path: Path) -> None:
    test_a_hostile_value_is_refused_or_stays_a_value(key, value, tmp_path)


@pytest.mark.skipif(not lab.HAS_ENGINE, reason="prepares lines")
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "a b 'c' \"d\" $(touch PWNED); touch PWNED # `touch PWNED`",
        "--help ${training.lr} ${nothing}",
        "two\nlines, größe 手書",
    ],
)
def test_dvc_prepares_lines_from_a_folder_of_a_hostile_name(name: str, tmp_path: Path, run: lab.Shell) -> None:
    lab.write_data(tmp_path)
    (tmp_path / "train").rename(tmp_path / name)
    text = f"dataset:\n  type: custom\n  train_dir: {inline(name)}\n  val_dir: val\n  test_dir: test\n"
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    run("git", "init", "--quiet", cwd=tmp_path)
    run("dvc", "init", "--quiet", cwd=tmp_path)
    run("thulium", "compile", cwd=tmp_path)
    run("dvc", "repro", "prepare", cwd=tmp_path)
    assert (tmp_path / "data" / "prepared" / "report.json").is_file()
    assert not list(tmp_path.rglob("PWNED*"))
    lock = yaml.safe_load((tmp_path / "dvc.lock").read_text(encoding="utf-8"))
    assert name in [dep["path"] for dep in lock["stages"]["prepare"]["deps"]]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a b 'c' \"d\" $(touch PWNED); touch PWNED", "-rf #x", "größe: {手書}", "*"])
def test_dvc_reads_a_hostile_folder_of_checkpoints_as_it_is_written(name: str, tmp_path: Path, run: lab.Shell) -> None:
    text = f"dataset: {{type: synthetic}}\ncheckpointing:\n  save_dir: {inline(name)}\n"
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    run("git", "init", "--quiet", cwd=tmp_path)
    run("dvc", "init", "--quiet", cwd=tmp_path)
    run("thulium", "compile", cwd=tmp_path)
    assert f"{name}/last.safetensors" in run("dvc", "stage", "list", "--name-only", "train", cwd=tmp_path).stdout or (
        f"{name}/last.safetensors" in run("dvc", "dag", "--outs", cwd=tmp_path).stdout
    )
