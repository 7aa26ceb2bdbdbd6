"""Which split a line is in: by lists of names, by where it lies, or by a hash of what must stay together.

The hash depends on the seed and on one name only, so data that come later never move data that were there before.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import get_args

from thulium.data.line import Fault, Origin, SplitName
from thulium.ingest import lists
from thulium.ingest.folds import Folds
from thulium.ingest.lists import Names, Row
from thulium.ingest.sources import OneDataset
from thulium.runtime.errors import DataError, list_faults
from thulium_dsl.grammar.spec import GtTxtDataset, ParquetDataset, RootedDataset, SplitSpec

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
IDENTITY = "dataset.split.identity to path"
MANY = 200  # keys
SEEDS_TRIED = 1000  # when the document's seed leaves a split empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The names of pages, documents and lines that do not depend on the folders that they lie in.

    Attributes:
        is_path: the document asks for the whole path instead.
        columns: which of "id", "page" and "document" come from a table's column: these are no paths.
        is_of_image: whether a page is named by its image, which stays when it is transcribed anew.
        num_parts: of a line's id that make up its name: two where the last one is the number of a row.
    """

    is_path: bool = False
    columns: frozenset[str] = frozenset()
    is_of_image: bool = False
    num_parts: int = 1

    def page(self, line: Origin) -> str:
        """The name of a page."""
        if self.is_path or "page" in self.columns:
            return line.page
        if line.page == line.id:
            return self.line(line)
        return (self.is_of_image and lists.nfc(PurePath(line.image_source).stem)) or _last(line.page)

    def document(self, line: Origin) -> str:
        """The name of a document: the last of its folders."""
        return line.document if self.is_path or "document" in self.columns else _last(line.document)

    def line(self, line: Origin) -> str:
        """The name of a line, with that of its page."""
        if self.is_path or "id" in self.columns:
            return line.id
        name = "/".join(PurePosixPath(line.id).parts[-self.num_parts :])
        return name if line.page == line.id else f"{self.page(line)}/{name}"


@dataclass
class Splitter:
    """Says for each line which split it is in.

    Attributes:
        names: by which lists are read; None where there are none.
        unknown: rows of the lists that name nothing.
        keys: what was kept together so far, and where it went; filled while lines come.
        shared: names that stand for several paths -> these; filled while lines come.
        folds: where the document has some, and they are known: a line's "split" is then the name of its piece.
    """

    spec: SplitSpec | None
    identity: Identity = Identity()
    lists: Mapping[str, Row] = field(default_factory=dict)  # name -> the row that gives its split
    unknown: list[Row] = field(default_factory=list)
    names: Names | None = None
    writers: Mapping[str, Row] = field(default_factory=dict)  # page -> the row that gives its writer
    writers_from: str = "dataset.writers"  # the key that names where writers stand
    keys: dict[str, SplitName] = field(default_factory=dict)
    shared: dict[str, set[str]] = field(default_factory=dict)
    folds: Folds | None = None
    _paths: dict[str, str] = field(default_factory=dict)  # key -> the first path that has it
    _met: set[str] = field(default_factory=set)

    def split_of(self, line: Origin) -> SplitName | Fault:
        """The split of a line; or why it is in none."""
        split = self._find(line)
        if not isinstance(split, Fault):
            self._remember(line, split)
        return split

    def would_be(self, line: Origin) -> SplitName | None:
        """The split that something would have been in which gave no line; None where that cannot be known."""
        if self.names is not None:
            self._met.add(line.id)
        split = self._find(line)
        return None if isinstance(split, Fault) else split

    def unmatched(self) -> list[Fault]:
        """A fault for each name in a list that nothing has."""
        if self.names is None:
            return []
        lines = [row for name, row in self.lists.items() if name not in self.names.all and name not in self._met]
        return [lists.unknown_name(row, self.names) for row in (*self.unknown, *lines)]

    def advice(self, name: SplitName) -> str:
        """Why a split may have got no line, and what to do."""
        if self.names is not None:
            is_named = any(row.value == name for row in self.lists.values())
            what = "no line of what it names can be used" if is_named else "it names nothing that is there"
            return f"see dataset.{name}_list: {what}: correct it, or name more"
        if self.spec is None or self.spec.by == "given":
            return "no usable line lies in its folder: add some"
        by, num_keys = self.spec.by, len(self.keys)
        if num_keys == 0:
            return "nothing that was found can be used: see what was left out, and dataset.root and dataset.type"
        num_paths = len(self._paths) + sum(len(paths) - 1 for paths in self.shared.values())
        there_are = f"there are {num_paths} {by}s" if num_paths > 1 else f"there is one {by}"
        if self.shared:
            there_are += f" with {num_keys} names" if num_keys > 1 else " of one name"
        if num_keys < len(SPLITS) <= num_paths:
            return f"{there_are}, for three splits: if they are different {by}s, set {IDENTITY}"
        if num_keys < len(SPLITS):
            return f"{there_are}, for three splits: add some, or change dataset.split.by"
        what = f"{there_are}, and by dataset.split.seed {self.spec.seed} none is in {name}"
        seed = fitting_seed(list(self.keys), self.spec)
        named = "name them in dataset.train_list, dataset.val_list and dataset.test_list"
        if seed is None:
            return f"{what}: raise dataset.split.{name if name != 'train' else 'val'}, or {named}"
        for_now = f"set dataset.split.seed to {seed}, which fits these {by}s (more of them may ask for another)"
        different = f"; if {by}s of one name are different, set {IDENTITY}" if self.shared else ""
        return f"{what}: {for_now}; or, to choose for good, {named}{different}"

    def writer_of(self, line: Origin) -> str:
        """Who wrote a line, by its source or by the table of writers; empty where neither says."""
        return line.writer or (self.writers[line.page].value if line.page in self.writers else "")

    def key_of(self, line: Origin) -> str:
        """The name of what a line stays together with, in a split that a hash decides."""
        return self._key(line, self.spec.by) if self.spec else ""

    def _find(self, line: Origin) -> SplitName | Fault:
        if self.names is not None:
            return self._listed(line)
        if self.spec is None or self.spec.by == "given":
            return line.split or _in_no_split(line)
        key = self._key(line, self.spec.by)
        if not key:
            return Fault(
                reason="writer unknown",
                where=line.source,
                what=f"the writer of the page {line.page!r} is not known: add it to {self.writers_from}",
            )
        if self.spec.folds is not None:
            return self._piece(key, line)
        return self.keys[key] if key in self.keys else hashed(key, self.spec)

    def _piece(self, key: str, line: Origin) -> SplitName | Fault:
        """The piece of folds that a line is in; all lines are tested, so before folds are known it is in the test."""
        if self.folds is None:
            return "test"
        if key not in self.folds.pieces:
            return Fault(reason="not there before", where=line.source, what="has come while data were read: run again")
        return self.folds.pieces[key].name

    def _remember(self, line: Origin, split: SplitName) -> None:
        if self.names is not None:
            self._met.add(line.id)
            return
        if self.spec is None or self.spec.by == "given":
            return
        key = self._key(line, self.spec.by)
        self.keys[key] = split
        path = {"page": line.page, "document": line.document, "line": line.id, "writer": key}[self.spec.by]
        if (first := self._paths.setdefault(key, path)) != path:
            self.shared.setdefault(key, {first}).add(path)

    def _listed(self, line: Origin) -> SplitName | Fault:
        row = next((self.lists[name] for name in (line.id, line.page, line.document) if name in self.lists), None)
        if row is None:
            what = "is named in none of dataset.train_list, val_list and test_list"
            return Fault(reason="in no list", where=line.source, what=what, is_error=False)
        return next(split for split in SPLITS if split == row.value)

    def _key(self, line: Origin, by: str) -> str:
        if by == "writer":
            return self.writer_of(line)
        of: Mapping[str, Callable[[Origin], str]] = {
            "page": self.identity.page,
            "document": self.identity.document,
            "line": self.identity.line,
        }
        return of[by](line)


def _in_no_split(line: Origin) -> Fault:
    where = "in no folder or file named train, val or test"
    return Fault(
        reason="in no split",
        where=line.source,
        what=f"lies {where}: move it, or set dataset.split.by",
        of_many=f"lie {where}: move them, or set dataset.split.by",
    )


def splitter_of(dataset: OneDataset, origins: Iterable[Origin] = ()) -> Splitter:
    """The splitter that a document asks for.

    Args:
        origins: what lists may name; gone through only where there are some.

    Raises:
        DataError: a list or the table of writers cannot be read or is not clear.
    """
    if not isinstance(dataset, get_args(RootedDataset)):
        return Splitter(None)
    faults: list[Fault] = []
    paths = {name: getattr(dataset, f"{name}_list") for name in SPLITS}
    rows = [row for name, path in paths.items() if path for row in lists.read_list(Path(path), name, faults)]
    writers = None if isinstance(dataset, ParquetDataset) else dataset.writers
    table = lists.read_table(Path(writers), faults) if writers else []
    splitter = Splitter(dataset.split, _identity(dataset))
    if isinstance(dataset, ParquetDataset):
        splitter.writers_from = "dataset.writer_column"
    if rows or table:
        names = Names.of(origins, dataset.root)
        splitter.lists, splitter.unknown = lists.resolve(rows, names, "stands in another list too", faults)
        splitter.writers, _ = lists.resolve(table, names, "has another writer in another row", faults)
        splitter.names = names if rows else None
    if faults:
        raise DataError(list_faults(faults))
    return splitter


def hashed(key: str, spec: SplitSpec) -> SplitName:
    """The split of what must stay together: a share of the numbers from 0 to 1 for each split."""
    digest = hashlib.sha256(f"{spec.seed}/{key}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") / 2**64
    return "test" if number < spec.test else "val" if number < spec.test + spec.val else "train"


def seed_for_all(groups: Iterable[Sequence[str]], spec: SplitSpec) -> int | None:
    """The first seed by which each of some groups of keys has some in every split; None if none of those tried is."""
    first = sorted((keys for keys in groups if 0 < len(keys) <= MANY), key=len)  # of many keys each split has some
    for seed in range(1, SEEDS_TRIED + 1):
        other = replace(spec, seed=seed)
        if all(len({hashed(key, other) for key in keys}) == len(SPLITS) for keys in first):
            return seed
    return None


def _identity(dataset: RootedDataset) -> Identity:
    is_path = dataset.split.identity == "path"
    if not isinstance(dataset, ParquetDataset):
        return Identity(is_path=is_path, is_of_image=not isinstance(dataset, GtTxtDataset))
    named = {"id": dataset.id_column, "page": dataset.page_column, "document": dataset.document_column}
    columns = frozenset(kind for kind, column in named.items() if column)
    return Identity(is_path=is_path, columns=columns, num_parts=2)


def _last(path: str) -> str:
    return PurePosixPath(path).name or path


def fitting_seed(keys: list[str], spec: SplitSpec) -> int | None:
    """Of the seeds that give every split something, the one whose shares come closest to those asked for."""
    fitting: list[tuple[float, int]] = []
    for seed in range(1, SEEDS_TRIED + 1):
        other = replace(spec, seed=seed)
        counts = Counter(hashed(key, other) for key in keys)
        if len(counts) == len(SPLITS):
            missed = abs(counts["val"] / len(keys) - spec.val) + abs(counts["test"] / len(keys) - spec.test)
            fitting.append((missed, seed))
    return min(fitting)[1] if fitting else None
