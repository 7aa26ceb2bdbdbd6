"""What prepare saw as one page that needs nothing but a browser: counts, what to look at, and lines themselves."""

from __future__ import annotations

import base64
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from thulium.data.shards import Row
from thulium.ingest import by_source
from thulium.ingest.accounting import CATEGORIES
from thulium.ingest.findings import Finding
from thulium.ingest.findings import many as _many
from thulium.ingest.remarks import MEANINGS
from thulium.ingest.survey import FRAME_WIDTHS, Survey
from thulium.runtime.files import replace_bytes
from thulium.runtime.svg import histogram

NAMES_SHOWN = 10  # of a list; the next ones are folded away
NAMES_FOLDED = 90
PICTURES_SHOWN = 2  # of a finding; the others are folded away
NAMED_TOGETHER = 4  # copies of one image, or lines with one character
CHARACTERS_SHOWN = 600
RARE = 5  # a character that stands in fewer places of the training lines is hardly learned
CLASSES = 32  # bars of a histogram
PICTURE = (1024, 64)  # pixels; wider and higher images are made smaller for the page
GREYS = 16  # of a picture: half the bytes of 256

DIRECTIONS = {"ltr": "left to right", "rtl": "right to left", "mixed": "both directions", "none": "no letters"}
ORDERS = {
    "logical": "In the order in which they are typed.",
    "visual_ltr": "In the order in which they stand in the image from left to right. A line with letters of both "
    "directions is taken to run to the right.",
    "visual_rtl": "In the order in which they stand in the image from left to right. A line with letters of both "
    "directions is taken to run to the left.",
}


@dataclass(frozen=True, slots=True)
class LineImage:
    """A line as the page shows it; image is a data URI."""

    row: Row
    image: str


def write_page(survey: Survey, report: dict[str, Any], charset: list[dict[str, Any]], path: Path) -> None:
    """Write the page, whole or not at all. The same data give the same bytes.

    Args:
        report, charset: what report.json and charset.json hold.
    """
    page = _environment().get_template("prepare.html.j2").render(_context(survey, report, charset))
    replace_bytes(path, page.encode("utf-8", "backslashreplace"))  # names of files may hold what is no text


@lru_cache(maxsize=1)  # it keeps what it has compiled
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("thulium.ingest"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "keys": _mark_keys,
        "number": "{:,}".format,
        "drawn": _drawn,
        "quoted": partial(json.dumps, ensure_ascii=False),
    }
    return environment


def _context(survey: Survey, report: dict[str, Any], charset: list[dict[str, Any]]) -> dict[str, object]:
    skipped = report["skipped"].items()
    rarest = sorted(charset, key=lambda row: (row["train"], row["character"]))[:CHARACTERS_SHOWN]
    return {
        "report": report,
        "num_lines": survey.num_lines,
        "total": {kind: len(_union(survey, kind)) for kind in ("pages", "documents", "writers")},
        "findings": findings(report, {name: split.pages for name, split in survey.splits.items()}),
        "accounting": report["accounting"],
        "losing": _losing(report["accounting"]["files"]),
        "categories": {category: category.replace("_", " ") for category in CATEGORIES},
        "errors": {reason: found for reason, found in skipped if found["is_error"]},
        "expected": {reason: found for reason, found in skipped if not found["is_error"]},
        "histograms": _histograms(survey),
        "gallery": {title: [_shown(row) for row in gallery.rows] for title, gallery in survey.gallery.items()},
        "characters": sorted(rarest, key=lambda row: row["character"]),
        "num_characters": len(charset),
        "num_rare": sum(row["train"] < RARE for row in charset),
        "rare": RARE,
        "shown": NAMES_SHOWN,
        "folded": NAMES_FOLDED,
        "pictures_shown": PICTURES_SHOWN,
        "directions": DIRECTIONS,
        "order": ORDERS[report["reading_order"]["order"]],
    }


def _losing(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The files of which something is not used, or that have nothing, those that lose most to errors first."""
    losing = [file for file in files if file["reasons"]]
    return sorted(losing, key=lambda file: (-file["skipped"], file["used"] - file["found"], file["file"]))


def _union(survey: Survey, kind: str) -> set[str]:
    return set().union(*(getattr(split, kind) for split in survey.splits.values()))


def findings(report: Mapping[str, Any], pages: Mapping[str, set[str]]) -> list[Finding]:
    """What a person should look at, the most serious first.

    Args:
        report: what report.json holds.
        pages: the pages of each split.
    """
    found = [*_shared(report, pages), *_lost(report), *_remarked(report), *by_source.findings(report)]
    found += [*_odd_images(report), *_odd_texts(report)]
    return sorted(found, key=lambda finding: ("serious", "look", "note").index(finding.level))


def _shared(report: Mapping[str, Any], pages: Mapping[str, set[str]]) -> Iterator[Finding]:
    """What stands in more than one split, or more than once in one."""
    advice = (
        "The document allows it: `dataset.allow_overlap`. Keep pages together: set `dataset.split.by` to page. Where "
        "the splits are given by folders or lists, keep each {} in one of them only."
    )
    if images := report["same_image_in_two_splits"]:
        yield Finding(
            level="serious",
            title=f"{_many(len(images), 'image stands', 'images stand')} in more than one split",
            means="The model is tested on what it has learned by heart, so its error rates come out too low.",
            do=advice.format("image"),
            names=[_together(sources, " = ") for sources in images],
            where="same_image_in_two_splits",
        )
    if shared := report["same_page_in_two_splits"]:
        yield Finding(
            level="serious",
            title=f"{_many(len(shared), 'page stands', 'pages stand')} in more than one split",
            means="Lines of one page are alike in hand, ink and words, so the error rates come out lower than they "
            "will be on new pages.",
            do=advice.format("page"),
            names=[f"{page}: {', '.join(name for name in pages if page in pages[name])}" for page in shared],
            where="same_page_in_two_splits",
        )
    if names := report["one_name_for_several"]:
        yield Finding(
            level="look",
            title=f"{_many(len(names), 'name stands', 'names stand')} for several",
            means="The split goes by names without folders, so what has one name is in one split together. That is "
            "right for copies; where they are different, as page 1 of several books, the shares are rough.",
            do="If they are different, set `dataset.split.identity` to path.",
            names=[f"{name}: {_together(paths, ', ')}" for name, paths in names.items()],
            where="one_name_for_several",
        )
    if copies := report["same_image_twice"]:
        yield Finding(
            level="look",
            title=f"{_many(len(copies), 'image is', 'images are')} a copy of another one in the same split",
            means="A copy counts twice, in training and in the error rates. If the two transcriptions differ, one of "
            "them is wrong.",
            do="Remove the copies, unless they are meant.",
            names=[_together(sources, " = ") for sources in copies],
            where="same_image_twice",
        )


def _lost(report: Mapping[str, Any]) -> Iterator[Finding]:
    """Lines and characters that cannot be learned."""
    if errors := {reason: found["count"] for reason, found in report["skipped"].items() if found["is_error"]}:
        count = sum(errors.values())
        yield Finding(
            level="serious",
            title=f"{_many(count, 'file or line', 'files or lines')} could not be used",
            means="What is left out is missing from training or from the test.",
            do="Correct what is named under “What was skipped”. To have it stop the preparation, set "
            "`dataset.on_error` to fail, or lower `dataset.max_skipped`.",
            names=[f"{reason}: {count:,}" for reason, count in errors.items()],
            where="skipped",
        )
    width = FRAME_WIDTHS[0]
    if lines := [source for sources in report["text_does_not_fit"][str(width)].values() for source in sources]:
        yield Finding(
            level="serious",
            title=f"{_many(len(lines), 'line has', 'lines have')} more text than the image has room for",
            means=f"A model reads an image in steps of {width} pixels and writes one character in each at most, with "
            "an empty step between two equal ones. It can neither learn nor read such a line whole; training leaves "
            "it out.",
            do="Mostly the transcription is that of another line, or of several, or the image is cut out wrongly: "
            "too short, or so high that the writing in it is tiny. Correct that. If all is right, raise "
            "`preprocessing.height`: the images become wider with it.",
            names=lines,
            where=f"text_does_not_fit → {width}",
            pictures="text does not fit",
        )
    absent: dict[str, list[str]] = {}
    for split, counts in report["characters_not_in_train"].items():
        for symbol, count in counts.items():
            absent.setdefault(symbol, []).append(f"{count:,} in {split}")
    if absent:
        yield Finding(
            level="serious",
            title=f"{_many(len(absent), 'character stands', 'characters stand')} in no training line",
            means="A model cannot write what it has never learned: each of these is an error wherever it stands.",
            do="Bring lines that have it into training: by another `dataset.split.seed`, by `dataset.train_list`, or "
            "by moving files. Or have it replaced by what the other lines have: `dataset.text.map`, with "
            "`dataset.text.on_unknown` set to map.",
            names=[f"{_named(symbol)}: {', '.join(counts)}" for symbol, counts in sorted(absent.items())],
            where="characters_not_in_train",
        )


def _remarked(report: Mapping[str, Any]) -> Iterator[Finding]:
    """What the reader has said of lines."""
    for remark, meaning in MEANINGS.items():
        if lines := report["remarks"][remark]:
            yield Finding(
                level=meaning.level,
                title=_many(len(lines), meaning.one, meaning.more),
                means=meaning.means,
                do=meaning.do,
                names=lines,
                where=f"remarks → {remark}",
                pictures=remark if meaning.is_seen else "",
            )


def _odd_images(report: Mapping[str, Any]) -> Iterator[Finding]:
    looks = {
        "blank": (
            ("image is blank", "images are blank"),
            "There is hardly a difference between the lightest and the darkest part, so there is nothing to read.",
            "See whether the line was cut out in the right place; if nothing is written there, remove it.",
        ),
        "light on dark": (
            ("image is light on dark", "images are light on dark"),
            "The writing is lighter than the paper, as in a negative. A model learns badly where some lines are so "
            "and others not.",
            "Invert such images. If all lines are so, and will be, they can stay.",
        ),
        "tiny": (
            ("image is tiny", "images are tiny"),
            "It had to be made much larger than it is, and what is not in the image cannot be read.",
            "Use images of a higher resolution. If it is a speck that was taken for a line, remove it, or choose "
            "lines by `dataset.region_types` and `dataset.line_types`.",
        ),
    }
    for look, (words, means, do) in looks.items():
        if lines := report["images"][look]:
            title, where = _many(len(lines), *words), f"images → {look}"
            yield Finding(level="look", title=title, means=means, do=do, names=lines, where=where, pictures=look)
    if lines := [source for split in report["splits"].values() for source in split["squeezed_too_wide"]]:
        yield Finding(
            level="look",
            title=f"{_many(len(lines), 'line was', 'lines were')} squeezed",
            means="The image is wider than allowed and was made narrower, so its letters are narrower than others.",
            do="See whether two lines were taken for one. If not, raise `preprocessing.max_width`, or leave such lines "
            "out: set `preprocessing.wide_lines` to skip.",
            names=lines,
            where="splits → … → squeezed_too_wide",
            pictures="squeezed",
        )


def _odd_texts(report: Mapping[str, Any]) -> Iterator[Finding]:
    if lines := report["reading_order"]["does_not_come_back"]:
        yield Finding(
            level="look",
            title=f"{_many(len(lines), 'line does', 'lines do')} not come back from visual order as typed",
            means="Such a line is learned as it stands in the image. When a reading is turned back into the order of "
            "typing, some characters come to stand elsewhere: even a perfect one counts as an error.",
            do="Look for numbers and brackets between words of both directions. If there are many such lines, compare "
            "with `dataset.text.order` set to logical.",
            names=lines,
            where="reading_order → does_not_come_back",
        )
    if odd := report["odd_characters"]:
        count = len({source for sources in odd.values() for source in sources})
        yield Finding(
            level="look",
            title=f"{_many(count, 'transcription has', 'transcriptions have')} characters that are seldom meant",
            means="Control characters and marks that steer the direction of writing cannot be seen in an image; "
            "U+FFFD stands where a program could not read a character.",
            do="Correct the transcriptions, or have the characters replaced by nothing: `dataset.text.map`, with "
            "`dataset.text.on_unknown` set to map.",
            names=[f"{_named(symbol)}: {_together(sources, ', ')}" for symbol, sources in odd.items()],
            where="odd_characters",
        )
    accents = {form: count for form, count in report["accents"].items() if count}
    if len(accents) > 1 or "mixed" in accents:
        yield Finding(
            level="note",
            title="Accents are typed in two ways",
            means="Some accented letters are one character (composed), others are a letter with an accent behind it "
            "(decomposed). Here they were brought to one form; other programs may take them for different letters.",
            do="Nothing has to be done; the form is that of `dataset.text.unicode_form`.",
            names=[f"{form}: {_many(count, 'line', 'lines')}" for form, count in accents.items()],
            where="accents",
        )


def _together(sources: Sequence[str], between: str) -> str:
    """Some names as one, without those that are too many."""
    rest = len(sources) - NAMED_TOGETHER
    return between.join(sources[:NAMED_TOGETHER]) + (f" and {rest:,} more" if rest > 0 else "")


def _named(symbol: str) -> str:
    return f"{_drawn(symbol)} U+{ord(symbol):04X} {unicodedata.name(symbol, '(no name)')}"


def _drawn(symbol: str) -> str:
    """A character so that it can be seen: a mark on a dotted circle, and a sign for what is blank."""
    category = unicodedata.category(symbol)
    if category.startswith("M"):
        return f"◌{symbol}"
    return "␣" if category.startswith("Z") else "·" if category.startswith("C") else symbol


def _mark_keys(text: str) -> Markup:
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _histograms(survey: Survey) -> list[Markup]:
    """One a split, over the same widths."""
    widest = max((width for split in survey.splits.values() for width in split.widths), default=1)
    charts = []
    for name, split in survey.splits.items():
        counts, _ = np.histogram(split.widths, bins=CLASSES, range=(0, widest))
        chart = histogram(counts.tolist(), highest=widest, title=f"{name}: lines by width", x_title="pixels")
        charts.append(Markup(chart))  # svg.py escapes what it writes
    return charts


def _shown(row: Row) -> LineImage:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(row.image), formats=("PNG",)) as image:
        picture = image.convert("L")
    picture.thumbnail(PICTURE)
    picture.quantize(GREYS).save(buffer, "PNG", optimize=True)
    return LineImage(row, "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii"))
