"""A line of handwriting, with its transcription or without one: what every reader yields, and what where none is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from thulium.runtime.errors import visible

SplitName = Literal["train", "val", "test"]

# What a person should know of a line that is kept; thulium.ingest.remarks says what each means and what to do.
Remark = Literal[
    "outline off the baseline",
    "outline over other lines",
    "thin outline",
    "turned",
    "orientation against the baseline",
    "has a confidence",
    "index above 0",
    "not marked as corrected",
    "word without text",
]

BETWEEN = "/"  # the name of a source, which has none, and the id of a line or the name of a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a line comes from, or what gave none: all that decides its split. Small, unlike the line.

    Attributes:
        id, page, document, source, split, writer, text_source, image_source: see Line; empty where it is not known.
    """

    id: str
    page: str
    document: str
    source: str
    split: SplitName | None = None
    writer: str = ""
    text_source: str = ""
    image_source: str = ""

    @classmethod
    def of(cls, line: Line) -> Origin:
        """The origin of a line."""
        return cls(**{name: getattr(line, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line image with what a person read in it, if a person has.

    Attributes:
        id: unique in its data set, stable from run to run.
        text: the transcription as it is written in the source, in logical order, not blank; "" where nobody has
            written one, or none that can be used: only a reader that was told that it needs no texts yields such lines.
        page: what the line was cut from; its own id where that is not known.
        document: what the page belongs to: the folder that it lies in, unless the format says more.
        source: the file it comes from, for messages.
        load: gives the image, mode "L" (8-bit grey, 0 is black), any size; raises ImageFault. Costly: called once.
        split: where the source itself says so.
        writer: who wrote it, where the format says so; otherwise empty.
        text_source: the file that the transcription comes from, with ``:row`` where there is one; empty where that is
            ``source``.
        image_source: the image of its page, where the source has pages; two files that are about one are one too many.
        remarks: what a person should know of it.
    """

    id: str
    text: str
    page: str
    document: str
    source: str
    load: Callable[[], Image.Image]
    split: SplitName | None = None
    writer: str = ""
    text_source: str = ""
    image_source: str = ""
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A line for a model to read.

    Attributes:
        origin: where it comes from; ``split`` is what the source itself says.
        text: the transcription, after the text rules of its data set; "" where there is none that can be used.
        image: as the model reads it, see ``preprocess``.
        looks: what is odd about the image, in words.
    """

    origin: Origin
    text: str
    image: Image.Image
    looks: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """See Line."""
        return self.origin.id

    @property
    def page(self) -> str:
        """See Line."""
        return self.origin.page

    @property
    def source(self) -> str:
        """See Line."""
        return self.origin.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A file or a line that gives no line.

    Attributes:
        reason: a few words that faults of one kind share, such as "unreadable image"; the report counts by it.
        where: the file, with ``:row`` or ``#line id`` where that is known.
        what: a sentence that goes on from ``where``: what was found, and what to do.
        of_many: the same of several, where the same is to be done about all of them: then they are said together.
        is_error: False for what data sets are expected to have, such as lines that nobody has transcribed: it is
            counted and named, and never stops anything.
        is_page: whether a whole page or file is lost, not one line.
        num_lines: how many lines of the source are lost by it: all those of a page; 0 where it stands for none, or for
            a file that cannot be read, of which nobody knows.
        origin: what is known of the line or page, for the split that it would have been in.
    """

    reason: str
    where: str
    what: str
    is_error: bool = True
    is_page: bool = False
    num_lines: int = 1
    origin: Origin | None = None
    of_many: str = ""

    def __str__(self) -> str:
        return visible(f"{self.where}: {self.what}")


def source_of(key: str) -> str:
    """The source of a line or page of data that have several, by its id or name."""
    return key.partition(BETWEEN)[0]
