"""The door from the engine's public API to the language: documents, and the defaults that their schemas hold."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from thulium.data.accounting import Accounts
from thulium.data.ingest import Intake
from thulium.data.line import Fault, visible
from thulium.data.verdict import check_faults
from thulium_dsl.spec import DatasetSpec, Experiment, PreprocessingSpec, SyntheticDataset, build


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


def training_texts(dataset: DatasetSpec, preprocessing: PreprocessingSpec) -> Iterator[str]:
    """The normalised transcriptions of a document's training lines: of those that ``prepare`` keeps, and no others.

    No image is opened unless the document leaves out lines for theirs; otherwise such lines stop ``prepare``.

    Raises:
        DataError: they cannot be read.
    """
    is_synthetic = isinstance(dataset, SyntheticDataset)
    opens_images = preprocessing.wide_lines == "skip" or (not is_synthetic and dataset.on_error == "skip")
    accounts, pages, num_lines = Accounts(), set(), 0
    for met in Intake(dataset, preprocessing, opens_images=opens_images).lines():
        if isinstance(met.item, Fault):
            accounts.leave_out(met.item)
            continue
        pages.add((met.split, met.item.origin.page))
        num_lines += 1
        if met.split == "train":
            yield met.item.text
    check_faults(accounts, num_lines, len(pages), dataset)
