"""docs/metrics.md: its examples are what the code does."""

import doctest

import lab
import pytest

pytest.importorskip("torch")


def test_the_examples_hold():
    done = doctest.testfile(str(lab.CHECKOUT / "docs" / "metrics.md"), module_relative=False)
    assert done.attempted >= 12
    assert done.failed == 0
