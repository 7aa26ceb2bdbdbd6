"""How long does each transform take, in the loader and on the model's device? Milliseconds a line.

Lines as in real data: 20 heights wide in the mean, in batches of lines of about one width. Of a CPU only the
processor's time is counted, since other processes may run; of a GPU, the time until it has done everything. On the
device, drawing and stacking are still the loader's part.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from thulium.data.augmentation.augmenter import TRANSFORMS, Augmenter
from thulium.data.augmentation.on_device.recipe import LineDraws, Recipe
from thulium.data.batch import Batch, collate
from thulium.data.images.grey import paper_value
from thulium.ingest.specimen import synthetic_line
from thulium.runtime import device as devices
from thulium.runtime.documents import defaults
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.building import build
from thulium_dsl.grammar.spec import AugmentationSpec, TransformSpec

LINES, HEIGHT, BATCH = 192, 64, 32
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def main() -> None:
    document = defaults()
    devices.keep_memory()  # as a training does
    devices.set_threads(0)
    line = synthetic_line(document.preprocessing, document.dataset.text, seed=1).image
    widths = np.sort(np.random.default_rng(1).integers(8 * HEIGHT, 32 * HEIGHT, LINES))
    images = [_repeated(line, int(width)) for width in widths]
    branches = schemas.branches(schemas.find("augmentation.transforms")[0].schema["items"])
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else f"cpu, threads: {torch.get_num_threads()}"
    print(f"ms a line; device: {name}, batches of {BATCH}\n")
    print(f"{'':20} {'in the loader':>14} {'on the device':>14} {'and to draw':>14}")
    for kind in TRANSFORMS:
        usual = {key: part["default"] for key, part in branches[kind]["properties"].items() if part}
        _row(kind, images, (build(TransformSpec, {"type": kind, **usual}),))
    _row("the default set", images, document.augmentation.transforms)


def _row(title: str, images: list[Image.Image], transforms: tuple[TransformSpec, ...]) -> None:
    augmenter = Augmenter(AugmentationSpec(enabled=True, transforms=transforms), seed=1)
    groups = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    plain = [collate(group, [""] * len(group), [""] * len(group)).to(DEVICE) for group in groups]
    recipes = [_recipe(augmenter, group) for group in groups]
    figures = (
        _seconds(lambda: [augmenter(image, 0, str(number)) for number, image in enumerate(images)]),
        _seconds(lambda: [_on(recipe, batch) for recipe, batch in zip(recipes, plain, strict=True)]),
        _seconds(lambda: [_recipe(augmenter, group) for group in groups]),
    )
    print(f"{title:20} " + " ".join(f"{1000 * seconds / len(images):14.3f}" for seconds in figures), flush=True)


def _recipe(augmenter: Augmenter, images: list[Image.Image]) -> Recipe:
    return Recipe.of(
        [
            LineDraws(augmenter.draw(*image.size, 0, str(number)), augmenter.kinds, image.width, paper_value(image))
            for number, image in enumerate(images)
        ],
        HEIGHT,
    )


def _on(recipe: Recipe, batch: Batch) -> None:
    recipe.on(batch.images)


def _repeated(line: Image.Image, width: int) -> Image.Image:
    line = line.resize((round(line.width * HEIGHT / line.height), HEIGHT))
    whole = Image.new("L", (width, HEIGHT))
    for left in range(0, width, line.width):
        whole.paste(line, (left, 0))
    return whole


def _seconds(work: Callable[[], object]) -> float:
    """The second time: kernels are chosen the first time."""
    clock = time.perf_counter if DEVICE.type == "cuda" else time.process_time
    for _ in range(2):
        start = clock()
        work()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        seconds = clock() - start
    return seconds


if __name__ == "__main__":
    main()
