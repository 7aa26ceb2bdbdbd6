"""Lines that nobody has transcribed: every reader yields them, and a model reads them as it reads others."""

from __future__ import annotations

import shutil
import weakref
from dataclasses import replace
from pathlib import Path
from random import Random

import lab
import lab_data
import lab_reading
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from thulium.data.line import Fault, Unread
from thulium.data.loader import LineLoader
from thulium.data.shards import Split
from thulium.evaluation.recognise import judge
from thulium.ingest import unread as stream
from thulium.ingest.readers import READERS
from thulium.ingest.readers.images import lines_of_images
from thulium.ingest.unread import unread
from thulium.models import recogniser as reading
from thulium.runtime.errors import DataError
from thulium.stages.prepare import prepare
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

SPLITS = ("train", "val", "test")
BY_LINE = "split: {by: line, val: 0.3, test: 0.3}, allow_overlap: true"


@pytest.fixture(scope="module")
def recogniser(experiment):
    return lab_reading.reader(experiment)


def dataset_of(text):
    return experiment_of(parse(f"dataset: {{{text}}}")).dataset


def write(kind, root):
    """A small data set of a kind, with transcriptions."""
    if kind == "custom":
        lab.write_data(root)
    elif kind == "gt_txt":
        lab_data.write_gt_txt(root)
    elif kind == "parquet":
        lab_data.write_parquet(root)
    else:
        lab_data.write_pages(root, kind)
    places = ", ".join(f"{split}_dir: '{root / split}'" for split in SPLITS) if kind == "custom" else f"root: '{root}'"
    return dataset_of(f"type: {kind}, {places}" + ("" if kind == "custom" else f", {BY_LINE}"))


def key_of(kind, split, line_id):
    return (split, line_id) if kind == "custom" else line_id


@pytest.mark.parametrize("kind", ["custom", "gt_txt", "page", "alto", "parquet"])
def test_a_line_is_read_alike_with_and_without_a_transcription(kind, experiment, recogniser, tmp_path):
    root, out = tmp_path / "data", tmp_path / "prepared"
    dataset, preprocessing = write(kind, root), experiment.preprocessing
    prepare(dataset=dataset, preprocessing=preprocessing, resources=experiment.resources, out=out)
    expected = {
        key_of(kind, split, result.id): result.prediction
        for split in SPLITS
        for result in judge(recogniser, LineLoader(Split(out / split), batch_size=5, shuffle=False)).results
    }
    lab_data.take_the_texts(kind, root)
    with pytest.raises(DataError):
        prepare(dataset=dataset, preprocessing=preprocessing, resources=experiment.resources, out=tmp_path / "none")
    lines = list(recogniser.read_lines(unread(dataset, preprocessing)))
    assert [line for line in lines if isinstance(line, Fault)] == []
    assert {line.text for line in lines} == {""}
    assert {key_of(kind, line.origin.split, line.origin.id): line.reading.text for line in lines} == expected
    assert len(lines) == len(expected)
    assert len(set(expected.values()) - {""}) > 10


@pytest.mark.parametrize("kind", ["custom", "gt_txt", "page", "alto", "parquet", "synthetic"])
def test_lines_come_in_the_order_of_their_source_and_keep_their_texts(kind, experiment, tmp_path):
    dataset = experiment.dataset if kind == "synthetic" else write(kind, tmp_path / "data")
    reader = READERS[kind]
    with_texts = [line for unit in reader.units(dataset) for line in reader.read(unit, dataset)]
    lines = list(unread(dataset, experiment.preprocessing))
    assert [(line.id, line.page, line.source) for line in lines] == [(x.id, x.page, x.source) for x in with_texts]
    assert [line.text for line in lines] == [" ".join(x.text.split()) for x in with_texts]


def found(dataset, experiment):
    """Ids of the lines, and what is said of the others."""
    items = list(unread(dataset, experiment.preprocessing))
    lines = [item for item in items if isinstance(item, Unread)]
    return [line.id for line in lines], [item.reason for item in items if isinstance(item, Fault)], lines


def test_an_image_without_its_row_is_a_line_and_a_row_without_its_image_is_a_fault(experiment, tmp_path):
    dataset = write("custom", tmp_path)
    train = tmp_path / "train"
    (train / "labels.txt").write_text(
        "000.png\n001.png one\n001.png other\ngone.png text\n../002.png text\n003.png\ttab\n"
    )
    (train / "images" / "two words.png").write_bytes((train / "images" / "000.png").read_bytes())
    (train / "images" / "scan.heic").write_bytes(b"")
    (train / "images" / "broken.png").write_bytes(b"no image")
    ids, reasons, lines = found(dataset, experiment)
    assert ids[:9] == [*(f"{number:03}.png" for number in range(8)), "two words.png"]
    assert [line.text for line in lines[:3]] == ["", "one", ""]
    assert sorted(reasons) == [
        "image of a kind that is not read",
        "missing image",
        "name outside the folder",
        "not a row",
        "unreadable image",
    ]


def test_a_folder_may_have_no_labels_but_not_no_images(experiment, tmp_path):
    dataset = write("custom", tmp_path)
    for split in SPLITS:
        (tmp_path / split / "labels.txt").unlink()
    (tmp_path / "train" / "labels.txt").write_text("\n")
    assert len(found(dataset, experiment)[0]) == sum(map(len, lab.TEXTS.values()))
    shutil.rmtree(tmp_path / "val" / "images")
    with pytest.raises(DataError, match=r"val/images: no such folder; put the line images there"):
        unread(dataset, experiment.preprocessing)


def test_images_without_texts_go_by_the_names_that_texts_would_have(experiment, tmp_path):
    for name in ("a.png", "b.nrm.png", "c.png", "c.jpg", "d.png", "e.png", "f.bin.png"):
        lab_data.draw_line(name).save(tmp_path / name)
    (tmp_path / "d.gt.txt").write_text("d")
    (tmp_path / "gone.gt.txt").write_text("gone")
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    options = "page_pattern: 'page(.)', exclude: [e.gt.txt, '*.bin.png']"
    ids, reasons, lines = found(dataset_of(f"type: gt_txt, root: '{tmp_path}', {options}"), experiment)
    assert ids == ["a", "b", "d"]  # though no page is known of any
    assert [line.text for line in lines] == ["", "", "d"]
    assert sorted(reasons) == [
        "excluded",
        "excluded",
        "image of a kind that is not read",
        "missing image",
        "two images of one name",
    ]
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"holds no images of lines; dataset\.root names the folder of the data"):
        unread(dataset_of(f"type: gt_txt, root: '{tmp_path}'"), experiment.preprocessing)


@pytest.mark.parametrize("kind", ["page", "alto"])
def test_what_is_wrong_with_an_outline_stays_a_fault_whatever_the_text_is(kind, experiment, tmp_path):
    dataset = write(kind, tmp_path)
    first, second, third, *_ = sorted(tmp_path.rglob("*.xml"))
    part, text = ("Coords", "TextEquiv") if kind == "page" else ("Polygon", "String")
    lab_data.change(first, (f"<{part} ", f'<x:{part} xmlns:x="urn:x" '), (f'(<x:{part} [^>]*)"', r'\1"'))
    lab_data.change(second, (f"<{text}([ >].*?)(</{text}>|/>)", "")) if kind == "alto" else None
    lab_data.change(third, (r"(\d+),(\d+) (\d+),(\d+)", "1,1 1,1"))
    ids, reasons, _ = found(dataset, experiment)
    assert reasons.count("part of another namespace") == 4
    assert len(ids) + len(reasons) == 24
    assert len(ids) >= 16


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("page", "<Unicode>", "<Unicode><b xmlns='urn:x'/>"),
        ("page", "<TextEquiv", "<x:TextEquiv xmlns:x='urn:x'/><TextEquiv"),
        ("page", "</Unicode>", "x" * 6000 + "</Unicode>"),
        ("page", "<Unicode>[^<]*", "<Unicode>\u200b\u00a0 "),
        ("alto", "<String", "<String HPOS='1' CONTENT='a'/><String HPOS='1' CONTENT='b'/><String HPOS='2'"),
        ("alto", "<String", "<x:String xmlns:x='urn:x'/><String"),
    ],
)
def test_a_line_that_only_its_text_is_wrong_with_is_read(kind, old, new, experiment, tmp_path):
    dataset = write(kind, tmp_path)
    for file in tmp_path.rglob("*.xml"):
        lab_data.change(file, (old, new))
    reader = READERS[kind]
    ids, reasons, lines = found(dataset, experiment)
    assert (len(ids), reasons) == (24, [])
    with_texts = [item for unit in reader.units(dataset) for item in reader.read(unit, dataset)]
    lost = [item for item in with_texts if isinstance(item, Fault)]
    assert len([line for line in lines if not line.text]) >= len(lost)


@pytest.mark.parametrize("blank", ["\u200b", "\ufeff \u00ad"])
def test_what_nobody_sees_is_no_transcription(blank, experiment, tmp_path):
    for kind, begin, text in (("page", "<Unicode>", "[^<]*"), ("alto", 'CONTENT="', '[^"]*')):
        dataset = write(kind, tmp_path / kind)
        for file in (tmp_path / kind).rglob("*.xml"):
            lab_data.change(file, (begin + text, begin + blank))
        reader = READERS[kind]
        items = [item for unit in reader.units(dataset) for item in reader.read(unit, dataset)]
        assert {(item.reason, item.is_error) for item in items} == {("no transcription", False)}


def test_a_line_that_the_document_leaves_out_by_its_type_stays_left_out(experiment, tmp_path):
    dataset = replace(write("page", tmp_path), line_types=("note",))
    lab_data.take_the_texts("page", tmp_path)
    ids, reasons, _ = found(dataset, experiment)
    assert (len(ids), set(reasons)) == (6, {"line type"})


def test_two_files_about_one_image_are_one_too_many_to_read_as_well(experiment, tmp_path):
    dataset = write("alto", tmp_path)
    file = sorted(tmp_path.rglob("*.xml"))[0]
    lab_data.take_the_texts("alto", tmp_path)
    shutil.copy(file, file.with_name(f"{file.stem}.old.xml"))
    ids, reasons, _ = found(dataset, experiment)
    assert (len(ids), reasons) == (24, ["two files for one image"])


def test_cells_of_a_table_may_be_empty_or_no_texts(experiment, tmp_path):
    images = [lab_data.png_of(lab_data.draw_line(text)) for text in "abcd"]
    bad = pa.array([b"good", None, b"\xff\xfe", b" "], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"image": images, "text": bad, "number": [1, 2, 3, 4]}), tmp_path / "t.parquet")
    dataset = dataset_of(f"type: parquet, root: '{tmp_path}'")
    ids, reasons, lines = found(dataset, experiment)
    assert (ids, reasons) == (["t/1", "t/2", "t/3", "t/4"], [])
    assert [line.text for line in lines] == ["good", "", "", ""]
    assert [line.text for line in found(replace(dataset, text_column="number"), experiment)[2]] == [""] * 4
    with pytest.raises(DataError, match=r"has no column 'picture'"):
        unread(replace(dataset, image_column="picture"), experiment.preprocessing)


def test_lists_splits_and_the_charset_are_not_asked(experiment, tmp_path):
    dataset = write("page", tmp_path / "data")
    dataset = replace(dataset, train_list="gone", val_list="gone", test_list="gone", writers="gone")
    dataset = replace(dataset, text=replace(dataset.text, charset="gone.txt"))
    assert len(found(dataset, experiment)[0]) == 24


def test_a_folder_of_images_is_read_with_what_lies_in_it(experiment, recogniser, tmp_path):
    for name in ("b.png", "a.png", "deep/er/c.jpg", ".hidden.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        lab_data.draw_line("Anno 1742").save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    (tmp_path / "y.png.dvc").write_text("outs:\n- md5: 0\n  path: y.png\n")
    (tmp_path / "z.png").write_bytes(b"%PDF")
    items = list(recogniser.read_lines(unread(tmp_path, experiment.preprocessing)))
    lines = [item for item in items if not isinstance(item, Fault)]
    assert [(line.origin.id, line.origin.page, line.origin.document) for line in lines] == [
        ("a.png", "a.png", "."),
        ("b.png", "b.png", "."),
        ("deep/er/c.jpg", "deep/er", "deep"),
    ]
    assert [str(item) for item in items if isinstance(item, Fault)] == [
        f"{tmp_path}/y.png: is not here, only y.png.dvc is, which stands for it: run dvc pull",
        f"{tmp_path}/scan.pdf: is passed over: PDF is not read",
        f"{tmp_path}/z.png: the image is a PDF, which is not read: save it as PNG or as TIFF with 8 bits, or remove it",
    ]
    assert lines[0].reading == lines[1].reading
    (text,) = recogniser.read([tmp_path / "a.png"])
    assert lines[0].reading == text


def test_paths_are_named_as_they_were_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("x/1.png", "y/1.png", "2"):
        Path(name).parent.mkdir(exist_ok=True)
        lab_data.draw_line("a").save(name, "PNG")
    items = list(lines_of_images(["x", Path("y/1.png"), "2", "y/1.png"]))
    assert [item.id for item in items[:3]] == ["x/1.png", "y/1.png", "2"]
    assert str(items[3]) == "y/1.png: has the name of y/1.png: name it once, or rename one of them"
    Path("empty").mkdir()
    with pytest.raises(DataError) as caught:
        lines_of_images(["gone", "empty", "x"])
    assert str(caught.value).split("\n")[:2] == [
        "gone: there is no such file or folder: correct the path",
        "empty: holds no images that are read, such as .png, .jpg or .tif: name the folder of the line images",
    ]


def test_too_wide_a_line_is_treated_as_the_preprocessing_says(experiment, tmp_path):
    lab_data.draw_line("wide", width=4000).save(tmp_path / "wide.png")
    for policy, expected in (("squeeze", None), ("skip", False), ("error", True)):
        (item,) = unread(tmp_path, replace(experiment.preprocessing, wide_lines=policy, max_width=300))
        assert (item.is_error if isinstance(item, Fault) else None) is expected


def test_a_stream_is_read_in_its_order_with_its_faults_in_their_places(experiment, recogniser, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "WINDOW", 4)
    for number in range(11):
        lab_data.draw_line("x" * (1 + number * 5 % 7)).save(tmp_path / f"{number:02}.png")
    for broken in ("03.png", "07.png"):
        (tmp_path / broken).write_bytes(b"")
    items = list(recogniser.read_lines(unread(tmp_path, experiment.preprocessing), in_detail=True))
    names = [Path(item.where).name if isinstance(item, Fault) else item.origin.id for item in items]
    assert names == [f"{number:02}.png" for number in range(11)]
    assert [number for number, item in enumerate(items) if isinstance(item, Fault)] == [3, 7]
    assert all(item.reading.characters for item in items if not isinstance(item, Fault) and item.reading.text)


def test_lines_of_another_preprocessing_are_refused(experiment, recogniser, tmp_path):
    lab_data.draw_line("a").save(tmp_path / "a.png")
    lines = unread(tmp_path, replace(experiment.preprocessing, height=32))
    with pytest.raises(ValueError, match=r"a\.png: has 32x32 pixels, and the model reads lines that are .* 24 high"):
        next(recogniser.read_lines(lines))


def test_reading_a_stream_keeps_no_image(experiment, recogniser, tmp_path, monkeypatch):
    """Neither of a table of one row group, nor of pages, nor of a folder, however many lines there are."""
    monkeypatch.setattr(reading, "WINDOW", 8)
    met: list[weakref.ref[Image.Image]] = []
    preprocess = stream.unread_line.__globals__["preprocess"]

    def watched(image, preprocessing):
        prepared = preprocess(image, preprocessing)
        prepared = prepared.copy() if prepared is image else prepared
        met.extend((weakref.ref(image), weakref.ref(prepared)))
        return prepared

    monkeypatch.setitem(stream.unread_line.__globals__, "preprocess", watched)
    rows = [{"image": lab_data.png_of(lab_data.draw_line(f"line {number}"))} for number in range(60)]
    (tmp_path / "table").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "table" / "t.parquet")
    table = dataset_of(f"type: parquet, root: '{tmp_path / 'table'}'")
    pages = write("page", tmp_path / "pages")
    lab_data.write_gt_txt(tmp_path / "folder", pages=12, lines=5)
    for data, num_lines, most in ((table, 60, 10), (pages, 24, 18), (tmp_path / "folder", 60, 10)):
        counts, descriptors = [], []
        for _ in recogniser.read_lines(unread(data, experiment.preprocessing)):
            counts.append(sum(image() is not None for image in met))
            descriptors.append(len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0)
        assert len(counts) == num_lines
        assert max(counts) <= most, "images are kept"
        assert max(descriptors) - min(descriptors) <= 1, "files are kept open"
    assert [image for image in met if image() is not None] == []


def test_a_table_of_one_row_group_is_not_read_at_once(tmp_path):
    rows = {"image": [Random(number).randbytes(20_000) for number in range(1000)]}
    as_they_are = {"use_dictionary": False, "compression": "none", "write_batch_size": 16}
    pq.write_table(pa.table(rows), tmp_path / "t.parquet", **as_they_are)
    dataset = dataset_of(f"type: parquet, root: '{tmp_path}'")
    (unit,) = READERS["parquet"].units(dataset, needs_text=False)
    del rows
    before, most = pa.total_allocated_bytes(), 0
    for _ in READERS["parquet"].read(unit, dataset, needs_text=False):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 10_000_000 < (tmp_path / "t.parquet").stat().st_size


def test_a_stream_is_taken_no_further_than_it_is_asked_for(experiment, recogniser, monkeypatch):
    monkeypatch.setattr(reading, "WINDOW", 4)
    taken = []

    def lines():
        for line in unread(experiment.dataset, experiment.preprocessing):
            taken.append(line.id)
            yield line

    given = recogniser.read_lines(lines())
    next(given)
    assert len(taken) == 4


def test_what_is_prepared_still_needs_its_texts(experiment, tmp_path):
    """A reader that yields a line without a transcription all the same is caught before it is written."""
    from thulium.data.line import Line
    from thulium.ingest.conversion import Converter

    line = Line(id="a", text="", page="a", document=".", source="a.png", load=lambda: Image.new("L", (50, 20), 255))
    converter = Converter(dataset=experiment.dataset, preprocessing=experiment.preprocessing, symbols=None)
    assert converter._line(line).reason == "no transcription"


def test_array_images_are_one_line_of_bytes(recogniser):
    image = lab_data.draw_line("Anno 1742")
    same = [image, np.asarray(image), image.convert("RGB"), image.convert("RGBA"), image.convert("1").convert("L")]
    first, second, third, fourth, _ = recogniser.read(same)
    assert first == second == third == fourth
