"""A server on loopback in the place of the Hub and of Zenodo, and a small model."""

import pytest
import remote
import torch

from thulium.data.charset import Charset
from thulium.data.prepared import open_prepared
from thulium.models.file import packed
from thulium.models.wrappers import HTRModel


@pytest.fixture
def server(monkeypatch, tmp_path):
    with remote.serving() as stub:
        for name in ("HF_TOKEN", "HF_TOKEN_PATH", "ZENODO_TOKEN", "http_proxy", "HTTP_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "no-home-of-the-hub"))
        monkeypatch.setenv("HF_ENDPOINT", stub.url)
        monkeypatch.setenv("ZENODO_URL", stub.url)
        yield stub


@pytest.fixture(scope="session")
def model(experiment, prepared):
    torch.manual_seed(1)
    data = open_prepared(prepared)
    return HTRModel(experiment.model, Charset(data.symbols), data.preprocessing, data.text)


@pytest.fixture(scope="session")
def model_bytes(model) -> bytes:
    return packed(model, {"epoch": 3})
