"""What does it cost to keep a training: the checkpoints of an epoch, and a state to resume from?

First for the default model, the median of 9 epochs whose weights all differ and of which each is the best, so that most
is written: clock and processor. Then the share of a whole training, the demo's with all that its document keeps, that
goes into keeping it, on the clock.
"""

from __future__ import annotations

import contextlib
import statistics
import string
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch

from thulium.data.charset import Charset
from thulium.models.wrappers import HTRModel
from thulium.runtime.documents import defaults
from thulium.stages.prepare import prepare
from thulium.stages.train import train
from thulium.training.checkpoints import CheckpointManager
from thulium.training.history import History
from thulium.training.resume import ResumeFolder
from thulium.training.run import Keeper
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar import validate

EPOCHS, SYMBOLS = 9, string.ascii_letters + string.digits + " .,-"
DEMO = Path(__file__).resolve().parents[1] / "params.yaml"
LINES, VAL_LINES, WHOLE_EPOCHS = 1600, 100, 5  # of the whole training
KEEPING = ((CheckpointManager, "save"), (CheckpointManager, "flush"), (History, "write"), (Keeper, "save"))


def main() -> None:
    torch.set_num_threads(1)
    trainer, spec = trainer_of_defaults(), defaults().checkpointing
    with tempfile.TemporaryDirectory(dir=".") as name:  # on a disk, which /tmp may not be
        manager = CheckpointManager(
            Path(name) / "checkpoints", save_every=spec.save_every, keep_last=spec.keep_last, save_best=spec.save_best
        )
        folder = ResumeFolder(Path(name) / "resume", {})
        costs: dict[str, list[tuple[float, float]]] = {"checkpoints": [], "state": []}
        for epoch in range(EPOCHS):
            learn(trainer)
            values = {"val_cer": 1 / (epoch + 1)}
            costs["checkpoints"].append(timed(lambda: manager.save(trainer.best_model, None, None, epoch, values)))  # noqa: B023
            costs["state"].append(
                timed(
                    lambda: folder.save({"trainer": trainer.state_dict(), "best": manager.state_dict()}, manager.files)
                )
            )
        size = max(path.stat().st_size for path in folder.path.glob("*.state"))
    print(f"{trainer.model.num_parameters / 1e6:.1f} M parameters, a state of {size / 1e6:.0f} MB")
    for what, pairs in costs.items():
        clock, processor = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{what:12} {clock:.2f} s on the clock, {processor:.2f} s of computing: {clock / 60:.2%} of a minute")
    with tempfile.TemporaryDirectory(dir=".") as name:
        of_a_training(Path(name))


def of_a_training(folder: Path) -> None:
    """Train, with a clock around all that keeps something."""
    experiment, _ = validate.load(DEMO)
    lines = replace(experiment.dataset.lines, train=LINES, val=VAL_LINES, test=1)
    resources = replace(experiment.resources, threads=1)
    data = replace(experiment.dataset, lines=lines)
    prepare(dataset=data, preprocessing=experiment.preprocessing, resources=resources, out=folder / "prepared")
    spent: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        for owner, name in KEEPING:
            watched = _watched(getattr(owner, name), spent.setdefault(f"{owner.__name__}.{name}", []))
            stack.enter_context(mock.patch.object(owner, name, watched))
        start = time.perf_counter()
        train(
            **{name: getattr(experiment, name) for name in ("model", "augmentation", "early_stopping")},
            checkpointing=experiment.checkpointing,
            training=replace(experiment.training, epochs=WHOLE_EPOCHS),
            logging=experiment.logging,
            resources=resources,
            prepared=folder / "prepared",
            out=folder / "out",
            run_dir=folder / "logs",
            resume_dir=folder / "resume",
        )
        seconds = time.perf_counter() - start
    for name, times in spent.items():
        print(f"{name:22} {len(times):2} times, {sum(times):.2f} s")
    whole = sum(sum(times) for times in spent.values())
    print(f"{whole:.2f} s of a training of {seconds:.0f} s went into keeping it: {whole / seconds:.2%}")


def _watched(work: Callable[..., object], spent: list[float]) -> Callable[..., object]:
    def run(*args: object, **options: object) -> object:
        start = time.perf_counter()
        try:
            return work(*args, **options)
        finally:
            spent.append(time.perf_counter() - start)

    return run


def trainer_of_defaults() -> HTRTrainer:
    document = defaults()
    model = HTRModel(document.model, Charset(tuple(sorted(SYMBOLS))), document.preprocessing)
    return HTRTrainer(model, 1e-3, device="cpu", ema_decay=0.999)


def learn(trainer: HTRTrainer) -> None:
    """Change all weights, and what the optimizer remembers of them."""
    for parameter in trainer.model.parameters():
        parameter.grad = torch.randn_like(parameter)
    trainer.optimizer.step()
    assert trainer._ema is not None
    trainer._ema.update(trainer.model)


def timed(work: Callable[[], None]) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


if __name__ == "__main__":
    main()
