"""Which lines make a batch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.batch import collate
from thulium.data.batching import Limits, falling_batches, padded_width, shuffled_batches, sorted_batches
from thulium.data.loader import LineLoader
from thulium.data.prepared import open_prepared

widths = st.lists(st.integers(1, 2000), min_size=1, max_size=200)


HEIGHT = 64


@given(widths, st.integers(1, 40), st.integers(0, 5))
def test_every_line_stands_in_one_batch(widths, lines, epoch):
    limits = Limits(lines, HEIGHT)
    shuffled = shuffled_batches(widths, limits, seed=1, epoch=epoch)
    for batches in (shuffled, sorted_batches(widths, limits), falling_batches(widths, limits)):
        assert sorted(i for batch in batches for i in batch) == list(range(len(widths)))
        assert len(batches) == -(-len(widths) // lines)
        assert sum(len(batch) < lines for batch in batches) <= 1


@given(widths, st.integers(1, 40), st.integers(1, 40 * 2048 * HEIGHT), st.integers(0, 5))
def test_a_batch_keeps_to_its_pixels(widths, lines, pixels, epoch):
    limits = Limits(lines, HEIGHT, pixels)
    shuffled = shuffled_batches(widths, limits, seed=1, epoch=epoch)
    assert sorted(i for batch in shuffled for i in batch) == list(range(len(widths)))
    for batch in shuffled:
        padded = padded_width(max(widths[i] for i in batch), HEIGHT)
        assert len(batch) <= lines
        assert len(batch) == 1 or len(batch) * padded * HEIGHT <= pixels
    assert len(shuffled) == len(sorted_batches(widths, limits)), "every epoch has as many steps"


@given(widths, st.integers(1, 40), st.integers(1, 40 * 2048 * HEIGHT))
def test_the_shape_of_a_batch_of_a_stream_is_a_matter_of_its_width(widths, lines, pixels):
    """So convolution libraries prepare themselves for few shapes; and the widest batch is the first of a window."""
    limits, shapes = Limits(lines, HEIGHT, pixels), {}
    batches = falling_batches(widths, limits)
    assert sorted(i for batch in batches for i in batch) == list(range(len(widths)))
    padded = [padded_width(max(widths[i] for i in batch), HEIGHT) for batch in batches]
    assert padded == sorted(padded, reverse=True)
    for width, batch in zip(padded[:-1], batches[:-1], strict=True):
        assert len(batch) == 1 or len(batch) * width * HEIGHT <= pixels
        assert shapes.setdefault(width, len(batch)) == len(batch)


def test_the_order_is_a_function_of_seed_and_epoch():
    lines, limits = list(range(10, 500)), Limits(16, HEIGHT)
    assert shuffled_batches(lines, limits, seed=1, epoch=2) == shuffled_batches(lines, limits, seed=1, epoch=2)
    assert shuffled_batches(lines, limits, seed=1, epoch=2) != shuffled_batches(lines, limits, seed=1, epoch=3)
    assert shuffled_batches(lines, limits, seed=1, epoch=2) != shuffled_batches(lines, limits, seed=2, epoch=2)


def test_little_is_padded():
    lines = np.random.default_rng(1).integers(100, 1200, 2000).tolist()
    batches = shuffled_batches(lines, Limits(16, HEIGHT), seed=1, epoch=0)
    padded = sum(len(batch) * padded_width(max(lines[i] for i in batch), HEIGHT) for batch in batches)
    assert sum(lines) / padded > 0.93


def test_augmented_lines_stand_beside_lines_of_their_width(experiment, prepared):
    lines = open_prepared(prepared).split("train")
    augmenter = Augmenter(experiment.augmentation, 1, stride=4)
    loader = LineLoader(lines, batch_size=4, shuffle=True, augmenter=augmenter, seed=1)
    seen = []
    for epoch in range(2):
        loader.set_epoch(epoch)
        batches = list(loader)
        assert sorted(line for batch in batches for line in batch.ids) == sorted(lines.ids)
        widest = sorted((batch.images.shape[-1], sorted(batch.widths.tolist())) for batch in batches)
        widths = [width for _, own in widest for width in own]
        assert [padded_width(a, 24) for a in widths] == sorted(padded_width(a, 24) for a in widths)
        assert len(batches) == len(loader)
        seen.append(widths)
    assert seen[0] != seen[1]


def test_widths_are_few():
    assert {padded_width(width, HEIGHT) % HEIGHT for width in range(1, 3000)} == {0}


def test_lines_keep_their_pixels_beside_wider_ones():
    images = [Image.new("L", (30, 16), 200), Image.new("L", (100, 16), 90)]
    batch = collate(images, ["a", "b"], ["1", "2"])
    assert batch.images.shape == (2, 1, 16, padded_width(100, 16))
    assert batch.widths.tolist() == [30, 100]
    assert (batch.images[0, 0, :, :30] == 200).all()
    assert (batch.images[1, 0, :, :100] == 90).all()
    assert (batch.texts, batch.ids) == (("a", "b"), ("1", "2"))
