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
from thulium.runtime.progress import say
from thulium_dsl.grammar.spec import LineCounts, PreprocessingSpec, SyntheticDataset, TextSpec, UnicodeForm

MADE_UP = 64


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines to read.

    Attributes:
        batches: of any number of lines, each of which is in memory when it is its turn.
        kind, origin: in words, such as "validation line" and "of data/prepared".
        rules: what is done to a text that was read in them; None: the model's own.
        has_texts: whether somebody has transcribed them in the way in which the model reads.
    """

    batches: Iterable[Batch]
    kind: str
    origin: str
    rules: TextSpec | UnicodeForm | None = None
    has_texts: bool = False


def lines_for(model: HTRModel, given: Path | None, near: Iterable[Path]) -> Lines:
    """The lines to try a model on.

    Args:
        given: prepared lines, a folder that has them, or line images; None: those near by.
        near: folders that may hold prepared lines; those that do not fit the model are passed over, which is said.

    Raises:
        DataError: the given ones cannot be used.
    """
    if given is None:
        places = [folder for folder in near if (folder / MANIFEST).is_file()]
        return next(filter(None, (_near(model, place) for place in places)), None) or _made_up(model)
    folder = next((place for place in (given, given / "prepared") if (place / MANIFEST).is_file()), None)
    if folder is None:
        return _images(model, given)
    return _validation(model, folder)


def _near(model: HTRModel, folder: Path) -> Lines | None:
    """Lines that nobody has named: what is wrong with them stops nothing."""
    try:
        return _validation(model, folder)
    except DataError as error:
        say(f"note: not compared on what is near: {error}")
        return None


def _misfit(model: HTRModel, data: Prepared) -> str:
    """In what prepared lines differ from those that a model reads, in words."""
    theirs, ours = asdict(model.preprocessing), asdict(data.preprocessing)
    odd = (f"{name} {ours[name]}, not {theirs[name]}" for name in ours if theirs[name] != ours[name])
    return ", ".join(odd).lower()


def _validation(model: HTRModel, folder: Path) -> Lines:
    data = open_prepared(folder)
    if odd := _misfit(model, data):
        raise DataError(f"{folder}: was prepared otherwise than the model reads ({odd}): name its own lines")
    loader = LineLoader(data.split("val"), batch_size=BATCH_SIZE, shuffle=False)
    return Lines(loader, "validation line", f"of {folder}", data.text, has_texts=True)


def _images(model: HTRModel, given: Path) -> Lines:
    return Lines(_batches(_all(unread(given, model.preprocessing))), "line", f"of {given}")


def _all(lines: Iterable[Unread | Fault]) -> Iterator[Unread]:
    for line in lines:
        if not isinstance(line, Fault):
            yield line
        elif line.is_error:
            raise DataError(str(line))
        else:
            say(f"note: {line}")


def _made_up(model: HTRModel) -> Lines:
    counts = LineCounts(train=MADE_UP, val=0, test=0)
    dataset = SyntheticDataset(type="synthetic", lines=counts, seed=1, text=model.text)
    return Lines(_batches(_drawn(dataset, model.preprocessing)), "made-up line", "since no prepared ones are near")


def _drawn(dataset: SyntheticDataset, preprocessing: PreprocessingSpec) -> Iterator[Unread]:
    for unit in units(dataset):
        for line in read(unit, dataset):
            yield Unread(origin=Origin.of(line), text="", image=preprocess(line.load(), preprocessing))


def _batches(lines: Iterator[Unread]) -> Iterator[Batch]:
    while some := list(islice(lines, BATCH_SIZE)):
        yield collate([line.image for line in some], [""] * len(some), [line.id for line in some])
