"""Some of the kills of `make chaos`: one in every run of the tests, the others in the long one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import lab
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chaos", lab.CHECKOUT / "benchmarks" / "chaos.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


chaos = load()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> object:
    return chaos.Lab(tmp_path_factory.mktemp("chaos"), run)


@pytest.mark.slow
def test_a_stage_that_is_killed_at_any_moment_loses_nothing(tmp_path: Path, run: lab.Shell) -> None:
    short = chaos.Lab(tmp_path, run, target="prepare")
    assert chaos.disturb(short, "SIGKILL of the stage", kills=1, seed=2).lost == ()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["SIGKILL of the stage", "SIGKILL of one rank", "truncated checkpoint"])
def test_a_pipeline_survives_four_kills(kind: str, place: object, tmp_path: Path) -> None:
    outcome = chaos.disturb(place, kind, kills=4, seed=[*chaos.KINDS].index(kind))
    assert outcome.lost == ()


@pytest.mark.long
def test_a_pipeline_survives_a_full_disk(place: object, tmp_path: Path) -> None:
    if not chaos.can_mount(tmp_path / "disk"):
        pytest.skip("a small disk cannot be mounted here: that needs root")
    assert chaos.disturb(place, "full disk", kills=2, seed=20).lost == ()
