"""How often a line is seen in an epoch, by the weight of its source."""

import pickle
from collections import Counter

import numpy as np
import pytest

from thulium.data.loader import LineLoader
from thulium.data.prepared import open_prepared
from thulium.data.weighting import Copies, Share, shares_of
from thulium.runtime.world import World


def shares(**groups):
    """Groups of lines, one behind the other: name=(lines, weight)."""
    ids = [f"{name}/{number}" for name, (lines, _) in groups.items() for number in range(lines)]
    return shares_of(ids, {name: weight for name, (_, weight) in groups.items()})


def seen(share, epoch, seed=1):
    return share.times(seed, 0, epoch)


def test_a_weight_of_2_is_each_line_twice_an_epoch():
    (share,) = shares(a=(7, 2.0))
    for epoch in range(3):
        assert seen(share, epoch).tolist() == [2] * 7


def test_a_weight_of_a_half_is_one_half_and_then_the_other():
    (share,) = shares(a=(10, 0.5))
    first, second, third = (seen(share, epoch) for epoch in range(3))
    assert first.sum() == 5
    assert (first + second).tolist() == [1] * 10
    assert third.tolist() == first.tolist()
    assert seen(share, 0, seed=2).tolist() != first.tolist()


@pytest.mark.parametrize("weight", [0.1, 0.3, 1.0, 1.5, 2.7])
@pytest.mark.parametrize("lines", [1, 2, 9])
def test_every_epoch_has_as_many_lines_and_in_the_end_each_as_often(weight, lines):
    (share,) = [Share(np.arange(lines), weight)]
    epochs = [seen(share, epoch) for epoch in range(lines)]
    assert {int(times.sum()) for times in epochs} == {max(1, round(lines * weight))}
    assert set(sum(epochs).tolist()) == {share.lines_an_epoch}
    assert all(times.max() - times.min() <= 1 for times in epochs)


def test_equal_weights_of_1_are_no_weights():
    assert shares(a=(2, 1.0), b=(3, 1.0)) == []
    assert [share.lines_an_epoch for share in shares(a=(2, 2.0), b=(3, 1.0))] == [4, 3]


@pytest.fixture(scope="module")
def split(prepared):
    return open_prepared(prepared).split("train")  # of 12 lines


@pytest.fixture
def groups():
    return [Share(np.arange(4), 2.0), Share(np.arange(4, 12), 0.5)]


def loader(split, groups, world=None, **options):
    given = {} if world is None else {"world": world}
    return LineLoader(split, batch_size=4, shuffle=True, seed=3, shares=groups, **given, **options)


def plain(line_id):
    return line_id.partition(" (")[0]


def ids_in(lines, epoch, start=0):
    lines.set_epoch(epoch, start)
    return [list(batch.ids) for batch in lines]


def test_an_epoch_has_the_lines_as_often_as_their_weights_say(split, groups):
    lines = loader(split, groups)
    counts = [Counter(plain(i) for batch in ids_in(lines, epoch) for i in batch) for epoch in range(2)]
    assert len(lines) == 3
    assert lines.lines_an_epoch == 12
    assert [[counts[epoch][split.ids[i]] for i in range(4)] for epoch in range(2)] == [[2] * 4] * 2
    assert [sum(counts[epoch][split.ids[i]] for epoch in range(2)) for i in range(4, 12)] == [1] * 8
    assert ids_in(loader(split, groups), 1) == ids_in(lines, 1), "a function of seed and epoch"


def test_a_pass_that_was_cut_goes_on_with_the_same_batches(split, groups):
    lines = loader(split, groups)
    assert ids_in(loader(split, groups), 5, start=1) == ids_in(lines, 5)[1:]


def test_processes_share_the_batches_that_one_would_have(split, groups):
    one = ids_in(loader(split, groups), 2)
    two = [ids_in(loader(split, groups, World(rank=rank, size=2)), 2) for rank in range(2)]
    assert [sorted(mine + theirs) for mine, theirs in zip(*two, strict=True)] == [sorted(batch) for batch in one]


def test_the_second_copy_of_a_line_is_another_line_to_augmentation(split, groups):
    copies = Copies(split, groups, seed=3)
    assert len(set(copies.ids)) == len(copies) == 4 * 2 + 8
    again = pickle.loads(pickle.dumps(copies))
    assert [again.texts[i] for i in range(len(again))] == [copies.texts[i] for i in range(len(copies))]
    places = [split.ids[:].index(plain(line_id)) for line_id in copies.ids]
    assert copies.texts[:] == [split.texts[place] for place in places]
    assert list(copies.widths) == [split.widths[place] for place in places]
    assert copies.image(5).tobytes() == split.image(places[5]).tobytes()
