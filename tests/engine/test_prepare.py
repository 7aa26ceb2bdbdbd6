"""prepare, as a function."""

import json
from dataclasses import replace
from functools import partial

import lab
import pytest

from thulium.data.shards import Split
from thulium.documents import defaults
from thulium.errors import DataError
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
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
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


def test_the_same_image_in_two_splits_is_named(prepare, dataset, preprocessing, tmp_path):
    lab.write_lines_folder(tmp_path / "leak", ["xyz"])
    leaking = replace(dataset, test_dir=str(tmp_path / "leak"))
    report = prepare(dataset=leaking, preprocessing=preprocessing, out=tmp_path / "out")
    assert [len(sources) for sources in report["same_image_in_two_splits"]] == [2]


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
