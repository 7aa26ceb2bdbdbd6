"""The door from the engine's public API to the language: documents, and the defaults that their schemas hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from thulium.data.line import Fault, visible
from thulium.data.readers import READERS
from thulium.data.splitting import splitter_of
from thulium.data.text import normalize
from thulium.errors import DataError, list_faults
from thulium_dsl.spec import DatasetSpec, Experiment, ModelSpec, PreprocessingSpec, SyntheticDataset, TextSpec, build


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


@dataclass(frozen=True, slots=True)
class Kept:
    """What a document said of the lines and the model, as model files and prepared data keep it."""

    model: ModelSpec
    preprocessing: PreprocessingSpec
    text: TextSpec


def kept(file: str, *, preprocessing: object, text: object, model: object = None) -> Kept:
    """What was kept of a document, checked as a document is.

    Args:
        file: what it is kept in.
        preprocessing, text, model: JSON values; without a model, it has its defaults.

    Raises:
        ValueError: it is not what was kept; the message says what is wrong, in a line.
    """
    from thulium_dsl import validate

    dataset = {"type": "synthetic", "lines": {"train": 1, "val": 1, "test": 1}, "seed": 0, "text": text}
    given = {"preprocessing": preprocessing, "dataset": dataset, **({} if model is None else {"model": model})}
    try:
        checked = validate.check_kept(given, file)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if checked.tree is None:
        first, *others = checked.problems
        more = f", and {len(others)} more" if others else ""
        raise ValueError(visible(f"{first.path.removeprefix('dataset.')}: {first.what}{more}"))
    whole = build(Experiment, checked.tree)
    return Kept(whole.model, whole.preprocessing, whole.dataset.text)


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
