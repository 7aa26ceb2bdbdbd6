"""prepare, as a function."""

import json
from dataclasses import replace
from functools import partial

import lab
import pytest
from PIL import Image

from thulium.data.shards import Split
from thulium.ingest import found
from thulium.runtime.documents import defaults
from thulium.runtime.errors import DataError
from thulium.stages import prepare as stage


@pytest.fixture
def dataset(tmp_path):
    texts = {
        "train": ["cafe\u0301 noir", "a line that is much longer than it should be"],
        "val": ["xyz"],
        "test": ["café"],
    }
    folders = {f"{name}_dir": str(lab.write_lines_folder(tmp_path / name, lines)) for name, lines in texts.items()}
    return replace(defaults().dataset, **folders)


@pytest.fixture
def prepare(experiment):
    return partial(stage.prepare, resources=experiment.resources)


@pytest.fixture
def preprocessing(experiment):
    return replace(experiment.preprocessing, max_width=200)


def test_the_report_counts_what_a_person_should_look_at(prepare, dataset, preprocessing, tmp_path):
    report = prepare(dataset=dataset, preprocessing=preprocessing, out=tmp_path / "out")
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report == written | {"changed_split": {"pages": [], "error": ""}}
    assert {name: split["lines"] for name, split in report["splits"].items()} == {"train": 2, "val": 1, "test": 1}
    assert report["characters_not_in_train"] == {"val": {"x": 1, "y": 1, "z": 1}, "test": {}}
    assert Split(tmp_path / "out" / "train").texts[0] == "café noir"
    characters = {row["character"]: row for row in json.loads((tmp_path / "out" / "charset.json").read_text())}
    assert characters["é"] == {
        "character": "é",
        "code_point": "U+00E9",
        "name": "LATIN SMALL LETTER E WITH ACUTE",
        "train": 1,
        "val": 0,
        "test": 1,
    }


@pytest.mark.parametrize("policy", ["squeeze", "skip", "error"])
def test_wide_lines(prepare, dataset, preprocessing, tmp_path, policy):
    spec = replace(preprocessing, wide_lines=policy)
    if policy == "error":
        with pytest.raises(DataError, match=r"is wider than preprocessing\.max_width \(200 pixels at height 24\)"):
            prepare(dataset=dataset, preprocessing=spec, out=tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return
    report = prepare(dataset=dataset, preprocessing=spec, out=tmp_path / "out")
    split, skipped = report["splits"]["train"], report["skipped"].get("too wide", {"count": 0})["count"]
    assert (split["lines"], split["width_max"] <= 200) == (2 if policy == "squeeze" else 1, True)
    assert [len(split["squeezed_too_wide"]), skipped] == ([1, 0] if policy == "squeeze" else [0, 1])


def test_the_same_image_in_two_splits_is_refused_unless_the_document_allows_it(
    prepare, dataset, preprocessing, tmp_path
):
    lab.write_lines_folder(tmp_path / "leak", ["xyz"])
    leaking = replace(dataset, test_dir=str(tmp_path / "leak"))
    with pytest.raises(DataError) as error:
        prepare(dataset=leaking, preprocessing=preprocessing, out=tmp_path / "out")
    first, second = (tmp_path / folder / "images" / "000.png" for folder in ("val", "leak"))
    assert str(error.value) == (
        f"{first}: is the same image as {second}, and the one is in val, the other in test: remove one of them, or set "
        "dataset.allow_overlap to true\n1 problem in the data; nothing was written"
    )
    assert not (tmp_path / "out").exists()
    report = prepare(dataset=replace(leaking, allow_overlap=True), preprocessing=preprocessing, out=tmp_path / "out")
    assert report["same_image_in_two_splits"] == [[str(first), str(second)]]


def test_faults_and_what_stands_in_two_splits_are_named_at_once(prepare, dataset, preprocessing, tmp_path):
    lab.write_lines_folder(tmp_path / "leak", ["xyz"])
    (tmp_path / "train" / "images" / "000.png").write_bytes(b"")
    leaking = replace(dataset, test_dir=str(tmp_path / "leak"))
    both = r"(?s)000\.png: the image .*\n.*is the same image as .*\n2 problems in the data"
    with pytest.raises(DataError, match=both):
        prepare(dataset=leaking, preprocessing=preprocessing, out=tmp_path / "out")
    skipping = replace(leaking, on_error="skip", max_skipped=1.0)
    with pytest.raises(DataError, match=r"is the same image as .*\n1 problem in the data"):
        prepare(dataset=skipping, preprocessing=preprocessing, out=tmp_path / "out")


def test_copies_of_a_page_in_two_splits_are_one_problem(prepare, dataset, preprocessing, tmp_path):
    texts = [f"line {number}" for number in range(5)]
    for split, page in (("train", "p1"), ("test", "p2")):
        folder = lab.write_lines_folder(tmp_path / f"more-{split}", texts)
        (folder / "images").rename(folder / page)
        (folder / "images").mkdir()
        (folder / page).rename(folder / "images" / page)
        rows = "".join(f"{page}/{number:03}.png {text}\n" for number, text in enumerate(texts))
        (folder / "labels.txt").write_text(rows)
    copied = replace(dataset, train_dir=str(tmp_path / "more-train"), test_dir=str(tmp_path / "more-test"))
    with pytest.raises(DataError, match=r"as are 4 more of the pages 'p1' and 'p2'.*\n1 problem in the data"):
        prepare(dataset=copied, preprocessing=preprocessing, out=tmp_path / "out")


@pytest.mark.parametrize(("size", "is_refused"), [((3, 8), False), ((400, 11), True)])
def test_specks_may_be_alike_by_chance_and_lines_may_not(size, is_refused, prepare, dataset, preprocessing, tmp_path):
    speck = Image.new("L", size, 235)
    speck.paste(20, (1, 2, size[0] // 2, 6))
    for split in ("train", "val"):
        speck.save(tmp_path / split / "images" / "000.png")
    if not is_refused:
        prepare(dataset=dataset, preprocessing=preprocessing, out=tmp_path / "out")
        return
    with pytest.raises(DataError, match="is the same image as"):
        prepare(dataset=dataset, preprocessing=preprocessing, out=tmp_path / "out")


def test_a_failure_leaves_what_was_there_and_nothing_half_written(prepare, dataset, preprocessing, tmp_path):
    prepare(dataset=dataset, preprocessing=preprocessing, out=tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    (tmp_path / "val" / "labels.txt").write_text("gone.png text\n")
    with pytest.raises(DataError, match=r"(?s)labels\.txt:1: there is no image.*2 problems in the data"):
        prepare(dataset=dataset, preprocessing=preprocessing, out=tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    assert not list(tmp_path.glob("*.unfinished"))


def test_the_same_data_make_the_same_bytes(prepare, dataset, preprocessing, tmp_path):
    files = []
    for name in "ab":
        prepare(dataset=dataset, preprocessing=preprocessing, out=tmp_path / name)
        files.append(
            {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
        )
    assert files[0] == files[1]


class Cut(BaseException):
    """The process is gone, as far as prepare can tell."""


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_dry_run_that_was_cut_can_be_run_again(experiment, dataset, preprocessing, tmp_path, monkeypatch, written):
    parts = {"dataset": dataset, "preprocessing": preprocessing, "resources": experiment.resources}
    left = [written]

    def cut(write):
        def cut_or_write(*arguments):
            if not left[0]:
                raise Cut
            left[0] -= 1
            write(*arguments)

        return cut_or_write

    for name in ("_write_json", "write_page"):
        monkeypatch.setattr(found, name, cut(getattr(found, name)))
    with pytest.raises(Cut):
        stage.check(**parts, out=tmp_path / "out")
    assert len(lab.digests(tmp_path / "out", ".")) == written
    monkeypatch.undo()
    stage.check(**parts, out=tmp_path / "out")
    stage.check(**parts, out=tmp_path / "whole")
    assert lab.digests(tmp_path / "out", ".") == lab.digests(tmp_path / "whole", ".")
