"""What does a busy neighbour cost a training? Lines a second of `thulium train`, free and beside busy processes.

`python benchmarks/contention.py [LINES]`: LINES is a folder with train/, val/ and test/ (images/ and labels.txt);
without one, lines are rendered. The settings of `resources.threads` are tried in turns, so that a machine whose pace
drifts favours none; the median over the rounds is printed, and what one busy neighbour costs.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

NEIGHBOURS = (0, 1, 2)
NUM_LINES = 480
EPOCHS = 3  # the first prepares the convolutions of every width, and is not counted

DOCUMENT = """
version: 1
dataset: {dataset}
preprocessing: {{height: 48}}
model:
  backbone: {{type: resnet, config_name: {network}}}
  head: {{type: bilstm, hidden_size: 128}}
training: {{epochs: {epochs}, batch_size: 16, lr: 0.002}}
early_stopping: {{enabled: false}}
logging: {{tensorboard: {{enabled: false}}}}
resources: {{threads: {threads}}}
"""
RENDERED = "{type: synthetic, lines: {train: 480, val: 16, test: 16}}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", nargs="?", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--network", default="resnet_tiny")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        dataset = _some_of(options.lines, root) if options.lines else RENDERED
        paces: dict[tuple[int, int], list[float]] = {}
        for number in range(options.rounds):
            for threads in options.threads:
                for neighbours in NEIGHBOURS:
                    with _busy(neighbours):
                        pace = _pace(root, dataset, options.network, threads)
                    paces.setdefault((threads, neighbours), []).append(pace)
                    print(f"round {number + 1}: threads {threads}, {neighbours} busy: {pace:.0f} lines/s", flush=True)
    print(f"\n{_processor()}, {len(os.sched_getaffinity(0))} cores, {options.network}, lines/s")
    for threads in options.threads:
        medians = [statistics.median(paces[threads, neighbours]) for neighbours in NEIGHBOURS]
        cells = "  ".join(f"{neighbours} busy {pace:5.0f}" for neighbours, pace in zip(NEIGHBOURS, medians))
        print(f"threads {threads}: {cells}   one neighbour costs {medians[0] / medians[1]:.2f} times")


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    """So many processes that compute and never stop."""
    others = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(count)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.join()


def _spin() -> None:
    while True:
        pass


def _pace(root: Path, dataset: str, network: str, threads: int) -> float:
    """Lines a second over the epochs after the first."""
    out = root / "run"
    shutil.rmtree(out, ignore_errors=True)
    document = root / "train.yaml"
    document.write_text(DOCUMENT.format(dataset=dataset, network=network, epochs=EPOCHS, threads=threads))
    thulium = Path(sys.executable).with_name("thulium")
    done = subprocess.run(
        [thulium, "train", document, "--output-dir", out], cwd=root, capture_output=True, text=True, check=True
    )
    paces = [float(found) for found in re.findall(r"(\d+) lines/s", done.stdout + done.stderr)]
    if len(paces) != EPOCHS:
        sys.exit(done.stdout + done.stderr)
    return statistics.mean(paces[1:])


def _some_of(lines: Path, root: Path) -> str:
    """A data set of the first lines of a folder; validation is kept short, since it is not counted."""
    for split, count in (("train", NUM_LINES), ("val", 16), ("test", 16)):
        folder = root / "lines" / split
        (folder / "images").mkdir(parents=True)
        rows = (lines / split / "labels.txt").read_text(encoding="utf-8").splitlines()[:count]
        (folder / "labels.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
        for row in rows:
            name = row.partition(" ")[0]
            shutil.copy(lines / split / "images" / name, folder / "images" / name)
    return "{type: custom, train_dir: lines/train, val_dir: lines/val, test_dir: lines/test}"


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        text = file.read()
    name = re.search(r"model name\s*: (.*)", text)
    flags = sorted({"avx512f", "avx512_bf16", "amx_bf16"}.intersection(text.split()))
    return f"{name[1] if name else 'processor unknown'} ({', '.join(flags) or 'no avx512'})"


if __name__ == "__main__":
    main()
