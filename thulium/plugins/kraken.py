"""In kraken: its recogniser, with a model of ours. kraken finds it by the entry points of pyproject.toml.

kraken finds the lines and writes what is read; everything between is what ``thulium predict`` does, so that both read
the same text in the same lines. A record of kraken's has a place and a confidence for each code point, in the order of
the text; a model has them for each symbol, in the order in which it writes.

Source: kraken 7's ``kraken.models`` (``RecognitionBaseModel``, ``load_models``) and ``kraken.containers``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from kraken.containers import BaselineLine, BaselineOCRRecord, BBoxOCRRecord, Segmentation, ocr_record
from kraken.models import RecognitionBaseModel
from PIL import Image
from shapely.geometry import LineString, Point

from thulium.data.images.files import ImageFault
from thulium.data.images.grey import line_width
from thulium.data.line import Fault, Line, Unread
from thulium.ingest import cutting
from thulium.ingest.conversion import unread_line
from thulium.ingest.cutting import Cut, CutFault, Points
from thulium.ingest.outlines import Drawn, Outlines
from thulium.models.code_points import CodePoint, code_points
from thulium.models.recogniser import Recogniser, grey_of
from thulium.runtime import device as devices
from thulium_dsl.messages.problems import ThuliumError

logger = logging.getLogger(__name__)
TASK = "recognition"


def load(path: str | PathLike[str], tasks: Sequence[str] | None = None) -> list[RecognitionBaseModel]:
    """The model of a file, as kraken asks each of its loaders in turn.

    Args:
        tasks: that are wanted; None: any.

    Raises:
        ValueError: the file is no model of Thulium's, or cannot be used. kraken goes on to the next loader, and names
            what each of them said.
    """
    if tasks and TASK not in tasks:
        return []
    try:
        return [ThuliumModel(Recogniser.load(Path(path), device="cpu"))]
    except ThuliumError as error:
        raise ValueError(str(error)) from None


class ThuliumModel(RecognitionBaseModel):  # type: ignore[misc]  # kraken has no types to check
    """A model of ours that kraken reads with."""

    _kraken_min_version = "7.0.0"
    model_type = (TASK,)

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    def state_dict(self) -> dict[str, Any]:
        """The weights; kraken shows how many there are."""
        return self._recogniser.model.state_dict()

    def load_state_dict(self, *_: object, **__: object) -> None:
        """Refused: the file that a model comes from has all that it needs.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("a model of Thulium's is loaded whole; `thulium train` goes on with its training")

    def prepare_for_inference(self, config: Any) -> None:
        """Take from kraken's options what holds here: the device and the threads."""
        devices.keep_memory()
        devices.set_threads(config.num_threads)
        chosen = devices.choose(_device_of(config), mixed_precision=False)
        self._recogniser = Recogniser(self._recogniser.model.to(chosen.torch_device), chosen)
        if config.temperature != 1:
            logger.warning("--temperature is not used: a model of Thulium's has its own")

    def predict(self, im: Image.Image, segmentation: Segmentation) -> Iterator[ocr_record]:
        """Read the lines of a page, in their order. A line that cannot be read gives an empty record, and a warning."""
        spots = _spots_of(im, segmentation)
        stream = (self._line(spot, place) for place, spot in enumerate(spots))
        for spot, item in zip(spots, self._recogniser.read_lines(stream, in_detail=True), strict=True):
            if isinstance(item, Fault):
                logger.warning("line %s was not read: it %s", spot.line.id, item.what)
                yield spot.record([], "")
            else:
                yield spot.record(code_points(item.reading, self._recogniser.model.charset.order), item.reading.text)

    def _line(self, spot: Spot, place: int) -> Unread | Fault:
        """A line as the model reads it. Its width is noted, since the places of what is read are counted in it."""
        name = spot.line.id or f"{place + 1}"
        if isinstance(spot.how, CutFault):
            return Fault(reason=spot.how.reason, where=name, what=str(spot.how))
        line = Line(id=name, text="", page="", document="", source=name, load=spot.cut)
        found = unread_line(line, self._recogniser.model.preprocessing, lambda _: "")
        if isinstance(found, Unread):
            spot.width = line_width(spot.size, self._recogniser.model.preprocessing)
        return found


@dataclass
class Spot:
    """Where a line stands on its page.

    Attributes:
        line: as kraken has it.
        page: mode "L"; or why it cannot be read.
        how: it is cut out; None: the page is the line. Or why it cannot be.
        width: pixels of the line as the model reads it, without the paper behind a short one.
    """

    line: Any
    page: Image.Image | ImageFault
    how: Cut | CutFault | None
    width: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image of the line, if there is one."""
        if isinstance(self.how, Cut):
            return self.how.size
        return (1, 1) if isinstance(self.page, ImageFault) else self.page.size

    def cut(self) -> Image.Image:
        """The image of the line.

        Raises:
            ImageFault: there is none.
        """
        if isinstance(self.page, ImageFault):
            raise self.page
        return cutting.cut(self.page, self.how) if isinstance(self.how, Cut) else self.page

    def record(self, found: Sequence[CodePoint], text: str) -> ocr_record:
        """What kraken keeps of a line."""
        confidences = [each.confidence for each in found]
        if isinstance(self.line, BaselineLine):
            baseline = LineString(self.line.baseline) if found else None
            cuts: list[Any] = [
                tuple(sorted(round(baseline.project(Point(self._on_page(x)))) for x in (each.start, each.end)))
                for each in found
                if baseline
            ]
            return BaselineOCRRecord(text, cuts, confidences, self.line, display_order=False)
        left, top, right, bottom = self.line.bbox
        sides = ([min(max(round(self._on_page(x)[0]), left), right) for x in (each.start, each.end)] for each in found)
        boxes = [((a, top), (b, top), (b, bottom), (a, bottom)) for a, b in sides]
        return BBoxOCRRecord(text, boxes, confidences, self.line, display_order=False)

    def _on_page(self, x: float) -> tuple[float, float]:
        """The point of the page at a place along the line that the model reads, halfway down."""
        share = min(x / self.width, 1.0)
        if not isinstance(self.how, Cut):
            return share * self.line.bbox[2], self.line.bbox[3] / 2
        column, middle = share * self.how.size[0], self.how.size[1] / 2
        across, down = self.how.to_page(np.array([[column, middle]]))[0].tolist()
        return across, down


def _spots_of(im: Image.Image, segmentation: Segmentation) -> list[Spot]:
    page: Image.Image | ImageFault
    try:
        page = grey_of(im)
    except ImageFault as fault:
        page = fault
    if segmentation.type != "baselines" and [tuple(line.bbox) for line in segmentation.lines] == [(0, 0, *im.size)]:
        return [Spot(segmentation.lines[0], page, None)]  # what kraken makes of an image that is one line
    drawn = [_drawn(line) for line in segmentation.lines]
    outlines = Outlines(drawn, im.size)
    planned = (_planned(outlines, line, im.size) for line in drawn)
    return [Spot(line, page, how) for line, how in zip(segmentation.lines, planned, strict=True)]


def _planned(outlines: Outlines, line: Drawn, size: tuple[int, int]) -> Cut | CutFault:
    try:
        outline, _ = outlines.of(line)
        return cutting.plan(outline, line.baseline, size, straighten=True, turn=line.turn)
    except CutFault as fault:
        return fault


def _drawn(line: Any) -> Drawn:
    if isinstance(line, BaselineLine):
        return Drawn(outline=_points(line.boundary), baseline=_points(line.baseline))
    left, top, right, bottom = line.bbox
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Drawn(outline=_points(corners), baseline=_points([]))


def _points(points: Any) -> Points:
    return np.array(points or [], dtype=np.float64).reshape(-1, 2)


def _device_of(config: Any) -> str:
    """kraken's device in our words."""
    if config.accelerator not in ("gpu", "cuda"):
        return "cpu"
    named = config.device
    return f"cuda:{named[0]}" if isinstance(named, (list, tuple)) and named else "cuda"
