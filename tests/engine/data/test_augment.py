"""Augmentation: what each transform does, and what its draws depend on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab_augment import BRANCHES, STRONGER, augmenter, transform
from PIL import Image

from thulium.data.augmentation.augmenter import TRANSFORMS, Augmenter
from thulium.data.augmentation.draws import Draws
from thulium.runtime.documents import defaults
from thulium_dsl.grammar.spec import AugmentationSpec

MOVES_INK = ("random_stretch", "random_shear", "elastic")


@pytest.fixture
def line():
    """Strokes of middle grey on light paper, with some way to every border."""
    image = Image.new("L", (160, 40), 230)
    for x in range(20, 140, 8):
        image.paste(60, (x, 13 + x % 3, x + 3, 27 - x % 5))
    return image


@pytest.mark.parametrize("name", TRANSFORMS)
def test_pixels_depend_on_seed_epoch_and_line_and_on_nothing_else(line, name):
    def pixels(epoch: int, line_id: str, seed: int = 1) -> bytes:  # of several: a hole in blank paper is not seen
        drawn = augmenter(transform(name), seed=seed)
        return b"".join(drawn(line, epoch, f"{line_id}{number}").tobytes() for number in range(4))

    first = pixels(3, "a")
    pixels(1, "z")
    assert pixels(3, "a") == first
    assert all(other != first for other in (pixels(4, "a"), pixels(3, "b"), pixels(3, "a", seed=2)))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_more_leaves_the_draws_of_the_others(line, name):
    own, idle = transform(name), tuple(replace(transform(other), p=0.0) for other in TRANSFORMS if other != name)
    alone = augmenter(own)
    for others in ((*idle, own), (own, *idle)):
        among = augmenter(*others)
        for number in range(4):
            assert among(line, 2, str(number)).tobytes() == alone(line, 2, str(number)).tobytes()
            assert among.width(160, 40, 2, str(number)) == alone.width(160, 40, 2, str(number))


def test_the_same_transform_twice_draws_twice(line):
    spec = transform("random_stretch", width=(0.5, 1.5), height=(1.0, 1.0))
    widths = [augmenter(spec, spec).width(1000, 40, 0, str(number)) for number in range(20)]
    squares = [augmenter(spec).width(1000, 40, 0, str(number)) ** 2 / 1000 for number in range(20)]
    assert any(abs(width - square) > 5 for width, square in zip(widths, squares, strict=True))


@pytest.mark.parametrize(("name", "option"), STRONGER)
def test_a_stronger_setting_changes_the_line_more(line, name, option):
    def change(**options):
        spec = transform(name, **options)
        images = [augmenter(spec)(line, 0, str(i)).resize(line.size) for i in range(20)]
        return np.mean([np.abs(np.asarray(image, float) - np.asarray(line, float)).mean() for image in images])

    assert change(**{option: STRONGER[name, option]}) > 1.2 * change()


@pytest.mark.parametrize("name", TRANSFORMS)
def test_p_is_the_share_of_the_lines_that_change(line, name):
    spec = transform(name, p=0.3)
    applied = [augmenter(spec)(line, 0, str(i)).tobytes() != line.tobytes() for i in range(300)]
    assert 0.2 < np.mean(applied) < 0.4
    assert augmenter(transform(name, p=0.0))(line, 0, "a") is line


@pytest.mark.parametrize(("name", "option"), STRONGER)
def test_the_height_stays(line, name, option):
    for image in (line, line.resize((9, 40)), line.resize((2000, 40))):
        changed = augmenter(transform(name, **{option: STRONGER[name, option]}))(image, 0, "a")
        assert (changed.mode, changed.height) == ("L", image.height)


@pytest.mark.parametrize("name", MOVES_INK)
def test_no_ink_is_cut_off(line, name):
    """Each of the strokes is still there: a row through the middle crosses fifteen of them."""
    for i in range(20):
        changed = np.asarray(augmenter(transform(name))(line, 0, str(i)))
        assert changed.min() < 130
        assert (changed[[0, -1], :] > 200).all()
        inked = (changed < 170).any(axis=0).astype(int)
        assert name != "elastic" or (np.diff(inked) == 1).sum() == 15
        assert not inked[[0, -1]].any()


def test_slanting_moves_ink_sideways_by_its_row_and_keeps_all_of_it(line):
    ink = 230.0 * line.width * line.height - np.asarray(line, float).sum()
    for i in range(10):
        slanted = augmenter(transform("random_shear", degrees=40.0))(line, 0, str(i))
        assert 230.0 * slanted.width * slanted.height - np.asarray(slanted, float).sum() == pytest.approx(ink, rel=0.01)
        rows = (230.0 - np.asarray(slanted, float))[16:23]
        centres = (rows * np.arange(slanted.width)).sum(axis=1) / rows.sum(axis=1)
        steps = np.diff(centres)
        assert np.ptp(steps) < 0.1 * abs(steps).max() + 0.05


def test_the_smaller_the_spacing_the_finer_the_bends():
    """Of a level stroke: how often it turns from rising to falling."""
    level = Image.new("L", (400, 40), 255)
    level.paste(0, (0, 18, 400, 22))

    def turns(spacing):
        bent = 255.0 - np.asarray(augmenter(transform("elastic", spacing=spacing))(level, 0, "a"), float)
        centres = (bent * np.arange(40)[:, None]).sum(axis=0) / bent.sum(axis=0)
        return (np.diff(np.sign(np.diff(centres[::5]))) != 0).sum()

    assert turns(0.2) > 1.5 * turns(0.5)


def test_strokes_get_thicker_and_thinner(line):
    def ink(name):
        images = [augmenter(transform(name))(line, 0, str(i)) for i in range(20)]
        return np.mean([255 - np.asarray(image, float).mean() for image in images])

    assert ink("random_erode") < 255 - np.asarray(line, float).mean() < ink("random_dilate")


def test_fading_ink_leaves_the_paper_as_it_is(line):
    faded = np.asarray(augmenter(transform("random_contrast", range=(0.5, 0.5)))(line, 0, "a"))
    assert sorted(set(faded.ravel().tolist())) == [145, 230]


def test_switched_off_nothing_changes(line):
    assert augmenter(*map(transform, TRANSFORMS), enabled=False)(line, 0, "a") is line


def test_the_order_of_transforms_counts(line):
    both = [transform("random_brightness"), transform("gaussian_noise", std=0.5)]
    assert augmenter(*both)(line, 0, "a").tobytes() != augmenter(*both[::-1])(line, 0, "a").tobytes()


def test_a_long_line_turns_less():
    long = Image.new("L", (1200, 32), 255)
    long.paste(0, (0, 15, 1200, 17))
    ink = np.asarray(augmenter(transform("random_rotation", degrees=45.0))(long, 0, "a")) < 128
    assert ink.any(axis=0).mean() > 0.95


@pytest.mark.parametrize(("name", "option"), [("random_scale", "range"), ("random_stretch", "width")])
def test_a_line_never_gets_too_narrow_for_its_text(line, name, option):
    transforms = (transform(name, **{option: (0.3, 0.4)}),)
    tight = Augmenter(AugmentationSpec(enabled=True, transforms=transforms), 1, stride=4)
    assert tight(line, 0, "a", "abcde" * 5).width == 100
    assert tight(line, 0, "a", "abc" * 33).width == line.width
    assert tight(line, 0, "a", "x").width < 65


def test_the_transforms_of_the_default_are_mild(line):
    """All of them together leave a line about as wide as it was, and its strokes darker than its paper."""
    whole = Augmenter(defaults().augmentation, 1)
    for i in range(50):
        changed = whole(line, 0, str(i))
        assert 0.7 * line.width < changed.width < 1.3 * line.width + 0.3 * line.height
        assert np.median(changed) - np.asarray(changed).min() > 60


def test_every_option_is_tried_here():
    assert {*STRONGER, ("elastic", "spacing")} == {
        (name, option) for name in TRANSFORMS for option in BRANCHES[name]["properties"] if option not in ("type", "p")
    }


SOME = st.lists(st.sampled_from(sorted(TRANSFORMS)), max_size=4)


@given(SOME, st.floats(0, 1), st.integers(1, 300), st.integers(8, 48), st.integers(0, 99), st.text("ab", max_size=30))
def test_the_width_is_told_without_a_picture(names, p, width, height, epoch, text):
    specs = [replace(transform(name), p=p) for name in names]
    own = Augmenter(AugmentationSpec(enabled=True, transforms=tuple(specs)), seed=3, stride=4)
    picture = own(Image.new("L", (width, height), 200), epoch, "a line", text)
    assert picture.width == own.width(width, height, epoch, "a line", own.least_width(text))


def test_draws_are_even_and_differ_by_their_key():
    values = np.array([[draws.random() for _ in range(8)] for draws in (Draws(1, epoch, "a") for epoch in range(2000))])
    assert 0 <= values.min() <= values.max() < 1
    assert abs(values.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(values, rowvar=False) - np.eye(8)).max() < 0.1
    assert len(np.unique(values)) == values.size
    assert Draws(1, 2, "a").random() == Draws(1, 2, "a").random() != Draws(12, "a").random()
