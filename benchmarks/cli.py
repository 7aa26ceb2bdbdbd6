"""How long do the commands take that touch no tensor? Median wall time of 9 runs each, in a project of their own."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = (["--help"], ["validate"], ["compile", "--check"], ["explain", "training.lr"])
RUNS = 9


def main() -> None:
    thulium = Path(sys.executable).parent / "thulium"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "params.yaml").write_text("dataset:\n  type: synthetic\n")
        subprocess.run([thulium, "compile"], cwd=folder, check=True, capture_output=True)
        for command in COMMANDS:
            seconds = [_time([thulium, *command], folder) for _ in range(RUNS)]
            print(f"thulium {' '.join(command):22} {statistics.median(seconds):.2f} s (to {max(seconds):.2f})")


def _time(command: list[object], folder: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
