"""Whatever the bytes: a clear answer, exit code 0 or 2, in bounded time and memory."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import lab
import pytest
from fuzz import documents

MOST_MEMORY_MB = 200
LIMIT_S = 1.0

# A process inherits the peak that getrusage names from the one that started it; VmHWM is its own.
VALIDATE = """
import pathlib, re, sys
from thulium.cli.main import main
sys.argv = ["thulium", "validate", "case.yaml"]
try:
    main()
finally:
    status = pathlib.Path("/proc/self/status")
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1] if status.exists() else 0
    print("MEMORY", int(peak) // 1024, file=sys.stderr)
"""

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
)
MONSTERS: dict[str, tuple[bytes, str]] = {
    "billion laughs": (LAUGHS.encode(), "the alias *a"),
    "10 MB": (b"training:\n" + b"  # x\n" * 1_700_000, "larger than 100 kB"),
    "10 MB in one line": (b"a: " + b"x" * 10_000_000, "larger than 100 kB"),
    "10,000 brackets": (b"a: " + b"[" * 10_000 + b"]" * 10_000, "more than 50 levels deep"),
    "10,000 dashes": (b"- " * 10_000 + b"x\n", "more than 50 levels deep"),
    "10,000 question marks": (b"? " * 10_000, "more than 50 levels deep"),
    "300 keys in each other": (b"".join(b" " * n + b"a:\n" for n in range(300)), "more than 50 levels deep"),
    "NUL": (b"training:\n  epochs: 1\x00\n", "U+0000"),
    "NUL, escaped": (b'dataset: {type: custom, train_dir: "a\\0b"}\n', "U+0000"),
    "half a character, escaped": (b'logging: {wandb: {project: "\\ud83d"}}\n', "U+D83D"),
    "not UTF-8": (b"training:\n  epochs: \xff\xfe\n", "line 2 is not UTF-8 text"),
    "UTF-16": ("training:\n  epochs: 3\n".encode("utf-16"), "is not UTF-8 text"),
    "an escape sequence": (b'training: {"\\e[31mred": 1}\n', "unknown key"),
}
# As much as just passes the limits on size and number.
HEAPS: dict[str, bytes] = {
    "keys": b"".join(b"k%d: 1\n" % n for n in range(1_490)),
    "long keys": b"".join(b"%s%d: 1\n" % (b"x" * 90, n) for n in range(900)),
    "keys in braces": b"training: {" + b",".join(b"k%d: 1" % n for n in range(1_490)) + b"}",
    "keys that stand twice": b"training:\n" + b"  lr: 1\n" * 1_490,
    "items of a wrong kind": b"augmentation:\n  transforms:\n" + b"  - {}\n" * 2_900,
    "anchors": b"".join(b"k%d: &a%d 1\n" % (n, n) for n in range(1_490)),
    "tags": b"- !!int 1\n" * 2_990,
    "one text": b"a: " + b"x" * 99_000,
    "words": b"a: " + b"x y " * 24_000,
    "lines of a text": b"a:\n" + b"  x y\n" * 16_000,
    "empty lines": b"\n" * 99_000,
    "windows line ends": b"\r\n" * 49_000,
    "comments": b"# x\n" * 24_000,
    "a block": b"a: |\n" + b"  x\n" * 24_000,
    "digits": b"training: {seed: " + b"1" * 99_000 + b"}",
    "digits and underscores": b"a: " + b"1_" * 49_000,
    "digits and colons": b"a: " + b"1:" * 49_000,
    "quotes": b"a: '" + b"''" * 49_000 + b"'",
    "escapes": b'a: "' + b"\\x41" * 24_000 + b'"',
    "spaces": b"a: 1" + b" " * 99_000,
    "exclamation marks": b"!" * 99_000,
    "dashes": b"-\n" * 49_000,
    "documents": b"---\n" * 24_000,
    "a name": b"x" * 99_000 + b": 1",
    "a broken line far down": b"# x\n" * 24_000 + b" a: b\nc: d: e\n",
    "files": b"include:\n" + b"- x.yaml\n" * 1_400,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_a_changed_document_is_accepted_or_refused(first: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [])
    before = signal.signal(signal.SIGALRM, documents.too_long)
    try:
        totals = documents.fuzz(range(first, first + 50), seed=0, totals=documents.Totals())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert totals.failures == []
    assert totals.codes[0]
    assert totals.codes[2]


@pytest.mark.parametrize("name", MONSTERS)
def test_a_monster_is_refused_by_the_real_command_in_bounded_memory(name: str, folder: Path) -> None:
    content, says = MONSTERS[name]
    (folder / "case.yaml").write_bytes(content)
    environment = {"PYTHONPATH": str(lab.CHECKOUT), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run([sys.executable, "-c", VALIDATE], env=environment, capture_output=True, text=True, timeout=30)
    said, _, memory = ran.stderr.rpartition("MEMORY ")
    assert ran.returncode == 2
    assert says in said
    assert "Traceback" not in said
    assert "\x1b" not in said
    assert int(memory) < MOST_MEMORY_MB


@pytest.mark.parametrize("name", HEAPS)
def test_a_heap_of_anything_is_answered_at_once(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "case.yaml").write_bytes(HEAPS[name])
    monkeypatch.setattr(sys, "argv", [])
    documents.run(("validate", "case.yaml"))  # what is loaded only once is not the document's fault
    start = time.process_time()  # a busy machine is not the document's fault either
    assert documents.run(("validate", "case.yaml")) in (0, 2)
    assert time.process_time() - start < LIMIT_S
