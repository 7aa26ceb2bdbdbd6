"""Every key of the dataset section is alive: another value of it changes what prepare writes."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path

import lab
import lab_data
import pytest

from thulium.data.prepared import open_prepared
from thulium.ingest.splitting import hashed
from thulium.runtime.errors import DataError
from thulium.stages.prepare import prepare
from thulium_dsl.grammar.spec import Replacement, SplitSpec
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

PAGES = 12
FEWER = 10


def fitting_seed() -> int:
    """The first one that gives every split something, however the small archive is divided, with pages that move."""
    groups = [[f"{name}{page}" for page in range(pages)] for pages in (PAGES, FEWER) for name in ("p", "page")]
    groups += [[f"page {page}" for page in range(PAGES)], [f"writer {writer}" for writer in range(3)]]
    groups += [[f"lines/{line}" for line in range(1, 4 * FEWER + 1)]]
    for seed in count():
        specs = [
            SplitSpec(val=val, test=test, folds=None, by="page", seed=seed, identity="name") for val, test in SHARES
        ]
        divided = [[tuple(hashed(key, spec) for key in group) for spec in specs] for group in groups]
        is_full = all(set(splits) == {"train", "val", "test"} for group in divided for splits in group)
        if is_full and all(len(set(group)) == len(specs) for group in divided[:2]):
            return seed
    raise AssertionError


SHARES = ((0.25, 0.25), (0.4, 0.25), (0.25, 0.4))
SEED = fitting_seed()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with the same small archive in every format, and lists."""
    root = tmp_path_factory.mktemp("archive")
    lab_data.write_gt_txt(root / "gt_txt", PAGES)
    lab_data.write_gt_txt(root / "gt_txt_other", pages=FEWER)
    for kind in ("page", "alto"):
        lab_data.write_pages(root / kind, kind, PAGES)
        lab_data.write_pages(root / f"{kind}_other", kind, pages=FEWER)
    lab_data.write_parquet(root / "parquet", PAGES)
    lab_data.write_parquet(root / "parquet_other", pages=FEWER)
    (root / "writers.tsv").write_text("".join(f"doc{i % 3}/page{i}\twriter {i % 3}\n" for i in range(PAGES)))
    return root


def dataset_of(root: Path, kind: str):
    document = f"dataset: {{type: {kind}, root: '{root / kind}', split: {{val: 0.25, test: 0.25, seed: {SEED}}}}}"
    return experiment_of(parse(document)).dataset


def outcome(dataset, experiment, out: Path) -> str:
    """A digest of the lines that are written, and what is counted."""
    prepare(dataset=dataset, preprocessing=experiment.preprocessing, resources=experiment.resources, out=out)
    files = {p.relative_to(out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in out.rglob("*.arrow")}
    report = json.loads((out / "report.json").read_text())
    return json.dumps([sorted(files.items()), report["splits"], json.loads((out / "prepared.json").read_text())])


CASES = [
    *((kind, "root", "OTHER") for kind in ("gt_txt", "page", "alto", "parquet")),
    *((kind, "split.val", 0.4) for kind in ("gt_txt", "page", "alto", "parquet")),
    ("gt_txt", "split.test", 0.4),
    ("gt_txt", "split.by", "line"),
    ("gt_txt", "split.seed", SEED + 1),
    ("gt_txt", "split.identity", "path"),
    *((kind, "files", "*[02468].xml") for kind in ("page", "alto")),
    ("gt_txt", "files", "*line[02].gt.txt"),
    *((kind, "exclude", ("*0.xml", "doc1/p1.*")) for kind in ("page", "alto")),
    ("gt_txt", "exclude", ("doc0/page0/*",)),
    ("gt_txt", "page_pattern", "^(.*)_line"),
    ("page", "level", "word"),
    ("page", "text_index", "highest"),
    ("page", "text_index", 1),
    ("page", "region_types", ("paragraph",)),
    ("page", "line_types", ("note",)),
    ("page", "straighten", False),
    ("alto", "region_types", ("paragraph",)),
    ("alto", "line_types", ("note",)),
    ("alto", "straighten", False),
    ("parquet", "image_column", "picture"),
    ("parquet", "text_column", "words"),
    ("parquet", "id_column", "name"),
    ("parquet", "page_column", "page"),
    ("parquet", "document_column", "book"),
    ("parquet", "writer_column", "hand"),
    ("gt_txt", "text.unicode_form", "NFD"),
    ("page", "text.whitespace", "keep"),
    ("gt_txt", "text.charset", (*"AJMWabcdehinostwyâ 0123456789.", "é")),
]


@pytest.mark.parametrize(("kind", "key", "value"), CASES)
def test_another_value_changes_what_is_prepared(kind, key, value, root, experiment, tmp_path):
    before = dataset_of(root, kind)
    value = str(root / f"{kind}_other") if value == "OTHER" else value
    after = lab.changed(before, key.split("."), value)
    assert outcome(before, experiment, tmp_path / "a") != outcome(after, experiment, tmp_path / "b")


@pytest.mark.parametrize("kind", ["gt_txt", "page", "alto", "parquet"])
@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_lists_name_what_is_in_a_split(kind, name, root, experiment, tmp_path):
    dataset = dataset_of(root, kind)
    documents = {"train": "0", "val": "1", "test": "2"}
    if kind == "parquet":
        dataset = replace(dataset, document_column="book", page_column="page")
    for split, number in documents.items():
        (tmp_path / split).write_text(f"book {number}\n" if kind == "parquet" else f"doc{number}\n")
    dataset = replace(dataset, **{f"{split}_list": str(tmp_path / split) for split in documents})
    out = tmp_path / "out"
    prepare(dataset=dataset, preprocessing=experiment.preprocessing, resources=experiment.resources, out=out)
    pages = {int(re.search(r"\d+$", page).group()) for page in open_prepared(out).split(name).pages}
    assert pages == {page for page in range(PAGES) if page % 3 == int(documents[name])}
    said = set(open_prepared(out).of_pages("documents", "test").values())
    assert said == ({"book 2"} if kind == "parquet" else set())  # of the others it is the folder


def test_a_split_by_writer_keeps_writers_apart(root, experiment, tmp_path):
    dataset = lab.changed(dataset_of(root, "gt_txt"), ["split", "by"], "writer")
    dataset = replace(dataset, writers=str(root / "writers.tsv"))
    out = tmp_path / "out"
    prepare(dataset=dataset, preprocessing=experiment.preprocessing, resources=experiment.resources, out=out)
    pages = [set(open_prepared(out).split(name).pages) for name in ("train", "val", "test")]
    writers = [{int(re.search(r"\d+$", page).group()) % 3 for page in found} for found in pages]
    assert sorted(map(len, writers)) == [1, 1, 1]
    assert len(set.union(*writers)) == 3
    (test,) = writers[2]
    assert open_prepared(out).of_pages("writers", "test") == dict.fromkeys(sorted(pages[2]), f"writer {test}")


@pytest.mark.parametrize("policy", ["error", "drop_line", "map"])
def test_characters_that_the_charset_lacks(policy, root, experiment, tmp_path):
    known = tuple(sorted(set("".join(lab_data.PAGE_TEXTS) + "0123456789")))
    text = replace(dataset_of(root, "gt_txt").text, charset=known, on_unknown=policy)
    if policy == "map":
        text = replace(text, map=(Replacement(find="J", replace="I"),), charset=(*known, "I"))
    lacking = replace(text, charset=tuple(symbol for symbol in text.charset if symbol != "J"))
    dataset = replace(dataset_of(root, "gt_txt"), text=lacking)
    out = tmp_path / "out"
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": out}
    if policy == "error":
        with pytest.raises(DataError, match=r"the charset lacks: 'J' \(U\+004A\): add it to dataset\.text\.charset"):
            prepare(dataset=dataset, **parts)
        return
    report = prepare(dataset=dataset, **parts)
    data = open_prepared(out)
    with_it = {name: sum("J" in text for text in data.split(name).texts) for name in ("train", "val", "test")}
    lines = sum(len(data.split(name)) for name in ("train", "val", "test"))
    counts = report["accounting"]["splits"]
    if policy == "map":
        assert (with_it, lines) == ({"train": 0, "val": 0, "test": 0}, 4 * PAGES)
        return
    pages = {name: split["pages"] for name, split in report["splits"].items()}
    assert with_it == {"train": 0, "val": pages["val"], "test": pages["test"]}
    assert {name: counts[name]["filtered"] for name in counts} == {"train": pages["train"], "val": 0, "test": 0}
    assert report["skipped"]["unknown character"]["count"] == pages["train"]
    assert report["characters_not_in_train"]["test"]["J"] == pages["test"]
    assert "J" not in data.symbols


def test_patterns_choose_among_tables(root, experiment, tmp_path):
    shutil.copytree(root / "parquet", tmp_path / "parquet")
    shutil.copy(tmp_path / "parquet" / "lines.parquet", tmp_path / "parquet" / "copy.parquet")
    dataset = dataset_of(tmp_path, "parquet")
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources}
    lines = []
    for name, changes in {"files": {"files": "lines.*"}, "exclude": {"exclude": ("copy.parquet",)}}.items():
        report = prepare(dataset=replace(dataset, **changes), out=tmp_path / name, **parts)
        lines.append(report["accounting"]["lines"]["found"])
    assert lines == [4 * PAGES] * 2


TWO_OF_A_PAGE = {  # for train and test, with one of another page for val
    "gt_txt": {"train": "doc0/page0/p0_line0", "val": "doc1/page1/p1_line0", "test": "doc0/page0/p0_line1"},
    "page": {"train": "doc0/p0/l0", "val": "doc1/p1/l0", "test": "doc0/p0/l1"},
    "alto": {"train": "doc0/p0/l0", "val": "doc1/p1/l0", "test": "doc0/p0/l1"},
    "parquet": {"train": "lines/1", "val": "lines/5", "test": "lines/2"},
}


@pytest.mark.parametrize("kind", TWO_OF_A_PAGE)
def test_what_stands_in_two_splits_is_refused_unless_it_is_allowed(kind, root, experiment, tmp_path):
    dataset = dataset_of(root, kind)
    if kind == "parquet":
        dataset = replace(dataset, page_column="page", document_column="book")
    for split, line in TWO_OF_A_PAGE[kind].items():
        (tmp_path / split).write_text(f"{line}\n")
    dataset = replace(dataset, **{f"{split}_list": str(tmp_path / split) for split in TWO_OF_A_PAGE[kind]})
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "out"}
    with pytest.raises(DataError, match=r"^page '.*0': lines of this page are in train and test: keep it in one split"):
        prepare(dataset=dataset, **parts)
    assert not (tmp_path / "out").exists()
    report = prepare(dataset=replace(dataset, allow_overlap=True), **parts)
    assert len(report["same_page_in_two_splits"]) == 1


def test_a_split_by_line_may_divide_pages(root, experiment, tmp_path):
    dataset = lab.changed(dataset_of(root, "gt_txt"), ["split", "by"], "line")
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "out"}
    assert prepare(dataset=dataset, **parts)["same_page_in_two_splits"]


def test_the_order_reaches_the_model(root, experiment, tmp_path):
    orders = set()
    for order in ("auto", "visual", "logical"):
        dataset = lab.changed(dataset_of(root, "gt_txt"), ["text", "order"], order)
        out = tmp_path / order
        prepare(dataset=dataset, preprocessing=experiment.preprocessing, resources=experiment.resources, out=out)
        orders.add((order, open_prepared(out).order))
    assert orders == {("auto", "logical"), ("visual", "visual_ltr"), ("logical", "logical")}


@pytest.mark.parametrize(
    ("on_error", "share", "ends_well"), [("fail", 1.0, False), ("skip", 0.0, False), ("skip", 0.5, True)]
)
def test_faults_are_skipped_up_to_a_share(on_error, share, ends_well, tmp_path, experiment):
    lab_data.write_gt_txt(tmp_path / "gt_txt", PAGES)
    broken = next((tmp_path / "gt_txt").rglob("*.png"))
    broken.write_bytes(b"no image")
    dataset = replace(dataset_of(tmp_path, "gt_txt"), on_error=on_error, max_skipped=share)
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "out"}
    if ends_well:
        skipped = prepare(dataset=dataset, **parts)["skipped"]["unreadable image"]
        assert (skipped["count"], skipped["is_error"]) == (1, True)
        (where,) = skipped["where"]
        assert where.startswith(f"{broken}: the image is not an image that can be read: ")
        return
    with pytest.raises(DataError, match="is not an image that can be read"):
        prepare(dataset=dataset, **parts)
    assert not (tmp_path / "out").exists()


def test_more_processes_write_the_same_bytes(root, experiment, tmp_path):
    contents = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        resources = replace(experiment.resources, prepare_workers=workers)
        prepare(dataset=dataset_of(root, "page"), preprocessing=experiment.preprocessing, resources=resources, out=out)
        contents.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()})
    assert contents[0] == contents[1]
