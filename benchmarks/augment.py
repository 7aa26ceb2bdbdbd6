"""How long does each transform take, and how many lines a second does the default set give? CPU time of one core.

Lines as in real data: 20 heights wide in the mean. Only the processor's time is counted, since other processes may run.
"""

from __future__ import annotations

import time

import numpy as np
from PIL import Image

from thulium.data.augmentation.augmenter import TRANSFORMS, Augmenter
from thulium.ingest.specimen import synthetic_line
from thulium.runtime.documents import defaults
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.building import build
from thulium_dsl.grammar.spec import AugmentationSpec, TransformSpec

LINES, HEIGHT = 200, 64


def main() -> None:
    document = defaults()
    line = synthetic_line(document.preprocessing, document.dataset.text, seed=1).image
    widths = np.random.default_rng(1).integers(8 * HEIGHT, 32 * HEIGHT, LINES)
    images = [_repeated(line, int(width)) for width in widths]
    branches = schemas.branches(schemas.find("augmentation.transforms")[0].schema["items"])
    for name in TRANSFORMS:
        usual = {key: part["default"] for key, part in branches[name]["properties"].items() if part}
        spec = build(TransformSpec, {"type": name, **usual})
        print(f"{name:20} {1000 * _seconds(images, (spec,)):6.2f} ms a line", flush=True)
    seconds = _seconds(images, document.augmentation.transforms)
    print(f"{'the default set':20} {1000 * seconds:6.2f} ms a line, {1 / seconds:.0f} lines/s")


def _repeated(line: Image.Image, width: int) -> Image.Image:
    line = line.resize((round(line.width * HEIGHT / line.height), HEIGHT))
    whole = Image.new("L", (width, HEIGHT))
    for left in range(0, width, line.width):
        whole.paste(line, (left, 0))
    return whole


def _seconds(images: list[Image.Image], transforms: tuple[TransformSpec, ...]) -> float:
    augmenter = Augmenter(AugmentationSpec(enabled=True, transforms=transforms), seed=1)
    start = time.process_time()
    for number, image in enumerate(images):
        augmenter(image, 0, str(number))
    return (time.process_time() - start) / len(images)


if __name__ == "__main__":
    main()
