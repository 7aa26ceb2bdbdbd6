"""Which split a line is in: by lists of names, by where it lies, or by a hash of what must stay together.

The hash depends on the seed and on one name only, so data that come later never move data that were there before.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, get_args

from thulium.data.line import Fault, SplitName
from thulium.data.textfile import read_rows
from thulium.errors import DataError, list_faults
from thulium_dsl.spec import DatasetSpec, ParquetDataset, RootedDataset, SplitSpec

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
SEEDS_TRIED = 1000  # when the document's seed leaves a split empty


class Placed(Protocol):
    """What a line tells of where it comes from."""

    id: str
    page: str
    document: str
    writer: str
    source: str
    split: SplitName | None


@dataclass
class Splitter:
    """Says for each line which split it is in.

    Attributes:
        keys: what was kept together so far, and where it went; filled while lines come.
    """

    spec: SplitSpec | None
    lists: Mapping[str, tuple[SplitName, str]] = field(default_factory=dict)  # name -> its split, and file:row
    writers: Mapping[str, str] = field(default_factory=dict)  # page -> writer
    writers_from: str = "dataset.writers"  # the key that names where writers stand
    keys: dict[str, SplitName] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)

    def split_of(self, line: Placed) -> SplitName | Fault:
        """The split of a line; or why it is in none."""
        if self.lists:
            return self._listed(line)
        if self.spec is None or self.spec.by == "given":
            what = "lies in no folder or file named train, val or test: move it, or set dataset.split.by"
            return line.split or Fault(reason="in no split", where=line.source, what=what)
        key = self._key(line, self.spec.by)
        if not key:
            return Fault(
                reason="writer unknown",
                where=line.source,
                what=f"the writer of the page {line.page!r} is not known: add it to {self.writers_from}",
            )
        if key not in self.keys:
            self.keys[key] = hashed(key, self.spec)
        return self.keys[key]

    def unmatched(self) -> list[Fault]:
        """A fault for each name in a list that no line has."""
        return [
            Fault(
                reason="unknown name in a list",
                where=place,
                what=f"no page, document or line is named {name!r}: correct the name, or remove the row",
            )
            for name, (_, place) in self.lists.items()
            if name not in self._met
        ]

    def advice(self, name: SplitName) -> str:
        """Why a split may have got no line, and what to do."""
        if self.lists:
            return f"dataset.{name}_list names none that is there: correct it"
        if self.spec is None or self.spec.by == "given":
            return "no usable line lies in its folder: add some"
        if len(self.keys) < len(SPLITS):
            return f"there are {len(self.keys)} {self.spec.by}s for three splits: add some, or change dataset.split.by"
        what = (
            f"there are {len(self.keys)} {self.spec.by}s, and by dataset.split.seed {self.spec.seed} none is in {name}"
        )
        seed = _fitting_seed(list(self.keys), self.spec)
        if seed is None:
            return (
                f"{what}: raise dataset.split.{name if name != 'train' else 'val'}, or name them in dataset.{name}_list"
            )
        return f"{what}: set dataset.split.seed to {seed}, or name them in dataset.{name}_list"

    def _listed(self, line: Placed) -> SplitName | Fault:
        names = [name for name in (line.id, line.page, line.document) if name in self.lists]
        if not names:
            what = "is named in none of dataset.train_list, val_list and test_list"
            return Fault(reason="in no list", where=line.source, what=what, is_error=False)
        self._met.update(names)
        return self.lists[names[0]][0]

    def _key(self, line: Placed, by: str) -> str:
        if by == "writer":
            return line.writer or self.writers.get(line.page, "")
        return {"page": line.page, "document": line.document, "line": line.id}[by]


def splitter_of(dataset: DatasetSpec) -> Splitter:
    """The splitter that a document asks for.

    Raises:
        DataError: a list or the table of writers cannot be read, or a name stands in two lists.
    """
    if not isinstance(dataset, get_args(RootedDataset)):
        return Splitter(None)
    writers = None if isinstance(dataset, ParquetDataset) else dataset.writers
    paths = {name: getattr(dataset, f"{name}_list") for name in SPLITS}
    faults: list[Fault] = []
    lists = _read_lists({name: Path(path) for name, path in paths.items() if path}, faults)
    table = _read_writers(Path(writers), faults) if writers else {}
    if faults:
        raise DataError(list_faults(faults))
    if isinstance(dataset, ParquetDataset):
        return Splitter(dataset.split, lists, writers_from="dataset.writer_column")
    return Splitter(dataset.split, lists, table)


def hashed(key: str, spec: SplitSpec) -> SplitName:
    """The split of what must stay together: a share of the numbers from 0 to 1 for each split."""
    digest = hashlib.sha256(f"{spec.seed}/{key}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") / 2**64
    return "test" if number < spec.test else "val" if number < spec.test + spec.val else "train"


def _fitting_seed(keys: list[str], spec: SplitSpec) -> int | None:
    """Of the seeds that give every split something, the one whose shares come closest to those asked for."""
    fitting: list[tuple[float, int]] = []
    for seed in range(1, SEEDS_TRIED + 1):
        other = SplitSpec(val=spec.val, test=spec.test, by=spec.by, seed=seed)
        counts = Counter(hashed(key, other) for key in keys)
        if len(counts) == len(SPLITS):
            missed = abs(counts["val"] / len(keys) - spec.val) + abs(counts["test"] / len(keys) - spec.test)
            fitting.append((missed, seed))
    return min(fitting)[1] if fitting else None


def _read_lists(paths: Mapping[SplitName, Path], faults: list[Fault]) -> dict[str, tuple[SplitName, str]]:
    lists: dict[str, tuple[SplitName, str]] = {}
    for split, path in paths.items():
        for number, row in read_rows(path):
            name, place = unicodedata.normalize("NFC", row.strip()), f"{path}:{number}"
            before = lists.setdefault(name, (split, place))
            if before[0] != split:
                what = f"{name!r} stands in another list too, {before[1]}: keep one of them"
                faults.append(Fault(reason="in two lists", where=place, what=what))
    return lists


def _read_writers(path: Path, faults: list[Fault]) -> dict[str, str]:
    writers: dict[str, str] = {}
    for number, row in read_rows(path):
        page, tab, writer = row.partition("\t")
        if not tab or not page.strip() or not writer.strip():
            what = "the row should be a page, a tab and its writer"
            faults.append(Fault(reason="table of writers", where=f"{path}:{number}", what=what))
            continue
        writers[unicodedata.normalize("NFC", page.strip())] = writer.strip()
    return writers
