"""Lines for a model to read, one after the other, from data of any kind: nobody needs to have transcribed them."""

from __future__ import annotations

from collections.abc import Iterator

from thulium.data.line import Fault, Line, Unread
from thulium.ingest.conversion import Readable, unread_line
from thulium.ingest.intake import Intake
from thulium.ingest.readers.images import Paths, lines_of_images
from thulium_dsl.grammar.spec import (
    AltoDataset,
    CustomDataset,
    DatasetSpec,
    GtTxtDataset,
    PageDataset,
    ParquetDataset,
    PreprocessingSpec,
    SourcesDataset,
    SyntheticDataset,
)

DATASETS = (CustomDataset, GtTxtDataset, PageDataset, AltoDataset, ParquetDataset, SyntheticDataset, SourcesDataset)


def unread(data: DatasetSpec | Paths, preprocessing: PreprocessingSpec) -> Iterator[Unread | Fault]:
    """The lines of a data set or of some image files, in its order, and a fault for each that cannot be read.

    What is held in memory does not grow with the number of lines, but for their names: an image is read when it is
    its turn, and nothing keeps it. A page of PAGE or ALTO is held with its lines.

    Args:
        data: a document's ``dataset``, of which all splits are read as one; or images of lines: a folder, a file, or
            several of them.
        preprocessing: the model's own, ``model.preprocessing``; a line that is wider than ``max_width`` is squeezed,
            left out or refused as it says.

    Raises:
        DataError: at once, before any line: the data do not lie where they should.
    """
    if isinstance(data, DATASETS):
        return _of_dataset(Intake(data, preprocessing, needs_text=False))
    return _of_images(lines_of_images(data), preprocessing)


def _of_dataset(intake: Intake) -> Iterator[Unread | Fault]:
    for met in intake.lines():
        assert not isinstance(met.item, Readable)
        yield met.item


def _of_images(lines: Iterator[Line | Fault], preprocessing: PreprocessingSpec) -> Iterator[Unread | Fault]:
    for line in lines:
        yield line if isinstance(line, Fault) else unread_line(line, preprocessing, lambda _: "")
