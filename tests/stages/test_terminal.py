"""Names of files come from other people: whatever they hold, no command steers the terminal with them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import lab
import pytest
from PIL import Image

EVIL = "a\x1b]0;EVIL\x07\x1b[2J\x9b31m\u202egnp\u2066\x7f"
SHOWN = EVIL.encode("unicode_escape").decode()
TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def check(printed: str, *, is_named: bool = True) -> None:
    """Nothing but text and line breaks; and the name, as it may be shown, where it is to be named."""
    steering = [
        symbol
        for symbol in printed
        if (unicodedata.category(symbol)[0] == "C" and symbol != "\n") or unicodedata.bidirectional(symbol) in TURNING
    ]
    assert steering == []
    shown = printed.replace("\\u00", "\\x")  # both spellings of a code point are fine
    assert SHOWN in shown or not is_named, printed


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without DVC; the names of two training images and of a test image would steer a terminal."""
    work = lab.write_config(tmp_path_factory.mktemp("terminal") / "work")
    for split, name in (("train", "000.png"), ("train", "001.png"), ("test", "000.png")):
        folder = work / "data" / split
        (folder / "images" / name).rename(folder / "images" / f"{EVIL}{name}")
        lab.edit(folder / "labels.txt", name, f"{EVIL}{name}")
    Image.new("L", (300, 40), 235).save(work / "data" / "train" / "images" / f"{EVIL}000.png")  # blank
    Image.new("L", (12, 40), 235).save(work / "data" / "train" / "images" / f"{EVIL}001.png")  # its text does not fit
    return work


def test_warnings(work: Path, run: lab.Shell) -> None:
    done = run("thulium", "prepare", "config/train.yaml", "--dry", cwd=work)
    check(done.stdout + done.stderr)
    assert "blank: data/train/images/a\\u001b]0;EVIL\\u0007" in done.stderr


def test_training_evaluating_and_drawing(work: Path, run: lab.Shell) -> None:
    done = run("thulium", "train", "config/train.yaml", cwd=work)
    check(done.stdout + done.stderr)
    assert "left out, since the text needs more frames" in done.stderr
    done = run("thulium", "evaluate", "config/train.yaml", cwd=work)
    check(done.stdout + done.stderr, is_named=False)
    line = f"{EVIL}000.png"
    done = run("thulium", "augment-preview", "config/train.yaml", "--line", line, "--output", "a.png", cwd=work)
    check(done.stdout + done.stderr)
    done = run("thulium", "augment-preview", "config/train.yaml", "--line", f"{EVIL}?", cwd=work, code=2)
    check(done.stdout + done.stderr)


def test_errors_are_one_line_each(work: Path, run: lab.Shell, tmp_path: Path) -> None:
    folder = lab.write_config(tmp_path / "work")
    lost = f"{EVIL}\n0 problems in the data\nprepared 8 train lines in out"
    Image.new("L", (9, 9)).save(folder / "data" / "train" / "images" / f"{lost}.png")
    done = run("thulium", "prepare", "config/data.yaml", "--output-dir", "out", cwd=folder, code=2)
    check(done.stdout + done.stderr)
    assert done.stderr.count("\n") == 2
    assert done.stderr.endswith("1 problem in the data; nothing was written\n")


@pytest.mark.parametrize("command", ["validate", "show", "plan", "clean"])
def test_paths_on_the_command_line(command: str, run: lab.Shell, tmp_path: Path) -> None:
    done = run("thulium", command, f"{EVIL}.yaml", cwd=tmp_path, code=None)
    check(done.stdout + done.stderr, is_named=command == "clean")
