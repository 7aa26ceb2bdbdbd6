"""From a document's dataset to its lines, each with its split, and to all that gave none: for every one who asks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from thulium.data.charset import charset_of
from thulium.data.line import Fault, Origin, SplitName, Unread
from thulium.ingest.conversion import Converted, Converter, Readable, unknown_characters
from thulium.ingest.lists import nfc
from thulium.ingest.readers import READERS, layout
from thulium.ingest.readers.choice import one_too_many
from thulium.ingest.sources import Named, OneDataset, errors_of, sources_of
from thulium.ingest.splitting import Splitter, seed_for_all, splitter_of
from thulium.ingest.workers import count, map_in_order
from thulium.runtime.errors import SourceError
from thulium_dsl.grammar.spec import CustomDataset, DatasetSpec, PreprocessingSpec, SourcesDataset, SyntheticDataset

Watch = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Met:
    """A line, or what gave none.

    Attributes:
        split: where the line is; where it would have been, if that is known. Of lines that need no transcription what
            the source itself says.
        file: that of its page, where each page has one.
        page_name: the name of its page without folders, see ``splitting.Identity``; empty of what gave no line.
        source: the one of several sources that it is of.
    """

    item: Readable | Unread | Fault
    split: SplitName | None
    file: str
    page_name: str = ""
    source: str = ""


@dataclass
class Intake:
    """Reads a data set once. What is used, what is dropped and why is decided here and nowhere else.

    The sources of a data set are read one after the other; ids, pages and documents begin with the name of theirs.

    Attributes:
        needs_text: whether lines need a transcription. Otherwise they are ``Unread``, in the source's order: neither
            lists nor rules of splits nor the charset are asked, and with one process tables and folders are read one
            line at a time, so that they need no memory.
        given: the characters that the document allows; None: those of the training lines.
        sources: one reader each; of a data set of one source just this.

    Raises:
        DataError: the data do not lie as the document says, or lists cannot be used.
    """

    dataset: DatasetSpec
    preprocessing: PreprocessingSpec
    num_workers: int = 1  # processes; 0: one a core
    opens_images: bool = True
    needs_text: bool = True
    given: frozenset[str] | None = field(init=False)
    sources: tuple[SourceIntake, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.given = charset_of(self.dataset.text) if self.needs_text else None
        self.sources = tuple(self._opened())
        _forget_what_others_read(self.sources)

    def _opened(self) -> Iterator[SourceIntake]:
        wrong: dict[str, str] = {}
        for source in sources_of(self.dataset):
            try:
                yield SourceIntake(source, self)
            except SourceError as error:
                wrong |= error.said
        if wrong:
            raise SourceError(wrong)

    def lines(self, watch: Watch = lambda outcomes, _: outcomes) -> Iterator[Met]:
        """All lines, in their order, and all that gave none.

        Args:
            watch: passes on what was read of each unit; gets their number too. Each source is watched for itself.
        """
        for source in self.sources:
            with errors_of(source.named):
                yield from source.lines(watch)

    @property
    def shared_names(self) -> dict[str, set[str]]:
        """Names that stand for several pages, documents or lines -> these; known when all was read."""
        return {
            source.named.key(name): {source.named.key(path) for path in paths}
            for source in self.sources
            for name, paths in source.splitter.shared.items()
        }

    def seed_for_all(self) -> int | None:
        """A seed of the split by which every source has lines in every split, where one can be found."""
        if not isinstance(self.dataset, SourcesDataset):
            return None
        return seed_for_all([list(source.splitter.keys) for source in self.sources], self.dataset.split)

    def advice(self, name: SplitName) -> str:
        """Why a split may have got no line, and what to do."""
        if len(self.sources) == 1:
            return self.sources[0].named.said(self.sources[0].splitter.advice(name))
        said = [(source.named, source.splitter.advice(name)) for source in self.sources]
        return "; ".join(f"source {named.name}: {named.said(what)}" for named, what in said)


@dataclass
class SourceIntake:
    """Reads one source.

    Attributes:
        splitter: knows more when all was read.
    """

    named: Named
    whole: Intake
    dataset: OneDataset = field(init=False)
    splitter: Splitter = field(init=False)
    _units: list[Any] = field(init=False)
    _ids: dict[tuple[str, str], str] = field(default_factory=dict)  # split and id of a line -> its source
    _images: dict[str, str] = field(default_factory=dict)  # image of a page -> the file that is about it

    def __post_init__(self) -> None:
        self.dataset, needs_text = self.named.dataset, self.whole.needs_text
        reader = READERS[self.dataset.type]
        with errors_of(self.named):
            self._units = reader.units(self.dataset, needs_text)
            origins = reader.names(self._units, self.dataset)  # which are looked for when somebody wants them
            self.splitter = splitter_of(self.dataset, origins) if needs_text else Splitter(None)

    def left_out_files(self) -> list[Fault]:
        """Those that ``files`` or ``exclude`` leave out."""
        return [unit for unit in self._units if isinstance(unit, Fault) and unit.reason == "excluded"]

    def forget(self, files: set[str]) -> None:
        """Say nothing of these, which are left out."""
        left_out = [fault for fault in self.left_out_files() if fault.where in files]
        self._units = [unit for unit in self._units if not any(unit is fault for fault in left_out)]

    def lines(self, watch: Watch) -> Iterator[Met]:
        """See ``Intake.lines``."""
        return map(self._with_source, self._lines(watch)) if self.named.name else self._lines(watch)

    def _with_source(self, met: Met) -> Met:
        """By names that no other source has."""
        named, item = self.named, met.item
        if isinstance(item, Fault):
            return replace(met, item=named.fault(item), source=named.name)
        origin = named.origin(item.origin)
        if isinstance(item, Converted):
            row = replace(item.row, id=origin.id, page=origin.page)
            item = replace(item, origin=origin, row=row)
        else:
            item = replace(item, origin=origin)
        return replace(met, item=item, page_name=named.key(met.page_name), source=named.name)

    def _lines(self, watch: Watch) -> Iterator[Met]:
        converter = Converter(
            dataset=self.dataset,
            preprocessing=self.whole.preprocessing,
            symbols=self.whole.given,
            opens_images=self.whole.opens_images,
            replacements=self.named.replacements,
        )
        outcomes = watch(self._outcomes(converter, count(self.whole.num_workers)), len(self._units))
        for unit, outcome in zip(self._units, outcomes, strict=True):
            file = str(unit.file) if isinstance(unit, layout.PageUnit) else ""
            yield from self._unit(outcome, file)
        yield from (Met(fault, None, "") for fault in self.splitter.unmatched())

    def _outcomes(self, converter: Converter, workers: int) -> Iterator[Iterable[Readable | Unread | Fault]]:
        if self.whole.needs_text:
            return map_in_order(converter, self._units, workers)
        if workers == 1:
            return map(converter.unread, self._units)
        return map_in_order(converter.all_unread, self._units, workers)

    def _unit(self, outcome: Iterable[Readable | Unread | Fault], file: str) -> Iterator[Met]:
        outcome = list(outcome) if file else outcome  # a page; other units may hold a whole table
        there = (item.origin.image_source for item in outcome if not isinstance(item, Fault)) if file else iter(())
        image = next(there, "")
        first = self._images.setdefault(nfc(os.path.normpath(image)), file) if image else file
        if first != file:
            yield self._lost(_second_file(outcome, file, first, self.root), file, image)
            outcome = [item for item in outcome if isinstance(item, Fault)]
        for item in outcome:
            yield self._lost(item, file, image) if isinstance(item, Fault) else self._line(item, file)

    @property
    def root(self) -> Path:
        """The folder that it lies in; none of what lies in three."""
        return Path("" if isinstance(self.dataset, (CustomDataset, SyntheticDataset)) else self.dataset.root)

    def _line(self, line: Readable | Unread, file: str) -> Met:
        if isinstance(line, Unread):
            said = line.origin.split
            return Met(self._second_id(line.origin, said) or line, said, file)
        split = self.splitter.split_of(line.origin)
        if isinstance(split, Fault):
            return Met(split, None, file)
        fault = unknown_characters(line, self.dataset, split) or self._second_id(line.origin, split)
        if fault:
            return Met(fault, split, file)
        writer = self.splitter.writer_of(line.origin)
        known = line if writer == line.origin.writer else replace(line, origin=replace(line.origin, writer=writer))
        return Met(known, split, file, self.splitter.identity.page(line.origin))

    def _lost(self, fault: Fault, file: str, image: str) -> Met:
        split = None
        if fault.origin is not None and not self.whole.needs_text:
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


def _forget_what_others_read(sources: Sequence[SourceIntake]) -> None:
    """Say nothing of the files that one source leaves out and another of the same folder takes, and of others once."""
    if len(sources) == 1:
        return
    roots = Counter(source.root for source in sources)
    left_out = Counter(fault.where for source in sources for fault in source.left_out_files())
    said = set[str]()
    for source in sources:
        files = {fault.where for fault in source.left_out_files()}
        source.forget({file for file in files if left_out[file] < roots[source.root] or file in said})
        said |= files


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
