"""Lines augmented where the model computes look as those that the loader augments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_augment import BRANCHES, STRONGER, augmenter, transform
from PIL import Image

from thulium.data.augmentation.augmenter import TRANSFORMS, Augmenter
from thulium.data.augmentation.on_device.recipe import LineDraws, Recipe
from thulium.data.augmentation.on_device.tones import TONES
from thulium.data.augmentation.on_device.warps import MOVES
from thulium.data.batch import Batch, collate
from thulium.data.images.grey import paper_value
from thulium.data.loader import LineLoader
from thulium.data.prepared import open_prepared
from thulium.ingest.specimen import synthetic_line
from thulium.runtime import processor
from thulium.runtime.documents import defaults
from thulium.training.losses import write_lines
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.spec import TransformSpec

MILD = 3.0  # of 255: the mean difference between the two
TILE = 96  # pixels: as many columns are looked at together, to see whether ink has moved
NOISE = "gaussian_noise"


@pytest.fixture(scope="module")
def lines() -> list[Image.Image]:
    document = defaults()
    return [synthetic_line(document.preprocessing, document.dataset.text, seed=seed).image for seed in range(100)]


def deferred(own: Augmenter, lines: Sequence[Image.Image], ids: Sequence[str], epoch: int = 0, text: str = "") -> Batch:
    """A batch as a loader gives it that leaves the augmentation to the device."""
    draws = [
        LineDraws(own.draw(line.width, line.height, epoch, line_id, text), own.kinds, line.width, paper_value(line))
        for line, line_id in zip(lines, ids, strict=True)
    ]
    batch = collate(lines, [text] * len(lines), ids)
    return replace(batch, recipe=Recipe.of(draws, lines[0].height))


def on_device(own: Augmenter, lines: Sequence[Image.Image], ids: Sequence[str], **more: object) -> list[np.ndarray]:
    batch = deferred(own, lines, ids, **more).augmented()
    assert batch.images.dtype == torch.uint8
    return [
        pixels[0, :, :width].numpy().astype(float)
        for pixels, width in zip(batch.images, batch.widths.tolist(), strict=True)
    ]


def both(own: Augmenter, lines: Sequence[Image.Image]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each line as the loader makes it, and as the device does, in batches of lines of about one width."""
    order = sorted(range(len(lines)), key=lambda number: lines[number].width)
    found = []
    for start in range(0, len(order), 20):
        some = order[start : start + 20]
        there = on_device(own, [lines[number] for number in some], list(map(str, some)))
        here = [np.asarray(own(lines[number], 0, str(number)), float) for number in some]
        found += zip(here, there, strict=True)
    return found


def shift(here: np.ndarray, there: np.ndarray) -> tuple[int, int]:
    """By how many pixels the one has to be moved to look most like the other."""
    height, width = here.shape
    inner = there[2 : height - 2, 2 : width - 2]
    moves = [(y, x) for y in range(-2, 3) for x in range(-2, 3)]
    return min(
        moves,
        key=lambda move: np.abs(
            here[2 + move[0] : height - 2 + move[0], 2 + move[1] : width - 2 + move[1]] - inner
        ).mean(),
    )


@pytest.mark.parametrize("name", [*sorted(set(TRANSFORMS) - {NOISE}), "the default set"])
def test_lines_look_as_the_loader_makes_them(lines, name: str) -> None:
    usual = [spec for spec in defaults().augmentation.transforms if spec.type != NOISE]
    pairs = both(augmenter(*(usual if name == "the default set" else [transform(name)])), lines)
    assert [here.shape for here, _ in pairs] == [there.shape for _, there in pairs]
    differences = [np.abs(here - there).mean() for here, there in pairs]
    assert np.mean(differences) <= MILD / 2
    assert max(differences) <= MILD
    tiles = [
        (here[:, left : left + TILE], there[:, left : left + TILE])
        for here, there in pairs[::5]
        for left in range(0, here.shape[1] - TILE, TILE)
        if here[:, left : left + TILE].std() > 25
    ]
    assert len(tiles) > 50
    shifts = [shift(*tile) for tile in tiles]
    assert max(max(map(abs, move)) for move in shifts) <= 1
    assert np.mean([move != (0, 0) for move in shifts]) < 0.02


@pytest.mark.parametrize(("name", "option"), [key for key in STRONGER if key[0] != NOISE])
def test_strong_settings_look_the_same_too(lines, name: str, option: str) -> None:
    pairs = both(augmenter(transform(name, **{option: STRONGER[name, option]})), lines[:20])
    assert max(np.abs(here - there).mean() for here, there in pairs) <= MILD


def test_what_a_transform_pushes_out_of_the_picture_does_not_come_back(lines) -> None:
    specs = transform("random_stretch", height=(2.0, 2.0)), transform("random_stretch", height=(0.5, 0.5))
    pairs = both(augmenter(*specs), lines[:20])  # the paper's grey is taken before both, not between them
    assert max(np.mean((here < 128) != (there < 128)) for here, there in pairs) < 0.01


@pytest.mark.parametrize("grey", [30, 128, 225])
def test_noise_is_of_the_same_kind(grey: int) -> None:
    """Mean, deviation and spread of its grains are those of the loader's, also where they are cut off."""
    paper, own = Image.new("L", (900, 48), grey), augmenter(transform(NOISE, std=0.1))
    here, there = np.asarray(own(paper, 0, "a"), float), on_device(own, [paper], ["a"])[0]
    assert there.mean() == pytest.approx(here.mean(), abs=0.6)
    assert there.std() == pytest.approx(here.std(), rel=0.02)
    assert np.quantile(there, (0.05, 0.3, 0.7, 0.95)) == pytest.approx(
        np.quantile(here, (0.05, 0.3, 0.7, 0.95)), abs=1.5
    )
    grains = there - there.mean()
    for moved in (grains[1:, :] * grains[:-1, :], grains[:, 1:] * grains[:, :-1]):
        assert abs(moved.mean()) < 0.02 * grains.var()
    assert np.abs(there - on_device(own, [paper], ["b"])[0]).mean() > 1
    assert np.abs(there - on_device(own, [paper], ["a"], epoch=1)[0]).mean() > 1


def every(order: Sequence[str] = tuple(TRANSFORMS)) -> list[TransformSpec]:
    return [replace(transform(name), p=0.5) for name in order]


@pytest.mark.parametrize("order", [list(TRANSFORMS), list(TRANSFORMS)[::-1]])
def test_a_line_comes_out_the_same_in_any_batch(lines, order: list[str]) -> None:
    """To the bit: with other lines, narrower and wider, in another place, or alone."""
    own, some, ids = augmenter(*every(order)), lines[:8], [str(number) for number in range(8)]
    together = on_device(own, some, ids)
    for number, line in enumerate(some):
        wide, narrow = line.resize((1500, 64)), line.resize((70, 64))
        for others, place in (((line,), 0), ((wide, narrow, line), 2)):
            found = on_device(own, others, ["x", "y", ids[number]][-len(others) :])[place]
            assert np.array_equal(found, together[number])


def test_what_stands_beside_a_line_is_not_read_and_comes_out_as_nothing(lines) -> None:
    own, some, ids = augmenter(*every()), lines[:6], list("abcdef")
    batch = deferred(own, some, ids)
    clean, beside = batch.augmented(), torch.arange(batch.images.shape[-1]) >= batch.widths[:, None]
    soiled = replace(batch, images=batch.images.masked_fill(beside[:, None, None], 77)).augmented()
    assert torch.equal(clean.images, soiled.images)
    beside = torch.arange(clean.images.shape[-1]) >= clean.widths[:, None]
    assert not clean.images.permute(0, 3, 1, 2)[beside].any()
    assert clean.images.shape[-1] == batch.padded
    assert clean.recipe is None
    assert clean.augmented() is clean


def test_lines_that_are_kept_to_be_looked_at_are_those_that_the_model_saw(lines, tmp_path) -> None:
    batch = deferred(augmenter(transform("random_stretch", width=(0.5, 0.5))), lines[:2], ["a", "b"], text="x")
    write_lines([batch], tmp_path / "kept")
    widths = [Image.open(path).width for path in sorted((tmp_path / "kept" / "images").iterdir())]
    assert widths == [round(line.width / 2) for line in lines[:2]]


SOME = st.lists(st.sampled_from(sorted(TRANSFORMS)), max_size=4)


@settings(max_examples=40, deadline=None)
@given(SOME, st.booleans(), st.integers(1, 300), st.integers(8, 40), st.integers(0, 99), st.text("ab", max_size=30))
def test_widths_are_those_of_the_plan(names, is_strong: bool, width: int, height: int, epoch: int, text: str) -> None:
    strong = {name: {option: STRONGER[name, option]} for name, option in STRONGER} if is_strong else {}
    own = augmenter(*[transform(name, **strong.get(name, {})) for name in names], stride=4)
    line, sizes = Image.new("L", (width, height), 200), [(width, "a"), (7, "b")]
    found = on_device(own, [line, line.resize((7, height))], ["a", "b"], epoch=epoch, text=text)
    least = own.least_width(text)
    assert [pixels.shape for pixels in found] == [
        (height, own.width(wide, height, epoch, line_id, least)) for wide, line_id in sizes
    ]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_gives_the_same_batches_either_way(experiment, prepared, workers: int) -> None:
    from thulium.data.readers import Readers

    def batches(augment_on: str, workers: int = 0) -> list[Batch]:
        own = Augmenter(experiment.augmentation, 1, stride=4)
        with Readers(workers) as readers:
            lines = open_prepared(prepared).split("train")
            loader = LineLoader(
                lines, batch_size=5, shuffle=True, augmenter=own, augment_on=augment_on, seed=1, readers=readers
            )
            loader.set_epoch(3)
            return [replace(batch, images=batch.images.clone()) for batch in loader]

    here, there = batches("loader"), batches("device", workers)
    for one, other in zip(here, there, strict=True):
        assert one.recipe is None
        done = other.augmented()
        assert (one.ids, one.texts, one.step_lines) == (done.ids, done.texts, done.step_lines)
        assert torch.equal(one.widths, done.widths)
        assert one.images.shape == done.images.shape
        assert one.padded == other.padded


def test_every_transform_has_its_place_on_the_device() -> None:
    assert set(BRANCHES) == set(TRANSFORMS)
    assert set(TRANSFORMS.values()) <= {*TONES, *MOVES}


@pytest.mark.parametrize(
    ("wanted", "feeds_gpu", "cores", "processes", "place"),
    [
        ("auto", False, 2, 1, "loader"),
        ("auto", True, 7, 1, "device"),
        ("auto", True, 8, 1, "loader"),
        ("auto", True, 16, 4, "device"),
        ("loader", True, 1, 1, "loader"),
        ("device", False, 64, 1, "device"),
    ],
)
def test_auto_leaves_it_to_a_gpu_where_cores_are_few(monkeypatch, wanted, feeds_gpu, cores, processes, place) -> None:
    monkeypatch.setattr(processor, "cores", lambda: cores)
    assert processor.augment_on(wanted, feeds_gpu=feeds_gpu, processes=processes) == place
    (key,) = schemas.find("resources.augment_on")
    assert f" {processor.MANY_CORES} cores" in key.schema["description"]
