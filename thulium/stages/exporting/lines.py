"""The lines that an exported model is tried on: validation lines if there are some, other images, or made-up ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from thulium.data.batch import Batch, collate
from thulium.data.images.grey import preprocess
from thulium.data.line import Fault, Origin, Unread
from thulium.data.loader import LineLoader
from thulium.data.prepared import MANIFEST, Prepared, open_prepared
from thulium.ingest.readers.synthetic import read, units
from thulium.ingest.unread import unread
from thulium.models.recogniser import BATCH_SIZE
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import LineCounts, PreprocessingSpec, SyntheticDataset, TextSpec, UnicodeForm

MADE_UP = 64


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines to read.

    Attributes:
        batches: of any number of lines, each of which is in memory when it is its turn.
        what: in words, such as "validation lines of data/prepared".
        rules: what is done to a text that was read in them; None: the model's own.
        has_texts: whether somebody has transcribed them in the way in which the model reads.
    """

    batches: Iterable[Batch]
    what: str
    rules: TextSpec | UnicodeForm | None = None
    has_texts: bool = False


def lines_for(model: HTRModel, given: Path | None, near: Iterable[Path]) -> Lines:
    """The lines to try a model on.

    Args:
        given: prepared lines, a folder that has them, or line images; None: those near by.
        near: folders that may hold prepared lines of the model; others are passed over.

    Raises:
        DataError: the given ones cannot be used.
    """
    if given is None:
        found = (open_prepared(folder) for folder in near if (folder / MANIFEST).is_file())
        fitting = next((data for data in found if not _misfit(model, data)), None)
        return _made_up(model) if fitting is None else _validation(fitting)
    folder = next((place for place in (given, given / "prepared") if (place / MANIFEST).is_file()), None)
    if folder is None:
        return _images(model, given)
    data = open_prepared(folder)
    if odd := _misfit(model, data):
        raise DataError(f"{folder}: was prepared otherwise than the model reads ({odd}): name its own lines")
    return _validation(data)


def _misfit(model: HTRModel, data: Prepared) -> str:
    """In what prepared lines differ from those that a model reads, in words."""
    theirs, ours = asdict(model.preprocessing), asdict(data.preprocessing)
    odd = (f"{name} {ours[name]}, not {theirs[name]}" for name in ours if theirs[name] != ours[name])
    return ", ".join(odd).lower()


def _validation(data: Prepared) -> Lines:
    loader = LineLoader(data.split("val"), batch_size=BATCH_SIZE, shuffle=False)
    return Lines(loader, f"validation lines of {data.folder}", data.text, has_texts=True)


def _images(model: HTRModel, given: Path) -> Lines:
    return Lines(_batches(_all(unread(given, model.preprocessing))), f"lines of {given}")


def _all(lines: Iterable[Unread | Fault]) -> Iterator[Unread]:
    for line in lines:
        if isinstance(line, Fault):
            raise DataError(f"{line}")
        yield line


def _made_up(model: HTRModel) -> Lines:
    counts = LineCounts(train=MADE_UP, val=0, test=0)
    dataset = SyntheticDataset(type="synthetic", lines=counts, seed=1, text=model.text)
    return Lines(_batches(_drawn(dataset, model.preprocessing)), "made-up lines, since no prepared ones are near")


def _drawn(dataset: SyntheticDataset, preprocessing: PreprocessingSpec) -> Iterator[Unread]:
    for unit in units(dataset):
        for line in read(unit, dataset):
            yield Unread(origin=Origin.of(line), text="", image=preprocess(line.load(), preprocessing))


def _batches(lines: Iterator[Unread]) -> Iterator[Batch]:
    while some := list(islice(lines, BATCH_SIZE)):
        yield collate([line.image for line in some], [""] * len(some), [line.id for line in some])
