"""A sheet that shows what the transforms of a document do to a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.prepared import open_prepared
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import AugmentationSpec, TransformSpec

USUAL_SHAPE = 7  # widths in heights: long enough to see, short enough for several beside each other
LOOKED_AT = 500  # lines among which one of the usual shape is looked for
MARGIN, CAPTION = 12, 15  # pixels
PAPER, TEXT, BORDER = 246, 40, 205  # grey values


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """The line that is shown."""

    id: str
    text: str
    image: Image.Image


def prepared_line(folder: Path, line_id: str | None) -> PreviewLine:
    """A training line of the prepared data: the one that is named, or one that is neither long nor short.

    Raises:
        DataError: there are no prepared data, or no such line.
    """
    split = open_prepared(folder).split("train")
    if line_id is None:
        shapes = split.widths[:LOOKED_AT] / split.height
        index = int(np.argmin(np.abs(shapes - USUAL_SHAPE)))
    elif line_id in list(split.ids):
        index = list(split.ids).index(line_id)
    else:
        raise DataError(f"{folder}: there is no training line {line_id}; the first is called {split.ids[0]}")
    return PreviewLine(split.ids[index], split.texts[index], split.image(index))


def sheet(line: PreviewLine, augmentation: AugmentationSpec, seed: int, draws: int) -> Image.Image:
    """The line as it is; below it under each transform alone; last under all of them, as in the first epochs.

    Args:
        augmentation: its transforms are shown also where they are switched off.
        seed: of the training.
        draws: pictures beside each other.
    """
    rows = list(_rows(line, augmentation, seed, draws))
    column = max(image.width for _, images in rows for image in images) + MARGIN
    row = line.image.height + CAPTION + MARGIN
    font = ImageFont.load_default(CAPTION - 3)
    captions = max(font.getlength(caption) for caption, _ in rows)
    width = max(column * draws, round(captions) + MARGIN) + MARGIN
    canvas = Image.new("L", (width, row * len(rows) + MARGIN), PAPER)
    pen = ImageDraw.Draw(canvas)
    for number, (caption, images) in enumerate(rows):
        top = MARGIN + number * row
        pen.text((MARGIN, top - 3), caption, fill=TEXT, font=font)
        for place, image in enumerate(images):
            corner = (MARGIN + place * column, top + CAPTION)
            pen.rectangle((corner[0] - 1, corner[1] - 1, corner[0] + image.width, corner[1] + image.height), BORDER)
            canvas.paste(image, corner)
    return canvas


def _rows(
    line: PreviewLine, augmentation: AugmentationSpec, seed: int, draws: int
) -> Iterator[tuple[str, Sequence[Image.Image]]]:
    """A caption and its pictures for each row of the sheet."""
    yield "as prepared", [line.image]
    always = [replace(spec, p=1.0) for spec in augmentation.transforms]
    for spec, shown in zip(augmentation.transforms, always):
        yield _caption(spec), _drawn(line, (shown,), seed, draws)
    if augmentation.transforms:
        yield "all together, as in the first epochs", _drawn(line, augmentation.transforms, seed, draws)


def _drawn(line: PreviewLine, transforms: tuple[TransformSpec, ...], seed: int, draws: int) -> list[Image.Image]:
    augmenter = Augmenter(AugmentationSpec(enabled=True, transforms=transforms), seed)
    return [augmenter(line.image, epoch, line.id, line.text) for epoch in range(draws)]


def _caption(spec: TransformSpec) -> str:
    """The transform as the document has it: ``random_shear  p 0.5  degrees 15``."""
    options = asdict(spec)
    words = [options.pop("type")]
    for name, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        words.append(f"{name} {' to '.join(format(number, 'g') for number in values)}")
    return "   ".join(words)
