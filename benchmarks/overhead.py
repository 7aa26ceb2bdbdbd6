"""What does the engine cost over a bare PyTorch loop? The same model and the same batches, in turns, in one process.

The bare loop is the least that trains: forward, loss, backward, clipping, optimizer. The engine's epoch also
counts, keeps the lines of the last steps, looks at the loss and asks for signals. Averaged weights (EMA) are a choice
of the document, so they are off in both, and shown in a row of their own.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence

os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "100000")

import torch
from PIL import Image
from torch import nn

from thulium.data.batch import Batch, collate
from thulium.data.charset import Charset
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

HEIGHT, BATCH, WIDTHS, ROUNDS = 48, 16, (384, 576, 768), 5
DOCUMENT = f"preprocessing: {{height: {HEIGHT}}}\nmodel: {{backbone: {{type: resnet, config_name: resnet_tiny}}}}\n"


class InMemory:
    """Batches that are there already, as a loader hands them out."""

    accumulation = 1

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.batches, self.lines = batches, self
        self.height = HEIGHT

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """The same batches in every epoch."""

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)


def main() -> None:
    devices.keep_memory()
    devices.set_threads(1)
    loader = InMemory([_batch(width) for width in WIDTHS * 2])
    bare, engine, averaged = _bare(), _trainer(0.0), _trainer(0.999)
    runs = {
        "bare loop": lambda: _bare_epoch(bare, loader.batches),
        "engine": lambda: engine.train_epoch(loader, 0),
        "engine with averaged weights": lambda: averaged.train_epoch(loader, 0),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            if number:  # the first round prepares the convolutions
                seconds[name].append(time.process_time() - start)
    for name, values in seconds.items():
        ratio = statistics.median(value / own for value, own in zip(values, seconds["bare loop"], strict=True))
        pace = BATCH * len(loader) / statistics.median(values)
        print(f"{name:30} {pace:6.1f} lines/s  {ratio - 1:+.1%}", flush=True)


def _model() -> HTRModel:
    document = experiment_of(parse(DOCUMENT))
    torch.manual_seed(1)
    return HTRModel(document.model, Charset(tuple("abcdefghijklmnopqrstuvwxyz ")), document.preprocessing)


def _trainer(ema_decay: float) -> HTRTrainer:
    return HTRTrainer(_model(), 1e-3, device="cpu", gradient_clip=1.0, ema_decay=ema_decay)


def _bare() -> tuple[HTRModel, torch.optim.Optimizer, devices.Device]:
    model = _model().to(memory_format=torch.channels_last).train()
    return model, torch.optim.AdamW(model.parameters(), lr=1e-3), devices.choose("cpu", mixed_precision=True)


def _bare_epoch(parts: tuple[HTRModel, torch.optim.Optimizer, devices.Device], batches: Sequence[Batch]) -> None:
    model, optimizer, device = parts
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        with device.autocast():
            output = model(batch.images, batch.widths)
        model.loss(batch, output).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def _batch(width: int) -> Batch:
    text = "abcdefg hij klmnop " * (width // 240)
    torch.manual_seed(width)
    return collate([Image.effect_noise((width, HEIGHT), 60)] * BATCH, [text] * BATCH, ["x"] * BATCH)


if __name__ == "__main__":
    main()
