"""Do several processes train as good a model as one? The demo's model, with batch normalisation, dropout and averaged
weights, trained for a few epochs in 1, 2 and 4 processes with several seeds, one thread each.

Prints the CER on the validation lines after the last epoch, and lines a second over the whole training, validation
included. In one process, seeds differ as much as anything: their spread is the measure for the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

LINES, VAL_LINES, EPOCHS = 1600, 300, 5
DEMO = Path(__file__).resolve().parents[1] / "params.yaml"
LAUNCH = "import sys; from thulium.runtime.world import launch; sys.exit(launch(sys.argv[2:], int(sys.argv[1])).code)"
SECTIONS = ("model", "augmentation", "early_stopping", "checkpointing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        work(options.worker, options.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        prepare_lines(Path(name) / "prepared")
        for processes in options.processes:
            rows = [ran(processes, seed, Path(name)) for seed in options.seeds]
            print(f"{processes} processes: val CER {spread([row['val_cer'] for row in rows])}", flush=True)


def spread(rates: Sequence[float]) -> str:
    deviation = f", standard deviation {statistics.stdev(rates):.2%}" if len(rates) > 1 else ""
    return f"{statistics.mean(rates):.2%}, {min(rates):.2%} to {max(rates):.2%}{deviation}"


def ran(processes: int, seed: int, folder: Path) -> dict[str, float]:
    words = [__file__, "--worker", str(seed), "--folder", str(folder)]
    launched = [sys.executable, "-c", LAUNCH, str(processes), *words] if processes > 1 else [sys.executable, *words]
    room = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "100000"}  # as the command line has it
    done = subprocess.run(launched, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **room})
    row: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    pace = f"{row['lines_per_s']:.0f} lines/s"
    print(f"{processes} processes, seed {seed}: val CER {row['val_cer']:.2%}, {pace}", flush=True)
    return row


def prepare_lines(folder: Path) -> None:
    from thulium.stages.prepare import prepare
    from thulium_dsl.grammar import validate

    experiment, _ = validate.load(DEMO)
    dataset = replace(experiment.dataset, lines=replace(experiment.dataset.lines, train=LINES, val=VAL_LINES, test=1))
    prepare(dataset=dataset, preprocessing=experiment.preprocessing, resources=experiment.resources, out=folder)


def work(seed: int, folder: Path) -> None:
    from thulium.runtime.world import joined
    from thulium.stages.train import train
    from thulium_dsl.grammar import validate

    experiment, _ = validate.load(DEMO)
    logging = replace(experiment.logging, tensorboard=replace(experiment.logging.tensorboard, enabled=False))
    paces: list[float] = []
    with joined() as world:
        summary = train(
            **{name: getattr(experiment, name) for name in SECTIONS},
            training=replace(experiment.training, epochs=EPOCHS, seed=seed),
            logging=logging,
            resources=replace(experiment.resources, threads=1, loader_workers=0),
            prepared=folder / "prepared",
            out=folder / "out",
            run_dir=folder / "logs",
            world=world,
            on_pace=lambda lines_per_s, _device: paces.append(lines_per_s),
        )
        if world.is_main:
            print(json.dumps({"val_cer": summary["val_cer"], "lines_per_s": paces[-1]}), flush=True)


if __name__ == "__main__":
    main()
