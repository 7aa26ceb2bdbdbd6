"""The tables that benchmarks print are made of what was measured, and of nothing else."""

from __future__ import annotations

import importlib.util
import sys

import lab
import pytest


@pytest.fixture(scope="module")
def gpu():
    spec = importlib.util.spec_from_file_location("bench_gpu", lab.CHECKOUT / "benchmarks" / "gpu.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


TRAINED = {
    "case": {"title": "as it comes"},
    "lines_per_s": 1000.4,
    "lines_per_s_with_validation": 500.0,
    "waiting": 0.25,
    "kernel_s_per_line": 0.0005,
    "peak_mib": 2048.0,
    "profiled_s": 2.0,
    "top": [{"name": "gemm|x", "calls": 4, "seconds": 1.0}],
}
ALONE = {"case": {"title": "alone"}, "lines_per_s": 32.0, "waiting": 0.0, "kernel_s_per_line": None, "step_ms": 24.8}
LOST = {"case": {"title": "large"}, "failed": "did not end in 60 s"}


def test_the_report_of_a_gpu_says_what_was_measured_and_what_was_not(gpu) -> None:
    rows = gpu.report({"is_gpu": True}, [TRAINED, ALONE, LOST]).splitlines()
    assert "| as it comes | 1,000 | 500 | 25% | 50% |  | 2,048 MiB |" in rows
    assert "| alone | 32 |  | 0% |  | 24.8 |  |" in rows
    assert "- as it comes: 32 minutes" in rows  # 6,482 x 150 / 500 seconds
    assert "| 50.0% | 4 | 250.000 | `gemm\\|x` |" in rows
    assert rows[-1] == "- large: did not end in 60 s"
    assert not [row for row in rows if row.startswith("- alone")]


@pytest.mark.parametrize(("is_gpu", "gpus"), [(False, 0), (True, 1), (True, 2)])
def test_each_case_is_a_document(gpu, is_gpu: bool, gpus: int) -> None:
    from thulium_dsl.grammar.validate import experiment_of
    from thulium_dsl.text.document import parse

    chosen = gpu.cases(is_gpu, 16, gpus)
    for case in chosen:
        experiment = experiment_of(parse(gpu.document(case, gpu.dataset_of(None, 64))))
        assert experiment.training.batch_size == case.batch
        assert experiment.augmentation.enabled is case.augments
        assert case.workers in (None, experiment.resources.loader_workers)
        assert case.augment_on in (None, experiment.resources.augment_on)
    assert any(case.gpus for case in chosen) == (gpus > 1)
