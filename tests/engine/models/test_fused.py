"""Kernels of our own: what they give, tried on the CPU by Triton's interpreter, and when they are used at all."""

import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from thulium.models.fused import use


@pytest.mark.skipif(find_spec("triton") is None, reason="this torch comes without Triton")
def test_the_kernels_give_what_torch_gives() -> None:
    tests = Path(__file__).with_name("interpreted_kernels.py")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", str(tests)]
    run = subprocess.run(command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


def test_where_they_cannot_be_compiled_training_goes_on_and_says_so_once(caplog, monkeypatch) -> None:
    monkeypatch.setattr(use, "find_spec", lambda _name: object())

    def fail() -> None:
        raise RuntimeError("Failed to find C compiler.")

    for _ in range(2):
        assert not use.works("a test", fail)
    assert [record.message for record in caplog.records] == [
        "training without Thulium's own GPU kernels for a test, which is slower: Failed to find C compiler\n"
        "  help: install a C compiler and Python's headers (gcc and python3-dev, say)"
    ]
    assert use.works("another test", lambda: None)


def test_a_torch_without_triton_is_nothing_to_warn_of(caplog, monkeypatch) -> None:
    def fail() -> None:
        raise ModuleNotFoundError("No module named 'triton'")

    monkeypatch.setattr(use, "find_spec", lambda _name: None)
    with caplog.at_level(logging.INFO):
        assert not use.works("a third test", fail)
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_nothing_is_fused_outside_of_a_recording_nor_on_another_gpu(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    here, there = (SimpleNamespace(is_cuda=True, device=torch.device("cuda", place)) for place in (1, 0))
    assert not use.is_wanted(here)
    with use.recording():
        assert use.is_wanted(here)
        assert not use.is_wanted(there)
        assert not use.is_wanted(torch.zeros(1))
    assert not use.is_wanted(here)


def test_other_results_and_none_are_refused() -> None:
    use.compare([torch.ones(3)], [torch.ones(3) * 1.01])
    for value in (1.5, float("nan")):
        with pytest.raises(RuntimeError, match="other results"):
            use.compare([torch.ones(3) * value], [torch.ones(3)])
