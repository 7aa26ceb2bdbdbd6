"""Where a training of a project puts its curves."""

from __future__ import annotations

from pathlib import Path

import pytest

from thulium.cli import stages


def test_trainings_of_one_second_keep_their_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr("thulium.cli.stages.time.strftime", lambda _form: "20261126-120000")
    names = []
    for _ in range(3):
        folder = stages._run_dir("runs/")
        folder.mkdir(parents=True)
        names.append(folder.relative_to(tmp_path / "runs").as_posix())
    assert names == ["20261126-120000-run", "20261126-120000-run-2", "20261126-120000-run-3"]
    monkeypatch.setenv("DVC_EXP_NAME", "first")
    assert stages._run_dir("runs/").name == "20261126-120000-first"
