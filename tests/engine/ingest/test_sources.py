"""Several sources in one data set: each is read as the data set that it is, and keeps its name to the end."""

import csv
import json
import shutil
from dataclasses import replace

import lab_data
import pytest

from thulium.cli.sources import said_in
from thulium.cli.sources import warnings as of_sources
from thulium.data.line import source_of
from thulium.data.prepared import open_prepared
from thulium.ingest.sources import sources_of
from thulium.ingest.unread import unread
from thulium.runtime.errors import DataError, SourceError
from thulium.stages.evaluate import evaluate
from thulium.stages.prepare import prepare
from thulium.stages.train import train
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.spec import Replacement
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.text.document import parse

PAGES = 12
COMMON = "split: {val: 0.25, test: 0.25, seed: 11}, on_error: skip, max_skipped: 0.5, text: {unicode_form: NFD}"

# Another value than the default for each key of a source.
OTHERS = {
    "root": "elsewhere",
    "files": "'*.a'",
    "exclude": "[b]",
    "page_pattern": "'(.)x'",
    "writers": "w.tsv",
    "level": "word",
    "text_index": "highest",
    "region_types": "[paragraph]",
    "line_types": "[note]",
    "straighten": "false",
    **{f"{name}_column": f"'{name} 2'" for name in ("image", "text", "id", "page", "document", "writer")},
    **{f"{name}_dir": f"d/{name}" for name in ("train", "val", "test")},
    **{f"{name}_list": f"l/{name}.txt" for name in ("train", "val", "test")},
    "lines": "{train: 3, val: 4, test: 5}",
    "seed": "7",
}


def dataset_of(text):
    return experiment_of(parse(f"dataset: {{{text}}}")).dataset


(SOURCES,) = schemas.find("dataset.sources")
TYPES = schemas.branches(SOURCES.schema["items"])


@pytest.mark.parametrize("kind", TYPES)
def test_a_source_is_the_dataset_of_its_type_with_its_keys(kind):
    """So each key reaches the engine as that of one source does, whose proofs stand in test_dataset_keys.py."""
    keys = [name for name, part in TYPES[kind]["properties"].items() if part and name != "split_by"]
    own = ", ".join(f"{key}: {OTHERS[key]}" for key in keys)
    (source,) = sources_of(dataset_of(f"sources: [{{name: a, type: {kind}, {own}}}], {COMMON}"))
    common = COMMON if "root" in keys else COMMON.partition("}, ")[2]
    alone = dataset_of(f"type: {kind}, {own}, {common if kind != 'synthetic' else 'text: {unicode_form: NFD}'}")
    plain = dataset_of(f"type: {kind}")
    assert source.dataset == alone
    assert all(getattr(alone, key) != getattr(plain, key) for key in keys)


def test_a_source_may_be_split_in_another_way():
    text = "{name: a, type: gt_txt, split_by: given}, {name: b, type: gt_txt, root: b}"
    a, b = sources_of(dataset_of(f"sources: [{text}], split: {{by: line}}"))
    assert (a.dataset.split.by, b.dataset.split.by) == ("given", "line")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("archive")
    lab_data.write_gt_txt(root / "gt", PAGES)
    lab_data.write_parquet(root / "tables", PAGES)
    return root


@pytest.fixture(scope="module")
def dataset(root):
    gt = f"name: gt, type: gt_txt, root: '{root / 'gt'}', weight: 2, text: {{map: [{{find: J, replace: I}}]}}"
    table = "id_column: name, page_column: page, document_column: book, writer_column: hand, weight: 0.5"
    tables = f"name: tables, type: parquet, root: '{root / 'tables'}', {table}"
    split = "split: {val: 0.25, test: 0.25, seed: 1}"
    return dataset_of(f"sources: [{{{gt}}}, {{{tables}}}], {split}, allow_overlap: true")


@pytest.fixture(scope="module")
def out(dataset, experiment, tmp_path_factory):
    out = tmp_path_factory.mktemp("sources") / "prepared"
    prepare(dataset=dataset, preprocessing=experiment.preprocessing, resources=experiment.resources, out=out)
    return out


@pytest.fixture(scope="module")
def report(out):
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def lines_of(folder):
    """Text and split of each line by its id."""
    data = open_prepared(folder)
    found = {}
    for name in ("train", "val", "test"):
        split = data.split(name)
        found |= {line: (text, name) for line, text in zip(split.ids, split.texts, strict=True)}
    return found


def test_lines_are_told_apart_by_the_name_of_their_source(out, report):
    lines = lines_of(out)
    assert len(lines) == 2 * 4 * PAGES
    assert {source_of(line) for line in lines} == {"gt", "tables"}
    assert {source_of(page) for page in open_prepared(out).split("train").pages} == {"gt", "tables"}
    assert set(open_prepared(out).of_pages("documents", "test").values()) <= {f"tables/book {i}" for i in range(3)}
    assert open_prepared(out).sources == {"gt": 2.0, "tables": 0.5}
    counts = report["sources"]
    assert sum(counts["gt"][name] for name in ("train", "val", "test")) == counts["gt"]["found"] == 4 * PAGES
    assert counts["gt"]["lines_an_epoch"] == 2 * counts["gt"]["train"]
    assert counts["tables"]["lines_an_epoch"] == round(counts["tables"]["train"] / 2)


def test_replacements_of_a_source_are_made_in_it_alone(out, dataset, experiment, tmp_path):
    texts = {
        name: "".join(text for line, (text, _) in lines_of(out).items() if source_of(line) == name)
        for name in ("gt", "tables")
    }
    assert ("J" in texts["gt"], "I" in texts["gt"], "J" in texts["tables"]) == (False, True, True)
    common = replace(dataset.text, on_unknown="map", map=(Replacement(find="I", replace="Y"),))
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "out"}
    prepare(dataset=replace(dataset, text=common), **parts)
    after = "".join(text for text, _ in lines_of(tmp_path / "out").values())
    assert ("I" in after, "Y" in after, "J" in after) == (False, True, True), "its own come first"


def test_a_page_is_in_the_split_that_it_has_alone(out, root, dataset, experiment, tmp_path):
    alone = sources_of(dataset)[0].dataset
    prepare(dataset=alone, preprocessing=experiment.preprocessing, resources=experiment.resources, out=tmp_path / "p")
    before = {f"gt/{line}": split for line, (_, split) in lines_of(tmp_path / "p").items()}
    assert before == {line: split for line, (_, split) in lines_of(out).items() if source_of(line) == "gt"}


def test_one_source_is_prepared_as_before(root, experiment, tmp_path):
    text = f"type: gt_txt, root: '{root / 'gt'}'"
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "p"}
    report = prepare(dataset=dataset_of(f"{text}, split: {{seed: 3}}, allow_overlap: true"), **parts)
    assert not {"sources", "conventions"} & report.keys()
    assert "sources" not in json.loads((tmp_path / "p" / "prepared.json").read_text(encoding="utf-8"))


def test_weights_reach_the_training_and_sources_the_evaluation(out, report, experiment, tmp_path, capsys):
    sections = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
    parts = {name: getattr(experiment, name) for name in sections}
    parts["training"] = replace(experiment.training, epochs=1, batch_size=16)
    train(**parts, prepared=out, out=tmp_path, run_dir=tmp_path / "t")
    said = capsys.readouterr()
    lines, weighted = report["splits"]["train"]["lines"], sum(s["lines_an_epoch"] for s in report["sources"].values())
    assert f"training on {lines} lines ({weighted} an epoch)" in said.out + said.err
    parts = {"evaluation": experiment.evaluation, "resources": experiment.resources, "prepared": out}
    evaluate(**parts, checkpoints=tmp_path / experiment.checkpointing.save_dir, out=tmp_path)
    said = capsys.readouterr()
    assert "CER by source: gt " in said.out + said.err
    with (tmp_path / "plots" / "cer_by_source.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["source"]: int(row["lines"]) for row in csv.DictReader(file)}
    assert rows == {name: counts["test"] for name, counts in report["sources"].items()}
    assert 'id="by-source"' in (tmp_path / "reports" / "evaluation.html").read_text(encoding="utf-8")


def test_the_report_has_a_row_for_each_source_and_shows_what_contradicts(out, report):
    page = (out / "report.html").read_text(encoding="utf-8")
    assert '<h2 id="sources">' in page
    assert '<th scope="row"><bdi>tables</bdi></th>' in page
    assert isinstance(report["conventions"], list)


def test_every_line_can_be_read_whatever_source_it_is_of(dataset, experiment):
    ids = [line.id for line in unread(dataset, experiment.preprocessing)]
    assert len(ids) == len(set(ids)) == 8 * PAGES


def test_what_cannot_be_read_names_the_source_and_its_place(root, experiment, tmp_path):
    text = f"dataset:\n  sources:\n  - {{name: gt, type: gt_txt, root: '{root / 'gt'}'}}\n  - name: lost\n"
    document = tmp_path / "params.yaml"
    document.write_text(f"{text}    type: parquet\n    root: '{tmp_path / 'none'}'\n", encoding="utf-8")
    dataset = experiment_of(parse(document.read_text(encoding="utf-8"))).dataset
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "out"}
    with pytest.raises(SourceError, match=r"none: .*; root of source lost names the folder of the data") as caught:
        prepare(dataset=dataset, **parts)
    with pytest.raises(ThuliumError, match=r"params\.yaml:4:11: source lost: .*none: ") as placed, said_in(document):
        raise caught.value
    assert "source lost: source lost" not in str(placed.value)


def test_a_source_without_a_usable_line_stops(root, experiment, tmp_path):
    lab_data.write_gt_txt(tmp_path / "bad", 1, lines=1)
    next((tmp_path / "bad").rglob("*.png")).write_bytes(b"no image")
    both = f"{{name: gt, type: gt_txt, root: '{root / 'gt'}'}}, {{name: bad, type: gt_txt, root: '{tmp_path / 'bad'}'}}"
    common = "split: {val: 0.25, test: 0.25, seed: 1}, on_error: skip, max_skipped: 0.5, allow_overlap: true"
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "out"}
    with pytest.raises(SourceError, match="source bad: no line of it can be used: correct the source, or take it out"):
        prepare(dataset=dataset_of(f"sources: [{both}], {common}"), **parts)
    assert not (tmp_path / "out").exists()


def test_two_sources_may_take_different_files_of_a_folder_and_the_same_image_twice_is_said(root, experiment, tmp_path):
    folder = tmp_path / "tables"
    shutil.copytree(root / "tables", folder)
    shutil.copy(folder / "lines.parquet", folder / "more.parquet")
    (folder / "left.parquet").write_bytes(b"")
    each = [
        f"{{name: {name}, type: parquet, root: '{folder}', files: '{name}.*', page_column: page}}"
        for name in ("lines", "more")
    ]
    dataset = dataset_of(f"sources: [{', '.join(each)}], split: {{val: 0.25, test: 0.25, seed: 1}}")
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "out"}
    report = prepare(dataset=dataset, **parts)  # a page of one name is in one split: no image is in two
    assert report["skipped"]["excluded"]["where"] == [
        f"{folder / 'left.parquet'}: is left out by files of source lines (lines.*)"
    ]
    (number,) = report["same_images_in_two_sources"].values()
    assert number > 0
    said = list(of_sources(report, dataset))
    assert said[0].startswith(f"{number} images stand in both of the sources lines and more, and count twice")


def test_a_file_that_two_sources_read_into_two_splits_is_not_called_a_copy_of_itself(root, experiment, tmp_path):
    one, other = root / "gt", root / "gt" / "doc0"
    both = f"{{name: a, type: gt_txt, root: '{one}'}}, {{name: b, type: gt_txt, root: '{other}', split_by: line}}"
    dataset = dataset_of(f"sources: [{both}], split: {{val: 0.3, test: 0.3, seed: 1}}")
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources}
    said = r"is read twice, as of page 'a/doc0/page3' in train and as of page 'b/page3' in test.*: leave it out of one"
    with pytest.raises(DataError, match=said):
        prepare(dataset=dataset, out=tmp_path / "out", **parts)


def test_a_source_that_lacks_a_split_is_named_with_the_seed_that_helps(root, experiment, tmp_path):
    lab_data.write_gt_txt(tmp_path / "few", 3)
    both = f"{{name: gt, type: gt_txt, root: '{root / 'gt'}'}}, {{name: few, type: gt_txt, root: '{tmp_path / 'few'}'}}"
    common = "split: {val: 0.25, test: 0.25, seed: 1}, allow_overlap: true"
    dataset = dataset_of(f"sources: [{both}], {common}")
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources}
    report = prepare(dataset=dataset, out=tmp_path / "a", **parts)
    (said, *_) = of_sources(report, dataset)
    assert said.startswith("sources without a line: few in ")
    seed = report["seed_for_all_sources"]
    assert f"set dataset.split.seed to {seed}, by which every source has lines in each split" in said
    dataset = replace(dataset, split=replace(dataset.split, seed=seed))
    report = prepare(dataset=dataset, out=tmp_path / "b", **parts)
    assert all(counts[name] for counts in report["sources"].values() for name in ("train", "val", "test"))


def test_a_split_that_is_empty_is_explained_for_each_source(root, experiment, tmp_path):
    text = f"{{name: gt, type: gt_txt, root: '{root / 'gt'}', split_by: given}}"
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "out"}
    said = "more lie in no folder or file named train, val or test: move them, or set split_by of source gt\n1 problem"
    with pytest.raises(DataError, match=said):
        prepare(dataset=dataset_of(f"sources: [{text}]"), **parts)
