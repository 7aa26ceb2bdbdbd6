"""Do several processes train what one does? The first 50 steps in 1, 2 and 4 processes of this machine, on the CPU.

For each number of processes: the greatest relative difference of a step's loss from that of one process, whether the
batches were the same, and lines a second. Once for a model without batch normalisation and dropout, and once for the
default one. Learning rate, warm-up and clipping are the default document's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

STEPS, BATCH, LINES = 50, 16, 1000
LAUNCH = "import sys; from thulium.runtime.world import launch; sys.exit(launch(sys.argv[2:], int(sys.argv[1])).code)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", choices=["plain", "default"])
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.data)
        return
    with tempfile.TemporaryDirectory() as name:
        prepare_lines(Path(name) / "prepared")
        for model in ("plain", "default"):
            found = [ran(model, Path(name) / "prepared", processes) for processes in (1, 2, 4)]
            alone = found[0]
            for processes, row in zip((1, 2, 4), found, strict=True):
                difference = max(abs(a - b) / a for a, b in zip(alone["losses"], row["losses"], strict=True))
                same = "the same" if row["batches"] == alone["batches"] else "other"
                pace = f"{row['lines_per_s']:6.1f} lines/s"
                print(f"{model:8} {processes} processes: loss {difference:.1e}, {same} batches, {pace}", flush=True)


def ran(model: str, data: Path, processes: int) -> dict[str, object]:
    words = [__file__, "--worker", model, "--data", str(data)]
    launched = [sys.executable, "-c", LAUNCH, str(processes), *words] if processes > 1 else [sys.executable, *words]
    done = subprocess.run(launched, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def prepare_lines(folder: Path) -> None:
    from thulium.stages.prepare import prepare
    from thulium_dsl.grammar import validate
    from thulium_dsl.text import document

    text = (
        f"dataset: {{type: synthetic, lines: {{train: {LINES}, val: 10, test: 10}}}}\npreprocessing: {{height: 24}}\n"
    )
    experiment = validate.experiment_of(document.parse(text))
    sections = {name: getattr(experiment, name) for name in ("dataset", "preprocessing", "resources")}
    prepare(**sections, out=folder)


def work(kind: str, data: Path) -> None:
    import torch

    from thulium.data.loader import LineLoader
    from thulium.data.shards import Split
    from thulium.runtime import device as devices
    from thulium.runtime.documents import defaults
    from thulium.runtime.world import joined
    from thulium.training import optimizer, schedule
    from thulium.training.trainer import HTRTrainer

    with joined() as world:
        devices.keep_memory()
        devices.set_threads(0, world.local_size)
        torch.manual_seed(1)
        loader = LineLoader(Split(data / "train"), batch_size=BATCH, shuffle=True, seed=1, world=world)
        usual = defaults().training  # also its warm-up, which keeps the first steps small
        trainer = HTRTrainer(
            model_of(kind, data),
            optimizer=lambda model: optimizer.build(model, usual.optimizer, usual.lr),
            scheduler=lambda made: schedule.build(
                made, usual.scheduler, epochs=usual.epochs, steps_per_epoch=len(loader)
            ),
            gradient_clip=usual.gradient_clip,
            device="cpu",
            mixed_precision=False,
            world=world,
        )
        losses: list[float] = []
        seen = hashlib.sha256()
        trainer.model.train()
        start = time.perf_counter()
        for batch in loader:
            if len(losses) == STEPS:
                break
            losses.append(sum(world.gather(float(trainer._step([batch])[0]))))
            seen.update("\n".join(sorted(line for own in world.gather(batch.ids) for line in own)).encode())
        pace = STEPS * BATCH / (time.perf_counter() - start)
        if world.is_main:
            print(json.dumps({"losses": losses, "batches": seen.hexdigest(), "lines_per_s": pace}))


def model_of(kind: str, data: Path):  # type: ignore[no-untyped-def]
    from torch import nn

    from thulium.data.charset import Charset
    from thulium.data.prepared import open_prepared
    from thulium.models.wrappers import HTRModel
    from thulium.runtime.documents import defaults

    prepared, spec = open_prepared(data), defaults().model
    head = replace(spec.head, hidden_size=32, num_layers=1)
    spec = replace(spec, backbone=replace(spec.backbone, config_name="resnet_tiny"), head=head)
    if kind == "plain":
        spec = replace(spec, head=replace(spec.head, dropout=0.0))
    model = HTRModel(spec, Charset(prepared.symbols), prepared.preprocessing)

    def leave_out(module: nn.Module) -> None:
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.GroupNorm(4, child.num_features))
            else:
                leave_out(child)

    if kind == "plain":
        leave_out(model)
    return model


if __name__ == "__main__":
    main()
