"""``type: custom``: a folder with images/ and labels.txt, where a line is ``image_filename text``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from thulium.data import places
from thulium.data.images.grey import open_grey
from thulium.data.labels import Label, read_labels
from thulium.data.line import Fault, Line, Origin, SplitName
from thulium.ingest.readers.dividers import said_once
from thulium.runtime.errors import DataError, list_faults
from thulium_dsl.grammar.spec import CustomDataset

LINES_PER_UNIT = 64


@dataclass(frozen=True, slots=True)
class LabelsUnit:
    """Some neighbouring rows of one folder's labels.txt."""

    split: SplitName
    file: Path
    labels: tuple[Label, ...]


def units(dataset: CustomDataset, needs_text: bool = True) -> list[LabelsUnit | Fault]:
    """The rows of three folders, each with ``images/`` and ``labels.txt`` (the first space divides name and text).

    Where no text is needed, the images without a row follow.

    Raises:
        DataError: a folder or its labels.txt is missing, empty or not UTF-8; names each of them.
    """
    folders: dict[SplitName, str] = {"train": dataset.train_dir, "val": dataset.val_dir, "test": dataset.test_dir}
    found: list[LabelsUnit | Fault] = []
    errors: list[DataError] = []
    for split, folder in folders.items():
        faults: list[Fault] = []
        try:
            labels = read_labels(Path(folder), faults, needs_text=needs_text)
        except DataError as error:
            errors.append(error)
            continue
        found += [replace(fault, origin=_origin(split, folder, fault)) for fault in said_once(Path(folder), faults)]
        for first in range(0, len(labels), LINES_PER_UNIT):
            found.append(LabelsUnit(split, Path(folder) / "labels.txt", tuple(labels[first : first + LINES_PER_UNIT])))
    if errors:
        raise DataError(list_faults(errors))
    return found


def names(_found: list[LabelsUnit | Fault], _dataset: CustomDataset) -> Iterator[Origin]:
    """Nothing: there are no lists."""
    yield from ()


def read(unit: LabelsUnit, _dataset: CustomDataset | None, needs_text: bool = True) -> Iterator[Line]:
    """The lines of some rows, in their order. A folder below images/ is a page; without one, every line is its own."""
    for label in unit.labels:
        folder = places.folder_of(label.name)
        yield Line(
            # Names are unique in a folder; what is stored of a line does not change when rows are added above it.
            id=label.name,
            text=label.text,
            page=f"{unit.split}/{label.name}" if folder == "." else folder,
            document=str(unit.file.parent),
            split=unit.split,
            source=str(label.path),
            text_source=f"{unit.file}:{label.row}" if label.row else "",
            load=partial(open_grey, label.path),
        )


def _origin(split: SplitName, folder: str, fault: Fault) -> Origin:
    return Origin(id="", page="", document=folder, split=split, source=fault.where)
