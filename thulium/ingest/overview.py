"""What a person would like to know of data before there is a document for them: counts, scripts, sizes, splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from thulium.data import bidi
from thulium.data.images import formats
from thulium.data.labels import read_labels
from thulium.data.line import Fault
from thulium.ingest.accounting import category_of, lines_of
from thulium.ingest.intake import Intake
from thulium.ingest.namesakes import Named, Namesakes
from thulium.ingest.readers.dividers import said_once
from thulium.ingest.splitting import fitting_seed
from thulium.ingest.verdict import told
from thulium.runtime.errors import DataError, list_faults
from thulium.runtime.progress import track
from thulium_dsl.grammar.spec import CustomDataset, DatasetSpec, PreprocessingSpec, SyntheticDataset

MOST_SIZES = 100  # images of which the head is read
MANY = 500  # units from which on all cores read
PLAIN = 0.01  # of the letters; a script with fewer is not spoken of


@dataclass
class Overview:
    """What was found.

    Attributes:
        lines: split -> lines with a text, as the document divides them; "" of those that are in none.
        given: the same by what the places of the files say.
        num_pages: that have a line.
        num_keys: of what stays together in a split.
        not_transcribed: lines.
        errors: reason -> lines, or files, that cannot be used.
        example: one of them.
        letters: script, as Unicode has it -> letters.
        directions: "ltr", "rtl", "mixed" or "none" -> lines.
        sizes: width and height of some of the images: of pages, where there are pages, or of lines.
        seed: by which no split is empty, where the document's leaves one so and there is one.
        different: names that different pages in several folders have -> these, where the document goes by names.
        same: names that pages in several folders have of which some are the same -> these.
    """

    lines: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    num_pages: int = 0
    num_keys: int = 0
    not_transcribed: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    example: str = ""
    letters: Counter[str] = field(default_factory=Counter)
    directions: Counter[str] = field(default_factory=Counter)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    seed: int | None = None
    different: Named = field(default_factory=dict)
    same: Named = field(default_factory=dict)

    @property
    def num_lines(self) -> int:
        """With a text that can be used."""
        return self.lines.total()

    @property
    def scripts(self) -> list[str]:
        """Those that some text is written in, the most frequent first."""
        whole = self.letters.total()
        return [script for script, number in self.letters.most_common() if number >= PLAIN * whole]

    def is_of_lines(self) -> bool:
        """Whether each line is a page of its own, as where nothing says which lines are of one page."""
        return self.num_pages == self.num_lines

    def is_divided(self) -> bool:
        """Whether every split has a line, and every line a split."""
        return all(self.lines[name] for name in ("train", "val", "test")) and not self.lines[""]


def overview(dataset: DatasetSpec, preprocessing: PreprocessingSpec, num_files: int) -> Overview:
    """Read all transcriptions, and the heads of some images.

    Args:
        num_files: about as many as have transcriptions; of many, all cores read.

    Raises:
        DataError: the data do not lie as the document says.
    """
    intake = Intake(dataset, preprocessing, num_workers=0 if num_files > MANY else 1, opens_images=False)
    seen, pages, images, namesakes = Overview(), set[str](), dict[str, None](), Namesakes()
    for met in intake.lines(lambda outcomes, total: track(outcomes, "look", total)):
        if isinstance(met.item, Fault):
            _lose(seen, met.item)
            continue
        origin = met.item.origin
        seen.lines[met.split or ""] += 1
        seen.given[origin.split or ""] += 1
        pages.add(origin.page)
        images.setdefault(origin.image_source or origin.source)
        text = getattr(met.item, "text", "")
        namesakes.add(met.page_name, origin, text)
        seen.letters.update({script.capitalize(): number for script, number in bidi.scripts(text).items()})
        seen.directions[bidi.direction(text)] += 1
    keys = [key for source in intake.sources for key in source.splitter.keys]
    seen.num_pages, seen.num_keys = len(pages), len(keys)
    seen.sizes = list(_sizes(images))
    seen.different, seen.same = namesakes.told_apart()
    if not isinstance(dataset, (CustomDataset, SyntheticDataset)) and dataset.split.by != "given":
        seen.seed = fitting_seed(keys, dataset.split)
    return seen


def _lose(seen: Overview, fault: Fault) -> None:
    category = category_of(fault)
    if category == "not_transcribed":
        seen.not_transcribed += lines_of(fault)
    elif fault.reason == "in no split":
        seen.given[""] += 1
        seen.lines[""] += 1
    elif category == "skipped":
        seen.errors[fault.reason] += 1
        seen.example = seen.example or str(fault)


def _sizes(images: Collection[str]) -> Iterator[tuple[int, int]]:
    """Of a sample, evenly taken; tables hold their images themselves, and are passed over."""
    step = max(1, len(images) // MOST_SIZES)
    for name in islice(images, 0, None, step):
        try:
            with Image.open(name, formats=formats.FORMATS) as image:
                yield image.size
        except (OSError, ValueError, Image.DecompressionBombError):  # prepare says what is wrong with it
            continue


def columns(table: Path) -> list[str]:
    """The names of a table's columns.

    Raises:
        DataError: it is none.
    """
    try:
        return list(pq.read_schema(table).names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        what = f"is no parquet file, or a damaged one ({str(error).splitlines()[0]}): write or copy it anew"
        raise DataError(f"{table}: {what}") from None


def labelled(folder: Path) -> list[tuple[str, Path, str]]:
    """The rows of a folder with ``images/`` and ``labels.txt``: name below images/, image, text.

    Raises:
        DataError: rows that cannot be used; names each.
    """
    faults: list[Fault] = []
    labels = read_labels(folder, faults)
    if errors := [fault for fault in said_once(folder, faults) if fault.is_error]:
        raise DataError(list_faults(told(errors)))
    return [(label.name, label.path, label.text) for label in labels]
