"""Which split a line is in."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thulium.data import places
from thulium.data.line import Fault, Origin
from thulium.ingest.splitting import Identity, Splitter, hashed, splitter_of
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import SplitSpec
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse


def placed(id, page, document=".", writer="", split=None, image=""):
    return Origin(id=id, page=page, document=document, writer=writer, source="s", split=split, image_source=image)


def spec(by="page", **more):
    return SplitSpec(**{"val": 0.1, "test": 0.1, "by": by, "folds": None, "seed": 1, "identity": "name", **more})


def test_the_shares_are_about_those_asked_for():
    splits = [hashed(f"page {number}", spec(val=0.1, test=0.2)) for number in range(5000)]
    assert abs(splits.count("val") / 5000 - 0.1) < 0.02
    assert abs(splits.count("test") / 5000 - 0.2) < 0.02


@given(st.sets(st.text(max_size=8), max_size=20), st.sets(st.text(max_size=8), max_size=20), st.integers(0, 99))
def test_pages_that_come_later_move_none_that_were_there(before, later, seed):
    one, two = Splitter(spec(seed=seed)), Splitter(spec(seed=seed))
    first = {page: one.split_of(placed(f"{page}/1", page)) for page in sorted(before)}
    second = {page: two.split_of(placed(f"{page}/1", page)) for page in sorted(before | later)}
    assert {page: second[page] for page in first} == first


@pytest.mark.parametrize("by", ["page", "document", "writer", "line"])
def test_what_belongs_together_stays_together(by):
    splitter = Splitter(spec(by, val=0.3, test=0.3))
    key = {"page": "page", "document": "document", "writer": "writer", "line": "id"}[by]
    lines = [placed(f"l{i}", f"p{i // 2}", f"d{i // 8}", f"w{i // 16}") for i in range(400)]
    where: dict[str, set[str]] = {}
    for line in lines:
        where.setdefault(getattr(line, key), set()).add(splitter.split_of(line))
    assert {len(splits) for splits in where.values()} == {1}
    assert set().union(*where.values()) == {"train", "val", "test"}


def test_a_seed_that_leaves_a_split_empty_is_answered_with_one_that_does_not():
    splitter = Splitter(spec())
    for page in ("a", "b", "c", "d"):
        splitter.split_of(placed("x", page))
    empty = next(name for name in ("train", "val", "test") if name not in splitter.keys.values())
    advice = splitter.advice(empty)
    seed = int(re.search(r"set dataset\.split\.seed to (\d+)", advice).group(1))
    assert {hashed(page, spec(seed=seed)) for page in "abcd"} == {"train", "val", "test"}


def test_where_nothing_can_be_used_no_page_is_counted():
    assert Splitter(spec()).advice("train") == (
        "nothing that was found can be used: see what was left out, and dataset.root and dataset.type"
    )


def test_two_pages_cannot_fill_three_splits():
    splitter = Splitter(spec())
    for page in ("a", "b"):
        splitter.split_of(placed("x", page))
    assert splitter.advice("val") == "there are 2 pages, for three splits: add some, or change dataset.split.by"


def test_pages_of_one_name_are_told_from_too_few_pages():
    splitter = Splitter(spec())
    for book in range(9):
        for page in ("0001", "0002"):
            splitter.split_of(placed(f"{book}/{page}/l", f"{book}/{page}"))
    assert splitter.advice("test") == (
        "there are 18 pages with 2 names, for three splits: if they are different pages, set dataset.split.identity to "
        "path"
    )
    assert splitter.shared["0001"] == {f"{book}/0001" for book in range(9)}


def test_the_advice_says_that_more_pages_may_ask_for_another_seed_and_how_to_choose_for_good():
    splitter = Splitter(spec())
    for page in "abcd":
        splitter.split_of(placed("x", page))
    empty = next(name for name in ("train", "val", "test") if name not in splitter.keys.values())
    assert re.fullmatch(
        rf"there are 4 pages, and by dataset\.split\.seed 1 none is in {empty}: set dataset\.split\.seed to \d+, which "
        r"fits these pages \(more of them may ask for another\); or, to choose for good, name them in "
        r"dataset\.train_list, dataset\.val_list and dataset\.test_list",
        splitter.advice(empty),
    )


def dataset(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    names = ", ".join(f"{name}: '{tmp_path / name}'" for name in files)
    return experiment_of(parse(f"dataset: {{type: gt_txt, root: '{tmp_path}', {names}}}")).dataset


def test_a_list_names_lines_pages_or_documents_the_nearest_first(tmp_path):
    lists = {"train_list": "d1\nd2/p9\n", "val_list": "\ufeffd1/p1\r\n\r\n", "test_list": "d1/p1/l2\n"}
    lines = [placed(f"d1/{page}/{line}", f"d1/{page}", "d1") for page in ("p1", "p2") for line in ("l1", "l2")]
    splitter = splitter_of(dataset(tmp_path, **lists), lines)
    assert [splitter.split_of(line) for line in lines] == ["val", "test", "train", "train"]
    other = splitter.split_of(placed("d3/p1/l1", "d3/p1", "d3"))
    assert isinstance(other, Fault)
    assert (other.reason, other.is_error) == ("in no list", False)
    (unmatched,) = splitter.unmatched()
    assert str(unmatched).startswith(f"{tmp_path / 'train_list'}:2: no page, document or line is named 'd2/p9': ")


def test_a_line_of_a_page_that_is_read_later_is_met_when_it_comes_even_as_a_fault(tmp_path):
    lists = {"train_list": "p1/l1\n", "val_list": "p1/l2\n", "test_list": "p1/l3\n"}
    splitter = splitter_of(dataset(tmp_path, **lists), [placed("", "p1")])
    assert splitter.split_of(placed("p1/l1", "p1")) == "train"
    assert splitter.would_be(placed("p1/l2", "p1")) == "val"
    (unmatched,) = splitter.unmatched()
    assert "is named 'p1/l3'" in str(unmatched)


def test_a_page_whose_lines_are_all_lost_is_there_for_a_list(tmp_path):
    lists = {"train_list": "p1\n", "val_list": "p2\n", "test_list": "p3\n"}
    splitter = splitter_of(dataset(tmp_path, **lists), [placed("", page) for page in ("p1", "p2", "p3")])
    assert splitter.unmatched() == []


def test_a_name_in_two_lists_is_refused(tmp_path):
    lists = {"train_list": "a\nb\n", "val_list": "b\n", "test_list": "c\n"}
    with pytest.raises(DataError, match=r"val_list:1: 'b' stands in another list too, .*train_list:2: keep one"):
        splitter_of(dataset(tmp_path, **lists), [placed("", page) for page in "abc"])


def test_a_writer_that_is_not_known_is_a_fault(tmp_path):
    pages = [placed("", "p1"), placed("", "p2")]
    (tmp_path / "writers").write_text("p1\tAnna\np2 Bert\n")
    text = f"dataset: {{type: page, root: x, writers: '{tmp_path / 'writers'}', split: {{by: writer}}}}"
    with pytest.raises(DataError, match=r"writers:2: the row should be a page, a tab and its writer"):
        splitter_of(experiment_of(parse(text)).dataset, pages)
    (tmp_path / "writers").write_text("p1.xml\tAnna\n")
    splitter = splitter_of(experiment_of(parse(text)).dataset, pages)
    assert splitter.split_of(placed("l", "p1")) in ("train", "val", "test")
    assert "the writer of the page 'p2' is not known" in str(splitter.split_of(placed("l", "p2")))


@pytest.mark.parametrize(
    ("kind", "line", "names"),
    [
        # page, document, line
        ("page", placed("a/b/f 7/l1", "a/b/f 7", "a/b"), ("f 7", "b", "f 7/l1")),
        ("page", placed("f.norm/l1", "f.norm", ".", image="img/f.jpg"), ("f", ".", "f/l1")),
        ("gt_txt", placed("a/p1/0001", "a/p1", "a", image="a/p1/0001.png"), ("p1", "a", "p1/0001")),
        ("gt_txt", placed("a/0001", "a/0001", "a"), ("0001", "a", "0001")),
        (
            "parquet",
            placed("a/train-0/17", "a/train-0/17", "a/train-0.parquet"),
            ("train-0/17", "train-0.parquet", "train-0/17"),
        ),
    ],
)
def test_names_do_not_depend_on_folders(kind, line, names):
    text = f"dataset: {{type: {kind}, root: x}}"
    identity = splitter_of(experiment_of(parse(text)).dataset).identity
    assert (identity.page(line), identity.document(line), identity.line(line)) == names


def test_what_a_column_says_is_a_name_as_it_is():
    columns = "id_column: i, page_column: p, document_column: d"
    identity = splitter_of(experiment_of(parse(f"dataset: {{type: parquet, root: x, {columns}}}")).dataset).identity
    line = placed("x/1", "a/p 1", "b/d")
    assert (identity.page(line), identity.document(line), identity.line(line)) == ("a/p 1", "b/d", "x/1")


@given(st.text(st.characters(categories=["L", "N"]), min_size=1), st.integers(0, 99))
def test_the_same_page_in_another_folder_is_in_the_same_split(name, seed):
    splits = {Splitter(spec(seed=seed)).split_of(placed("l", f"{folder}{name}")) for folder in ("", "a/", "a/b/")}
    assert len(splits) == 1


def test_by_path_the_split_is_that_of_versions_that_knew_no_names():
    pages = [f"doc{number % 3}/p{number}" for number in range(50)]
    splitter = Splitter(spec(identity="path"), Identity(is_path=True))
    assert [splitter.split_of(placed("l", page)) for page in pages] == [hashed(page, spec()) for page in pages]
    digest = hashlib.sha256("".join(hashed(page, spec())[1] for page in pages).encode()).hexdigest()
    assert digest[:16] == "4f878366ec6a55ed"  # of the splits as they were then


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train/a.png", "train"),
        ("validation-00000-of-00001.parquet", "val"),
        ("dev/x/y.xml", "val"),
        ("test2/a", "test"),
        ("testament/a", None),
        ("pages/train/a", "train"),
    ],
)
def test_folders_and_files_say_their_split(name, split):
    assert places.split_of(name) == split


def test_a_list_whose_pages_have_no_usable_line_is_not_said_to_name_nothing(tmp_path):
    splitter = splitter_of(
        dataset(tmp_path, train_list="p1\n", val_list="p2\n", test_list="p4\n"),
        [placed("", page) for page in ("p1", "p2", "p3")],
    )
    assert splitter.advice("val") == (
        "see dataset.val_list: no line of what it names can be used: correct it, or name more"
    )
    assert splitter.advice("test") == "see dataset.test_list: it names nothing that is there: correct it, or name more"
