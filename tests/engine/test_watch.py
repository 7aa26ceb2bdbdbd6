"""Is it learning?"""

import pytest

from thulium.evaluation.metrics import LineResult
from thulium.training.watch import PATIENCE, Watch


def results(*predictions):
    return [LineResult(str(i), "p", f"text {i}", prediction) for i, prediction in enumerate(predictions)]


@pytest.mark.parametrize(("read", "words"), [(("", ""), "nothing in any line"), (("e", "e"), "the same text")])
def test_a_model_that_reads_nothing_is_said_so_once(read, words):
    watch = Watch(lr=0.01)
    assert watch.look(results(*read), PATIENCE - 1, is_last=False) is None
    warning = watch.look(results(*read), PATIENCE, is_last=False)
    assert warning
    assert f"after {PATIENCE} steps the model reads {words}" in warning
    assert "training.lr (0.01)" in warning
    assert watch.look(results(*read), 2 * PATIENCE, is_last=True) is None


def test_the_end_of_a_short_training_is_looked_at_too():
    warning = Watch(lr=0.01).look(results("", ""), 10, is_last=True)
    assert warning
    assert "train for longer" in warning


def test_a_model_that_reads_is_left_alone():
    watch = Watch(lr=0.01)
    assert watch.look(results("a", "b"), PATIENCE, is_last=True) is None
    assert watch.look(results("a"), PATIENCE, is_last=True) is None
    assert watch.look([], PATIENCE, is_last=True) is None
