"""Whatever the bytes of a file: it is read or refused, in bounded time and memory. See tests/fuzz, and make fuzz."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import lab
import pytest

# As many as take a second each.
CASES = {
    "csv": 150, "arrow": 150, "arpa": 150, "images": 150, "models": 100, "parquet": 50, "labels": 50, "gt_txt": 50,
    "page": 25, "alto": 25, "optimizers": 15, "states": 20,
}  # fmt: skip

READ = """
import sys
from pathlib import Path
from fuzz import pool
from fuzz.__main__ import KINDS

counts = dict(pair.split("=") for pair in sys.argv[2:])
assert counts.keys() == KINDS.keys()
for name, count in counts.items():
    totals = pool.fuzz(KINDS[name], range(int(count)), seed=0, jobs=1, keep=Path(sys.argv[1]))
    print(totals)
    for number, failure in totals.failures.items():
        print(f"case {number}: {failure}")
"""

FIND = """
import os, random, signal, sys, time
from pathlib import Path
from fuzz import pool
from fuzz.kind import Kind
from thulium.runtime.errors import DataError

pool.LIMIT_S, pool.MEMORY, pool.CHUNK = 0.5, 2**28, 3

def read(folder, number):
    if number == 1: os.kill(os.getpid(), signal.SIGSEGV)
    if number == 2: raise KeyError("x")
    if number == 4:
        while True: pass
    if number == 5: return bytearray(2**30) and None
    if number == 7: raise DataError("a\\x1b[31m")
    if number == 8: os._exit(3)
    if number % 2: raise DataError((folder / "file").read_text())
    (folder / "litter").write_text("x")

def check(folder):
    (folder / "file").write_text("seed")

def change(folder, rng):
    return {"file": str(rng.random()).encode(), "new": b"1"}

kind = Kind(name="odd", make=check, change=change, read=read)
for jobs in (1, 2):
    totals = pool.fuzz(kind, range(12), seed=0, jobs=jobs, keep=Path(sys.argv[1]))
    print(totals.accepted, totals.refused, sorted(totals.failures))
    for number in sorted(totals.failures):
        print(number, totals.failures[number].strip().splitlines()[-1])
"""


def ran(code: str, *arguments: str, folder: Path) -> list[str]:
    path = os.pathsep.join([str(lab.CHECKOUT / "tests"), str(lab.CHECKOUT)])
    variables = {**lab.environment(folder), "PYTHONPATH": path}
    command = [sys.executable, "-c", code, str(folder / "kept"), *arguments]
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.long
def test_changed_files_of_every_kind_are_read_or_refused(tmp_path: Path) -> None:
    said = ran(READ, *(f"{name}={count}" for name, count in CASES.items()), folder=tmp_path)
    assert [line for line in said if " 0 failed" not in line] == []
    assert [int(line.split()[1]) for line in said] == list(CASES.values())
    assert all(" 0 accepted" not in line and " 0 refused" not in line for line in said), said


def test_the_fuzzer_finds_what_it_looks_for(tmp_path: Path) -> None:
    said = ran(FIND, folder=tmp_path)
    assert said[: len(said) // 2] == said[len(said) // 2 :]  # whatever the number of processes
    counts, *failures = said[: len(said) // 2]
    assert counts == "3 3 [1, 2, 4, 5, 7, 8]"
    assert [failure.partition(" ")[2][:40] for failure in failures] == [
        "died of SIGSEGV",
        "KeyError: 'x'",
        "took more than 0.5 s",
        "MemoryError",
        "a message with U+001B: 'a\\x1b[31m'",
        "ended with 3",
    ]
    kept = tmp_path / "kept" / "odd-0-1" / "input"
    assert sorted(path.name for path in kept.iterdir()) == ["file", "new"]
    assert "0." in (kept / "file").read_text()
