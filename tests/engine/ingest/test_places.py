"""What stands below a folder, and the split that its place says it is in."""

import os
import shutil

import lab_data
import pyarrow.parquet as pq
import pytest
from PIL import Image

from thulium.data import places
from thulium.data.line import Fault, Line
from thulium.ingest.readers import READERS
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse


def read(root, kind):
    dataset = experiment_of(parse(f"dataset: {{type: {kind}, root: '{root}', split: {{by: given}}}}")).dataset
    items = []
    for unit in READERS[kind].units(dataset):
        items += [unit] if isinstance(unit, Fault) else READERS[kind].read(unit, dataset)
    return items


@pytest.mark.parametrize(
    ("key", "split"),
    [
        ("train/p1", "train"),
        ("default/train/0000.parquet", "train"),
        ("default/partial-train/0000.parquet", "train"),
        ("bookA/validation/p1", "val"),
        ("a/b/c/Test/p1", "test"),
        ("test/train/p1", "train"),  # the nearest
        ("train/dev/test/p1", "test"),
        ("test data/training-set/p1", "train"),
        ("train/book/p1", "train"),
        ("train/val-de-loire/p1", "train"),  # a folder called as a split goes before one whose name begins so
        ("training-set/val_2/p1", "val"),
        ("train_a/book/p1", "train"),
        ("train.gt", "train"),
        ("test-00000-of-00001.parquet", "test"),
        ("Testament/p1", None),
        ("trainer/p1", None),
        ("my-train/p1", None),
        ("pretest/p1", None),
        ("contest 2/p1", None),
        ("evaluation/p1", None),
        ("validity/p1", None),
        ("book/train-1", None),  # of pages and lines, folders say it
        ("p1", None),
    ],
)
def test_the_nearest_folder_with_the_name_of_a_split_decides(key, split):
    assert places.split_of(key) == split


@pytest.mark.parametrize("kind", ["page", "alto", "gt_txt", "parquet"])
def test_every_reader_asks_the_nearest_folder(tmp_path, kind):
    write = {"gt_txt": lab_data.write_gt_txt, "parquet": lab_data.write_parquet}.get(
        kind, lambda root, pages: lab_data.write_pages(root, kind, pages)
    )
    for split in ("train", "validation", "test"):
        write(tmp_path / "test" / "default" / split, pages=1)
    found = read(tmp_path, kind)
    assert len(found) == 12
    assert [item.split for item in found] == [split for split in ("test", "train", "val") for _ in range(4)]


def test_tables_may_say_it_by_their_own_names_in_any_folder(tmp_path):
    lab_data.write_parquet(tmp_path / "data", pages=1)
    whole = pq.read_table(tmp_path / "data" / "lines.parquet")
    (tmp_path / "data" / "lines.parquet").unlink()
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation", "lines"):
        pq.write_table(whole, tmp_path / "data" / f"{name}.parquet")
    splits = {str(item.source).split("/")[-1].split(":")[0]: item.split for item in read(tmp_path, "parquet")}
    assert splits == {
        "lines.parquet": None,
        "train-00000-of-00002.parquet": "train",
        "train-00001-of-00002.parquet": "train",
        "validation.parquet": "val",
    }


@pytest.mark.parametrize("ending", ["jp2", "jfif", "pgm", "avif", "JPG", "tiff", "webp", "dib", "jpx"])
def test_images_of_every_kind_are_found_beside_their_texts(tmp_path, ending):
    lab_data.write_gt_txt(tmp_path, pages=1, lines=1)
    (png,) = tmp_path.rglob("*.png")
    try:
        with Image.open(png) as image:
            image.save(png.with_suffix(f".{ending}"))
    except (KeyError, ValueError, OSError):
        pytest.skip("the Pillow that is installed does not write it")
    png.unlink()
    (line,) = read(tmp_path, "gt_txt")
    assert isinstance(line, Line)
    assert line.load().size == lab_data.draw_line(line.text).size


def test_images_of_kinds_that_are_not_read_are_said(tmp_path):
    lab_data.write_gt_txt(tmp_path, pages=1, lines=2)
    first, second = sorted(tmp_path.rglob("*.png"))
    shutil.copy(first, first.with_suffix(".psd"))  # of a line whose image is there
    second.rename(second.with_suffix(".heic"))
    (tmp_path / "book.pdf").write_bytes(b"%PDF")
    items = read(tmp_path, "gt_txt")
    faults = {item.where: (item.reason, item.what, item.is_error) for item in items if isinstance(item, Fault)}
    assert faults == {
        str(second.with_suffix(".gt.txt")): (
            "missing image",
            f"its image is {second.stem}.heic, and HEIC is not read: save that as PNG or TIFF",
            True,
        ),
        str(tmp_path / "book.pdf"): (
            "image of a kind that is not read",
            "is passed over: PDF is not read",
            False,
        ),
    }
    assert len(items) == 3


@pytest.mark.parametrize(
    ("kind", "name"), [("gt_txt", "a.gt.txt"), ("gt_txt", "a.png"), ("page", "a.xml"), ("parquet", "a.parquet")]
)
def test_a_pipe_among_the_files_is_named_and_not_waited_for(tmp_path, kind, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match=f"{name}: is a pipe or a device, not a file: remove it"):
        read(tmp_path, kind)


@pytest.mark.parametrize(
    ("kind", "name"), [("gt_txt", "a.gt.txt"), ("gt_txt", "a.png"), ("page", "a.xml"), ("parquet", "a.parquet")]
)
def test_files_of_which_dvc_has_the_only_trace_are_named(tmp_path, kind, name):
    (tmp_path / f"{name}.dvc").write_text("outs: []")
    with pytest.raises(DataError, match=f"{name}: is not here, only {name}.dvc is, which stands for it: run dvc pull"):
        read(tmp_path, kind)
    (tmp_path / "gone.dvc").write_text("outs: []")
    with pytest.raises(DataError, match=r"gone: is not here, only gone\.dvc is, .*: run dvc pull; dataset\.root names"):
        read(tmp_path / "gone", kind)


def test_folders_of_which_dvc_has_the_only_trace_are_named(tmp_path):
    lab_data.write_gt_txt(tmp_path, pages=1)
    (tmp_path / "doc0.dvc").write_text("outs: []")  # and the folder is there
    (tmp_path / "book.pdf.dvc").write_text("outs: []")  # which would not be read
    assert len(read(tmp_path, "gt_txt")) == 4
    (tmp_path / "doc1.dvc").write_text("outs: []")
    with pytest.raises(DataError, match=r"doc1: is not here, only doc1\.dvc is, .*: run dvc pull"):
        read(tmp_path, "gt_txt")


def test_messages_show_what_a_name_is_made_of(tmp_path):
    root = tmp_path / "a\x1b[31m\n\u202eb"
    with pytest.raises(DataError) as caught:
        list(places.files(root, bool))
    assert str(caught.value).startswith(f"{tmp_path}/a\\x1b[31m\\n\\u202eb: no such folder")
    root.mkdir()
    os.mkfifo(root / "c\x9b")
    with pytest.raises(DataError) as caught:
        list(places.files(root, bool))
    assert str(caught.value).startswith(f"{tmp_path}/a\\x1b[31m\\n\\u202eb/c\\x9b: is a pipe")
