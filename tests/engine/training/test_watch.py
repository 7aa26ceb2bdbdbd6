"""Is it learning?"""

import pytest

from thulium.evaluation.metrics import LineResult
from thulium.training.watch import FEW_LINES, PATIENCE, Training, Watch, reads_nothing

MANY = Training(2000, 16, 0.01, is_fresh=True)
FEW = Training(63, 16, 0.01, is_fresh=True)
FROM_ANOTHER = Training(63, 16, 0.01, is_fresh=False)


def results(*predictions):
    return [LineResult(str(i), "p", f"text {i}", prediction) for i, prediction in enumerate(predictions)]


SILENT = results("", "")


@pytest.mark.parametrize(("read", "words"), [(("", ""), "nothing in any line"), (("e", "e"), "the same text")])
def test_a_model_that_reads_nothing_is_said_so_in_time_and_at_the_end(read, words):
    watch = Watch(MANY)
    assert watch.look(results(*read), PATIENCE - 1, is_last=False) == []
    (warning,) = watch.look(results(*read), PATIENCE, is_last=False)
    assert f"after 1,000 steps the model reads {words}" in warning
    assert watch.look(results(*read), 2 * PATIENCE, is_last=False) == []
    assert "after 5,000 steps" in watch.look(results(*read), 5 * PATIENCE, is_last=True)[0]


# (the training, steps, early stopping ends it) -> what the advice says, and what it does not
ADVICE = [
    (FEW, 150, False, ("63 lines are few to learn from", "init_from", "raise training.epochs"), ("lr", "patience")),
    (FEW, 150, True, ("raise training.epochs and early_stopping.patience, or",), ("lr",)),
    (FEW, 2000, False, ("63 lines are few", "lower training.lr (0.01)"), ("raise",)),
    (MANY, 150, False, ("few: raise training.epochs, or lower training.batch_size (16)",), ("lines", "lr")),
    (Training(63, 4, 0.01, is_fresh=True), 150, False, ("raise training.epochs; 63 lines",), ("batch_size",)),
    (MANY, 2000, False, ("lower training.lr (0.01)", "report of prepare"), ("lines are few", "raise")),
    (FROM_ANOTHER, 150, False, ("raise training.epochs", "report of prepare"), ("init_from",)),
]  # fmt: skip


@pytest.mark.parametrize(("training", "steps", "is_stopped", "says", "keeps"), ADVICE)
def test_the_advice_fits_the_cause(training, steps, is_stopped, says, keeps):
    (warning,) = Watch(training).look(SILENT, steps, is_last=True, is_stopped=is_stopped)
    assert [words for words in says if words not in warning] == []
    assert [words for words in keeps if words in warning.partition("help: ")[2].replace("already", "")] == []


def test_how_many_lines_are_few():
    named = [
        "few to learn from nothing" in Watch(Training(lines, 16, 0.1, is_fresh=True)).look(SILENT, 1, is_last=True)[0]
        for lines in (1, FEW_LINES - 1, FEW_LINES)
    ]
    assert named == [True, True, False]


def test_a_model_that_reads_is_left_alone():
    watch = Watch(MANY)
    assert watch.look(results("a", "b"), PATIENCE, is_last=True) == []
    assert watch.look(results("a"), PATIENCE, is_last=True) == []
    assert watch.look([], PATIENCE, is_last=True) == []


def test_one_line_is_enough_to_see_silence_and_not_enough_for_sameness():
    assert reads_nothing(results("")) == "nothing in any line"
    assert reads_nothing(results("e")) is None
