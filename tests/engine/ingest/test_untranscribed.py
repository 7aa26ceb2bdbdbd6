"""Lines without transcriptions, as a pretraining reads them: from images, PAGE, ALTO and tables."""

import json
import shutil

import lab_data
import pyarrow.parquet as pq
import pytest
from PIL import Image

from thulium.data.prepared import open_prepared
from thulium.ingest.untranscribed import prepare
from thulium.runtime.documents import section
from thulium.runtime.errors import DataError

KINDS = ("images", "page", "alto", "parquet")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with the same small archive in each format; of 24 lines, and of 20."""
    root = tmp_path_factory.mktemp("archive")
    for other, pages in (("", 6), ("_other", 5)):
        lab_data.write_gt_txt(root / f"images{other}", pages)
        for kind in ("page", "alto"):
            lab_data.write_pages(root / f"{kind}{other}", kind, pages)
        lab_data.write_parquet(root / f"parquet{other}", pages)
    return root


@pytest.fixture
def read(experiment, tmp_path):
    """Reads lines; returns the report and the folder of the prepared lines."""

    def read(root, kind, workers=1, **given):
        dataset = section("pretraining", dataset={"type": kind, "root": str(root), **given}).dataset
        out = tmp_path / "lines"
        shutil.rmtree(out, ignore_errors=True)
        return prepare(dataset=dataset, preprocessing=experiment.preprocessing, workers=workers, out=out), out

    return read


def lines_of(out):
    """id -> image, of both splits."""
    prepared = open_prepared(out)
    splits = [prepared.split(name) for name in ("train", "val")]
    return {split.ids[i]: split.image(i).tobytes() for split in splits for i in range(len(split))}


def content_of(out):
    return {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_neither_needed_nor_read(kind, read, root, tmp_path):
    """What is written is the same with texts, without them, and where what stands there is none."""
    report, out = read(root / kind, kind)
    assert report["splits"] == {"train": {"lines": 23}, "val": {"lines": 1}}
    assert open_prepared(out).symbols == ()
    assert {*open_prepared(out).split("train").texts} == {""}
    before = lines_of(out)
    assert len(before) == 24
    copy = tmp_path / "data"
    shutil.copytree(root / kind, copy)
    lab_data.take_the_texts({"images": "gt_txt"}.get(kind, kind), copy)
    report, out = read(copy, kind)
    assert report["accounting"]["lines"] == {"found": 24, "used": 24, "not_transcribed": 0, "filtered": 0, "skipped": 0}
    assert lines_of(out) == before


@pytest.mark.parametrize("kind", KINDS)
def test_another_value_changes_what_is_read(kind, read, root):
    """Every key of pretraining.dataset reaches the reader of its type."""
    others = {
        "images": {"files": "p1_*", "exclude": ["p1_*"]},
        "page": {"files": "p1.xml", "exclude": ["p1.xml"], "region_types": ["heading"], "line_types": ["note"]},
        "alto": {"files": "p1.xml", "exclude": ["p1.xml"], "line_types": ["note"]},
        "parquet": {"image_column": "picture"},
    }[kind]
    others |= {"straighten": False} if kind in ("page", "alto") else {}
    before = lines_of(read(root / kind, kind)[1])
    assert lines_of(read(root / f"{kind}_other", kind)[1]) != before
    for key, value in others.items():
        assert lines_of(read(root / kind, kind, **{key: value})[1]) != before, key


@pytest.mark.parametrize("kind", ["images", "page"])
def test_more_processes_write_the_same_bytes(kind, read, root):
    before = content_of(read(root / kind, kind)[1])
    assert content_of(read(root / kind, kind, workers=2)[1]) == before


def test_every_20th_line_is_held_out_or_else_the_last_one(read, root):
    assert read(root / "images", "images", files="p[0-4]_*")[0]["splits"]["val"]["lines"] == 1
    report, out = read(root / "images", "images", files="p1_*")
    assert report["splits"] == {"train": {"lines": 3}, "val": {"lines": 1}}
    assert list(open_prepared(out).split("val").ids) == ["doc1/page1/p1_line3.png"]


def spoil(folder):
    """Images that cannot be read, and what lies in such folders besides."""
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    (folder / "photo.heic").write_bytes(b"x")
    (folder / "notes.txt").write_text("what is in here")
    (folder / "alone.gt.txt").write_text("of an image that is gone")
    Image.new("L", (1400, 2000), 200).save(folder / "scan.jpg")
    return folder


def test_what_cannot_be_read_is_named_or_left_out_up_to_a_share(read, root, tmp_path):
    folder = spoil(shutil.copytree(root / "images", tmp_path / "data"))
    with pytest.raises(DataError) as raised:
        read(folder, "images")
    said = str(raised.value)
    assert f"{folder}/broken.png: the image" in said
    assert f"{folder}/scan.jpg: the image has 1400x2000 pixels, as a page has, and its lines are not known" in said
    assert said.endswith("2 problems in the data; nothing was written")
    assert not (tmp_path / "lines").exists()
    with pytest.raises(DataError, match=r"^2 of 26 lines cannot be used, more than pretraining\.dataset\.max_skipped"):
        read(folder, "images", on_error="skip")
    report, out = read(folder, "images", on_error="skip", max_skipped=0.1)
    assert report["accounting"]["lines"] == {"found": 26, "used": 24, "not_transcribed": 0, "filtered": 0, "skipped": 2}
    assert report["skipped"]["unreadable image"]["count"] == 2
    assert report["skipped"]["image of a kind that is not read"]["where"] == [
        f"{folder}/photo.heic: is passed over: HEIC is not read"
    ]
    assert json.loads((out / "report.json").read_text()) == report


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("images", {"root": "gone"}, "gone: no such folder; pretraining.dataset.root names the folder of the data"),
        ("images", {"root": "empty"}, "empty: holds no images that are read, such as .png, .jpg or .tif; pretraining"),
        ("images", {"root": "one"}, "one: holds one line only, and a pretraining needs two; pretraining.dataset.root"),
        ("images", {"files": "*.tiff"}, "images: pretraining.dataset.files '*.tiff' fits none of the 24 files"),
        ("page", {"root": "empty"}, "empty: holds no .xml files"),
        ("parquet", {"root": "empty"}, "empty: holds no tables (*.parquet); pretraining.dataset.root names"),
        ("parquet", {"image_column": "scan"}, "lines.parquet: has no column 'scan', but 'image', 'text'"),
    ],
)
def test_where_there_are_no_lines_is_said(kind, given, message, read, root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    (root / "empty").mkdir(exist_ok=True)
    (root / "one").mkdir(exist_ok=True)
    lab_data.draw_line("alone").save(root / "one" / "1.png")
    with pytest.raises(DataError) as raised:
        read(given.pop("root", kind), kind, **given)
    assert message in str(raised.value)
    assert not (tmp_path / "lines").exists()


def test_a_table_needs_no_column_of_texts(read, root, tmp_path):
    (tmp_path / "data").mkdir()
    table = pq.read_table(root / "parquet" / "lines.parquet").select(["image"])
    pq.write_table(table, tmp_path / "data" / "lines.parquet")
    assert read(tmp_path / "data", "parquet")[0]["splits"]["train"]["lines"] == 23
