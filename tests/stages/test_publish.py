"""`thulium publish` as people run it; the commands of its guide are run as they stand there."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import lab
import pytest
import remote

from thulium.cli import output_folder, publish
from thulium.cli.main import app
from thulium_dsl.messages.problems import ThuliumError

GUIDE = (lab.CHECKOUT / "docs" / "guides" / "publish.md").read_text(encoding="utf-8")
KNOWN = ("--author", "Jane Doe", "--license", "mit", "--language", "fra")
HAS_HUB = importlib.util.find_spec("huggingface_hub") is not None


@pytest.fixture
def server() -> Iterator[remote.Stub]:
    with remote.serving() as stub:
        yield stub


@pytest.fixture
def places(server: remote.Stub, tmp_path: Path) -> dict[str, str]:
    """The variables that lead to the server, and to no token."""
    home = str(tmp_path / "no-home")
    return {"HF_ENDPOINT": server.url, "ZENODO_URL": server.url, "HF_HOME": home, "HF_TOKEN": "", "ZENODO_TOKEN": ""}


def accept(server: remote.Stub, model: bytes) -> None:
    """Have Zenodo take a draft, and the Hub have the model and the lines of the guide."""
    links = {"bucket": f"{server.url}/api/files/b", "html": f"{server.url}/deposit/7"}
    made = {"id": 7, "links": links, "metadata": {"prereserve_doi": {"doi": "10.5281/zenodo.7"}}}
    server.answers["POST /api/deposit/depositions"] = remote.as_json(made)
    server.answers["ANY"] = remote.as_json({})
    server.hold("archive-x/french", {"model.safetensors": model})
    server.hold("archive-x/lines", {"train.parquet": b"PAR1", "LICENSE": b"CC BY"}, kind="datasets")


@pytest.fixture
def here(finished: Path, places: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose pipeline has run, as the folder that this process works in."""
    monkeypatch.chdir(finished)
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    return finished


def thulium(*words: str) -> None:
    """A command, in this process: a new one would load torch anew."""
    app.main(list(words), standalone_mode=False)


def test_the_commands_of_the_guide_do_what_it_says(
    here: Path,
    run: lab.Shell,
    server: remote.Stub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
) -> None:
    accept(server, (here / "checkpoints" / "best.safetensors").read_bytes())
    monkeypatch.setenv("ZENODO_TOKEN", "secret")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", environment["DVC_SITE_CACHE_DIR"])
    commands = re.findall(r"(?m)^\$ (.*)$", GUIDE)
    assert len(commands) == 8
    for command in commands:
        if command == "thulium fetch":
            lab.edit(here / "params.yaml", "init_from:\n", "init_from: hf:archive-x/french\n")
        if ("--to hf:" in command and "--upload" in command) or command == "dvc repro":
            continue  # of huggingface_hub's talk with the Hub, and of a training that starts so, there are other tests
        thulium(*shlex.split(command)[1:])
        said = capsys.readouterr().out
        if "zenodo" in command:
            assert said.endswith(
                f"a draft that only you see: {server.url}/deposit/7\n"
                "the DOI 10.5281/zenodo.7 is reserved for it; look at it, and publish it there\n"
            )
        if shown := re.search(re.escape(f"$ {command}\n") + r"((?:[^$`].*\n)+)", GUIDE):
            assert said == shown[1]
    run("thulium", "compile", "--check", cwd=here)
    assert (here / "models/hf/archive-x/french/main/model.safetensors.dvc").is_file()


def test_two_at_once_are_one_after_the_other(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = 0

    def write(*_: object) -> None:
        nonlocal at_once
        with pytest.raises(
            ThuliumError, match=r"publish-publication: another command is at work there \(process \d+\)"
        ):
            thulium("publish", *KNOWN)
        at_once += 1

    monkeypatch.setattr(output_folder, "WAIT_S", 0)
    monkeypatch.setattr(publish, "_write", write)
    thulium("publish", *KNOWN)
    assert at_once == 1
    assert not list((here / ".thulium").glob("publish*"))


def test_a_revision_is_published_with_its_own_figures(finished: Path, run: lab.Shell, places: dict[str, str]) -> None:
    cer = json.loads((finished / "metrics.json").read_text())["cer"]
    (finished / "metrics.json").unlink()
    done = run("thulium", "publish", "HEAD", *KNOWN, cwd=finished, **places)
    assert "metrics.json" in done.stdout
    about = json.loads((finished / "publication" / "publication.json").read_text())
    assert (about["metrics"]["cer"], about["lines"]["train"], about["document_is_whole"]) == (cer, 24, True)
    assert run("git", "status", "--short", cwd=finished).stdout == " D metrics.json\n"


WRONG = {
    (): "only you know this of the model; add the options:\n  --author: .*\n  --license: .*\n  --language: ",
    ("--upload", *KNOWN): "--upload needs a place: add --to hf:owner/name, or --to zenodo",
    ("--to", "hf:a/b", "--upload", *KNOWN): "there is no token for the Hub: set HF_TOKEN, or run `hf auth login`",
    ("--to", "zenodo", "--upload", *KNOWN): "ZENODO_TOKEN is not set",
    ("--to", "github", *KNOWN): "--to github: is no place for a model: write hf:owner/name, or zenodo",
    ("--to", "hf:a/b@v1", *KNOWN): "leave the revision out",
    ("--final", *KNOWN): "--final and --community are for Zenodo",
    ("--private", *KNOWN): "--private is for the Hub",
    ("--author", ",", "--license", "x", "--language", "fr"): r"(--.*\n){3}3 problems; nothing was written",
    ("--output-dir", "data", *KNOWN): "data: was not written by `thulium publish`, and would be replaced",
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_is_wrong_is_said_in_words_and_nothing_is_written(
    here: Path, server: remote.Stub, words: tuple[str, ...]
) -> None:
    with pytest.raises(ThuliumError, match=WRONG[words]):
        thulium("publish", *words)
    assert not (here / "publication").exists()
    assert server.asked == []


@pytest.mark.parametrize("target", ["zenodo", "hf:a/b"])
def test_an_upload_that_fails_is_not_called_published(
    here: Path,
    server: remote.Stub,
    target: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ZENODO_TOKEN", "secret")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server.answers["ANY"] = remote.as_json({"message": "oops"}, 500)
    without = r"pip install 'thulium\[hub\]'" if target != "zenodo" and not HAS_HUB else "HTTP 500|the Hub fails"
    with pytest.raises(ThuliumError, match=without):
        thulium("publish", "--to", target, "--upload", *KNOWN)
    assert not re.search("(?m)^(published|a draft)", capsys.readouterr().out)


def test_on_a_terminal_the_command_asks(finished: Path, environment: dict[str, str], places: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    words = ["thulium", "publish", "--license", "mit"]
    process = subprocess.Popen(
        words, cwd=finished, env=environment | places, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.write(ours, b"Jane Doe, Archive of X\nfra, lat\n")
    _, err = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, err
    assert b"Who made the model" in err
    about = json.loads((finished / "publication" / "publication.json").read_text())
    assert (about["authors"], about["languages"]) == (["Jane Doe"], ["fra", "lat"])
