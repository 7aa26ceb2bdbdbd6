"""Small files that stand where large ones belong: each place that reads a file says so."""

import dataclasses
from pathlib import Path

import lab
import lab_data
import pytest

from thulium.data.charset import charset_of
from thulium.data.folder import FolderSplit
from thulium.data.textfile import read_rows, read_text
from thulium.decoding.lm import arpa
from thulium.ingest.readers import alto, page, parquet
from thulium.ingest.splitting import splitter_of
from thulium.models.file import load_model
from thulium.runtime.documents import defaults
from thulium.runtime.errors import CheckpointError, DataError
from thulium.runtime.pointers import ANNEX, LFS, absent, pointer, pointer_at
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

CONTENT = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
SAID = r"{}: is a Git LFS pointer, not the file itself: run git lfs pull"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path / "file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CONTENT, LFS),
        (b"version https://hawser.github.com/spec/v1\n", LFS),
        (b"/annex/objects/SHA256E-s1--a.png\n", ANNEX),
        (b"../.git/annex/objects/1/2/a.png/a.png", ANNEX),
        (b".git/annex/objects/1/2/a.png/a.png", ANNEX),
        (b"", None),
        (b"version 2\n", None),
        (b"a page about .git/annex/objects/ and more", None),
    ],
)
def test_a_pointer_is_told_by_its_first_bytes(tmp_path, content, said):
    (tmp_path / "a").write_bytes(content)
    assert (pointer(content), pointer_at(tmp_path / "a")) == (said, said)


def test_what_is_no_file_is_no_pointer(tmp_path):
    assert pointer_at(tmp_path) is pointer_at(tmp_path / "a") is pointer_at(Path("a\0b")) is None
    assert absent(tmp_path / "a") is absent(Path("x" * 9000)) is None


@pytest.mark.parametrize("read", [read_text, read_rows, arpa.read])
def test_texts_and_language_models(file, read):
    with pytest.raises(DataError, match=SAID.format("file")):
        read(file)


def test_model_files(file):
    with pytest.raises(CheckpointError, match=SAID.format("file")):
        load_model(file)


@pytest.mark.parametrize(
    ("read", "error"), [(read_text, DataError), (arpa.read, DataError), (load_model, CheckpointError)]
)
def test_a_file_of_which_dvc_has_the_only_trace(tmp_path, read, error):
    (tmp_path / "a.dvc").write_text("outs: []")
    with pytest.raises(error, match=r"a: is not here, only a\.dvc is, which stands for it: run dvc pull"):
        read(tmp_path / "a")


@pytest.mark.parametrize(("module", "kind"), [(page, "page"), (alto, "alto")])
def test_xml_and_page_images(tmp_path, module, kind):
    lab_data.write_pages(tmp_path, kind, pages=2)
    (tmp_path / "doc0" / "p0.xml").write_bytes(CONTENT)
    (tmp_path / "doc1" / "p1.png").write_bytes(CONTENT)
    dataset = experiment_of(parse(f"dataset: {{type: {kind}, root: '{tmp_path}'}}")).dataset
    faults = [str(item) for unit in module.units(dataset) for item in module.read(unit, dataset)]
    assert faults == [
        f"{tmp_path}/doc0/p0.xml: {LFS}",
        f"{tmp_path}/doc1/p1.xml: its image {tmp_path}/doc1/p1.png {LFS}",
    ]


def test_tables_and_the_images_in_them(tmp_path):
    lab_data.write_parquet(tmp_path / "data", pages=1)
    table = lab_data.pq.read_table(tmp_path / "data" / "lines.parquet")
    rows = table.to_pylist()
    rows[0]["image"] = {"bytes": CONTENT, "path": None}
    rows[1]["image"] = {"bytes": None, "path": "a.png"}
    lab_data.pq.write_table(lab_data.pa.Table.from_pylist(rows), tmp_path / "data" / "lines.parquet")
    (tmp_path / "data" / "a.png.dvc").write_text("outs: []")
    (tmp_path / "data" / "b.parquet").write_bytes(CONTENT)
    dataset = experiment_of(parse(f"dataset: {{type: parquet, root: '{tmp_path / 'data'}'}}")).dataset
    fault, unit = sorted(parquet.units(dataset), key=lambda item: hasattr(item, "group"))
    assert fault.what == LFS
    lines = list(parquet.read(unit, dataset))
    for line, said in ((lines[0], LFS), (lines[1], r"'a.png' is not here, only a.png.dvc is, .*: run dvc pull")):
        with pytest.raises(Exception, match=said):
            line.load()


def test_lists_writers_and_charsets(file):
    lists = dict.fromkeys(("train_list", "val_list", "test_list"), str(file))
    for changes in (lists, {"writers": str(file)}):
        dataset = experiment_of(parse("dataset: {type: page, root: data/pages}")).dataset
        with pytest.raises(DataError, match=SAID.format("file")):
            splitter_of(dataclasses.replace(dataset, **changes))
    with pytest.raises(DataError, match=SAID.format("file")):
        charset_of(dataclasses.replace(defaults().dataset.text, charset=str(file)))


def test_a_folder_for_scripts(tmp_path):
    folder = lab.write_lines_folder(tmp_path / "lines", ["one", "two"])
    image = sorted((folder / "images").iterdir())[0]
    image.write_bytes(CONTENT)
    with pytest.raises(DataError, match=f"{image.name}: the image is a Git LFS pointer"):
        FolderSplit(folder)
    (folder / "labels.txt").write_bytes(CONTENT)
    with pytest.raises(DataError, match=SAID.format(r"labels\.txt")):
        FolderSplit(folder)
