"""Commands that write where they are told to do not replace what they have not written."""

from __future__ import annotations

from pathlib import Path

import lab
import pytest


@pytest.mark.parametrize("command", ["augment-preview", "lm"])
def test_a_file_of_another_origin_is_refused_and_stays(command: str, prepared: Path, run: lab.Shell) -> None:
    (prepared / "chronicle.txt").write_text("a text of mine\n")
    said = run("thulium", command, "--output", "chronicle.txt", cwd=prepared, code=2).stderr
    assert f"chronicle.txt: was not written by `thulium {command}`, and would be replaced" in said
    assert (prepared / "chronicle.txt").read_text() == "a text of mine\n"
    assert "is a folder" in run("thulium", command, "--output", "runs", cwd=prepared, code=2).stderr


@pytest.mark.parametrize(("command", "name"), [("augment-preview", "a.png"), ("lm", "a.arpa")])
def test_its_own_file_is_written_again_with_the_same_bytes(
    command: str, name: str, prepared: Path, run: lab.Shell
) -> None:
    run("thulium", command, "--output", name, cwd=prepared)
    first = (prepared / name).read_bytes()
    run("thulium", command, "--output", name, cwd=prepared)
    assert (prepared / name).read_bytes() == first


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> Path:
    folder = tmp_path_factory.mktemp("written")
    (folder / "params.yaml").write_text(lab.DOCUMENT, encoding="utf-8")
    run("thulium", "prepare", cwd=folder)
    return folder
