"""The compiled graph: its text, what DVC makes of it, what changes it and what does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from thulium_dsl.edit.fill import fill
from thulium_dsl.grammar import schemas, zoo
from thulium_dsl.grammar.resolve import lookup
from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.grammar.validate import check, experiment_of
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline import dvc_yaml, graph, stages
from thulium_dsl.text.document import parse

GOLDEN = Path(__file__).parents[2] / "golden" / "graph"
NAMES = [stage.name for stage in stages.STAGES]
DVC = [sys.executable, "-m", "dvc"]


def experiment(kind: str) -> Experiment:
    return experiment_of(parse(f"dataset: {{type: {kind}}}"))


@pytest.mark.parametrize("kind", ["custom", "page", "synthetic"])
def test_a_document_compiles_to_this(kind: str, tmp_path: Path) -> None:
    text = dvc_yaml.render(graph.build(experiment(kind), tmp_path))
    expected = GOLDEN / f"{kind}.yaml"
    if os.environ.get("THULIUM_GOLDEN") == "write":
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["custom", "page", "synthetic"])
def test_dvc_loads_what_is_compiled(kind: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(fill(parse(f"dataset: {{type: {kind}}}\n")).text)
    dvc_yaml.write(tmp_path, experiment(kind))
    for command in (["git", "init", "-q"], [*DVC, "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    for folder in ("train", "val", "test", "pages"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "labels.txt").write_text("")
    listed = subprocess.run([*DVC, "stage", "list"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert [line.split()[0] for line in listed.splitlines()] == NAMES
    planned = subprocess.run([*DVC, "repro", "--dry", "prepare"], cwd=tmp_path, capture_output=True, text=True)
    assert "thulium prepare params.yaml" in planned.stdout


def overrides() -> list[tuple[str, object]]:
    """A value for every key that has one: its first example. Structural keys change the graph by right."""
    return [
        (key.dotted, key.schema["examples"][0])
        for key in schemas.walk()
        if not {"x-structural", "x-same-as", "x-directive"} & set(key.schema) and key.schema["type"] != "object"
    ]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(override=st.sampled_from([item for item in overrides() if "transforms." not in item[0]]), data=st.data())
def test_no_value_changes_the_graph(override: tuple[str, object], data: st.DataObject, tmp_path: Path) -> None:
    tree = check(parse("")).tree
    assert tree is not None
    *around, name = override[0].split(".")
    holder = lookup(tree, tuple(around))
    if isinstance(holder, dict) and name in holder:
        is_text = isinstance(holder[name], str) and name.endswith("_dir")
        holder[name] = data.draw(st.text("abcdef", min_size=3)) if is_text else override[1]
    document = parse(yaml.safe_dump(tree))
    assume(not check(document).problems)  # some values need others beside them
    changed = experiment_of(document)
    assert graph.build(changed, tmp_path) == graph.build(experiment("custom"), tmp_path)


def test_the_kind_of_data_changes_the_graph(tmp_path: Path) -> None:
    custom, synthetic = (graph.build(experiment(kind), tmp_path) for kind in ("custom", "synthetic"))
    assert custom.fingerprint != synthetic.fingerprint
    assert synthetic.nodes[0].deps == ()


SOURCES = "dataset: {sources: [{name: a, type: page, root: p}, {name: b, type: gt_txt, root: g, writers: w.tsv}]}"


def test_every_source_is_a_dependency_of_prepare_and_the_evaluation_draws_them(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(fill(parse(SOURCES)).text, encoding="utf-8")
    several, one = graph.build(experiment_of(parse(SOURCES)), tmp_path), graph.build(experiment("page"), tmp_path)
    places = ("sources[0].root", "sources[1].root", "sources[1].writers")
    assert several.nodes[0].deps == tuple(f"${{dataset.{place}}}" for place in places)
    plots = [{plot.path for plot in compiled.nodes[-1].plots} for compiled in (several, one)]
    assert plots[0] - plots[1] == {"plots/cer_by_source.csv"}
    heavier = SOURCES.replace("type: page", "type: page, weight: 3").replace("root: g", "root: h")
    assert graph.build(experiment_of(parse(heavier)), tmp_path) == several, "values do not change the graph"


def test_a_document_that_lists_sources_needs_no_type() -> None:
    filled = fill(parse(SOURCES + "\n"))
    assert "dataset.type" in filled.added
    assert fill(parse(filled.text)).added == ()
    assert experiment_of(parse(filled.text)) == experiment_of(parse(SOURCES))


def test_a_language_model_that_is_a_file_is_a_dependency_of_evaluate(tmp_path: Path) -> None:
    def deps(value: str) -> list[tuple[str, ...]]:
        document = parse(f"evaluation: {{decoding: {{type: beam, language_model: {value}}}}}")
        return [node.deps for node in graph.build(experiment_of(document), tmp_path).nodes]

    assert deps("none") == deps("train") == [node.deps for node in graph.build(experiment("custom"), tmp_path).nodes]
    assert deps("lm.arpa") == deps("models/other.arpa")
    assert deps("lm.arpa")[:2] == deps("none")[:2]
    assert set(deps("lm.arpa")[2]) - set(deps("none")[2]) == {"${evaluation.decoding.language_model}"}
    with_text = deps("train, more_text: more.txt")[2]
    assert set(with_text) - set(deps("train, more_text: zoo:latin")[2]) == {"${evaluation.decoding.more_text}"}


def test_first_weights_are_a_dependency_of_train(tmp_path: Path) -> None:
    def deps(section: str) -> list[tuple[str, ...]]:
        return [node.deps for node in graph.build(experiment_of(parse(section)), tmp_path).nodes]

    without, named = deps("training: {init_from: null}"), deps("training: {init_from: models/a.safetensors}")
    assert named == deps("training: {init_from: b.safetensors}")
    assert (named[0], named[2]) == (without[0], without[2])
    assert named[1] == (*without[1], "${training.init_from}")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("hf:archive-x/french", "models/hf/archive-x/french/main/model.safetensors"),
        ("hf:archive-x/french@main", "models/hf/archive-x/french/main/model.safetensors"),
        ("hf:archive-x/french@v1.0#old/best.safetensors", "models/hf/archive-x/french/v1.0/old/best.safetensors"),
        ("doi:10.5281/zenodo.7", "models/doi/10.5281/zenodo.7/model.safetensors"),
    ],
)
def test_a_name_of_first_weights_is_a_dependency_on_what_it_is_fetched_to(
    name: str, place: str, tmp_path: Path
) -> None:
    document = parse(f"training: {{init_from: '{name}'}}")
    assert graph.build(experiment_of(document), tmp_path).nodes[1].deps[-1] == place


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("hf://a/b", "is an address, not a name", "write 'hf:a/b'"),
        ("https://huggingface.co/a/b", "is an address, not a name", "write 'hf:a/b'"),
        ("https://doi.org/10.5281/zenodo.7", "is an address, not a name", "write 'doi:10.5281/zenodo.7'"),
        ("https://zenodo.org/records/7#x", "is an address, not a name", "write 'doi:10.5281/zenodo.7'"),
        ("hf:french", "is no name of a model", "write 'hf:owner/name'"),
        ("hf:a/../b", "is no name of a model", "write 'hf:owner/name'"),
        ("hf:a/b@../../c", "is no name of a model", "write 'hf:owner/name'"),
        ("hf:a/b#../x.safetensors", "is no name of a model", "write 'hf:owner/name'"),
        ("hf:a/b#x.bin", "'x.bin' is not the name of a model file", "ends in .safetensors"),
        ("HF:a/b", "'HF:' is no kind of name", "did you mean 'hf:a/b'?"),
        ("huggingface:a/b", "is no kind of name", "did you mean 'hf:a/b'?"),
        ("doi:10.1000/182", "is no name of a model", "only records of Zenodo are known"),
        ("zoo:french", "there is no model 'french' in the zoo", "there are: " if zoo.names() else "comes with none"),
        ("zoo:latin", "zoo:latin is a text for language models, and no model", "'more_text: zoo:latin'"),
        ("s3:bucket/x.safetensors", "'s3:' is no kind of name: there are hf:, doi:, zoo:", "name a model as"),
    ],
)
def test_a_name_that_cannot_be_understood_is_said_with_what_was_meant(text: str, what: str, hint: str) -> None:
    (problem,) = check(parse(f"training: {{init_from: '{text}'}}")).problems
    assert what in problem.what
    assert hint in problem.hint


def test_requirements_or_source_stand_for_the_engine(tmp_path: Path) -> None:
    for package in ("thulium", "thulium_dsl"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    in_source = graph.build(experiment("synthetic"), tmp_path)
    assert in_source.nodes[0].deps[:2] == ("thulium/data", "thulium/ingest")
    assert in_source.nodes[0].deps[-1] == "thulium/stages/prepare.py"
    (tmp_path / "requirements.txt").touch()
    pinned = graph.build(experiment("synthetic"), tmp_path)
    assert all(node.deps[0] == "requirements.txt" for node in pinned.nodes)


def test_every_section_is_read_by_a_stage_and_tracked_once() -> None:
    tracked = [section for stage in stages.STAGES for section in stage.sections]
    untracked = {section for stage in stages.STAGES for section in stage.untracked}
    always = set(schemas.sections()) - schemas.optional()
    assert sorted([*tracked, *untracked, "version"]) == sorted(always)
    assert set(stages.PRETRAIN.sections) - set(tracked) == schemas.optional()


def test_a_current_file_is_not_written_again(tmp_path: Path) -> None:
    assert dvc_yaml.write(tmp_path, experiment("custom")).is_new
    file = tmp_path / "dvc.yaml"
    file.write_text(file.read_text() + "# a remark\n")
    assert not dvc_yaml.write(tmp_path, experiment("custom")).is_new
    assert file.read_text().endswith("# a remark\n")
    assert dvc_yaml.differences(tmp_path, experiment("custom")) == ()


def test_differences_are_named(tmp_path: Path) -> None:
    assert dvc_yaml.differences(tmp_path, experiment("custom")) == ("there is no dvc.yaml",)
    dvc_yaml.write(tmp_path, experiment("custom"))
    file = tmp_path / "dvc.yaml"
    file.write_text(file.read_text().replace("thulium train", "thulium  train").replace("val_wer", "val_loss"))
    assert dvc_yaml.differences(tmp_path, experiment("custom")) == ("stage train", "plots")
    file.write_text(file.read_text().replace("- metrics.json\n", ""))
    assert dvc_yaml.differences(tmp_path, experiment("custom")) == ("stage train", "metrics", "plots")


MINE = """\
# by hand
vars:
- mine: 3   # kept
stages:
  # counts words
  count:
    cmd: >-
      wc -l
      data/train/labels.txt > words.txt
    deps: [data/train/labels.txt]   # the only one

    outs: [words.txt]
metrics:
- words.json   # how many
plots:
- mine.csv:   # a plot
    x: a
artifacts: {best: {path: checkpoints/best.safetensors}}
"""


def test_what_is_not_ours_is_kept_in_its_own_words(tmp_path: Path) -> None:
    file = tmp_path / "dvc.yaml"
    file.write_text(MINE)
    kept = ("stage count", "metrics words.json", "plot 1", "vars", "artifacts")
    assert dvc_yaml.write(tmp_path, experiment("custom")).kept == kept
    text = file.read_text()
    for line in MINE.splitlines():
        assert line in text.splitlines()
    mine, now = yaml.safe_load(MINE), yaml.safe_load(text)
    assert list(now["stages"]) == [*NAMES, "count"]
    assert (now["stages"]["count"], now["plots"][-1]) == (mine["stages"]["count"], mine["plots"][0])
    assert (now["vars"], now["artifacts"]) == (mine["vars"], mine["artifacts"])
    assert now["metrics"] == ["metrics.json", "metrics/train.json", "words.json"]
    assert not dvc_yaml.write(tmp_path, experiment("custom")).is_new


def test_a_file_in_braces_is_kept_too(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("{stages: {count: {cmd: wc}}, plots: [mine.csv], vars: [{a: 1}]}\n")
    dvc_yaml.write(tmp_path, experiment("custom"))
    now = yaml.safe_load((tmp_path / "dvc.yaml").read_text())
    assert (now["stages"]["count"], now["plots"][-1], now["vars"]) == ({"cmd": "wc"}, "mine.csv", [{"a": 1}])


def test_a_changed_kind_of_data_is_compiled_over_the_old_graph(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(MINE)
    dvc_yaml.write(tmp_path, experiment("custom"))
    dvc_yaml.write(tmp_path, experiment("synthetic"))
    now = yaml.safe_load((tmp_path / "dvc.yaml").read_text())
    assert "deps" not in now["stages"]["prepare"]
    assert list(now["stages"]) == [*NAMES, "count"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stages:\n  train:\n    cmd: mine\n", "the stage 'train' was not compiled by Thulium"),
        ("stages: [", "dvc.yaml:1:10: this is not a dvc.yaml that can be read"),
        ("- a\n", "this is not a dvc.yaml that can be read"),
        ("stages: {train: 3}\n", "this is not a dvc.yaml that can be read"),
        ("[" * 5000, "this is not a dvc.yaml that can be read"),
    ],
)
def test_a_file_that_cannot_be_taken_over_is_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(text)
    with pytest.raises(ThuliumError, match="help: ") as caught:
        dvc_yaml.write(tmp_path, experiment("custom"))
    assert says in str(caught.value)
    assert (tmp_path / "dvc.yaml").read_text() == text


def saving_to(folder: str) -> Experiment:
    return experiment_of(parse(f"dataset:\n  type: synthetic\ncheckpointing:\n  save_dir: {folder}\n"))


def test_what_no_stage_has_written_is_not_taken_for_an_output(tmp_path: Path) -> None:
    dvc_yaml.write(tmp_path, saving_to("checkpoints"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "paris-best.safetensors").write_bytes(b"precious")
    dvc_yaml.write(tmp_path, saving_to("models"))  # of this folder, other files are meant
    dvc_yaml.write(tmp_path, saving_to("checkpoints"))
    (tmp_path / "models" / "best.safetensors").write_bytes(b"precious")
    before = (tmp_path / "dvc.yaml").read_text()
    with pytest.raises(
        ThuliumError, match=r"models/best\.safetensors: a stage would write here, but something is there"
    ):
        dvc_yaml.write(tmp_path, saving_to("models"))
    assert (tmp_path / "dvc.yaml").read_text() == before


@pytest.mark.parametrize("name", ["metrics.json", "reports/evaluation.html", "data/prepared/train/a.png"])
def test_a_first_compilation_looks_for_what_is_in_the_way(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("precious")
    with pytest.raises(ThuliumError, match="a stage would write here"):
        dvc_yaml.write(tmp_path, saving_to("checkpoints"))
    assert not (tmp_path / "dvc.yaml").exists()


def test_what_dvc_has_locked_was_written_by_a_stage(tmp_path: Path) -> None:
    """As after a clone whose dvc.yaml somebody has removed."""
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "dvc.lock").write_text("stages:\n  evaluate:\n    outs:\n    - path: metrics.json\n")
    assert dvc_yaml.write(tmp_path, saving_to("checkpoints")).is_new


def test_a_frozen_stage_stays_frozen(tmp_path: Path) -> None:
    path = tmp_path / "dvc.yaml"
    dvc_yaml.write(tmp_path, saving_to("checkpoints"))
    path.write_text(path.read_text().replace("    params:\n", "    frozen: true\n    params:\n", 1))
    assert dvc_yaml.differences(tmp_path, saving_to("checkpoints")) == ()
    compiled = dvc_yaml.write(tmp_path, saving_to("models"))
    assert compiled.kept == ("frozen of stage prepare",)
    stages = yaml.safe_load(path.read_text())["stages"]
    assert [name for name, stage in stages.items() if stage.get("frozen")] == ["prepare"]


def test_what_goes_from_our_stages_is_said(tmp_path: Path) -> None:
    path = tmp_path / "dvc.yaml"
    dvc_yaml.write(tmp_path, saving_to("checkpoints"))
    text = path.read_text().replace("    params:\n", "    wdir: .\n    params:\n", 1)
    path.write_text(text.replace("    - plots/history.csv\n", "    - plots/history.csv\n    - notes.txt\n", 1))
    compiled = dvc_yaml.write(tmp_path, saving_to("checkpoints"))
    assert compiled.lost == ("wdir of stage prepare", "notes.txt in deps of stage evaluate")
    assert dvc_yaml.write(tmp_path, saving_to("models")).lost == ()  # other paths are another graph, and no loss
