"""Recogniser: from line images to text. Everything that reads goes through it, and no transcription is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from PIL.ImageFile import ImageFile

from thulium.data.batch import Batch, Targets, collate
from thulium.data.batching import Limits, falling_batches
from thulium.data.images.files import DAMAGE, ImageFault
from thulium.data.images.grey import open_grey, preprocess
from thulium.data.images.greys import Samples, samples_of, to_grey
from thulium.data.line import Fault, Origin, Unread
from thulium.data.text import normalize
from thulium.decoding.hypothesis import Hypothesis, Search
from thulium.decoding.searches import BeamSearch
from thulium.models import zoo
from thulium.models.decoders.base import Output
from thulium.models.file import load_model
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime.device import Device
from thulium_dsl.grammar.spec import TextSpec, UnicodeForm

# A path of an image file; an image of any size and mode, upright; or its grey values (H, W), 0 is black.
LineImage = str | Path | Image.Image | npt.NDArray[np.uint8]

BEAMS = 16  # of a search for alternatives, where the text comes from none
PLACES = 4  # decimals of a confidence where it is written
BATCH_SIZE = 32  # lines; what is read does not depend on it
# Of a batch on a CPU, padding included. Larger ones are no faster there; and their large buffers come to lie between
# what stays, so that the process grows as a stream goes on (docs/results.md).
CPU_PIXELS = 2**18
WINDOW = 8 * BATCH_SIZE  # lines of a stream that are in memory at once, so that those of a width stand in a batch


@dataclass(frozen=True, slots=True)
class Character:
    """A symbol that was read, before the text rules; in the order in which the model writes.

    Attributes:
        confidence: 0 to 1; calibrated, the probability that it is right, where ``model.calibration`` is there.
        start, end: pixels of the prepared line, ``model.preprocessing.height`` high, between which it was seen.
    """

    symbol: str
    confidence: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another reading of a line; its confidence is as that of a Reading, and no probability that it is this one."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in a line.

    Attributes:
        text: in logical order, after the model's text rules.
        confidence: 0 to 1; None where it was not asked for. Calibrated, it is the share of the line that can be
            expected to be right: 1 - edits / the longer one of text and transcription. Without ``model.calibration``
            it is the probability of the path by symbols, the end of the line being one of them, and is right only in
            its order.
        characters: of this text, before the text rules; empty where it was not asked for.
        alternatives: other texts, all different, the one that a beam search likes best first; empty where they were not
            asked for.
    """

    text: str
    confidence: float | None = None
    characters: tuple[Character, ...] = ()
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of a stream, without its image.

    Attributes:
        origin: where it comes from.
        text: its transcription, if it has one; see Unread.
    """

    origin: Origin
    text: str
    reading: Reading


class Recogniser:
    """Reads lines with a model.

    Attributes:
        model: in evaluation mode, on the device.
        device: where it reads, and with how many bits.
        search: looks for the text in the logits of frames; None: the decoder reads in its own way.
    """

    def __init__(
        self,
        model: HTRModel,
        device: Device,
        *,
        search: Search | None = None,
        rules: TextSpec | UnicodeForm | None = None,
    ) -> None:
        """Get ready to read.

        Args:
            rules: what is done to a text that was read; the model's own if absent.
        """
        self.model, self.device, self.search = model, device, search
        self.rules = rules or model.text

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Recogniser:
        """A recogniser with the model of a file, in 32 bits.

        Args:
            path: of a model file; or the name of a model that travels with Thulium, such as "zoo:latin-small".

        Raises:
            CheckpointError: the file is missing, damaged, or not a model file of Thulium's; there is no such name.
            DeviceError: the device is not there.
        """
        model, _ = load_model(zoo.file_of(path))
        chosen = devices.choose(device, mixed_precision=False)
        return cls(model.to(chosen.torch_device).eval(), chosen)

    def read(
        self,
        images: Iterable[LineImage],
        *,
        in_detail: bool = False,
        alternatives: int = 0,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> list[Reading]:
        """Read line images, in their order.

        Args:
            images: each one line, and all of them in memory at once: ``read_lines`` reads any number. What is done to
                them first is what was done to the lines that the model learned from.
            in_detail: whether characters and confidences are wanted.
            alternatives: how many other readings are wanted of each line, at most. They come from the search, or from a
                beam search where there is none; the text does not depend on them.
            on_batch: told after each batch how many lines it had.

        Raises:
            ImageFault: an image cannot be read; names its path, or the place of what is none, which counts from 0.
            TypeError: the images are one image.
        """
        if isinstance(images, (str, Path, Image.Image)):
            raise TypeError("read takes several images: put the one into a list")
        prepared = [preprocess(_grey(image, place), self.model.preprocessing) for place, image in enumerate(images)]
        return self._read(prepared, in_detail, alternatives, on_batch)

    def read_lines(
        self, lines: Iterable[Unread | Fault], *, in_detail: bool = False, alternatives: int = 0
    ) -> Iterator[ReadLine | Fault]:
        """Read a stream of any length, such as ``thulium.ingest.unread`` gives, in its order.

        A few hundred lines are taken from it at a time and read by their width; they are given back before more are
        taken. So memory does not grow with the number of lines.

        Args:
            lines: made with ``model.preprocessing``; a fault among them is passed on in its place.
            in_detail, alternatives: see ``read``.

        Raises:
            ValueError: a line was preprocessed in another way.
        """
        stream = iter(lines)
        while window := list(islice(stream, WINDOW)):
            images = [self._checked(line) for line in window if isinstance(line, Unread)]
            readings = iter(self._read(images, in_detail, alternatives))
            del images
            found = [
                line if isinstance(line, Fault) else ReadLine(line.origin, line.text, next(readings)) for line in window
            ]
            del window  # with its images, which nobody needs while the readings are given back
            yield from found

    def _checked(self, line: Unread) -> Image.Image:
        spec = self.model.preprocessing
        if line.image.height != spec.height or not spec.min_width <= line.image.width <= spec.max_width:
            size = f"{line.image.width}x{line.image.height} pixels"
            wanted = f"{spec.min_width} to {spec.max_width} wide and {spec.height} high"
            raise ValueError(f"{line.source}: has {size}, and the model reads lines that are {wanted}")
        return line.image

    def _read(
        self,
        prepared: Sequence[Image.Image],
        in_detail: bool,
        alternatives: int,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> list[Reading]:
        """Read preprocessed lines, in their order; those of about one width in one batch."""
        is_cpu = self.device.torch_device.type == "cpu"
        limits = Limits(BATCH_SIZE, self.model.preprocessing.height, CPU_PIXELS if is_cpu else 0)
        readings: dict[int, Reading] = {}
        for places in falling_batches([image.width for image in prepared], limits):
            batch = collate([prepared[place] for place in places], [""] * len(places), [str(place) for place in places])
            output = self.output(batch)
            found = self.in_detail(batch, output) if in_detail else self.readings(output)
            if alternatives:
                found = self._with_alternatives(found, output, alternatives)
            readings |= dict(zip(places, found, strict=True))
            on_batch(len(places))
        return [readings[place] for place in range(len(prepared))]

    @torch.inference_mode()
    def output(self, batch: Batch, targets: Targets | None = None) -> Output:
        """What the model computes of a batch; with targets, also what its loss is computed from."""
        moved = batch.to(self.device.torch_device)
        with self.device.autocast():
            output: Output = self.model(moved.images, moved.widths, targets)
        return output

    @torch.inference_mode()
    def readings(self, output: Output) -> list[Reading]:
        """The texts of a batch."""
        return [Reading(self.text_of(line)) for line in self.model.read(output, self.search)]

    @torch.inference_mode()
    def in_detail(self, batch: Batch, output: Output) -> list[Reading]:
        """The texts of a batch, with their characters and how sure the model is of them."""
        found = self.model.read(output, self.search, in_detail=True)
        rows = zip(found, batch.widths.tolist(), strict=True)
        return [Reading(self.text_of(line), self._sure(line), self._characters(line, width)) for line, width in rows]

    @torch.inference_mode()
    def _with_alternatives(self, readings: list[Reading], output: Output, number: int) -> list[Reading]:
        search = self.search or BeamSearch(BEAMS, None)
        # More than so many: one may be the text itself, and others differ only in what the text rules make equal.
        lines = search.several(output.logits, output.frames, self.model.charset.blank_index, 2 * number + 1)
        return [
            replace(reading, alternatives=self._others(reading.text, line)[:number])
            for reading, line in zip(readings, lines, strict=True)
        ]

    def _others(self, text: str, line: Sequence[Hypothesis]) -> tuple[Alternative, ...]:
        found: dict[str, float] = {}
        for one in line:
            found.setdefault(self.text_of(one), self._sure(one) or 0.0)
        return tuple(Alternative(other, confidence) for other, confidence in found.items() if other != text)

    def text_of(self, line: Hypothesis) -> str:
        """The text of a hypothesis, after the text rules."""
        return normalize(self.model.charset.decode(line.classes), self.rules)

    def _characters(self, line: Hypothesis, width: int) -> tuple[Character, ...]:
        stride, charset, calibration = self.model.backbone.stride, self.model.charset, self.model.calibration
        confidences = np.nan_to_num(np.array(line.confidences, np.float64))  # 0: nothing is known
        confidences = calibration.characters(confidences) if calibration else confidences
        return tuple(
            Character(charset.symbol(place), confidence, min(start * stride, width), min(end * stride, width))
            for place, confidence, (start, end) in zip(line.classes, confidences.tolist(), line.spans, strict=True)
        )

    def _sure(self, line: Hypothesis) -> float | None:
        """The confidence of a line."""
        if line.score is None:
            return None
        by_symbols = np.nan_to_num(np.exp(np.float64(line.score) / (len(line.classes) + 1)))
        calibration = self.model.calibration
        return float(calibration.lines(by_symbols, np.float64(len(line.classes))) if calibration else by_symbols)


def _grey(image: LineImage, place: int) -> Image.Image:
    try:
        if isinstance(image, (str, Path)):
            return open_grey(Path(image))
        if isinstance(image, Image.Image):
            return grey_of(image)
        return _grey_of_array(np.asarray(image))
    except ImageFault as fault:
        name = image if isinstance(image, (str, Path)) else f"image {place}"
        raise ImageFault(f"{name} {fault}") from None


def grey_of(image: Image.Image) -> Image.Image:
    if not image.width or not image.height:
        raise ImageFault(f"has no pixels ({image.width}x{image.height})")
    is_decoded = getattr(image, "fp", None) is None  # then it says less of its file
    try:
        samples = Samples()
        if isinstance(image, ImageFile) and not (is_decoded and image.format == "JPEG2000"):
            samples = samples_of(image)
        image.load()
    except DAMAGE as error:
        raise ImageFault(f"cannot be decoded ({error})") from None
    return to_grey(image, samples)


def _grey_of_array(values: npt.NDArray[Any]) -> Image.Image:
    if values.dtype != np.uint8 or values.ndim != 2 or not values.size:
        what = f"is an array of {values.dtype} with the shape {values.shape}"
        raise ImageFault(f"{what}, and one line is an array of uint8, (height, width), in which 0 is black")
    return Image.fromarray(values)
