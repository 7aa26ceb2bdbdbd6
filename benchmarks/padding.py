"""How much of what the model computes is padding? Of prepared lines, with and without augmentation.

    python benchmarks/padding.py DOCUMENT

prepares the lines of a document and looks at the batches of its first epoch.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.loader import LineLoader
from thulium.data.prepared import open_prepared
from thulium.runtime.documents import load
from thulium.stages.prepare import prepare
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

RENDERED = "dataset: {type: synthetic, lines: {train: 2000, val: 1, test: 1}}\n"


def main() -> None:
    document = load(sys.argv[1]) if len(sys.argv) > 1 else experiment_of(parse(RENDERED))
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "prepared"
        prepare(dataset=document.dataset, preprocessing=document.preprocessing, resources=document.resources, out=out)
        lines = open_prepared(out).split("train")
        for title, augmenter in (("as prepared", None), ("augmented", Augmenter(document.augmentation, 1))):
            loader = LineLoader(lines, batch_size=document.training.batch_size, shuffle=True, augmenter=augmenter)
            used = padded = 0
            widths = set()
            for batch in loader:
                used += int(batch.widths.sum())
                padded += len(batch) * batch.images.shape[-1]
                widths.add(batch.images.shape[-1])
            share = 1 - used / padded
            print(f"{title:12} {share:6.2%} padding, {len(widths)} widths, {len(lines)} lines", flush=True)


if __name__ == "__main__":
    main()
