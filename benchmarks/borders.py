"""What does the border between two epochs cost? A model that takes no processor time, as on a GPU, asks for training
and validation lines in turns; how long it waits, and where. Medians over the epochs.

    python benchmarks/borders.py [LINES ...]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.batch import Batch
from thulium.data.loader import LineLoader
from thulium.data.prepared import Prepared, open_prepared
from thulium.data.readers import Readers
from thulium.runtime.documents import defaults
from thulium.stages.prepare import prepare
from thulium_dsl.grammar.spec import LineCounts, SyntheticDataset

EPOCHS, BATCH = 6, 16
STEP_S, READ_S = 0.15, 0.03  # of a batch to learn from, and to validate: longer than it takes to read one


def main(sizes: list[int]) -> None:
    print("ms an epoch:   lines  workers    whole  computing  first batch  other batches  validation's  first pass")
    for lines in sizes:
        with tempfile.TemporaryDirectory() as folder:
            data = _prepared(lines, Path(folder) / "prepared")
            for workers in (1, 2):
                _row(data, lines, workers)


def _prepared(lines: int, out: Path) -> Prepared:
    document = defaults()
    dataset = SyntheticDataset(
        type="synthetic",
        lines=LineCounts(train=lines, val=max(4, lines // 5), test=1),
        seed=1,
        text=document.dataset.text,
    )
    prepare(dataset=dataset, preprocessing=document.preprocessing, resources=document.resources, out=out)
    return open_prepared(out)


def _row(data: Prepared, lines: int, workers: int) -> None:
    rows = []
    with Readers(workers) as readers:
        train, val = _loaders(data, readers)
        readers.expect(each for epoch in range(EPOCHS) for each in (train.in_epoch(epoch), val.in_epoch(0)))
        for epoch in range(EPOCHS):
            start = time.perf_counter()
            train.set_epoch(epoch)
            waits = list(_waits(train, STEP_S))
            reading = list(_waits(val, READ_S))
            rows.append((time.perf_counter() - start, waits[0], sum(waits[1:]), sum(reading)))
            computing = STEP_S * (len(waits) - 1) + READ_S * (len(reading) - 1)
    whole, first, others, read = (1000 * statistics.median(column) for column in zip(*rows[1:]))
    print(
        f"{lines:20} {workers:8} {whole:8.0f} {1000 * computing:10.0f} {first:12.1f} {others:14.1f} {read:13.1f}"
        f" {1000 * rows[0][0]:11.0f}",
        flush=True,
    )


def _loaders(data: Prepared, readers: Readers) -> tuple[LineLoader, LineLoader]:
    augmenter = Augmenter(defaults().augmentation, 1)
    train = LineLoader(
        data.split("train"), batch_size=BATCH, shuffle=True, augmenter=augmenter, seed=1, readers=readers
    )
    return train, LineLoader(data.split("val"), batch_size=BATCH, shuffle=False, readers=readers)


def _waits(loader: LineLoader, step_s: float) -> Iterator[float]:
    """How long each batch, and the end, is waited for."""
    iterator: Iterator[Batch] = iter(loader)
    batch: Batch | None = None
    while True:
        before = time.perf_counter()
        batch = next(iterator, None)
        yield time.perf_counter() - before
        if batch is None:
            return
        time.sleep(step_s)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [12, 160])
