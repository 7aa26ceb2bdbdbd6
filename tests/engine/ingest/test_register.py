"""Pages that came to be in another split than before are named."""

import shutil
from dataclasses import replace
from functools import partial

import lab
import lab_data
import pytest

from thulium.cli import warnings
from thulium.data.prepared import open_prepared
from thulium.ingest.splitting import SPLITS, hashed
from thulium.stages import prepare as stage
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

PAGES = 12


def dataset_of(root, kind="page", seed=1, **changes):
    text = f"dataset: {{type: {kind}, root: '{root}', split: {{val: 0.3, test: 0.3, seed: {seed}}}}}"
    return replace(experiment_of(parse(text)).dataset, **changes)


def seeds():
    """Two seeds that give each split something, of the archive and of the half of it, and differ in some page."""
    names = [f"p{page}" for page in range(PAGES)]
    found = []
    for seed in range(1000):
        spec = dataset_of("x", seed=seed).split
        splits = [hashed(name, spec) for name in names]
        paths = [hashed(f"doc{page % 3}/p{page}", spec) for page in range(PAGES)]
        if all(set(some) == set(SPLITS) for some in (splits, splits[: PAGES // 2], paths)) and splits != paths:
            found.append((seed, dict(zip(names, splits))))
    return found[0], next(other for other in found if other[1] != found[0][1])


(SEED, SPLIT_OF), (OTHER, OTHER_SPLIT_OF) = seeds()
MOVED = {name for name in SPLIT_OF if SPLIT_OF[name] != OTHER_SPLIT_OF[name]}


@pytest.fixture
def root(tmp_path):
    lab_data.write_pages(tmp_path / "pages", "page", PAGES)
    return tmp_path / "pages"


@pytest.fixture
def prepare(experiment, tmp_path):
    more = {"preprocessing": experiment.preprocessing, "resources": experiment.resources}
    return partial(stage.prepare, out=tmp_path / "prepared", **more)


def moved(report):
    return {page["page"].rpartition("/")[2]: (page["before"], page["now"]) for page in report["changed_split"]["pages"]}


def splits(out):
    data = open_prepared(out)
    return {page.rpartition("/")[2]: split for split in SPLITS for page in data.split(split).pages}


def test_another_seed_moves_pages_and_that_is_said(prepare, root):
    assert moved(prepare(dataset=dataset_of(root, seed=SEED))) == {}
    assert moved(prepare(dataset=dataset_of(root, seed=SEED))) == {}
    report = prepare(dataset=dataset_of(root, seed=OTHER))
    assert moved(report) == {name: (SPLIT_OF[name], OTHER_SPLIT_OF[name]) for name in MOVED}
    first = report["changed_split"]["pages"][0]
    warning = next(text for text in warnings.of(report, dataset_of(root)) if "known page" in text)
    assert warning.startswith(
        f"{len(MOVED)} known page{'s' if len(MOVED) > 1 else ''} changed split: {first['page']} ("
    )
    assert warning.endswith("; results before and after cannot be compared")


def test_the_same_pages_in_another_folder_are_in_the_same_splits(prepare, root, tmp_path):
    prepare(dataset=dataset_of(root, seed=SEED))
    before = splits(tmp_path / "prepared")
    for place in (tmp_path / "export 2" / "all" / "page", tmp_path / "flat"):
        place.mkdir(parents=True)
        for file in root.rglob("p*.*"):
            shutil.copy(file, place.parent if file.suffix == ".png" and place.name == "page" else place)
        again = place.parent.parent if place.name == "page" else place
        report = prepare(dataset=dataset_of(again, seed=SEED))
        assert moved(report) == {}
        assert splits(tmp_path / "prepared") == before == SPLIT_OF


def test_another_transcription_of_the_same_images_is_split_alike(prepare, root, tmp_path):
    prepare(dataset=dataset_of(root, seed=SEED))
    for file in root.rglob("*.xml"):
        file.rename(file.with_suffix(".norm.xml"))
    assert moved(prepare(dataset=dataset_of(root, seed=SEED))) == {}
    assert splits(tmp_path / "prepared") == {f"{name}.norm": split for name, split in SPLIT_OF.items()}


def test_pages_are_known_by_their_lines_whatever_they_are_called(prepare, root):
    prepare(dataset=dataset_of(root, seed=SEED))
    names = [f"p{page}" for page in range(PAGES)]
    for old, new in zip(names, [*names[1:], names[0]]):  # numbered anew
        for file in root.rglob(f"{old}.*"):
            file.rename(file.with_name(f"new-{new}{file.suffix}"))
    for file in root.rglob("new-*"):
        file.rename(file.with_name(file.name.removeprefix("new-")))
        if file.suffix == ".xml":
            lab.edit(file.with_name(file.name.removeprefix("new-")), 'imageFilename="p', 'imageFilename="elsewhere/x')
    expected = {
        new: (SPLIT_OF[old], SPLIT_OF[new])
        for old, new in zip(names, [*names[1:], names[0]])
        if SPLIT_OF[old] != SPLIT_OF[new]
    }
    assert moved(prepare(dataset=dataset_of(root, seed=SEED))) == expected


def test_new_pages_move_none(prepare, root):
    for page in range(PAGES // 2, PAGES):
        for file in root.rglob(f"p{page}.*"):
            file.rename(root.parent / file.name)
    prepare(dataset=dataset_of(root, seed=SEED))
    for file in root.parent.glob("p*.*"):
        file.rename(root / file.name)
    assert moved(prepare(dataset=dataset_of(root, seed=SEED))) == {}


def test_what_an_older_version_prepared_is_compared_by_name(prepare, root, tmp_path):
    dataset = dataset_of(root, seed=SEED)
    prepare(dataset=lab.changed(dataset, ["split", "identity"], "path"))
    before = splits(tmp_path / "prepared")
    (tmp_path / "prepared" / "pages.ipc").unlink()
    expected = {name: (before[name], SPLIT_OF[name]) for name in SPLIT_OF if before[name] != SPLIT_OF[name]}
    assert expected
    assert moved(prepare(dataset=dataset)) == expected


def test_lines_of_another_height_are_known_by_the_names_of_their_pages(experiment, prepare, root):
    prepare(dataset=dataset_of(root, seed=SEED))
    higher = replace(experiment.preprocessing, height=30)
    assert set(moved(prepare(dataset=dataset_of(root, seed=OTHER), preprocessing=higher))) == MOVED


def test_what_cannot_be_compared_is_said_and_stops_nothing(prepare, root, tmp_path):
    prepare(dataset=dataset_of(root, seed=SEED))
    (tmp_path / "prepared" / "pages.ipc").write_bytes(b"ARROW1\0\0 and no more")
    report = prepare(dataset=dataset_of(root, seed=OTHER))
    assert moved(report) == {}
    assert "pages.ipc: is damaged" in next(text for text in warnings.of(report, dataset_of(root)) if "known" in text)


def test_what_is_written_does_not_depend_on_what_was_there(prepare, root, tmp_path):
    prepare(dataset=dataset_of(root, seed=SEED))
    prepare(dataset=dataset_of(root, seed=OTHER))
    prepare(dataset=dataset_of(root, seed=OTHER), out=tmp_path / "fresh")
    one, other = (lab.digests(tmp_path / name, ".") for name in ("prepared", "fresh"))
    assert "pages.ipc" in one
    assert one == other


def test_a_dry_run_says_what_would_move(experiment, prepare, root, tmp_path):
    prepare(dataset=dataset_of(root, seed=SEED))
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": None}
    report = stage.check(dataset=dataset_of(root, seed=OTHER), prepared=tmp_path / "prepared", **parts)
    assert set(moved(report)) == MOVED
    assert splits(tmp_path / "prepared") == SPLIT_OF


def test_custom_lines_that_moved_to_another_folder_are_known(experiment, tmp_path):
    lab.write_data(tmp_path / "data")
    folders = ", ".join(f"{split}_dir: '{tmp_path / 'data' / split}'" for split in SPLITS)
    dataset = experiment_of(parse(f"dataset: {{type: custom, {folders}}}")).dataset
    parts = {"preprocessing": experiment.preprocessing, "resources": experiment.resources, "out": tmp_path / "out"}
    stage.prepare(dataset=dataset, **parts)
    (tmp_path / "data" / "train" / "images" / "003.png").rename(tmp_path / "data" / "val" / "images" / "new.png")
    labels = (tmp_path / "data" / "train" / "labels.txt").read_text().splitlines(keepends=True)
    (tmp_path / "data" / "train" / "labels.txt").write_text("".join([*labels[:3], *labels[4:]]))
    with (tmp_path / "data" / "val" / "labels.txt").open("a") as file:
        file.write(labels[3].replace("003.png", "new.png"))
    assert stage.prepare(dataset=dataset, **parts)["changed_split"]["pages"] == [
        {"page": "val/new.png", "before": "train", "now": "val"}
    ]
