"""A few validation lines as a picture, with what is written in them and what the model reads, for TensorBoard."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from thulium.data.readers import Lines
from thulium.evaluation.metrics import LineResult

NUM_SAMPLES = 8
GROWTH = 1.1  # of the number of epochs from one picture to the next: a long training has few more than a short one
LEAST_WIDTH = 480  # pixels, for the texts below short lines
TEXT_SIZE, TEXT_ROW, MARGIN = 15, 20, 6  # pixels
PAPER, INK, SOFT = 246, 20, 110  # grey values
# Of the system, those with many letters first. Pillow's own has no accents: before it, a handwriting font of the demo.
FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf", "Arial.ttf")
FAMILY = "Caveat"


@dataclass(frozen=True, slots=True)
class Samples:
    """The same lines in every epoch, spread over the split.

    Attributes:
        lines: the split.
        places: indices of the lines.
    """

    lines: Lines
    places: tuple[int, ...]

    @classmethod
    def of(cls, lines: Lines) -> Samples:
        """Choose some lines of a split."""
        number = min(NUM_SAMPLES, len(lines))
        return cls(lines, tuple(i * len(lines) // number for i in range(number)))

    def read(self, results: Sequence[LineResult]) -> list[LineResult]:
        """What the model read in them."""
        ids = {self.lines.ids[place] for place in self.places}
        return [result for result in results if result.id in ids]

    def picture(self, results: Sequence[LineResult]) -> npt.NDArray[np.uint8]:
        """(H, W) greys: each line, below it its transcription, below that its prediction.

        Letters that the font lacks are drawn as boxes; ``read`` has the texts themselves.
        """
        by_id = {result.id: result for result in results}
        rows = [(self.lines.image(place), by_id[self.lines.ids[place]]) for place in self.places]
        height = self.lines.height + 2 * TEXT_ROW + MARGIN
        width = max(LEAST_WIDTH, *(image.width for image, _ in rows))
        canvas = Image.new("L", (width, height * len(rows)), PAPER)
        pen, font = ImageDraw.Draw(canvas), _font()
        for number, (image, result) in enumerate(rows):
            top = number * height
            canvas.paste(image, (0, top))
            pen.text((2, top + image.height), result.transcription, fill=SOFT, font=font)
            pen.text((2, top + image.height + TEXT_ROW), result.prediction, fill=INK, font=font)
        return np.asarray(canvas)


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in FONTS:
        with contextlib.suppress(OSError):  # it is not installed
            return ImageFont.truetype(name, TEXT_SIZE)
    with contextlib.suppress(ImportError):
        import fontpkg

        return ImageFont.truetype(str(fontpkg.path(FAMILY)), TEXT_SIZE + 3)
    return ImageFont.load_default(TEXT_SIZE)


def is_pictured(epoch: int) -> bool:
    """Whether an epoch, counted from 1, gets a picture: the first ones do, and later ever fewer."""
    return epoch == 1 or math.floor(math.log(epoch, GROWTH)) > math.floor(math.log(epoch - 1, GROWTH))
