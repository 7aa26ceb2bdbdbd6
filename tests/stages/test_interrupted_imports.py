"""Ctrl-C while Thulium is imported. Of the engine, packages that swallow it fail with something else later."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import lab
import pytest

SWALLOWS = """
import sys, time
print("importing", file=sys.stderr, flush=True)
try:
    time.sleep({seconds})
except BaseException:
    pass
print("imported", file=sys.stderr, flush=True)
"""
COMMAND = """
import sys
from thulium.cli import engine, main
from thulium.cli.command import command

@command("load")
def load() -> None:
    engine.load("load", "swallows")
    raise AttributeError("of a package that is not whole")

main.app.add_command(load)
sys.argv[0] = "thulium"
main.main()
"""


SLOW = """
import sys, time
print("importing", file=sys.stderr, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("starter", [("-m", "thulium"), ("-c", "from thulium.cli.main import main; main()")])
def test_before_any_command_is_there_it_ends_with_one_word_too(
    starter: tuple[str, ...], tmp_path: Path, run: lab.Shell
) -> None:
    (tmp_path / "click.py").write_text(SLOW)
    process = run.start("python", *starter, "validate", cwd=tmp_path)
    assert process.stderr
    assert process.stderr.readline() == "importing\n"
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, "interrupted\n")


@pytest.mark.parametrize(
    ("seconds", "presses", "printed"), [(2, 1, "imported\ninterrupted\n"), (60, 2, "interrupted\n")]
)
def test_it_ends_the_command_with_one_word(
    seconds: int, presses: int, printed: str, tmp_path: Path, run: lab.Shell
) -> None:
    (tmp_path / "swallows.py").write_text(SWALLOWS.format(seconds=seconds))
    process = run.start("python", "-c", COMMAND, "load", cwd=tmp_path)
    assert process.stderr
    assert process.stderr.readline() == "importing\n"
    for _ in range(presses):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, printed)
