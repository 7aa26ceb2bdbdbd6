"""A line of handwriting with its transcription: what every reader yields."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line image with what a person read in it.

    Attributes:
        id: unique in its split, stable from run to run.
        image: mode "L" (8-bit grey, 0 is black), any size.
        text: the transcription, in logical order, not empty.
        page: what the line was cut from; its own id where that is not known.
        source: the file it comes from, for messages.
    """

    id: str
    image: Image.Image
    text: str
    page: str
    source: str
