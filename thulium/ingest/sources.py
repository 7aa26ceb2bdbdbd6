"""The sources of a dataset: each is read as the dataset of its type that it is, and its lines bear its name.

Ids, pages and documents begin with the name of the source and a slash, so that those of two sources are never the
same. A writer of one name in two sources is one writer. Which split a page, document or writer is in depends on its own
name alone: the same page in two sources is in the same split, and another source moves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

from thulium.data.line import BETWEEN, Fault, Origin
from thulium.runtime.errors import DataError, SourceError
from thulium_dsl.grammar.spec import (
    AltoDataset,
    CustomDataset,
    DatasetSpec,
    GtTxtDataset,
    PageDataset,
    ParquetDataset,
    Replacement,
    RootedDataset,
    SourcesDataset,
    SourceSpec,
    SyntheticDataset,
)

OneDataset = RootedDataset | CustomDataset | SyntheticDataset

_CLASSES: dict[str, type[OneDataset]] = {
    "custom": CustomDataset,
    "gt_txt": GtTxtDataset,
    "page": PageDataset,
    "alto": AltoDataset,
    "parquet": ParquetDataset,
    "synthetic": SyntheticDataset,
}


@dataclass(frozen=True, slots=True)
class Named:
    """A source, or the whole of a dataset that has only one.

    Attributes:
        name: empty where the dataset has only one.
        dataset: as it is read.
        replacements: of its own, made before the rules of ``dataset.text``.
        weight: how often its training lines are seen in an epoch.
    """

    name: str
    dataset: OneDataset
    replacements: tuple[Replacement, ...] = ()
    weight: float = 1.0

    def origin(self, origin: Origin) -> Origin:
        """Where a line comes from, by names that no other source has."""
        if not self.name:
            return origin
        return replace(
            origin,
            id=self.key(origin.id),
            page=self.key(origin.page),
            document=self.key(origin.document),
        )

    def key(self, key: str) -> str:
        """The id of a line, or the name of a page or document, as no other source has it; an empty one stays."""
        if not self.name or not key:
            return key
        return self.name if key == "." else f"{self.name}{BETWEEN}{key}"

    def fault(self, fault: Fault) -> Fault:
        """A fault whose sentence names the keys of this source."""
        if not self.name:
            return fault
        origin = fault.origin and self.origin(fault.origin)
        return replace(fault, what=self.said(fault.what), of_many=self.said(fault.of_many), origin=origin)

    def said(self, text: str) -> str:
        """A sentence about keys of a dataset, of this source's."""
        if not self.name:
            return text
        text = _own_keys(self.dataset).sub(rf"\1 of source {self.name}", text)
        return text.replace("dataset.split.by", f"split_by of source {self.name}")


def sources_of(dataset: DatasetSpec) -> tuple[Named, ...]:
    """The sources of a dataset, in their order."""
    if not isinstance(dataset, SourcesDataset):
        return (Named("", dataset),)
    return tuple(
        Named(source.name, _as_dataset(source, dataset), source.text.map, source.weight) for source in dataset.sources
    )


def weights_of(dataset: DatasetSpec) -> dict[str, float]:
    """Name of each source -> its weight; empty where there is only one."""
    return {source.name: source.weight for source in sources_of(dataset) if source.name}


@contextmanager
def errors_of(source: Named) -> Iterator[None]:
    """Whatever cannot be read of a source is said of that source."""
    try:
        yield
    except DataError as error:
        if not source.name or isinstance(error, SourceError):
            raise
        raise SourceError({source.name: source.said(str(error))}) from None


def _as_dataset(source: SourceSpec, whole: SourcesDataset) -> OneDataset:
    """A source as a dataset of its type: its own keys, and those that hold for all sources."""
    kind = _CLASSES[source.type]
    own: dict[str, Any] = {each.name: getattr(source, each.name) for each in fields(source) if each.name != "text"}
    by = own.pop("split_by", None)
    split = whole.split if by is None else replace(whole.split, by=by)
    common = {
        "split": split,
        "allow_overlap": whole.allow_overlap,
        "text": whole.text,
        "on_error": whole.on_error,
        "max_skipped": whole.max_skipped,
    }
    values = own | common
    return kind(**{each.name: values[each.name] for each in fields(kind)})


def _own_keys(dataset: OneDataset) -> re.Pattern[str]:
    shared = {each.name for each in fields(SourcesDataset)} - {"type"}
    own = [each.name for each in fields(dataset) if each.name not in shared]
    return re.compile(rf"\bdataset\.({'|'.join(own)})\b")
