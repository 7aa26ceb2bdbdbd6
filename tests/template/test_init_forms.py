"""``thulium init --from``: transcriptions in forms that are written anew, or named; and pages of one name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import lab
import pytest

from thulium.cli.start import begin, pairs, refusal, several
from thulium.cli.start.choice import Choice, choose, kind_of
from thulium.cli.start.making import Making
from thulium.cli.start.sight import look
from thulium_dsl.grammar.validate import load
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.text import written

if not lab.HAS_ENGINE:
    pytest.skip("draws lines and pages", allow_module_level=True)

import lab_data

IDENTITY = "dataset.split.identity"


def never(_place: Making, kind: str) -> None:
    raise AssertionError(f"made a project of {kind}")


def chosen(root: Path) -> Choice:
    sight = look(root)
    return choose(sight, *kind_of(sight, None, root))


def num_lines(root: Path) -> int:
    seen = chosen(root).seen
    assert seen is not None
    return seen.num_lines


def lines(root: Path, *names: str) -> Path:
    """Images of lines, of some names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        lab_data.draw_line(f"text of {name}").save(root / name)
    return root


def faults_of(root: Path) -> list[str]:
    """What is said of the rows of t.csv, from the number of the row on."""
    with pytest.raises(ThuliumError) as error:
        pairs.beside_images(look(root))
    return [row.partition("t.csv:")[2] for row in str(error.value).splitlines()]


def anew(root: Path) -> dict[str, str]:
    """What is written anew of a folder: name of each text -> its text."""
    form = pairs.beside_images(look(root))
    assert form is not None
    target = root.parent / "target"
    target.mkdir()
    form.write(target)
    assert len(list(target.rglob("*.png"))) == len(list(root.rglob("*.png")))
    return {str(file.relative_to(target)): file.read_text("utf-8") for file in sorted(target.rglob("*.gt.txt"))}


def said_of(root: Path) -> str:
    sight = look(root)
    assert pairs.beside_images(sight) is None
    return refusal.of(sight, Path("lines"))


def test_texts_of_the_images_names_become_pairs(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "a/1.png", "a/caf\u00e9.png")
    (root / "a" / "1.TXT").write_text("eins\n", encoding="utf-8")
    (root / "a" / "cafe\u0301.txt").write_text("zwei", encoding="utf-8")
    (root / "readme.txt").write_text("of the data")
    assert anew(root) == {"a/1.gt.txt": "eins\n", "a/caf\u00e9.gt.txt": "zwei"}


def test_a_project_is_made_of_them_and_says_so(run: lab.Shell, tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", *(f"{number}.png" for number in range(12)))
    for number in range(12):
        (root / f"{number}.txt").write_text(f"a text {number}\n")
    said = run("thulium", "init", "letters", "--from", "lines", cwd=tmp_path).stdout
    assert "12 images, 12 .txt files" in said
    assert "dataset.type gt_txt: NAME.txt beside each image is not read as it is; each text becomes NAME.gt.txt" in said
    assert (tmp_path / "letters" / "data" / "lines" / "7.gt.txt").read_text() == "a text 7\n"
    with pytest.raises(ThuliumError, match=r"NAME\.txt beside each image is written anew .* leave out --in-place"):
        begin.begin(root, tmp_path / "other", None, False, never)


def test_texts_that_are_no_transcriptions_of_lines_are_named(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png", "2.png")
    (root / "1.txt").write_text("eins\n")
    assert "and 1 of them have a text of their name, such as 1.txt" in said_of(root)
    for name in ("1.txt", "2.txt"):
        (root / name).write_text("of a page\nwith rows\n")
    assert "2 images with texts of several rows, such as 1.txt, and the text of a line has one" in said_of(root)


def test_metadata_of_the_hub_becomes_pairs(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "train/1.png", "train/2.png", "test/1.png", "train/no-row.png")
    rows = [{"file_name": "1.png", "transcription": "eins", "other": 1}, {"file_name": "2.png", "transcription": None}]
    (root / "train" / "metadata.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (root / "test" / "metadata.jsonl").write_text('{"file_name": "1.png", "text": "drei"}')
    assert anew(root) == {"test/1.gt.txt": "drei\n", "train/1.gt.txt": "eins\n"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lines.csv", 'File;Row;Transcription\r\n1.png;7;"eins; zwei"\r\nb/2.png;7;\r\nb/3.png;8;"sagt ""drei"""\r\n'),
        ("excel.csv", 'sep=;\r\nfile_name;text\r\n1.png;"eins; zwei"\r\nb\\3.png;"sagt ""drei"""\r\n'),
        ("names.csv", 'name,text\n1,eins; zwei\nB/3.JPG,"sagt ""drei"""\n'),
        ("two.csv", 'file_name,image,text\n1.png,no,eins; zwei\nb/3.png,none,"sagt ""drei"""\n'),
        ("same.csv", 'file,text,label,gt\n1.png,eins; zwei,eins; zwei,\nb/3.png,"sagt ""drei""","sagt ""drei""",\n'),
        ("sheet.csv", 'file;text;;\r\n1.png;"eins; zwei";;\r\n;;;\r\nb/3.png;"sagt ""drei""";;\r\n'),
        ("late.csv", ',,\n\nfile,text,hand\n1.png,eins; zwei,x\nb/3.png,"sagt ""drei""",x\n'),
        ("T.TSV", 'image\ttext\n1.png\teins; zwei\n\nb/3.png\tsagt "drei"\n'),
        ("lines.csv", '\ufefffile_name,text\n1.png,"eins; zwei"\nimages/b/3.png,"sagt ""drei"""\n'),
    ],
)
def test_a_table_with_a_column_of_images_and_one_of_texts_becomes_pairs(
    tmp_path: Path, name: str, content: str
) -> None:
    root = lines(tmp_path / "lines", "images/1.png", "images/b/2.png", "images/b/3.png")
    (root / name).write_text(content, encoding="utf-8", newline="")
    assert anew(root) == {"images/1.gt.txt": "eins; zwei\n", "images/b/3.gt.txt": 'sagt "drei"\n'}


def test_rows_of_a_table_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png")
    (root / "t.csv").write_text(
        "file,text\n1.png,eins, zwei\ngone.png,a\n1.png,a\n" + "x" * 300 + ",a\n", encoding="utf-8"
    )
    assert faults_of(root) == [
        "2: has 3 columns, and the first row has 2: put a text with ',' in it in quotes",
        "3: there is no image gone.png: add it, or remove the row",
        f"5: there is no image {'x' * 300}: add it, or remove the row",
    ]
    (root / "t.csv").write_text(
        'file,text\n1.png\n1.png, "a, b"\nhttps://a.org/1.png,a\nc:\\1.png,a\n', encoding="utf-8"
    )
    assert faults_of(root) == [
        "2: has 1 column, and the first row has 2: add what is missing, if only ','",
        "3: has 3 columns, and the first row has 2: take out the space before the quotation mark",
        "4: the image https://a.org/1.png is an address: download it into the folder, and name the file",
        "5: the image 'c:\\\\1.png' points out of the folder: put it beside this file, and name it from there",
    ]
    (root / "t.csv").write_text("file,text\nt.csv,a\n")
    with pytest.raises(ThuliumError, match=r"t\.csv:2: there is no image t\.csv: add it"):
        pairs.beside_images(look(root))
    (root / "t.csv").write_text("file,text\n1.png,a\n", encoding="utf-16")
    with pytest.raises(ThuliumError, match=r"t\.csv:1: is not UTF-8 text, but UTF-16"):
        pairs.beside_images(look(root))
    (root / "t.csv").write_bytes("file,text\n1.png,Mémoire\n".encode("latin-1"))
    with pytest.raises(ThuliumError, match=r"t\.csv:2: is not UTF-8"):
        pairs.beside_images(look(root))
    (root / "t.csv").write_text('file,text\n1.png,"a\n', encoding="utf-8")
    with pytest.raises(ThuliumError, match=r"t\.csv:2: is no row of it .*: close what is in quotes"):
        pairs.beside_images(look(root))


@pytest.mark.parametrize("content", ["file_name,text\n", "file_name,text\n1.png,\n"])
def test_a_table_without_a_text_is_refused(content: str, tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png")
    (root / "t.csv").write_text(content)
    with pytest.raises(ThuliumError, match=r"t\.csv: (no rows of texts|1 row, and none has a text): write the text of"):
        pairs.beside_images(look(root))
    (root / "t.csv").rename(root / "metadata.jsonl")
    (root / "metadata.jsonl").write_text("")
    with pytest.raises(ThuliumError, match=r"metadata\.jsonl: no rows of texts"):
        pairs.beside_images(look(root))


def test_columns_that_could_both_be_meant_are_named(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png", "2.png")
    (root / "t.csv").write_text("file_name,text,transcription\n1.png,ocr,right\n2.png,same,same\n")
    with pytest.raises(ThuliumError, match=r"t\.csv:2: which are the texts\? 'text', 'transcription' differ: keep one"):
        pairs.beside_images(look(root))
    (root / "t.csv").write_text("file_name,image,text\n1.png,2.png,a\n")
    with pytest.raises(ThuliumError, match=r"t\.csv: which names the images\? 'file_name', 'image' could: keep one"):
        pairs.beside_images(look(root))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png")
    (root / "t.csv").write_text("file_name,text,Text,hand,hand\n1.png,a,b,x,y\n")
    with pytest.raises(ThuliumError, match=r"t\.csv: two columns are called 'text': keep one, or call the others"):
        pairs.beside_images(look(root))


def test_images_of_a_name_in_other_folders_are_pointed_out(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "a/1.png", "a/2.png", "b/2.png", "3.png")
    (root / "t.csv").write_text("file,text\n1.png,a\n2.png,b\n3.png,c\n4.png,d\n")
    assert faults_of(root) == [
        "2: there is no image 1.png there, but a/1.png is called so: move the table beside it, or name its folder, too",
        "3: there is no image 2.png there, but 2 others are called so, such as a/2.png: name the folder, too",
        "5: there is no image 4.png: add it, or remove the row",
    ]


def test_pages_and_splits_that_a_table_names_become_folders(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png", "images/2.png", "3.png")
    rows = ("file_name,text,book,page,Split,hand", "1.png,a,B,7/r,Train,x", "2.png,b,B,test,dev,x", "3.png,c,,,test,")
    (root / "t.csv").write_text("\n".join(rows))
    assert anew(root) == {
        "train/B/7/r/1.gt.txt": "a\n", "images/val/B/page test/2.gt.txt": "b\n", "test/3.gt.txt": "c\n",
    }  # fmt: skip
    form = pairs.beside_images(look(root))
    assert form is not None
    assert form.remarks == (
        "t.csv: 'split' says the split of each line, and its folder is called so now",
        "t.csv: 'page' says the page of each line, and its folder is called so now",
        "t.csv: 'book' says the document of each line, and its folder is called so now",
        "t.csv: 'file_name' names the images and 'text' is their text; not read: 'hand'",
    )
    (root / "t.csv").rename(root / "metadata.jsonl")
    (root / "metadata.jsonl").write_text('{"file_name": "1.png", "text": "a", "page": NaN}\n')
    form = pairs.beside_images(look(root))
    assert form is not None
    assert not [remark for remark in form.remarks if "folder is called" in remark]
    (root / "metadata.jsonl").unlink()
    (root / "t.csv").write_text("file_name,text,page\n1.png,a,../7\n")
    with pytest.raises(ThuliumError, match=r"t\.csv:2: '\.\.' cannot be the name of a folder"):
        pairs.beside_images(look(root))
    (root / "t.csv").write_text("file_name,text,split\n1.png,a,fold 3\n")
    form = pairs.beside_images(look(root))
    assert form is not None
    assert form.remarks[0].endswith("not read: 'split'")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("1.png,a,train\n2.png,b,val\n3.png,c,/tmp/x/test\n", "4: 'split' is '/tmp/x/test': write train, val or test"),
        ("1.png,a,train\n2.png,b,train/../../val\n3.png,c,test\n", "3: 'split' is 'train/../../val': write"),
        ("1.png,a,train\n2.png,b,val\n3.png,c,tset\n", "4: 'split' is 'tset': write train, val or test"),
        ("1.png,a,train\n2.png,b,val\n3.png,c,\n", "4: 'split' is '': write train, val or test"),
        ("1.png,a,train\n2.png,b,train\n3.png,c,test\n", "t.csv: no row is of the split val: write it into some"),
    ],
)
def test_a_split_that_a_table_gives_is_followed_or_refused(rows: str, says: str, tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png", "2.png", "3.png")
    (root / "t.csv").write_text(f"file_name,text,split\n{rows}")
    with pytest.raises(ThuliumError) as error:
        pairs.beside_images(look(root))
    assert says in str(error.value)


def test_a_page_in_several_splits_is_named(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png", "2.png", "3.png")
    (root / "t.csv").write_text("file_name,text,split,page\n1.png,a,train,7\n2.png,b,val,7\n3.png,c,test,8\n")
    form = pairs.beside_images(look(root))
    assert form is not None
    assert form.remarks[-1].startswith("1 page has lines in several splits, such as '7': lines of one page are alike")


def test_images_that_pages_would_bring_to_one_place_are_refused(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png", "p/1.png", ".more/2.png")
    (root / "t.csv").write_text("file_name,text,page\n1.png,a,p\np/1.png,b,\n")
    with pytest.raises(ThuliumError, match=r"1\.png and p/1\.png would both become p/1\.png: rename one of the two"):
        pairs.beside_images(look(root))
    (root / "t.csv").write_text("file_name,text\n1.png,a\n.more/2.png,b\n")
    with pytest.raises(ThuliumError, match=r"t\.csv:3: the image \.more/2\.png lies where it is hidden"):
        pairs.beside_images(look(root))


@pytest.mark.parametrize(
    "row", ['{"file_name": "1.png", "text": "\\ud800"}', '{"file_name": "1.png", "page": "\\ud800"}', "[" * 10**5]
)
def test_json_that_is_no_text_is_named(row: str, tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png", "2.png")
    (root / "metadata.jsonl").write_text('{"file_name": "2.png", "text": "a"}\n' + row)
    with pytest.raises(ThuliumError, match=r"metadata\.jsonl:2: is no row of it"):
        pairs.beside_images(look(root))


def test_pages_that_are_numbers_are_pages(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png", "2.png")
    rows = ({"file_name": "1.png", "text": "a", "page": 1.0}, {"file_name": "2.png", "text": "b", "page": 2})
    (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert anew(root) == {"1/1.gt.txt": "a\n", "2/2.gt.txt": "b\n"}
    (root / "metadata.jsonl").write_text(
        '{"file_name": "1.png", "text": "a", "page": 1}\n{"file_name": "2.png", "text": "b", "page": [2]}'
    )
    with pytest.raises(ThuliumError, match=r"metadata\.jsonl:2: 'page' is neither a text nor a number"):
        pairs.beside_images(look(root))


def test_a_table_that_is_of_something_else_is_left_unread(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png")
    (root / "scribes.csv").write_text("name,text,year\nAnna,a note,1742\n")
    (root / "t.csv").write_text("file_name,text\n1.png,a\n")
    form = pairs.beside_images(look(root))
    assert form is not None
    assert form.remarks == ("scribes.csv: no row of it names an image, and it is not read",)
    assert anew(root) == {"1.gt.txt": "a\n"}
    (root / "t.csv").unlink()
    (root / "1.txt").write_text("a\n")
    form = pairs.beside_images(look(root))
    assert form is not None
    assert form.called == "NAME.txt beside each image"


def test_two_images_of_one_name_have_one_text(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png", "1.bmp", "2.png")
    (root / "t.csv").write_text("file_name,text\n1.png,a\n1.bmp,b\n2.png,c\n")
    with pytest.raises(ThuliumError, match=r"t\.csv:3: the images 1\.png and 1\.bmp have one name but for the ending"):
        pairs.beside_images(look(root))
    (root / "t.csv").write_text("file_name,text\n1.png,a\n2.png,c\n")
    assert anew(root) == {"1.gt.txt": "a\n", "2.gt.txt": "c\n"}
    assert not (root.parent / "target" / "1.bmp").exists()
    form = pairs.beside_images(look(root))
    assert form is not None
    assert form.remarks == ("1 image is left out, whose name has a text that is another image's, such as 1.bmp",)


def test_what_is_not_read_beside_the_data_is_named(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", *(f"{number}.png" for number in range(20)))
    for number in range(12):
        (root / f"{number}.gt.txt").write_text(f"a text {number}\n")
    for number in range(20):
        (root / f"{number}.txt").write_text("a text\n")
    (root / "t.csv").write_text("file_name,text\n15.png,a\n")
    order = begin.Order(root, None, Making(tmp_path / "project", tmp_path))
    remarks = begin.ready(order, None).choice.remarks
    assert remarks[0].startswith("t.csv may name images and their texts, and is not read, since .gt.txt is")
    assert remarks[1].startswith("8 images have NAME.txt beside them and no NAME.gt.txt, such as 12.txt: if these")


def test_rows_of_metadata_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", "1.png")
    rows = ('{"file_name": "1.png", "text": "a"}', "[]", '{"text": "a"}', '{"file_name": "../1.png"}')
    more = ('{"file_name": "gone.png"}', '{"file_name": "1.png", "text": "b"}', '{"file_name": "1.png", "text": 2}')
    (root / "metadata.jsonl").write_text("\n".join(rows + more))
    with pytest.raises(ThuliumError) as error:
        pairs.beside_images(look(root))
    said = [row.partition("metadata.jsonl:")[2] for row in str(error.value).splitlines()]
    assert [row[:22] for row in sorted(said)] == [
        "2: is no row of it: wr",
        "3: has no 'file_name':",
        "4: the image '../1.png",
        "5: there is no image g",
        "6: the image 1.png has",
        "7: 'text' is not a tex",
    ]
    (root / "metadata.jsonl").write_text('{"file_name": "1.png", "label": "a", "sentence": "b"}')
    with pytest.raises(ThuliumError, match="jsonl:1: which are the texts\\? 'label', 'sentence' differ: keep one"):
        pairs.beside_images(look(root))
    (root / "metadata.jsonl").write_text('{"file_name": "1.png", "said": "a"}')
    with pytest.raises(ThuliumError, match="which holds the texts\\? There are 'file_name', 'said'"):
        pairs.beside_images(look(root))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "t.csv",
            'Datei;Text\nlines/1.png;"eins, zwei"\n',
            "t.csv, which is not read\n  help: name the two columns file_name and text",
        ),
        ("t.tsv", "1\teins", "t.tsv, which is not read\n  help: name the two columns"),
        ("t.xlsx", "PK", "README.txt, t.xlsx, which are not read\n  help: if their texts are there, write"),
        ("tr.txt", "1 e i n s <space> a", "take the spaces out that stand between its characters"),
        ("Labels.txt", "1.png eins", "Labels.txt: rename it labels.txt"),
    ],
)
def test_transcriptions_of_a_form_that_is_not_read_are_named(
    name: str, content: str, says: str, tmp_path: Path
) -> None:
    root = lines(tmp_path / "lines", "1.png")
    (root / name).write_text(content)
    (root / "README.txt").write_text("of the data")
    assert says in said_of(root)
    assert "lines: holds 1 image and " in said_of(root)


def test_endings_in_capital_letters_are_read(tmp_path: Path) -> None:
    root = lab_data.write_gt_txt(tmp_path / "lines")
    for file in list(root.rglob("*.gt.txt"))[::2]:
        file.rename(file.with_name(file.name.replace(".gt.txt", ".GT.TXT")))
    assert num_lines(root) == 24
    (table,) = lab_data.write_parquet(tmp_path / "tables").glob("*.parquet")
    table.rename(table.with_suffix(".PARQUET"))
    assert num_lines(tmp_path / "tables") == 24


def letters(root: Path) -> Path:
    """Three letters, whose lines all lie in folders of one name."""
    for number, name in enumerate(("one/first", "one/second", "two/first")):
        source = lab_data.write_gt_txt(root / "made" / str(number), pages=number + 1)
        shutil.copytree(source / f"doc{number}" / f"page{number}", root / "letters" / name / "lines")
    return root / "letters"


def test_different_pages_of_one_name_go_by_their_paths(tmp_path: Path) -> None:
    choice = chosen(letters(tmp_path))
    assert set(choice.values) == {IDENTITY, "dataset.split.seed"}
    assert choice.values[IDENTITY] == "path"
    assert (
        f"{IDENTITY} path: 3 different pages in several folders have 1 name, such as one/first/lines and "
        "one/second/lines"
    ) in choice.reasons
    assert choice.seen is not None
    assert choice.seen.lines == {"train": 4, "val": 4, "test": 4}


def test_the_same_pages_in_two_folders_go_by_their_names(tmp_path: Path) -> None:
    for folder in ("old", "new"):
        lab_data.write_pages(tmp_path / "pages" / folder, "page", pages=3)
    choice = chosen(tmp_path / "pages")
    assert IDENTITY not in choice.values
    assert not any(IDENTITY in remark for remark in choice.remarks)


def test_where_some_pages_of_one_name_are_the_same_all_go_by_names_and_that_is_said(tmp_path: Path) -> None:
    root = letters(tmp_path)
    for folder in ("old", "new"):
        shutil.copytree(root / "one" / "first" / "lines", root / folder / "copy")
    choice = chosen(root)
    assert IDENTITY not in choice.values
    assert any(f"{IDENTITY} name: pages called 'copy' may be the same, such as" in said for said in choice.remarks)


def test_the_key_is_one_for_all_sources(tmp_path: Path) -> None:
    several_choices = [("a", chosen(letters(tmp_path)), True)]
    whole = several._merged(several_choices)
    assert whole.values["dataset"]["split"] == {"identity": "path"}
    assert any(reason.startswith(f"source a: {IDENTITY} path: 3 different pages") for reason in whole.reasons)
    (tmp_path / "params.yaml").write_text("\n".join(written.block("dataset", whole.values["dataset"])) + "\n")
    assert load(tmp_path / "params.yaml").experiment.dataset.split.identity == "path"


def test_of_lines_without_pages_it_is_not_said_that_pages_are_drawn(tmp_path: Path) -> None:
    root = lines(tmp_path / "lines", *(f"{number}.png" for number in range(30)))
    for number in range(30):
        (root / f"{number}.gt.txt").write_text(f"a text {number}\n")
    assert any("no page of a line is known, so lines are drawn" in reason for reason in chosen(root).reasons)
    shutil.rmtree(root)
    pages = chosen(lab_data.write_gt_txt(root, pages=40, lines=2))
    assert any(reason.endswith("so pages are drawn") for reason in pages.reasons)
