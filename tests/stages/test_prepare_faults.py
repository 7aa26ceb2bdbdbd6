"""prepare, killed and without room: what it leaves, and what the same command makes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab
import lab_data
import pytest
from lab_commands import call, refusal

from thulium.stages import prepare as stage

DOCUMENT = """\
dataset: {{type: page, root: pages, split: {{val: 0.25, test: 0.25, by: page, seed: {seed}}}}}
preprocessing: {{height: 32}}
resources: {{prepare_workers: {workers}}}
"""
SEED = 5
PREPARE = ("thulium", "prepare", "data.yaml", "--output-dir", "out")
PATIENCE_S = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lab_data.write_pages(tmp_path / "pages", "page", pages=16)
    write(tmp_path, workers=2)
    return tmp_path


def write(folder: Path, workers: int, seed: int = SEED) -> None:
    (folder / "data.yaml").write_text(DOCUMENT.format(workers=workers, seed=seed))


def contents(folder: Path) -> dict[str, bytes]:
    """What a folder holds, but for what a command that is cut leaves there of itself."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0][0] != "."]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def is_gone(group: int) -> bool:
    """Whether no process of a group is left, within some seconds."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_files_of_another_format_alone_are_named_with_the_key_that_chooses(folder: Path, run: lab.Shell) -> None:
    lab.edit(folder / "data.yaml", "type: page", "type: alto")
    said = run(*PREPARE, cwd=folder, code=2).stderr
    assert "nothing that was found can be used: see what was left out, and dataset.root and dataset.type" in said
    assert "left out, another format: 16 (pages/doc0/p0.xml: is a file of PAGE, which dataset.type alto leaves" in said
    assert "out; and 15 more)" in said
    assert "one page" not in said


def test_a_full_disk_says_what_to_do(folder: Path, run: lab.Shell) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = run("bash", "-c", "thulium show data.yaml > /dev/full", cwd=folder, code=2)
    assert done.stderr == "the disk: No space left on device\n  help: make room, and run the same command again\n"


@pytest.mark.long
@pytest.mark.parametrize("is_new", [True, False], ids=["nothing before", "other lines before"])
def test_killed_at_any_moment_the_same_command_ends_with_the_same_bytes(
    folder: Path, run: lab.Shell, is_new: bool
) -> None:
    start = time.monotonic()
    run(*PREPARE, cwd=folder)
    seconds = time.monotonic() - start
    expected = contents(folder / "out")
    write(folder, workers=2, seed=SEED + 1)
    run(*PREPARE, cwd=folder)
    before = contents(folder / "out")
    assert before != expected
    write(folder, workers=2)
    if is_new:
        run("rm", "-r", "out", cwd=folder)
    for share in (0.5, 0.8, 0.95):
        process = run.start(*PREPARE, cwd=folder)
        time.sleep(share * seconds)
        process.kill()
        process.communicate()
        assert is_gone(process.pid), "the processes that read must end with the one that started them"
        # Without its manifest, nobody takes the folder for prepared lines.
        left = contents(folder / "out") if (folder / "out" / "prepared.json").exists() else None
        assert left in (None, expected) if is_new else left in (None, expected, before)
    run(*PREPARE, cwd=folder)
    assert contents(folder / "out") == expected
    assert {path.name for path in folder.iterdir()} == {"pages", "data.yaml", "out"}


def test_ctrl_c_ends_it_with_one_word(folder: Path, run: lab.Shell) -> None:
    lab_data.write_pages(folder / "pages", "page", pages=80)  # seconds of work, of which the first is interrupted
    known = set(folder.iterdir())
    process = run.start(*PREPARE, cwd=folder)
    end = time.monotonic() + PATIENCE_S
    while set(folder.iterdir()) == known and time.monotonic() < end:  # until it has begun to write
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert is_gone(process.pid)
    assert not [path for path in folder.iterdir() if path.name.startswith("out")]


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A folder with room for less than the prepared lines."""
    disk = folder / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if done.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(folder: Path, run: lab.Shell, small_disk: Path) -> None:
    done = run("thulium", "prepare", "data.yaml", "--output-dir", "disk/out", cwd=folder, code=2)
    assert done.stderr == "disk/out: the disk is full; nothing was written: make room, and run this again\n"
    assert done.stdout == ""
    assert list(small_disk.iterdir()) == []


def test_lines_that_change_while_they_are_read_are_not_called_prepared_in_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lab_data.write_gt_txt(tmp_path / "lines")
    document = lab.complete(
        "dataset: {type: gt_txt, root: lines, split: {by: line}}\nresources: {prepare_workers: 1}\n"
    )
    (tmp_path / "params.yaml").write_text(document)
    read = stage.prepare

    def slowly(**given: Any) -> dict[str, Any]:
        report = read(**given)
        (tmp_path / "lines" / "new.gt.txt").write_text("a line that nobody has read")
        return report

    monkeypatch.setattr(stage, "prepare", slowly)
    assert call("prepare", "params.yaml", "--output-dir", "out").exit_code == 0  # where nobody notes what was read
    (tmp_path / "lines" / "new.gt.txt").unlink()
    assert call("compile").exit_code == 0
    assert refusal("prepare") == (
        "dataset: files have changed since they were read: what was made is not of what is there now\n"
        "  help: run dvc repro: they are read again"
    )
