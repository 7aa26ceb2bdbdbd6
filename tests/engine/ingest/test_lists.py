"""Names in lists of pages, as people write them."""

from pathlib import Path

import pytest

from thulium.data.line import Origin
from thulium.ingest.lists import Names, Row, read_list, read_table, resolve, unknown_name


def names(*pages, root="data/pages", lines=()):
    origins = [Origin(id="", page=page, document=page.rpartition("/")[0] or ".", source="") for page in pages]
    origins += [Origin(id=line, page=line.rpartition("/")[0], document=".", source="") for line in lines]
    return Names.of(origins, root)


PAGES = names("a_1", "book/f 7", "B.25.siam_0003", "Größe_3", "scan.tif", "one/0001", "two/0001", "two/0002")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a_1", "a_1"),
        ("a_1.xml", "a_1"),
        ("a_1.png", "a_1"),
        ("A_1.XML", "a_1"),
        ("page/a_1.xml", "a_1"),
        ("pages/a_1.xml", "a_1"),
        ("data/pages/alto/a_1.xml", "a_1"),
        (str(Path("data/pages/page/a_1.xml").absolute()), "a_1"),
        (r".\a_1.jpg", "a_1"),
        ('"a_1"', "a_1"),
        ("f 7", "book/f 7"),
        ("book/f 7.tif", "book/f 7"),
        ("book", "book"),
        (".", "."),  # the document of the pages that lie in no folder
        ("B.25.siam_0003", "B.25.siam_0003"),
        ("Gro\u0308ße_3.xml", "Größe_3"),
        ("GRÖSSE_3", "Größe_3"),
        ("scan", "scan.tif"),
        ("0002", "two/0002"),
        ("one/0001.xml", "one/0001"),
        ("a_1/l3", "a_1/l3"),  # lines, which are known when the page is read
        ("F 7.xml/L3", "book/f 7/L3"),
    ],
)
def test_a_name_is_taken_however_it_is_written(written, meant):
    assert PAGES.meant(written) == [meant]


@pytest.mark.parametrize("written", ["a_2", "other/a_1", "/elsewhere/a_1.xml", "../a_1", "a_1.doc", "0003", "", "/"])
def test_what_only_looks_like_a_name_is_none(written):
    assert PAGES.meant(written) == []


def test_a_name_as_it_is_counts_before_all_other_ways_to_read_it():
    there = names("a", "x/a", "a.png", "A")
    assert there.meant("a") == ["a"]
    assert there.meant("a.png") == ["a.png"]
    assert there.meant("x/a") == ["x/a"]


def test_a_path_counts_before_a_name_without_folders():
    assert names("a", "x/a").meant("a.xml") == ["a"]


def test_a_page_in_a_folder_that_has_the_name_of_a_page_is_no_line_of_it():
    assert names("a", "a/b").meant("a/b.xml") == ["a/b"]


def test_lines_are_named_by_their_files():
    there = names(lines=["p0/000", "p0/001", "p1/000"])
    assert there.meant("p0/000.nrm.png") == ["p0/000"]
    assert there.meant("001.gt.txt") == ["p0/001"]
    assert there.meant("000.png") == ["p0/000", "p1/000"]


def rows(**written):
    return [
        Row(name, split, f"{split}.txt:{number}") for split in written for number, name in enumerate(written[split])
    ]


def test_a_name_of_several_pages_is_refused():
    faults = []
    resolve(rows(train=["0001.xml"]), PAGES, "stands in another list too", faults)
    assert [str(fault) for fault in faults] == [
        "train.txt:0: '0001.xml' may be 'one/0001' or 'two/0001': write the name in full"
    ]


def test_two_ways_to_write_one_name_in_two_lists_are_refused():
    faults = []
    written = rows(train=["a_1.xml", "A_1"], val=["a_1.png"])
    resolved, _ = resolve(written, PAGES, "stands in another list too", faults)
    assert resolved["a_1"].value == "train"
    assert [str(fault) for fault in faults] == [
        "val.txt:0: 'a_1.png' is 'a_1', which stands in another list too, train.txt:0: keep one of them"
    ]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("elsewhere/a_1.xml", "did you mean 'a_1'? Correct the name"),
        ("Grösse_4", "did you mean 'Größe_3'? Correct the name"),
        ("three/0001", "did you mean 'one/0001' or 'two/0001'? Correct the name"),
        ("2", "did you mean 'two/0002'? Correct the name"),
        ("something else", ": correct the name"),
    ],
)
def test_a_name_that_nothing_has_is_answered_with_one_that_is_near(written, hint):
    (row,) = rows(train=[written])
    fault = unknown_name(row, PAGES)
    assert hint in str(fault)
    assert fault.num_lines == 0


def test_a_list_is_read_as_spreadsheets_save_it(tmp_path):
    (tmp_path / "list").write_bytes("\ufeffa_1\t\t\r\n\r\n\tb_2\r\nx\ty\r\n".encode())
    faults = []
    found = read_list(tmp_path / "list", "train", faults)
    assert [(row.name, row.place) for row in found] == [("a_1", f"{tmp_path}/list:1"), ("b_2", f"{tmp_path}/list:3")]
    assert [str(fault) for fault in faults] == [f"{tmp_path}/list:4: has 2 columns, 'x' and 'y': leave one, the name"]


def test_a_page_with_two_writers_is_refused(tmp_path):
    (tmp_path / "table").write_text("a_1.xml\tAnna\na_1\tBert\nB.25.siam_0003\tAnna\n")
    faults = []
    table = read_table(tmp_path / "table", faults)
    resolved, _ = resolve(table, PAGES, "has another writer in another row", faults)
    assert {name: row.value for name, row in resolved.items()} == {"a_1": "Anna", "B.25.siam_0003": "Anna"}
    assert [str(fault) for fault in faults] == [
        f"{tmp_path}/table:2: 'a_1' has another writer in another row, {tmp_path}/table:1: keep one of them"
    ]
