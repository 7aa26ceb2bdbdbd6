"""Which split a line is in."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thulium.data.line import Fault
from thulium.data.readers import places
from thulium.data.splitting import Splitter, hashed, splitter_of
from thulium.errors import DataError
from thulium_dsl.document import parse
from thulium_dsl.spec import SplitSpec
from thulium_dsl.validate import experiment_of


@dataclass
class Placed:
    id: str
    page: str
    document: str = "."
    writer: str = ""
    source: str = "s"
    split: str | None = None


def spec(by="page", **more):
    return SplitSpec(**{"val": 0.1, "test": 0.1, "by": by, "seed": 1, "identity": "name", **more})


def test_the_shares_are_about_those_asked_for():
    splits = [hashed(f"page {number}", spec(val=0.1, test=0.2)) for number in range(5000)]
    assert abs(splits.count("val") / 5000 - 0.1) < 0.02
    assert abs(splits.count("test") / 5000 - 0.2) < 0.02


@given(st.sets(st.text(max_size=8), max_size=20), st.sets(st.text(max_size=8), max_size=20), st.integers(0, 99))
def test_pages_that_come_later_move_none_that_were_there(before, later, seed):
    one, two = Splitter(spec(seed=seed)), Splitter(spec(seed=seed))
    first = {page: one.split_of(Placed(f"{page}/1", page)) for page in sorted(before)}
    second = {page: two.split_of(Placed(f"{page}/1", page)) for page in sorted(before | later)}
    assert {page: second[page] for page in first} == first


@pytest.mark.parametrize("by", ["page", "document", "writer", "line"])
def test_what_belongs_together_stays_together(by):
    splitter = Splitter(spec(by, val=0.3, test=0.3))
    key = {"page": "page", "document": "document", "writer": "writer", "line": "id"}[by]
    lines = [Placed(f"l{i}", f"p{i // 2}", f"d{i // 8}", f"w{i // 16}") for i in range(400)]
    where: dict[str, set[str]] = {}
    for line in lines:
        where.setdefault(getattr(line, key), set()).add(splitter.split_of(line))
    assert {len(splits) for splits in where.values()} == {1}
    assert set().union(*where.values()) == {"train", "val", "test"}


def test_a_seed_that_leaves_a_split_empty_is_answered_with_one_that_does_not():
    splitter = Splitter(spec())
    for page in ("a", "b", "c", "d"):
        splitter.split_of(Placed("x", page))
    empty = next(name for name in ("train", "val", "test") if name not in splitter.keys.values())
    advice = splitter.advice(empty)
    seed = int(re.search(r"set dataset\.split\.seed to (\d+)", advice).group(1))
    assert {hashed(page, spec(seed=seed)) for page in "abcd"} == {"train", "val", "test"}


def test_two_pages_cannot_fill_three_splits():
    splitter = Splitter(spec())
    for page in ("a", "b"):
        splitter.split_of(Placed("x", page))
    assert splitter.advice("val") == "there are 2 pages for three splits: add some, or change dataset.split.by"


def dataset(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    names = ", ".join(f"{name}: '{tmp_path / name}'" for name in files)
    return experiment_of(parse(f"dataset: {{type: gt_txt, root: '{tmp_path}', {names}}}")).dataset


def test_a_list_names_lines_pages_or_documents_the_nearest_first(tmp_path):
    lists = {"train_list": "d1\nd2/p9\n", "val_list": "\ufeffd1/p1\r\n\r\n", "test_list": "d1/p1/l2\n"}
    splitter = splitter_of(dataset(tmp_path, **lists))
    assert splitter.split_of(Placed("d1/p1/l1", "d1/p1", "d1")) == "val"
    assert splitter.split_of(Placed("d1/p1/l2", "d1/p1", "d1")) == "test"
    assert splitter.split_of(Placed("d1/p2/l1", "d1/p2", "d1")) == "train"
    other = splitter.split_of(Placed("d3/p1/l1", "d3/p1", "d3"))
    assert isinstance(other, Fault)
    assert (other.reason, other.is_error) == ("in no list", False)
    (unmatched,) = splitter.unmatched()
    assert str(unmatched).startswith(f"{tmp_path / 'train_list'}:2: no page, document or line is named 'd2/p9': ")


def test_a_name_in_two_lists_is_refused(tmp_path):
    lists = {"train_list": "a\nb\n", "val_list": "b\n", "test_list": "c\n"}
    with pytest.raises(DataError, match=r"val_list:1: 'b' stands in another list too, .*train_list:2: keep one"):
        splitter_of(dataset(tmp_path, **lists))


def test_a_writer_that_is_not_known_is_a_fault(tmp_path):
    (tmp_path / "writers").write_text("p1\tAnna\np2 Bert\n")
    text = f"dataset: {{type: page, root: x, writers: '{tmp_path / 'writers'}', split: {{by: writer}}}}"
    with pytest.raises(DataError, match=r"writers:2: the row should be a page, a tab and its writer"):
        splitter_of(experiment_of(parse(text)).dataset)
    (tmp_path / "writers").write_text("p1\tAnna\n")
    splitter = splitter_of(experiment_of(parse(text)).dataset)
    assert splitter.split_of(Placed("l", "p1")) in ("train", "val", "test")
    assert "the writer of the page 'p2' is not known" in str(splitter.split_of(Placed("l", "p2")))


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train/a.png", "train"),
        ("validation-00000-of-00001.parquet", "val"),
        ("dev/x/y.xml", "val"),
        ("test2/a", "test"),
        ("testament/a", None),
        ("pages/train/a", None),
    ],
)
def test_folders_and_files_say_their_split(name, split):
    assert places.split_of(name) == split
