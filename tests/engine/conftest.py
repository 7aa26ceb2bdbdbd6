"""Small parts that the engine's tests are made of."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from thulium.runtime.documents import defaults
from thulium.stages.prepare import prepare
from thulium_dsl.grammar.spec import LineCounts, SyntheticDataset


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Several test processes share few cores."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def no_gpu():
    """The same world on every machine, for the fixtures of a module too: what wants a GPU stands in tests/gpu."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        patch.setattr(torch.cuda, "device_count", lambda: 0)
        yield


@pytest.fixture(scope="session")
def experiment():
    """An experiment that trains in a second: the defaults, made small."""
    whole = defaults()
    model = replace(
        whole.model,
        backbone=replace(whole.model.backbone, config_name="resnet_tiny"),
        head=replace(whole.model.head, hidden_size=24, num_layers=1),
    )
    return replace(
        whole,
        dataset=SyntheticDataset(
            type="synthetic", lines=LineCounts(train=12, val=6, test=6), seed=3, text=whole.dataset.text
        ),
        preprocessing=replace(whole.preprocessing, height=24),
        model=model,
        training=replace(whole.training, epochs=2, batch_size=4, ema_decay=0.5),
        logging=replace(whole.logging, tensorboard=replace(whole.logging.tensorboard, enabled=False)),
        resources=replace(whole.resources, device="cpu", loader_workers=0, prepare_workers=1, threads=1),
    )


@pytest.fixture(scope="session")
def prepared(experiment, tmp_path_factory) -> Path:
    """The prepared lines of the small experiment."""
    folder = tmp_path_factory.mktemp("data") / "prepared"
    prepare(
        dataset=experiment.dataset,
        preprocessing=experiment.preprocessing,
        resources=experiment.resources,
        out=folder,
    )
    return folder
