"""What the tests on a GPU share. ``THULIUM_TEST_DEVICE=cpu`` tries their code where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from thulium.data.charset import Charset
from thulium.data.loader import LineLoader
from thulium.data.prepared import Prepared, open_prepared
from thulium.data.shards import Split
from thulium.models.wrappers import HTRModel
from thulium.runtime import processor
from thulium.runtime.documents import defaults
from thulium.stages.prepare import prepare
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar.spec import Experiment, LineCounts, SyntheticDataset


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that lies here wants a GPU."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gpu)


@pytest.fixture(scope="session")
def device() -> Iterator[str]:
    """Where the tests compute; they are skipped where there is no GPU."""
    name = os.environ.get("THULIUM_TEST_DEVICE", "cuda")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processor, "has_bfloat16", lambda: True)  # mixed precision on any processor, for the rehearsal
        yield name


@pytest.fixture
def on_gpu(device: str) -> None:
    """For what only a GPU can show."""
    if device != "cuda":
        pytest.skip("shows something of a GPU only")


@pytest.fixture(scope="session")
def experiment(device: str) -> Experiment:
    """A small experiment on the device."""
    whole = defaults()
    model = replace(
        whole.model,
        backbone=replace(whole.model.backbone, config_name="resnet_tiny"),
        head=replace(whole.model.head, hidden_size=32, num_layers=2, dropout=0.1),
    )
    return replace(
        whole,
        dataset=SyntheticDataset(
            type="synthetic", lines=LineCounts(train=16, val=8, test=8), seed=3, text=whole.dataset.text
        ),
        preprocessing=replace(whole.preprocessing, height=32),
        model=model,
        training=replace(whole.training, epochs=3, batch_size=4, lr=0.003),
        logging=replace(whole.logging, tensorboard=replace(whole.logging.tensorboard, enabled=False)),
        resources=replace(whole.resources, device=device, prepare_workers=1, threads=1),
    )


@pytest.fixture(scope="session")
def prepared(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its prepared lines."""
    folder = tmp_path_factory.mktemp("gpu") / "prepared"
    prepare(
        dataset=experiment.dataset,
        preprocessing=experiment.preprocessing,
        resources=experiment.resources,
        out=folder,
    )
    return folder


@pytest.fixture(scope="session")
def data(prepared: Path) -> Prepared:
    return open_prepared(prepared)


def untrained(experiment: Experiment, data: Prepared) -> HTRModel:
    """The experiment's model, always with the same weights."""
    torch.manual_seed(1)
    return HTRModel(experiment.model, Charset(data.symbols), data.preprocessing)


def lines_of(split: Split) -> LineLoader:
    """A loader that shuffles, and changes no line."""
    return LineLoader(split, batch_size=4, shuffle=True, seed=1)


@pytest.fixture(scope="session")
def trained(experiment: Experiment, data: Prepared, device: str) -> HTRTrainer:
    """A trainer whose model knows its 16 lines by heart, more or less, in mixed precision."""
    trainer = HTRTrainer(untrained(experiment, data), 0.005, device=device, gradient_clip=1.0)
    loader = lines_of(data.split("train"))
    for epoch in range(60):
        trainer.train_epoch(loader, epoch)
    return trainer
