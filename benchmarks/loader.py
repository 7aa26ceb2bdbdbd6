"""How many lines does the loader give in a second of one core's time, read and augmented? Median of 5 passes."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.loader import create_dataloader
from thulium.runtime.documents import defaults
from thulium.stages.prepare import prepare
from thulium_dsl.grammar.spec import LineCounts, SyntheticDataset

LINES = 400


def main() -> None:
    document = defaults()
    dataset = SyntheticDataset(
        type="synthetic", lines=LineCounts(train=LINES, val=1, test=1), seed=1, text=document.dataset.text
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "prepared"
        prepare(dataset=dataset, preprocessing=document.preprocessing, resources=document.resources, out=out)
        for title, augmenter in (("read", None), ("read and augmented", Augmenter(document.augmentation, 1))):
            loader = create_dataloader(out / "train", batch_size=16, augmenter=augmenter)
            rates = [_rate(loader, epoch) for epoch in range(5)]
            print(f"{title:20} {statistics.median(rates):6.0f} lines/s at height {document.preprocessing.height}")


def _rate(loader: object, epoch: int) -> float:
    loader.set_epoch(epoch)
    start = time.process_time()
    lines = sum(len(batch) for batch in loader)
    return lines / (time.process_time() - start)


if __name__ == "__main__":
    main()
