"""How lines are divided into folds, and what prepare writes of each."""

import errno
import json
import os
import shutil
from collections import Counter
from dataclasses import replace

import lab
import lab_data
import pytest

from thulium.data.prepared import open_prepared
from thulium.data.shards import Split, join_splits
from thulium.ingest.folds import divide
from thulium.runtime.errors import DataError
from thulium.runtime.tables import read_table
from thulium.stages.prepare import check, prepare
from thulium_dsl.grammar.spec import SplitSpec
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

SPLITS = ("train", "val", "test")
PAGES = 9


def spec(folds=5, **more):
    return SplitSpec(**{"val": 0.1, "test": 0.1, "folds": folds, "by": "page", "seed": 1, "identity": "name", **more})


def pages(number, of="p"):
    return {f"{of}{i}": 15 + 7 * i % 25 for i in range(number)}


def sizes(folds):
    found = Counter()
    for name, piece in folds.pieces.items():
        found[piece.fold] += folds.lines[name]
    return found


def test_folds_have_about_as_many_lines():
    lines = pages(60)
    found = sizes(divide(lines, spec()))
    assert sorted(found) == [1, 2, 3, 4, 5]
    assert all(abs(size / sum(lines.values()) - 0.2) < 0.02 for size in found.values())


@pytest.mark.parametrize("lines", [{"a": 900, "b": 1, "c": 1}, dict.fromkeys("abcd", 5), {"a": 1, "b": 1, "c": 900}])
def test_no_fold_is_empty_and_each_has_something_to_learn_from_and_to_choose_by(lines):
    for seed in range(20):
        found = divide(lines, spec(3, seed=seed))
        for number in range(3):
            assert {piece.splits[number] for piece in found.pieces.values()} == set(SPLITS)


def test_each_is_tested_once_and_the_rest_is_for_learning_but_a_share():
    lines = pages(40)
    found = divide(lines, spec(5, val=0.15))
    for name, piece in found.pieces.items():
        assert [i for i, split in enumerate(piece.splits, 1) if split == "test"] == [piece.fold], name
    for number in range(5):
        kept = sum(lines[name] for name, piece in found.pieces.items() if piece.splits[number] == "val")
        assert abs(kept / sum(lines.values()) - 0.15) < 0.02


def test_a_page_that_comes_later_moves_few_and_another_seed_many():
    before = divide(pages(50), spec())
    moved = []
    for number in range(20):
        after = divide(pages(50) | {f"new {number}": 30}, spec())
        moved.append(sum(after.pieces[name].fold != piece.fold for name, piece in before.pieces.items()))
    assert sum(moved) / len(moved) <= 3
    other = divide(pages(50), spec(seed=2))
    assert sum(other.pieces[name].fold != piece.fold for name, piece in before.pieces.items()) > 25


def dataset_of(root, **split):
    words = ", ".join(f"{name}: {value}" for name, value in {"folds": 3, **split}.items())
    return experiment_of(parse(f"dataset: {{type: gt_txt, root: '{root}', split: {{{words}}}}}")).dataset


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return lab_data.write_gt_txt(tmp_path_factory.mktemp("lines"), PAGES)


def prepared(dataset, experiment, out):
    return prepare(dataset=dataset, preprocessing=experiment.preprocessing, resources=experiment.resources, out=out)


@pytest.fixture(scope="module")
def out(root, experiment, tmp_path_factory):
    """Prepared lines in three folds."""
    folder = tmp_path_factory.mktemp("prepared")
    prepared(dataset_of(root), experiment, folder)
    return folder


def read(folder):
    """What each fold has: split -> pages."""
    return {
        int(each.name): {name: set(open_prepared(each).split(name).pages) for name in SPLITS}
        for each in sorted((folder / "folds").iterdir())
    }


def test_every_line_is_in_one_test_and_no_page_is_learned_from_where_it_is_judged(root, out):
    tested = [line for fold in (1, 2, 3) for line in open_prepared(out / "folds" / str(fold)).split("test").ids]
    assert sorted(tested) == sorted(str(p.relative_to(root))[:-7] for p in root.rglob("*.gt.txt"))
    for splits in read(out).values():
        assert not splits["test"] & splits["train"]
        assert not splits["val"] & (splits["train"] | splits["test"])
        assert len(set().union(*splits.values())) == PAGES
    table = read_table(out / "folds.csv", ("fold", "page", "lines"))
    assert {(row["page"], int(row["fold"])) for row in table} == {
        (page.rpartition("/")[2], fold) for fold, splits in read(out).items() for page in splits["test"]
    }
    assert {row["lines"] for row in table} == {"4"}


def test_the_images_of_a_line_stand_on_the_disk_once(out):
    files = list((out / "folds").rglob("*.arrow"))
    assert len({path.stat().st_ino for path in files}) <= len(files) / 2
    assert not (out / "pieces").exists()


def test_where_files_cannot_be_linked_they_are_copied(out, tmp_path, monkeypatch):
    def refused(path, other):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    parts = [out / "folds" / fold / "test" for fold in "123"]
    join_splits(parts, tmp_path / "all")
    ids = [line for part in parts for line in Split(part).ids]
    joined = Split(tmp_path / "all")
    assert list(joined.ids) == ids
    assert joined.png(len(ids) - 1) == Split(parts[-1]).png(len(Split(parts[-1])) - 1)
    assert {path.stat().st_nlink for path in (tmp_path / "all").iterdir()} == {1}


def test_a_fold_knows_the_characters_of_its_own_training_lines_alone(out):
    for fold in (1, 2, 3):
        data = open_prepared(out / "folds" / str(fold))
        assert set(data.symbols) == set("".join(data.split("train").texts))
        report = json.loads((out / "folds" / str(fold) / "report.json").read_text())
        assert report["splits"]["test"]["lines"] == len(data.split("test"))
        assert set(report["characters_not_in_train"]["test"]) == set("".join(data.split("test").texts)) - set(
            data.symbols
        )


def test_another_value_divides_otherwise_and_the_same_comes_out_the_same(root, out, experiment, tmp_path):
    report = prepared(dataset_of(root), experiment, tmp_path / "a")
    assert lab.digests(tmp_path / "a", "folds") == lab.digests(out, "folds")
    assert [sum(each.values()) for each in report["folds"]] == [4 * PAGES] * 3
    prepared(dataset_of(root, folds=4), experiment, tmp_path / "a")
    assert sorted(read(tmp_path / "a")) == [1, 2, 3, 4]
    prepared(dataset_of(root, folds="null", seed=3, val=0.3, test=0.3), experiment, tmp_path / "a")
    assert sorted(path.name for path in (tmp_path / "a").iterdir() if path.is_dir()) == ["test", "train", "val"]


@pytest.mark.parametrize(("by", "number"), [("document", 3), ("line", 4 * PAGES)])
def test_what_belongs_together_is_judged_together(root, experiment, tmp_path, by, number):
    prepared(dataset_of(root, by=by), experiment, tmp_path)
    assert len(read_table(tmp_path / "folds.csv", (by,))) == number
    documents = [{page.partition("/")[0] for page in splits["test"]} for splits in read(tmp_path).values()]
    assert (sorted(map(len, documents)) == [1, 1, 1]) is (by == "document")


def test_fewer_pages_than_folds_say_how_many_there_are(root, experiment, tmp_path):
    said = "there are 9 pages with lines that can be used, for 10 folds: set dataset.split.folds to 9 or less and run"
    with pytest.raises(DataError, match=said):
        prepared(dataset_of(root, folds=10), experiment, tmp_path / "out")
    with pytest.raises(DataError, match=r"there are 3 documents with lines .*, or divide by something smaller in"):
        prepared(dataset_of(root, folds=10, by="document"), experiment, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_image_in_two_folds_is_refused_and_named(root, experiment, tmp_path):
    lines = tmp_path / "lines"
    shutil.copytree(root, lines)
    for page in range(1, PAGES):  # of all of them, some are in another fold
        shutil.copy(lines / "doc0/page0/p0_line0.png", lines / f"doc{page % 3}/page{page}/p{page}_line0.png")
    with pytest.raises(DataError, match=r"is the same image as .*, and the one is in fold \d, the other in fold \d"):
        prepared(dataset_of(lines), experiment, tmp_path / "out")


def test_lines_with_characters_that_the_charset_lacks_are_judged_and_not_learned_from(root, experiment, tmp_path):
    known = tuple(sorted(set("".join(lab_data.PAGE_TEXTS) + "0123456789") - {"J"}))
    dataset = dataset_of(root)
    dataset = replace(dataset, text=replace(dataset.text, charset=known, on_unknown="drop_line"))
    prepared(dataset, experiment, tmp_path)
    for fold in (1, 2, 3):
        data = open_prepared(tmp_path / "folds" / str(fold))
        assert "J" not in "".join(data.split("train").texts)
        assert "J" in "".join(data.split("test").texts)
        assert "J" in "".join(data.split("val").texts)


def test_a_folder_of_folds_is_not_taken_for_lines(out):
    with pytest.raises(DataError, match=r"holds lines in 3 folds: name one of them, such as .*folds/1"):
        open_prepared(out)


def test_a_dry_run_says_the_same_and_writes_the_reports_of_the_first_fold(root, out, experiment, tmp_path):
    report = check(
        dataset=dataset_of(root),
        preprocessing=experiment.preprocessing,
        resources=experiment.resources,
        out=tmp_path / "dry",
        prepared=out,
    )
    assert [each["test"] for each in report["folds"]] == [12, 12, 12]
    first = (out / "folds" / "1" / "report.json").read_text()
    assert (tmp_path / "dry" / "report.json").read_text() == first
    assert sorted(path.name for path in (tmp_path / "dry").iterdir()) == ["charset.json", "report.html", "report.json"]
