"""Which schedule of the learning rate, and which augmentation, for a training of so many epochs?

Trains a document once for each schedule, augmentation and seed, without early stopping, and prints the CER on the
validation lines: after the last epoch and of the best one, with mean and standard deviation over the seeds. No model
reads the test lines. Every run is a folder of OUT: runs that are there are not made again, and
one that was cut goes on.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml

SCHEDULES: dict[str, dict[str, Any]] = {
    "cosine": {"type": "cosine"},
    "trapezoid-0.2": {"type": "trapezoid", "decay_share": 0.2},
    "trapezoid-0.5": {"type": "trapezoid", "decay_share": 0.5},
}
LIGHT = (
    {"type": "random_scale", "p": 0.5, "range": [0.9, 1.1]},
    {"type": "random_brightness", "p": 0.5, "range": [0.8, 1.2]},
)
AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "document": {},  # as the document has it
    "none": {"enabled": False},
    "light": {"enabled": True, "transforms": list(LIGHT)},
    "default": {"enabled": True, "transforms": None},  # the ten that come with the language
}


@dataclass(frozen=True)
class Case:
    """One training."""

    schedule: str
    augmentation: str
    epochs: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.epochs}-{self.augmentation}-{self.schedule}-seed{self.seed}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("document", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--schedules", nargs="+", choices=SCHEDULES, default=list(SCHEDULES))
    parser.add_argument("--augmentations", nargs="+", choices=AUGMENTATIONS, default=["document"])
    parser.add_argument("--only-table", action="store_true", help="train nothing, print what is there")
    options = parser.parse_args()
    rows = [(augmentation, schedule) for augmentation in options.augmentations for schedule in options.schedules]
    if not options.only_table:
        options.out.mkdir(parents=True, exist_ok=True)
        for seed in options.seeds:  # seed by seed, so that a table cut short compares like with like
            for augmentation, schedule in rows:
                learn(Case(schedule, augmentation, options.epochs, seed), options.document, options.out)
    for augmentation, schedule in rows:
        cases = [Case(schedule, augmentation, options.epochs, seed) for seed in options.seeds]
        print(f"{augmentation:9} {schedule:14} {summed_up(list(rates(cases, options.out)))}")


def learn(case: Case, document: Path, out: Path) -> None:
    if not any(rates([case], out)):
        text = out / f"{case.name}.yaml"
        text.write_text(written(case, document), encoding="utf-8")
        thulium("train", str(text), "--output-dir", str(out / case.name))
        last, best = next(rates([case], out))
        print(f"{case.name}: val CER {last:.2%}, best {best:.2%}", flush=True)


def written(case: Case, document: Path) -> str:
    """The document with what the case changes."""
    tree: dict[str, Any] = yaml.safe_load(document.read_text(encoding="utf-8"))
    training = tree.setdefault("training", {})
    warmup = {name: value for name, value in training.get("scheduler", {}).items() if name == "warmup_epochs"}
    scheduler = SCHEDULES[case.schedule] | warmup
    tree["training"] = training | {"epochs": case.epochs, "seed": case.seed, "scheduler": scheduler}
    tree["early_stopping"] = tree.get("early_stopping", {}) | {"enabled": False}
    augmentation = tree.get("augmentation", {}) | AUGMENTATIONS[case.augmentation]
    tree["augmentation"] = {name: value for name, value in augmentation.items() if value is not None}
    return yaml.safe_dump(tree, sort_keys=False)


def thulium(*words: str) -> None:
    command = Path(sys.executable).with_name("thulium")
    done = subprocess.run([command, *words], env=os.environ, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"thulium {' '.join(words)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def rates(cases: list[Case], out: Path) -> Iterator[tuple[float, float]]:
    """The val CER of the last epoch and of the best one, of each case that was made to its end."""
    for case in cases:
        folder = out / case.name
        if (folder / "metrics" / "train.json").exists():
            with open(folder / "plots" / "history.csv", encoding="utf-8", newline="") as file:
                epochs = [float(row["val_cer"]) for row in csv.DictReader(file)]
            yield epochs[-1], min(epochs)


def summed_up(found: list[tuple[float, float]]) -> str:
    if not found:
        return "not made"
    lasts, bests = zip(*found, strict=True)
    spread = f", standard deviation {100 * stdev(lasts):.2f}" if len(lasts) > 1 else ""
    each = ", ".join(f"{rate:.2%}" for rate in lasts)
    return f"val CER {mean(lasts):.2%}{spread} ({each}); best epoch {mean(bests):.2%}"


if __name__ == "__main__":
    main()
