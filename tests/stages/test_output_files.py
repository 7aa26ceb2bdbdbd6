"""Commands that write where they are told to do not replace what they have not written."""

from __future__ import annotations

import sys
from pathlib import Path

import lab
import pytest

from thulium.cli.main import app
from thulium_dsl.messages.problems import ThuliumError


@pytest.mark.parametrize("command", ["augment-preview", "lm"])
def test_a_file_of_another_origin_is_refused_and_stays(command: str, prepared: Path, run: lab.Shell) -> None:
    (prepared / "chronicle.txt").write_text("a text of mine\n")
    said = run("thulium", command, "--output", "chronicle.txt", cwd=prepared, code=2).stderr
    assert f"chronicle.txt: was not written by `thulium {command}`, and would be replaced" in said
    assert (prepared / "chronicle.txt").read_text() == "a text of mine\n"
    assert "is a folder" in run("thulium", command, "--output", "runs", cwd=prepared, code=2).stderr


@pytest.mark.skipif(sys.platform != "linux", reason="writes below /proc")
@pytest.mark.parametrize("command", ["augment-preview", "lm", "score"])
def test_a_place_that_holds_no_files_is_named(command: str, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(prepared)
    Path("read.jsonl").write_text('{"id": "a", "text": "b"}\n')
    given = ["read.jsonl", "read.jsonl"] if command == "score" else []
    with pytest.raises(
        ThuliumError, match=r"^/proc/nowhere/x: no file can be written there .*: name another with --out"
    ):
        app.main([command, *given, "--output", "/proc/nowhere/x"], standalone_mode=False)


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
