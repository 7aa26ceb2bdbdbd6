"""What is each part of the recipe worth? A document's training with one part left out at a time, the rest the same.

Prints the CER on the validation lines after the last epoch, and the best one; the test lines are not read. Each rung is
a process of its own. Parts that the language has no key for are put in from outside.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from thulium_dsl.grammar import validate
from thulium_dsl.grammar.spec import Experiment

SECTIONS = ("model", "augmentation", "training", "early_stopping", "checkpointing", "logging", "resources")


@dataclass(frozen=True)
class Rung:
    """One change: of the experiment, or of the engine."""

    of: Callable[[Experiment], Experiment] = lambda whole: whole
    engine: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext


def training(**changes: Any) -> Callable[[Experiment], Experiment]:
    return lambda whole: replace(whole, training=replace(whole.training, **changes))


def augmentation(**changes: Any) -> Callable[[Experiment], Experiment]:
    return lambda whole: replace(whole, augmentation=replace(whole.augmentation, **changes))


def no_shortcut(whole: Experiment) -> Experiment:
    decoder = replace(whole.model.decoder, shortcut_weight=0.0)
    return replace(whole, model=replace(whole.model, decoder=decoder))


def constant_rate() -> AbstractContextManager[object]:
    """The peak to the end, after the same warm-up."""
    from thulium.training import schedule

    def factor(step: int, *, num_steps: int, warmup_steps: int) -> float:
        return min(1.0, (step + 1) / max(1, warmup_steps))

    return mock.patch.object(schedule, "cosine_factor", factor)


def column_mean() -> AbstractContextManager[object]:
    import torch

    return mock.patch.object(torch.Tensor, "amax", torch.Tensor.mean)  # the column maximum is the only one


RUNGS = {
    "all of it": Rung(),
    "no shortcut": Rung(no_shortcut),
    "no averaged weights": Rung(training(ema_decay=0.0)),
    "no augmentation": Rung(augmentation(enabled=False)),
    "default augmentation": Rung(augmentation(transforms=validate.default_experiment().augmentation.transforms)),
    "constant learning rate": Rung(engine=constant_rate),
    "mean of each column": Rung(engine=column_mean),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("document", type=Path)
    parser.add_argument("--rungs", nargs="+", choices=RUNGS, default=list(RUNGS))
    parser.add_argument("--prepared", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepared:
        work(options.document, options.rungs[0], options.prepared)
        return
    with tempfile.TemporaryDirectory() as name:
        prepared = Path(name) / "prepared"
        prepare_lines(options.document, prepared)
        for rung in options.rungs:
            words = [sys.executable, __file__, str(options.document), "--rungs", rung, "--prepared", str(prepared)]
            room = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "100000"}  # as the command line has it
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **room})
            print(f"{rung:24} {done.stdout.splitlines()[-1]}", flush=True)


def prepare_lines(document: Path, folder: Path) -> None:
    from thulium.stages.prepare import prepare

    experiment, _ = validate.load(document)
    sections = {name: getattr(experiment, name) for name in ("dataset", "preprocessing", "resources")}
    prepare(**sections, out=folder)


def work(document: Path, rung: str, prepared: Path) -> None:
    from thulium.stages.train import train

    experiment, _ = validate.load(document)
    experiment = RUNGS[rung].of(experiment)
    with tempfile.TemporaryDirectory() as name, RUNGS[rung].engine():
        sections = {section: getattr(experiment, section) for section in SECTIONS}
        train(**sections, prepared=prepared, out=Path(name) / "out", run_dir=Path(name) / "logs")
        with open(Path(name) / "out" / "plots" / "history.csv", encoding="utf-8", newline="") as file:
            rates = [float(row["val_cer"]) for row in csv.DictReader(file)]
    print(f"val CER {rates[-1]:.2%}, best {min(rates):.2%}")


if __name__ == "__main__":
    main()
