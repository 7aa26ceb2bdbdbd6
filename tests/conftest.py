"""Fixtures of the tests that run whole commands. See lab.py for what they are made of."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import lab
import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A script's background command, and all that it starts, are born deaf to Ctrl-C; what the tests start must hear it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables that commands run with; DVC's own folders are this worker's alone."""
    return lab.environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="session")
def run(environment: dict[str, str]) -> lab.Shell:
    """Runs a command: run("dvc", "repro", cwd=folder, code=0)."""
    return lab.Shell(environment)


@pytest.fixture
def project(tmp_path: Path, run: lab.Shell) -> Path:
    """A compiled and committed DVC project in which nothing has run."""
    return lab.start_project(tmp_path / "project", run)


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> Path:
    folder = lab.start_project(tmp_path_factory.mktemp("finished") / "project", run)
    run("dvc", "repro", cwd=folder)
    lab.commit(folder, run)
    return folder


@pytest.fixture
def finished(_finished: Path, tmp_path: Path) -> Path:
    """A copy of its own of a project whose pipeline has run and is committed."""
    return Path(shutil.copytree(_finished, tmp_path / "project", symlinks=True))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A folder without DVC: config/data.yaml, config/train.yaml (made small) and data/."""
    return lab.write_config(tmp_path / "work")
