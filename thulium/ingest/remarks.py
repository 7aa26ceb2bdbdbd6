"""What a person should know of lines that are kept: what each remark means, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from thulium.data.line import Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """A remark in words. Keys of params.yaml stand in backquotes.

    Attributes:
        level: as of a finding of the report.
        one, more: what goes on from the number of lines.
        means, do: sentences.
        is_seen: whether the lines' images show it.
    """

    level: Literal["look", "note"] = "look"
    one: str
    more: str
    means: str
    do: str
    is_seen: bool = False


MEANINGS: dict[Remark, Meaning] = {
    "outline off the baseline": Meaning(
        one="line has an outline that lies off its baseline",
        more="lines have outlines that lie off their baselines",
        means="Somebody corrected the baseline and not the outline, or the other way round. The baseline was believed: "
        "a band round it was cut, as high as the outlines of the page usually are.",
        do="See whether text and picture belong together. To be sure, draw the outlines anew where they are wrong.",
        is_seen=True,
    ),
    "outline over other lines": Meaning(
        one="line has an outline that holds other lines",
        more="lines have outlines that hold other lines",
        means="The outline is that of a region rather than of one line, so a band round the baseline was cut, as high "
        "as the outlines of the page usually are.",
        do="See whether text and picture belong together, and draw the outlines anew.",
        is_seen=True,
    ),
    "thin outline": Meaning(
        one="line has an outline that is much thinner than others of its page",
        more="lines have outlines that are much thinner than others of their page",
        means="Such an outline often cuts through the letters. Where the line has a baseline, a band round it was cut, "
        "as high as there is room for between the lines beside it; otherwise the outline as it is.",
        do="See whether whole letters are in the picture. Small words, such as insertions, may be right as they are.",
        is_seen=True,
    ),
    "turned": Meaning(
        one="line was turned as its file says",
        more="lines were turned as their file says",
        means="Its region has an orientation, so the line is not upright on the page.",
        do="See whether the writing is upright in the picture. If not, correct the orientation of the region.",
        is_seen=True,
    ),
    "orientation against the baseline": Meaning(
        one="line has a baseline that runs across the orientation of its region",
        more="lines have baselines that run across the orientation of their region",
        means="One of the two is wrong. The baseline was believed.",
        do="See whether the writing is upright in the picture, and correct the orientation of the region.",
        is_seen=True,
    ),
    "has a confidence": Meaning(
        level="note",
        one="line has a text with a confidence",
        more="lines have texts with a confidence",
        means="A confidence comes from a program that has recognised the text. Whether a person has corrected it, the "
        "file does not say.",
        do="Make sure that these pages were corrected: a model learns the errors of what was not.",
    ),
    "index above 0": Meaning(
        one="line has a text whose index is not 0",
        more="lines have texts whose index is not 0",
        means="Many programs keep the corrected text at index 0 and what they recognise at higher ones. On these pages "
        "no line has a text of index 0.",
        do="If this is the corrected text, set `dataset.text_index` to its index. If not, set it to 0, and these lines "
        "are left out.",
    ),
    "not marked as corrected": Meaning(
        one="line is not marked as corrected, while others of its page are",
        more="lines are not marked as corrected, while others of their page are",
        means="The file marks what a person has corrected (CS), and not these lines.",
        do="Make sure that they are right, or remove them.",
    ),
    "word without text": Meaning(
        one="line has a word without a text",
        more="lines have words without a text",
        means="The transcription is put together from the words, and lacks what stands in the picture there.",
        do="Complete the transcription, or remove the word if it is a speck.",
        is_seen=True,
    ),
}
