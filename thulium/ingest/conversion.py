"""From a line as a reader found it to a row as training reads it; and what prepare should know of it besides."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from PIL import Image

from thulium.data import bidi, places, text
from thulium.data.charset import unknown_symbols
from thulium.data.images.files import ImageFault
from thulium.data.images.grey import INK_SHARE, MIN_CONTRAST, encode_png, is_too_wide, preprocess
from thulium.data.line import Fault, Line, Origin, Remark, SplitName, Unread
from thulium.data.shards import Row
from thulium.ingest.readers import READERS, layout
from thulium.ingest.sources import OneDataset
from thulium_dsl.grammar.spec import PreprocessingSpec, Replacement, SyntheticDataset, TextSpec

MIN_HEIGHT = 12  # pixels; handwriting cannot be read below
MIN_WIDTH = 4  # pixels
DARK = 96  # grey value; a line with a darker paper is light on dark

UNREADABLE = "unreadable image"

T = TypeVar("T")
Look = Literal["blank", "light on dark", "tiny"]
LOOKS: tuple[Look, ...] = get_args(Look)
RawForm = Literal["", "composed", "decomposed", "mixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """A line whose transcription can be used.

    Attributes:
        origin: where it comes from.
        text: normalised.
        unknown: the characters that the document's charset lacks.
    """

    origin: Origin
    text: str
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted(Readable):
    """A row, and what the report counts.

    Attributes:
        squeezed: whether the line was wider than max_width.
        looks: what is odd about the image.
        remarks: what the reader found that a person should know.
        raw_form: how accents were written before normalisation; empty if there are none.
        oddities: code points that are seldom meant, such as control characters.
        comes_back: for a text with right-to-left characters, whether it survives the way to visual order and back,
            in lines that run left to right and right to left.
        digest: of the image's pixels.
    """

    row: Row
    squeezed: bool
    looks: tuple[Look, ...]
    remarks: tuple[Remark, ...]
    raw_form: RawForm
    oddities: tuple[str, ...]
    comes_back: tuple[bool, bool]
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """Reads one unit of a data set and converts its lines. Can be pickled, so that other processes do it.

    Attributes:
        symbols: the characters that a line may have; None: any.
        replacements: made in transcriptions before the rules of the dataset.
        opens_images: whether lines become rows; otherwise what is found is readable, and no image is opened.
    """

    dataset: OneDataset
    preprocessing: PreprocessingSpec
    symbols: frozenset[str] | None
    opens_images: bool = True
    replacements: tuple[Replacement, ...] = ()

    def unread(self, unit: Any) -> Iterator[Unread | Fault]:
        """All lines of a unit, in their order, whether they have a transcription or not; one at a time."""
        if isinstance(unit, Fault):
            yield unit
            return
        lines = READERS[self.dataset.type].read(unit, self.dataset, needs_text=False)
        yield from once_a_page(
            (line if isinstance(line, Fault) else unread_line(line, self.preprocessing, self._text) for line in lines),
            unit,
        )

    def all_unread(self, unit: Any) -> list[Unread | Fault]:
        """The same at once, as another process gives it."""
        return list(self.unread(unit))

    def _text(self, raw: str) -> str:
        """What is left of a transcription that is not needed."""
        written = self._normal(raw)
        return "" if _refused_text(written) else written

    def __call__(self, unit: Any) -> list[Readable | Fault]:
        """All lines of a unit, in their order."""
        if isinstance(unit, Fault):
            return [unit]
        lines = READERS[self.dataset.type].read(unit, self.dataset)
        return list(once_a_page((line if isinstance(line, Fault) else self._line(line) for line in lines), unit))

    def _line(self, line: Line) -> Readable | Fault:
        origin = Origin.of(line)
        fault = partial(Fault, where=line.source, origin=origin)
        written = self._normal(line.text)
        if refused := _refused_text(written):
            reason, what = refused
            return fault(reason=reason, where=line.text_source or line.source, what=what)
        unknown = () if self.symbols is None else tuple(unknown_symbols(written, self.symbols))
        if not self.opens_images:
            return Readable(origin=origin, text=written, unknown=unknown)
        image = _image(line, self.preprocessing)
        if isinstance(image, Fault):
            return image
        scaled = preprocess(image, self.preprocessing)
        return Converted(
            origin=origin,
            text=written,
            unknown=unknown,
            row=_row(line, written, scaled),
            squeezed=is_too_wide(image.size, self.preprocessing),
            looks=tuple(_looks(image)),
            remarks=line.remarks,
            raw_form=_raw_form(line.text),
            oddities=tuple(bidi.oddities(line.text)),
            comes_back=self._comes_back(written),
            digest=hashlib.sha256(scaled.tobytes()).digest()[:16],
        )

    def _normal(self, raw: str) -> str:
        rules: TextSpec = self.dataset.text
        if self.replacements:
            raw = text.normalize(raw, replace(rules, on_unknown="map", map=self.replacements))
        return text.normalize(raw, rules)

    def _comes_back(self, written: str) -> tuple[bool, bool]:
        turns = bidi.direction(written) in ("rtl", "mixed") and self.dataset.text.order != "logical"
        if not turns:
            return True, True
        return bidi.round_trips(written, "visual_ltr"), bidi.round_trips(written, "visual_rtl")


def unread_line(line: Line, preprocessing: PreprocessingSpec, text_of: Callable[[str], str]) -> Unread | Fault:
    """A line as a model reads it; or why its image cannot be used.

    Args:
        text_of: the transcription by what the source has for it.
    """
    image = _image(line, preprocessing)
    if isinstance(image, Fault):
        return image
    scaled, looks = preprocess(image, preprocessing), tuple(_looks(image))
    return Unread(origin=Origin.of(line), text=text_of(line.text), image=scaled, looks=looks)


def _refused_text(written: str) -> tuple[str, str] | None:
    """Why a normalised transcription cannot be used: the reason, and a sentence; or None."""
    if text.is_blank(written):
        return (
            "no transcription",
            "nothing is left of the transcription under the rules of dataset.text: remove the line",
        )
    if "\0" in written:
        return "NUL character", "the transcription holds a NUL character: remove it"
    return None


def _image(line: Line, preprocessing: PreprocessingSpec) -> Image.Image | Fault:
    """The image of a line as it was found; or why it cannot be used."""
    fault = partial(Fault, where=line.source, origin=Origin.of(line))
    try:
        image = line.load()
    except ImageFault as error:
        return fault(reason=UNREADABLE, what=f"the image {error}")
    if preprocessing.wide_lines == "squeeze" or not is_too_wide(image.size, preprocessing):
        return image
    width, height = preprocessing.max_width, preprocessing.height
    what = f"is wider than preprocessing.max_width ({width} pixels at height {height})"
    if preprocessing.wide_lines == "skip":
        return fault(reason="too wide", what=what, is_error=False)
    what += ": raise it, or set preprocessing.wide_lines to squeeze or skip"
    return fault(reason="too wide", what=what)


def unknown_characters(line: Readable, dataset: OneDataset, split: SplitName) -> Fault | None:
    """What is to be done about a line with characters that the charset lacks: a fault, or nothing.

    A line of val or test is never left out for it: there each such character counts as an error. It stops prepare all
    the same, where the document asks for that.
    """
    policy = dataset.text.on_unknown
    skips = not isinstance(dataset, SyntheticDataset) and dataset.on_error == "skip"
    leaves_out = policy == "drop_line" or skips
    if not line.unknown or (leaves_out and split != "train"):
        return None
    named = ", ".join(f"{symbol!r} (U+{ord(symbol):04X})" for symbol in line.unknown[:10])
    advice = {
        "error": "add it to dataset.text.charset, or set dataset.text.on_unknown to map or drop_line",
        "map": "add it to dataset.text.map or to dataset.text.charset",
        "drop_line": "the line is left out of training",
    }[policy]
    if split != "train":
        advice += f"; with drop_line this {split} line stays, and each such character in it counts as an error"
    return Fault(
        reason="unknown character",
        where=line.origin.text_source or line.origin.source,
        what=f"the transcription has what the charset lacks: {named}: {advice}",
        is_error=policy != "drop_line",
        origin=line.origin,
    )


def once_a_page(items: Iterable[T | Fault], unit: Any) -> Iterator[T | Fault]:
    """What came of the lines of a unit; of a page whose image cannot be decoded, one fault for all of its lines."""
    lost = []
    for item in items:
        if not isinstance(item, Fault):
            yield item
        elif item.reason == UNREADABLE and not item.is_page and isinstance(unit, layout.PageUnit):
            lost.append(_placed(item, unit))
        else:
            yield _placed(item, unit)
    if lost:
        origin = lost[0].origin and replace(lost[0].origin, id="", source=str(unit.file))
        yield replace(lost[0], where=str(unit.file), is_page=True, num_lines=len(lost), origin=origin)


def _placed(fault: Fault, unit: Any) -> Fault:
    """A fault with what is known of its page, where the reader has not said it."""
    if fault.origin is not None or not isinstance(unit, layout.PageUnit):
        return fault
    name = fault.where.removeprefix(f"{unit.file}#")
    origin = Origin(
        id="" if name == fault.where else f"{unit.page}/{name}",
        page=unit.page,
        document=places.folder_of(unit.page),
        source=fault.where,
        split=unit.split,
    )
    return replace(fault, origin=origin)


def _row(line: Line, written: str, image: Image.Image) -> Row:
    return Row(
        id=line.id,
        image=encode_png(image),
        width=image.width,
        height=image.height,
        text=written,
        page=line.page,
        source=line.source,
    )


def _looks(image: Image.Image) -> Iterator[Look]:
    shares = np.cumsum(image.histogram()) / (image.width * image.height)
    low, middle, high = np.searchsorted(shares, (INK_SHARE, 0.5, 1 - INK_SHARE))
    if image.height < MIN_HEIGHT or image.width < MIN_WIDTH:
        yield "tiny"
    if high - low < MIN_CONTRAST:
        yield "blank"
    elif middle < DARK and high - middle > middle - low:
        yield "light on dark"


def _raw_form(raw: str) -> RawForm:
    composed, decomposed = (unicodedata.normalize(form, raw) for form in ("NFC", "NFD"))
    if composed == decomposed:
        return ""
    return "composed" if raw == composed else "decomposed" if raw == decomposed else "mixed"
