"""The door from the engine's public API to the language: documents, and the defaults that their schemas hold."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from thulium.data.line import Fault, visible
from thulium.data.readers import READERS
from thulium.data.splitting import splitter_of
from thulium.data.text import normalize
from thulium.errors import DataError, list_faults
from thulium_dsl.spec import DatasetSpec, Experiment, SyntheticDataset, build


def load(path: str | Path) -> Experiment:
    """The experiment that a document describes, its defaults filled in.

    Raises:
        DocumentError: the document has problems; the message lists them all.
    """
    from thulium_dsl import validate

    return validate.load(path)[0]


@lru_cache(maxsize=1)
def defaults() -> Experiment:
    """The experiment that an empty document describes."""
    from thulium_dsl import document, validate

    return validate.experiment_of(document.parse(""))


def kept(file: str, **parts: object) -> Experiment:
    """What was kept of a document, checked as a document is; what is not given has its default.

    Args:
        file: what it is kept in.
        parts: JSON values of sections by their name; ``text`` is that of the dataset.

    Raises:
        ValueError: it is not what was kept; the message says what is wrong, in a line.
    """
    from thulium_dsl import validate

    tree = dict(parts)
    if "text" in tree:
        lines = {"train": 1, "val": 1, "test": 1}
        tree["dataset"] = {"type": "synthetic", "lines": lines, "seed": 0, "text": tree.pop("text")}
    try:
        checked = validate.check_kept(tree, file)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if checked.tree is None:
        first, *others = checked.problems
        more = f", and {len(others)} more" if others else ""
        raise ValueError(visible(f"{first.path.removeprefix('dataset.')}: {first.what}{more}"))
    experiment: Experiment = build(Experiment, checked.tree)
    return experiment


def training_texts(dataset: DatasetSpec) -> Iterator[str]:
    """The normalised transcriptions of a document's training lines; no image is opened.

    Raises:
        DataError: they cannot be read.
    """
    faults: list[Fault] = []
    splitter, reader = splitter_of(dataset), READERS[dataset.type]
    for unit in reader.units(dataset):
        for line in [unit] if isinstance(unit, Fault) else reader.read(unit, dataset):
            split = line if isinstance(line, Fault) else splitter.split_of(line)
            if isinstance(line, Fault) or isinstance(split, Fault):
                faults.append(split)
            elif split == "train":
                yield normalize(line.text, dataset.text)
    errors = [fault for fault in faults if fault.is_error]
    if errors and (isinstance(dataset, SyntheticDataset) or dataset.on_error == "fail"):
        raise DataError(list_faults(errors))
