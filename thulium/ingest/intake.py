"""From a document's dataset to its lines, each with its split, and to all that gave none: for every one who asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from thulium.data.charset import charset_of
from thulium.data.line import Fault, Origin, SplitName, Unread
from thulium.ingest.conversion import Converter, Readable, unknown_characters
from thulium.ingest.lists import nfc
from thulium.ingest.readers import READERS, layout
from thulium.ingest.readers.choice import one_too_many
from thulium.ingest.splitting import Splitter, splitter_of
from thulium.ingest.workers import count, map_in_order
from thulium_dsl.grammar.spec import CustomDataset, DatasetSpec, PreprocessingSpec, SyntheticDataset

Watch = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Met:
    """A line, or what gave none.

    Attributes:
        split: where the line is; where it would have been, if that is known. Of lines that need no transcription what
            the source itself says.
        file: that of its page, where each page has one.
    """

    item: Readable | Unread | Fault
    split: SplitName | None
    file: str


@dataclass
class Intake:
    """Reads a data set once. What is used, what is dropped and why is decided here and nowhere else.

    Attributes:
        needs_text: whether lines need a transcription. Otherwise they are ``Unread``, in the source's order: neither
            lists nor rules of splits nor the charset are asked, this process reads alone, and of tables and folders
            one line at a time, so that they need no memory.
        given: the characters that the document allows; None: those of the training lines.
        splitter: knows more when all was read.

    Raises:
        DataError: the data do not lie as the document says, or lists cannot be used.
    """

    dataset: DatasetSpec
    preprocessing: PreprocessingSpec
    num_workers: int = 1  # processes; 0: one a core
    opens_images: bool = True
    needs_text: bool = True
    given: frozenset[str] | None = field(init=False)
    splitter: Splitter = field(init=False)
    _units: list[Any] = field(init=False)
    _ids: dict[tuple[str, str], str] = field(default_factory=dict)  # split and id of a line -> its source
    _images: dict[str, str] = field(default_factory=dict)  # image of a page -> the file that is about it

    def __post_init__(self) -> None:
        reader = READERS[self.dataset.type]
        self.given = charset_of(self.dataset.text) if self.needs_text else None
        self._units = reader.units(self.dataset, self.needs_text)
        origins = reader.names(self._units, self.dataset)  # which are looked for when somebody wants them
        self.splitter = splitter_of(self.dataset, origins) if self.needs_text else Splitter(None)

    def lines(self, watch: Watch = lambda outcomes, _: outcomes) -> Iterator[Met]:
        """All lines, in their order, and all that gave none.

        Args:
            watch: passes on what was read of each unit; gets their number too.
        """
        converter = Converter(
            dataset=self.dataset,
            preprocessing=self.preprocessing,
            symbols=self.given,
            opens_images=self.opens_images,
        )
        outcomes: Iterator[Iterable[Readable | Unread | Fault]] = (
            map_in_order(converter, self._units, count(self.num_workers))
            if self.needs_text
            else map(converter.unread, self._units)
        )
        for unit, outcome in zip(self._units, watch(outcomes, len(self._units)), strict=True):
            file = str(unit.file) if isinstance(unit, layout.PageUnit) else ""
            yield from self._unit(outcome, file)
        yield from (Met(fault, None, "") for fault in self.splitter.unmatched())

    def _unit(self, outcome: Iterable[Readable | Unread | Fault], file: str) -> Iterator[Met]:
        outcome = list(outcome) if file else outcome  # a page; other units may hold a whole table
        there = (item.origin.image_source for item in outcome if not isinstance(item, Fault)) if file else iter(())
        image = next(there, "")
        first = self._images.setdefault(nfc(os.path.normpath(image)), file) if image else file
        if first != file:
            yield self._lost(_second_file(outcome, file, first, self._root()), file, image)
            outcome = [item for item in outcome if isinstance(item, Fault)]
        for item in outcome:
            yield self._lost(item, file, image) if isinstance(item, Fault) else self._line(item, file)

    def _root(self) -> Path:
        return Path("" if isinstance(self.dataset, (CustomDataset, SyntheticDataset)) else self.dataset.root)

    def _line(self, line: Readable | Unread, file: str) -> Met:
        if isinstance(line, Unread):
            said = line.origin.split
            return Met(self._second_id(line.origin, said) or line, said, file)
        split = self.splitter.split_of(line.origin)
        if isinstance(split, Fault):
            return Met(split, None, file)
        fault = unknown_characters(line, self.dataset, split) or self._second_id(line.origin, split)
        return Met(fault or line, split, file)

    def _lost(self, fault: Fault, file: str, image: str) -> Met:
        split = None
        if fault.origin is not None and not self.needs_text:
            split = fault.origin.split
        elif fault.origin is not None:
            split = self.splitter.would_be(replace(fault.origin, image_source=fault.origin.image_source or image))
        return Met(fault, split, file)

    def _second_id(self, origin: Origin, split: SplitName | None) -> Fault | None:
        """A fault where a line of the split has the same id: predictions and augmentation go by it."""
        where = "" if self.splitter.folds else split or ""  # what folds have read stands in one table
        first = self._ids.setdefault((where, origin.id), origin.source)
        if first == origin.source:
            return None
        what = f"has the id {origin.id!r} of {first}: change one of them, or dataset.id_column"
        return Fault(reason="id twice", where=origin.source, what=what, origin=origin)


def _second_file(outcome: Iterable[Readable | Unread | Fault], file: str, first: str, root: Path) -> Fault:
    """The fault of a file that is about an image which another file is about already: a page is its image."""
    lines = [item for item in outcome if not isinstance(item, Fault)]
    origin = lines[0].origin
    what = f"is about the image {origin.image_source}, and so is {first}: {one_too_many(Path(file), Path(first), root)}"
    return Fault(
        reason="two files for one image",
        where=file,
        what=what,
        is_page=True,
        num_lines=len(lines),
        origin=replace(origin, id=""),
    )
