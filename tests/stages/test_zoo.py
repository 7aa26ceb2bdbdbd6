"""Commands that are given ``zoo:name``, in the place of a model file."""

from __future__ import annotations

import json
from pathlib import Path

import lab
import pytest
from click.testing import CliRunner

from thulium.cli.main import app
from thulium.models.file import load_model, save_model
from thulium_dsl.grammar import zoo


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has run, as the folder that this process works in; its model is zoo:own, in 16 bits."""
    model, facts = load_model(finished / "checkpoints" / "best.safetensors")
    file = tmp_path / "zoo" / "own" / "model.safetensors"
    file.parent.mkdir(parents=True)
    save_model(model, file, facts, in_16_bits=True)
    row = lab.zoo_row("own", file)
    monkeypatch.setattr(zoo, "_PLACES", (tmp_path / "zoo",))
    monkeypatch.setattr(zoo, "MODELS", (row,))
    monkeypatch.chdir(finished)
    return finished


def thulium(*words: str | Path) -> str:
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, f"{done.output}{done.exception}"
    return done.stdout


def test_a_name_reads_and_is_judged_as_a_file_is(here: Path) -> None:
    lines = lab.write_lines_folder(here / "more", ["a text", "another"])
    assert thulium("predict", "zoo:own", lines) == thulium("predict", here.parent / "zoo/own/model.safetensors", lines)
    thulium("evaluate", "--model", "zoo:own", "--output-dir", "judged")
    figures = [json.loads((folder / "metrics.json").read_text()) for folder in (here, here / "judged")]
    assert figures[1]["measured"]["model_sha256"] == zoo.MODELS[0].sha256[:16]
    assert abs(figures[1]["cer"] - figures[0]["cer"]) <= 0.02, "16 bits change next to nothing"
    (here / "notes.md").write_text("## What it reads badly\n\nAll of it.\n", encoding="utf-8")
    said = ("--author", "Jane", "--license", "MIT", "--language", "eng", "--notes", "notes.md")
    thulium("publish", "zoo:own", *said)
    assert "## What it reads badly\n\nAll of it.\n\n## Files" in (here / "publication" / "README.md").read_text()


def test_a_name_that_was_not_fetched_says_how_to(here: Path) -> None:
    for name, message in (("hf:a/b", "`thulium fetch hf:a/b` brings it"), ("zoo:ow", "did you mean 'zoo:own'?")):
        done = CliRunner().invoke(app, ["predict", name, "line.png"])
        assert message in str(done.exception)
    fetched = here / "models" / "hf" / "a" / "b" / "main" / "model.safetensors"
    fetched.parent.mkdir(parents=True)
    fetched.write_bytes((here / "checkpoints" / "best.safetensors").read_bytes())
    lines = lab.write_lines_folder(here / "more", ["a text"])
    assert thulium("predict", "hf:a/b", lines) == thulium("predict", ".", lines)


def test_notes_that_cannot_be_read_are_named(here: Path) -> None:
    for file, message in (("none.md", "cannot be read"), ("data/prepared/train/00000.arrow", "--notes")):
        done = CliRunner().invoke(
            app, ["publish", "--notes", file, "--author", "J", "--license", "MIT", "--language", "eng"]
        )
        assert message in str(done.exception)
