"""What makes a training step fast on a CPU? Lines a second of the engine's own step, one setting changed at a time.

Each setting runs in a process of its own, since thread counts and allocator settings last; the first steps, which
prepare the convolutions of every width, are not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

SETTINGS = {
    "as shipped": {},
    "one thread": {"threads": "1"},
    "32 bits": {"half": "0"},
    "memory given back": {"keep": "0"},
    "widths to 16 px": {"step": "16"},
    "packed sequences": {"packed": "1"},
}
LINES, BATCH, WARM_UP, STEPS = (
    320,
    16,
    20,
    20,
)  # 320 lines are 20 batches: every width is met once before the clock runs


def main() -> None:
    if len(sys.argv) == 1:
        for title, options in SETTINGS.items():
            arguments = [f"--{name}={value}" for name, value in options.items()]
            done = subprocess.run([sys.executable, __file__, "--worker", *arguments], capture_output=True, text=True)
            print(f"{title:20} {done.stdout.strip() or done.stderr}", flush=True)
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", action="store_true")
    for name, default in (("threads", 0), ("half", 1), ("keep", 1), ("step", 64), ("packed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    _measure(parser.parse_args())


def _measure(options: argparse.Namespace) -> None:
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "100000")
    import torch

    from thulium.data import batch
    from thulium.data import batching as batches
    from thulium.data.charset import Charset
    from thulium.models.wrappers import HTRModel
    from thulium.runtime import device as devices
    from thulium.runtime.documents import defaults
    from thulium.training.trainer import HTRTrainer

    batches.padded_width = lambda width, _height: -(-width // options.step) * options.step
    batch.padded_width = batches.padded_width
    devices.set_threads(options.threads)
    if options.keep:
        devices.keep_memory()
    if options.packed:
        _pack()
    document = defaults()
    model = HTRModel(document.model, Charset(tuple("abcdefghij ")), document.preprocessing)
    trainer = HTRTrainer(model, 1e-3, device="cpu", mixed_precision=bool(options.half), gradient_clip=1.0)
    widths = torch.randint(200, 1200, (LINES,), generator=torch.Generator().manual_seed(1)).tolist()
    order = batches.shuffled_batches(widths, batches.Limits(BATCH, 64), seed=1, epoch=0)
    seconds, model = [], model.train()
    for step in range(WARM_UP + STEPS):
        lines = batch.collate(*_lines([widths[i] for i in order[step % len(order)]]))
        start = time.perf_counter()
        trainer._step([lines])
        if step >= WARM_UP:
            seconds.append(time.perf_counter() - start)
    print(f"{BATCH / statistics.mean(seconds):6.1f} lines/s")


def _lines(widths: list[int]) -> tuple[list[object], list[str], list[str]]:
    from PIL import Image

    images = [Image.effect_noise((width, 64), 60) for width in widths]
    return images, ["abc def gh"] * len(widths), ["x"] * len(widths)


def _pack() -> None:
    """Replace the head's forward with torch's own bidirectional LSTM over packed sequences."""
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    from thulium.models.heads import bilstm

    plain = bilstm.BiLstm.__init__

    def start(self: nn.Module, in_features: int, *, hidden_size: int, num_layers: int, dropout: float) -> None:
        plain(self, in_features, hidden_size=hidden_size, num_layers=num_layers, dropout=dropout)
        del self.forwards, self.backwards
        self.whole = nn.LSTM(in_features, hidden_size, num_layers, bidirectional=True, batch_first=True)

    def forward(self: nn.Module, x: object, frames: object) -> object:
        packed = pack_padded_sequence(self.dropout(x), frames.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.whole(packed)[0], batch_first=True, total_length=x.shape[1])[0]

    bilstm.BiLstm.__init__, bilstm.BiLstm.forward = start, forward


if __name__ == "__main__":
    main()
