"""Kernels of our own: what they give, tried on the CPU by Triton's interpreter, and when they are used at all."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from thulium.models.fused import use


@pytest.mark.skipif(find_spec("triton") is None, reason="this torch comes without Triton")
def test_the_kernels_give_what_torch_gives() -> None:
    tests = Path(__file__).with_name("interpreted_kernels.py")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", str(tests)]
    run = subprocess.run(command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


def test_without_triton_training_goes_on_and_says_so_once(caplog) -> None:
    def fail() -> None:
        raise RuntimeError("Failed to find C compiler.")

    for _ in range(2):
        assert not use.works("a test", fail)
    assert [record.message for record in caplog.records] == [
        "training without Thulium's own GPU kernels for a test, which is slower: Failed to find C compiler"
    ]
    assert use.works("another test", lambda: None)


def test_nothing_is_fused_outside_of_a_recording() -> None:
    x = torch.zeros(1, 16, 2, 2, dtype=torch.bfloat16)
    assert not use.is_wanted(x)
    with use.recording():
        assert not use.is_wanted(x)  # not on a GPU
