"""Where features are recorded as CUDA graphs, and where not; tests/gpu has the graphs themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from thulium.runtime.device import Device
from thulium.runtime.errors import DeviceError
from thulium.runtime.world import ALONE, World
from thulium.stages.train import train
from thulium.training import graphs, parallel
from thulium.training.graphs import GraphedFeatures
from thulium_dsl.grammar.spec import Experiment

SECTIONS = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
HERE = Device(torch.device("cpu"), None)


def run(experiment: Experiment, prepared: Path, out: Path) -> None:
    places = {"prepared": prepared, "out": out, "run_dir": out / "logs"}
    train(**{name: getattr(experiment, name) for name in SECTIONS}, **places)


@pytest.mark.parametrize("cuda_graphs", [True, False])
def test_the_key_decides_where_a_gpu_could_record(
    experiment, prepared, tmp_path, monkeypatch, cuda_graphs: bool
) -> None:
    shapes: list[Sequence[int]] = []

    class Watched(GraphedFeatures):
        def _record(self, images, widths):  # type: ignore[no-untyped-def]
            shapes.append(images.shape)
            return lambda *inputs: self._compute(*inputs)

    monkeypatch.setattr(parallel, "GraphedFeatures", Watched)
    monkeypatch.setattr(parallel, "may_record", lambda _device, _world: True)
    monkeypatch.setattr(graphs, "PLAIN_STEPS", 0)
    short = replace(
        experiment,
        training=replace(experiment.training, epochs=2),
        resources=replace(experiment.resources, cuda_graphs=cuda_graphs),
    )
    run(short, prepared, tmp_path)
    assert bool(shapes) is cuda_graphs
    assert len(shapes) == len(set(map(tuple, shapes)))


def test_a_cpu_and_several_processes_record_nothing() -> None:
    gpu = Device(torch.device("cuda", 0), None)
    assert graphs.may_record(gpu, ALONE)
    assert not graphs.may_record(HERE, ALONE)
    assert not graphs.may_record(gpu, World(rank=0, size=2))


def test_a_recording_that_fails_says_what_to_do(monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    model = torch.nn.Module()
    model.backbone, model.span_mask, model.head = torch.nn.Linear(1, 1), None, torch.nn.Identity()
    graphed = GraphedFeatures(model, HERE)  # type: ignore[arg-type]
    monkeypatch.setattr(graphed, "_record", refuse)
    with pytest.raises(DeviceError, match=r"(?s)not permitted.*help: set resources.cuda_graphs to false"):
        graphed._try_to_record((1,), torch.zeros(1), torch.ones(1))
