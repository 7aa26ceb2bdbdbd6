"""What is a start worth? Trains on some lines of a hand from nothing and from models of the zoo, with several seeds.

    python benchmarks/starts.py data/lines-dev runs/starts --only 64:zoo:latin-small:1

The first argument is a folder with `train` and `val`, each with a `labels.txt`. A training learns from the first so
many lines of an order that its seed draws, by the recipe that `thulium init` writes for their number. Its epoch is
chosen on every fourth validation line, and the others judge it: no test line is read. They are read greedily, with
n-grams of the training lines, and as `--start` has it: with n-grams of these and of `zoo:latin`. Every run is a folder
of OUT; one that was cut goes on, and one that is done is not made again.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thulium.cli.start.recipes import FROM_MODEL, FROM_NOTHING, LATIN, NOTHING, Recipe, reading, recipe_for
from thulium_dsl.grammar.zoo import find

SIZES = (16, 64, 256, 1961)
STARTS = (NOTHING, "zoo:latin-tiny", "zoo:latin-small")
NETWORKS = {"latin-tiny": ("resnet_tiny", 128), "latin-small": ("resnet_small", 256)}


def way(text: str) -> dict[str, Any]:
    """A way of reading with a language model, as a document has it."""
    keys = {key.removeprefix("evaluation.decoding."): value for key, value in reading(LATIN, text).items()}
    return keys.pop("evaluation.decoding") | keys


# Ways of reading the same lines; set beforehand, not searched for.
READINGS: dict[str, dict[str, Any]] = {
    "greedy": {"type": "greedy"},
    "own": way("none"),
    "open": way("zoo:latin"),
}


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        lines: of training.
        start: `nothing`, or a model.
    """

    lines: int
    start: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.start.removeprefix('zoo:')}-{self.lines}-{self.seed}"

    @property
    def recipe(self) -> Recipe:
        return recipe_for(self.lines, FROM_NOTHING if self.start == NOTHING else FROM_MODEL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path, help="a folder with train and val")
    parser.add_argument("out", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--starts", nargs="+", default=STARTS)
    parser.add_argument("--seeds", type=int, nargs="+", default=(1, 2, 3))
    parser.add_argument("--only", nargs="+", help="these runs and no others, each as LINES:START:SEED")
    options = parser.parse_args()
    runs = [Run(size, start, seed) for seed in options.seeds for size in options.sizes for start in options.starts]
    if options.only:
        runs = [named(word) for word in options.only]
    options.out.mkdir(parents=True, exist_ok=True)
    found = {run: made(run, options) for run in runs}
    print(table(found))


def named(word: str) -> Run:
    """64:zoo:latin-small:1 -> the run."""
    lines, rest = word.split(":", 1)
    start, seed = rest.rsplit(":", 1)
    return Run(int(lines), start, int(seed))


def made(run: Run, options: argparse.Namespace) -> dict[str, Any]:
    """What a run gave: the figures of its file, which is written at the end."""
    result = options.out / f"{run.name}.json"
    if not result.exists():
        result.write_text(json.dumps(trained(run, options)), encoding="utf-8")
    figures: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    print(json.dumps({"run": run.name, **figures}), flush=True)
    return figures


def trained(run: Run, options: argparse.Namespace) -> dict[str, Any]:
    """Train, then read the judging lines in each way."""
    out = (options.out / run.name).resolve()
    out.mkdir(exist_ok=True)
    document = out / "params.yaml"
    folders = lines_of(run, options)
    document.write_text(json.dumps(written(run, folders, READINGS["greedy"])), encoding="utf-8")
    began = time.monotonic()
    thulium("train", document, "--output-dir", out)
    figures: dict[str, Any] = {"seconds": round(time.monotonic() - began)}
    for name, way in READINGS.items():
        document.write_text(json.dumps(written(run, folders, way)), encoding="utf-8")
        thulium("evaluate", document, "--output-dir", out)
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
        figures[name] = {key: metrics[key] for key in ("cer", "cer_low", "cer_high", "wer")}
    return figures


def lines_of(run: Run, options: argparse.Namespace) -> dict[str, Path]:
    """Folders of lines to learn from, to choose the epoch on, and to judge by."""
    train, val = (rows_of(options.lines / split) for split in ("train", "val"))
    random.Random(run.seed).shuffle(train)
    judge = [row for place, row in enumerate(val) if place % 4]
    parts = {"train": ("train", train[: run.lines]), "val": ("val", val[::4]), "test": ("val", judge)}
    own = options.out / run.name / "lines"
    return {key: folder(own / key, options.lines / split, rows) for key, (split, rows) in parts.items()}


def rows_of(split: Path) -> list[str]:
    return sorted((split / "labels.txt").read_text(encoding="utf-8").splitlines())


def folder(path: Path, source: Path, rows: list[str]) -> Path:
    """Some lines of a folder, as a folder of their own."""
    if not (path / "labels.txt").exists():
        (path / "images").mkdir(parents=True, exist_ok=True)
        for row in rows:
            image = path / "images" / row.split(" ")[0]
            image.unlink(missing_ok=True)
            image.symlink_to((source / "images" / image.name).resolve())
        (path / "labels.txt").write_text("\n".join(sorted(rows)) + "\n", encoding="utf-8")
    return path.resolve()


def written(run: Run, folders: dict[str, Path], decoding: dict[str, Any]) -> dict[str, Any]:
    """The document of a run."""
    network, hidden = NETWORKS[run.start.removeprefix("zoo:") if run.start != NOTHING else "latin-tiny"]
    training: dict[str, Any] = {key.removeprefix("training."): value for key, value in run.recipe.values.items()}
    if run.start != NOTHING:
        model = find(run.start.removeprefix("zoo:"))
        training["init_from"] = str(model.path) if model else run.start
    return {
        "version": 1,
        "dataset": {"type": "custom", **{f"{split}_dir": str(path) for split, path in folders.items()}},
        "preprocessing": {"height": 64, "min_width": 32, "max_width": 2400},
        "model": {
            "backbone": {"type": "resnet", "config_name": network},
            "head": {"type": "bilstm", "hidden_size": hidden, "num_layers": 2, "dropout": 0.1},
            "decoder": {"type": "ctc", "shortcut_weight": 0.1},
        },
        "training": {**training, "seed": run.seed},
        "logging": {"tensorboard": {"enabled": False}},
        "evaluation": {"decoding": decoding},
        "resources": {"threads": 1, "loader_workers": 0},
    }


def thulium(*words: str | Path) -> None:
    command = Path(sys.executable).with_name("thulium")
    done = subprocess.run([command, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"thulium {' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def table(found: dict[Run, dict[str, Any]]) -> str:
    """A row for each number of lines and start: means over seeds, from and to."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for run, figures in found.items():
        groups[run.lines, run.start].append(figures)
    rows = [f"| lines | start | seeds | minutes | {' | '.join(READINGS)} |", "|---" * (4 + len(READINGS)) + "|"]
    for (lines, start), runs in sorted(groups.items()):
        minutes = statistics.mean(figures["seconds"] for figures in runs) / 60
        cells = [f"{lines:,}", start, str(len(runs)), f"{minutes:.1f}", *(cell(runs, name) for name in READINGS)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def cell(runs: list[dict[str, Any]], reading: str) -> str:
    """Mean CER, from and to."""
    rates = [figures[reading]["cer"] for figures in runs if reading in figures]
    if not rates:
        return ""
    span = f" ({min(rates):.1%} to {max(rates):.1%})" if len(rates) > 1 else ""
    return f"{statistics.mean(rates):.1%}{span}"


if __name__ == "__main__":
    main()
