"""The door from the engine's public API to the language: documents, and the defaults that their schemas hold."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from thulium.data.readers import custom, synthetic
from thulium.data.text import normalize
from thulium.errors import DataError, list_faults
from thulium_dsl.spec import CustomDataset, DatasetSpec, Experiment


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


def training_texts(dataset: DatasetSpec) -> Iterator[str]:
    """The normalised transcriptions of a document's training lines.

    Raises:
        DataError: they cannot be read.
    """
    if isinstance(dataset, CustomDataset):
        faults: list[str] = []
        labels = custom.read_labels(Path(dataset.train_dir), faults)
        if faults:
            raise DataError(list_faults(faults))
        texts = [label.text for label in labels]
    else:
        lines = synthetic.read(num_lines=dataset.lines.train, seed=dataset.seed, split="train")
        texts = [line.text for line in lines]
    return (normalize(text, dataset.unicode_form) for text in texts)
