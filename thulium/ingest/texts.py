"""The transcriptions that a document's training lines have, without preparing them."""

from __future__ import annotations

from collections.abc import Iterator

from thulium.data.line import Fault
from thulium.ingest.accounting import Accounts
from thulium.ingest.intake import Intake
from thulium.ingest.verdict import check_faults
from thulium_dsl.grammar.spec import DatasetSpec, PreprocessingSpec, SyntheticDataset


def training_texts(dataset: DatasetSpec, preprocessing: PreprocessingSpec) -> Iterator[str]:
    """The normalised transcriptions of a document's training lines: of those that ``prepare`` keeps, and no others.

    No image is opened unless the document leaves out lines for theirs; otherwise such lines stop ``prepare``.

    Raises:
        DataError: they cannot be read.
    """
    skips = not isinstance(dataset, SyntheticDataset) and dataset.on_error == "skip"
    opens_images = skips or preprocessing.wide_lines == "skip"
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
