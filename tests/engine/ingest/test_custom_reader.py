"""``type: custom``: what stands in labels.txt and images/."""

import os

import lab
import pytest
from PIL import Image

from thulium.data.folder import FolderSplit
from thulium.data.labels import read_labels
from thulium.data.line import Fault
from thulium.ingest.readers import custom
from thulium.runtime.errors import DataError


@pytest.fixture
def folder(tmp_path):
    return lab.write_lines_folder(tmp_path / "train", ["one line", "two  lines"])


def faults_of(folder):
    """The lines of a folder, and what is wrong with its other rows and images."""
    faults: list[Fault] = []
    labels = read_labels(folder, faults)
    unit = custom.LabelsUnit("train", folder / "labels.txt", tuple(labels))
    return list(custom.read(unit, None)), [str(fault).replace(str(folder), "F") for fault in faults]


def rows(folder):
    return (folder / "labels.txt").read_text(encoding="utf-8").splitlines()


def write(folder, *lines, ending="\n"):
    (folder / "labels.txt").write_bytes(ending.join([*lines, ""]).encode())


def test_a_row_is_a_name_and_a_text_with_spaces(folder):
    lines, faults = faults_of(folder)
    assert faults == []
    assert [line.text for line in lines] == ["one line", "two  lines"]
    assert [line.id for line in lines] == [row.split()[0] for row in rows(folder)]
    assert {line.load().mode for line in lines} == {"L"}


def test_what_other_editors_write_is_read(folder):
    whole = rows(folder)
    (folder / "labels.txt").write_bytes(("\ufeff" + "\r\n".join([*whole, "", ""])).encode("utf-8"))
    lines, faults = faults_of(folder)
    assert (len(lines), faults) == (2, [])


def test_every_bad_row_is_named_at_once(folder):
    first, second = (row.split()[0] for row in rows(folder))
    write(folder, f"{first} one", f"{first} again", "gone.png text", "../../x.png text", second, "alone")
    lines, faults = faults_of(folder)
    assert [line.text for line in lines] == ["one"]
    assert faults == [
        f"F/labels.txt:2: the image {first} has a row already, row 1: keep one of them",
        "F/labels.txt:3: there is no image F/images/gone.png (add the image, or remove the row)",
        "F/labels.txt:4: the image name '../../x.png' points out of F/images: "
        "put the image there, and name it from there",
        f"F/labels.txt:5: the image {second} has no transcription: "
        "write it behind the name, or remove the row and the image",
        "F/labels.txt:6: there is no image F/images/alone (the row should be: image_filename text, or remove the row)",
    ]


def test_an_image_that_no_row_names_is_a_fault(folder):
    Image.new("L", (9, 9)).save(folder / "images" / "left.png")
    (folder / "images" / "Thumbs.db").write_bytes(b"not an image by its name")
    assert faults_of(folder)[1] == [
        "F/images/left.png: no row of F/labels.txt names this image: add one, or remove the image"
    ]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "labels.txt").unlink(), r"labels\.txt: no such file"),
        (lambda f: (f / "labels.txt").write_text(" \n\n"), r"labels\.txt:1: is empty"),
        (lambda f: (f / "labels.txt").write_bytes(b"a.png x\nb.png \xe9t\xe9"), r"labels\.txt:2: is not UTF-8"),
        (lambda f: (f / "images").rename(f / "pictures"), r"images: no such folder"),
    ],
)
def test_a_folder_that_is_none_is_an_error(folder, spoil, message):
    spoil(folder)
    with pytest.raises(DataError, match=message):
        faults_of(folder)


def test_links_are_followed_since_dvc_may_keep_data_behind_them(folder, tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "outside.png")
    (folder / "images" / "link.png").symlink_to(tmp_path / "outside.png")
    write(folder, *rows(folder), "link.png text")
    assert [line.text for line in faults_of(folder)[0]][2:] == ["text"]
    assert faults_of(folder)[1] == []


def test_one_image_named_in_two_ways_is_one_image(folder):
    first, second = (row.split()[0] for row in rows(folder))
    write(folder, f"{first} one", f"./{first} again", f"{second} two")
    assert faults_of(folder)[1] == [f"F/labels.txt:2: the image ./{first} has a row already, row 1: keep one of them"]


def test_accents_are_one_letter_in_names_whatever_the_file_system_writes(folder):
    Image.new("L", (9, 9)).save(folder / "images" / "e\u0301.png")
    write(folder, *rows(folder), "é.png text")
    lines, faults = faults_of(folder)
    assert (lines[2].id, faults) == ("é.png", [])


def test_folders_below_images_are_read(folder):
    (folder / "images" / "page 1").mkdir()
    (folder / "images" / "p2").mkdir()
    Image.new("L", (9, 9)).save(folder / "images" / "p2" / "a.png")
    write(folder, *rows(folder), "p2/a.png text")
    lines, faults = faults_of(folder)
    assert (lines[2].id, faults) == ("p2/a.png", [])


def test_rows_that_are_no_rows_say_so(folder):
    first = rows(folder)[0].split()[0]
    write(folder, *rows(folder), f"{first}\ttext", "字" * 300)
    faults = faults_of(folder)[1]
    assert faults[0] == "F/labels.txt:3: a tab stands where a space should divide name and text: write a space"
    assert faults[1].startswith("F/labels.txt:4: there is no image ")
    assert len(faults[1]) < 250


def test_names_without_their_ending_or_with_another_say_which_image_is_meant(folder):
    first, second = (row.split()[0] for row in rows(folder))
    write(folder, f"{first.removesuffix('.png')} one line", f"{second.replace('.png', '.tif')} two", "gone text")
    faults = faults_of(folder)[1]
    assert faults[:3] == [
        f"F/labels.txt:1: there is no image F/images/{first.removesuffix('.png')} "
        f"(did you mean {first}? write the whole name, with its ending)",
        f"F/labels.txt:2: there is no image F/images/{second.replace('.png', '.tif')} "
        f"(did you mean {second}? write the whole name, with its ending)",
        "F/labels.txt:3: there is no image F/images/gone (the row should be: image_filename text, or remove the row)",
    ]


def test_images_of_every_kind_are_seen(folder):
    for name in ("a.jp2", "b.JFIF", "c.pgm"):
        (folder / "images" / name).write_bytes(b"")
    (folder / "images" / "d.pdf").write_bytes(b"")
    assert faults_of(folder)[1] == [
        *(
            f"F/images/{name}: no row of F/labels.txt names this image: add one, or remove the image"
            for name in ("a.jp2", "b.JFIF", "c.pgm")
        ),
        "F/images/d.pdf: is passed over: no row of F/labels.txt names it, and PDF is not read",
    ]


def test_a_pipe_for_labels_is_not_waited_for(folder):
    (folder / "labels.txt").unlink()
    os.mkfifo(folder / "labels.txt")
    with pytest.raises(DataError, match=r"labels\.txt: is not a file"):
        read_labels(folder, [])


def test_a_folder_for_scripts_is_strict_about_lines_and_not_about_what_lies_beside(folder):
    (folder / "images" / "book.pdf").write_bytes(b"%PDF")
    split = FolderSplit(folder)
    assert split.image(0).size == (split.widths[0], split.height)
    path = folder / "images" / split.ids[0]
    path.write_bytes(b"no image")
    with pytest.raises(DataError, match=f"{path.name}: the image is not an image that can be read"):
        split.image(0)
