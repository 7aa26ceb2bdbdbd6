"""What touches no tensor answers at once."""

from __future__ import annotations

import resource
import statistics
from pathlib import Path

import lab
import pytest

QUICK = (
    ("--help",),
    ("--version",),
    ("validate",),
    ("compile", "--check"),
    ("fill",),
    ("explain", "training.lr"),
    ("upgrade",),
    ("show",),
)
HEAVY = {"torch", "numpy", "PIL", "pyarrow", "safetensors", "tensorboard", "cookiecutter", "dvc", "pydantic", "typer"}
LIMIT_S = 1.0  # of processor time, which others that are busy change little; benchmarks/cli.py measures

LOOK = """
import sys
from thulium.cli.main import main
sys.argv[0] = "thulium"
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("\\nLOADED", *sys.modules)
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "params.yaml").write_text(lab.DOCUMENT, encoding="utf-8")
    run("thulium", "compile", cwd=folder)
    return folder


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
def test_a_command_without_tensors_loads_nothing_heavy(words: tuple[str, ...], compiled: Path, run: lab.Shell) -> None:
    done = run("python", "-c", LOOK, *words, cwd=compiled)
    loaded = done.stdout.rpartition("\nLOADED ")[2].split()
    assert "thulium.cli.main" in loaded
    assert HEAVY & set(loaded) == set()


@pytest.mark.parametrize("words", [("--help",), ("validate",), ("compile", "--check")], ids=" ".join)
def test_a_command_without_tensors_is_quick(words: tuple[str, ...], compiled: Path, run: lab.Shell) -> None:
    run("thulium", *words, cwd=compiled)
    times = []
    for _ in range(3):
        start = _processor_time()
        run("thulium", *words, cwd=compiled)
        times.append(_processor_time() - start)
    assert statistics.median(times) < LIMIT_S, times


def _processor_time() -> float:
    """Seconds that finished commands have computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
