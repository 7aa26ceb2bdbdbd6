"""What does it cost to keep the default model: the checkpoints of an epoch, and a state to go on from?

Median of 9 epochs whose weights all differ and of which each is the best, so that most is written: clock and processor.
"""

from __future__ import annotations

import statistics
import string
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from thulium.data.charset import Charset
from thulium.documents import defaults
from thulium.models.wrappers import HTRModel
from thulium.training.checkpoints import CheckpointManager
from thulium.training.resume import ResumeFolder
from thulium.training.trainer import HTRTrainer

EPOCHS, SYMBOLS = 9, string.ascii_letters + string.digits + " .,-"


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
