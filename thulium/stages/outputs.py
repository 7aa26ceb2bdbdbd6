"""Where readings go: to the screen, into a file of rows, or into the XML of their page."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from thulium.data.line import Fault
from thulium.ingest.inputs import Lines, Pages, Source
from thulium.ingest.readers.xmlfile import PageFault
from thulium.ingest.writing.lines import NewText, Present
from thulium.ingest.writing.pages import NewFile, PageFile, SameFile
from thulium.ingest.writing.spans import unwritable
from thulium.models.recogniser import PLACES, ReadLine
from thulium.runtime.errors import visible
from thulium.runtime.ledger import Ledger, Made, NotedFile
from thulium.runtime.tables import escaped_row
from thulium.stages.positions import Positions

Format = Literal["txt", "json", "csv", "page", "alto"]
XML: dict[Format, str] = {"page": "PAGE", "alto": "ALTO"}
COLUMNS = ("id", "page", "image", "text", "confidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How readings are to be written.

    Attributes:
        format: None: texts of pages into their own XML, others as rows.
        present: what is done to a line of a page that has a text.
        skips: whether what cannot be read is left out; otherwise nothing is written of an input that has some of it.
        settings: a digest of all that decides what is read.
        alternatives: how many other readings stand in each row of JSON; 0: the row does not speak of them.
        positions: of words and letters, which XML gets; None: they are not wanted.
    """

    format: Format | None
    present: Present
    skips: bool
    settings: str
    alternatives: int = 0
    positions: Positions | None = None

    def format_of(self, source: Source, to_screen: bool) -> Format:
        """The format of what is written of a source."""
        if self.format is not None:
            return self.format
        if isinstance(source, Pages) and not to_screen:
            return "page" if source.format_name == "PAGE" else "alto"
        return "txt"

    def name_of(self, source: Source) -> str:
        """The file that is written of a source, from the output folder."""
        found = self.format_of(source, to_screen=False)
        if isinstance(source, Pages) and found in XML:
            return f"{source.name}{source.path.suffix if XML[found] == source.format_name else '.xml'}"
        return f"{source.name}.{'jsonl' if found == 'json' else found}"

    def made_of(self, source: Source) -> str:
        """A digest of all that decides what is written of a source."""
        parts = [self.settings, self.format_of(source, False), self.present, str(self.skips), source.digest]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def made(self, source: Source, ledger: Ledger) -> Made:
        """What a file of a ledger's folder is made of; single images are those of their folder, whichever are named."""
        path = source.path
        if isinstance(source, Lines) and path.suffix.lower() != ".parquet" and not path.is_dir():
            path = path.parent
        return ledger.made(self.made_of(source), path)


class Output(Protocol):
    """What readings of one source are given to, in their order."""

    def add(self, line: ReadLine) -> Fault | None:
        """Write a reading; a fault where that cannot be."""

    def close(self) -> None:
        """All readings are there."""

    def drop(self) -> None:
        """Leave nothing of it, as far as that can be."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings as rows of a text.

    Attributes:
        write: takes each piece of the text.
        end, undo: called at the end.
        has_ids: whether a row of plain text begins with the id of its line.
        has_alternatives: whether a row of JSON has other readings.
        page: of the lines, which rows of JSON have the places on; None: they have none.
    """

    format: Format
    has_ids: bool
    has_alternatives: bool
    write: Callable[[str], None]
    end: Callable[[], None]
    undo: Callable[[], None]
    page: PageFile | None = None

    def add(self, line: ReadLine) -> Fault | None:
        """See Output."""
        if self.format == "json":
            try:
                row = self._as_json(line)
            except PageFault as fault:  # the file or its image went meanwhile
                return Fault(reason=fault.reason, where=line.origin.source, what=str(fault))
            self.write(json.dumps(row, ensure_ascii=False) + "\n")
        elif self.format == "csv":
            self.write(_csv(_cells(line)))
        else:
            name = f"{visible(line.origin.id)}\t" if self.has_ids else ""
            self.write(f"{name}{line.reading.text}\n")
        return None

    def _as_json(self, line: ReadLine) -> dict[str, Any]:
        others = [{"text": o.text, "confidence": round(o.confidence, PLACES)} for o in line.reading.alternatives]
        shape = _shape(self.page, line) if self.page else {}
        return _as_json(line) | shape | ({"alternatives": others} if self.has_alternatives else {})

    def close(self) -> None:
        """See Output."""
        self.end()

    def drop(self) -> None:
        """See Output."""
        self.undo()


@dataclass(frozen=True, slots=True)
class InXml:
    """Readings that go into the XML of their page.

    Attributes:
        save: takes the file.
        positions: see Wish.
    """

    page: SameFile | NewFile
    save: Callable[[bytes], None]
    positions: Positions | None = None

    def add(self, line: ReadLine) -> Fault | None:
        """See Output."""
        reading, source = line.reading, line.origin.source
        if char := unwritable(reading.text):
            what = f"was read as a text with U+{ord(char):04X}, which no XML can hold: write txt, json or csv"
            return Fault(reason="character outside of XML", where=source, what=what)
        name = self.page.name_of(source)
        try:
            words = self.positions.words(reading, self.page.place_of(name)) if self.positions else ()
        except PageFault as fault:  # the file or its image went meanwhile
            return Fault(reason=fault.reason, where=source, what=str(fault))
        self.page.put(name, NewText(reading.text, reading.confidence, words))
        return None

    def close(self) -> None:
        """See Output."""
        self.save(self.page.written())

    def drop(self) -> None:
        """See Output; nothing was written yet."""


def on_screen(wish: Wish, source: Source, page: PageFile | None, write: Callable[[str], None], is_alone: bool) -> Rows:
    """Rows for the screen.

    Args:
        page: the source, opened, if it is one.
        is_alone: whether no other line is read, whose id would tell them apart.
    """
    has_others = wish.alternatives > 0
    return Rows(wish.format_of(source, to_screen=True), not is_alone, has_others, write, _nothing, _nothing, page)


def in_file(wish: Wish, source: Source, ledger: Ledger, page: PageFile | None) -> Rows | InXml:
    """Rows or XML for a file; the page, if it is one, was opened for that."""
    name, made = wish.name_of(source), wish.made(source, ledger)
    if isinstance(page, (SameFile, NewFile)):

        def save(content: bytes) -> None:
            file = NotedFile(ledger, name, made)
            try:
                file.add(content)
                file.close()
            except BaseException:
                file.drop()
                raise

        return InXml(page, save, wish.positions)
    found = wish.format_of(source, to_screen=False)
    file = NotedFile(ledger, name, made, _csv(COLUMNS).encode() if found == "csv" else b"")
    is_page = isinstance(source, Pages)

    def write(text: str) -> None:
        file.add(text.encode("utf-8"))

    return Rows(found, not is_page, wish.alternatives > 0, write, file.close, file.drop, page)


def _nothing() -> None:
    """At the end of what was shown."""


def header(wish: Wish) -> str:
    """What stands above all rows on the screen."""
    return _csv(COLUMNS) if wish.format == "csv" else ""


def _image_of(line: ReadLine) -> str:
    return line.origin.image_source or line.origin.source


def _cells(line: ReadLine) -> tuple[object, ...]:
    confidence = line.reading.confidence
    shown = "" if confidence is None else f"{confidence:.{PLACES}f}"
    return (line.origin.id, line.origin.page, _image_of(line), line.reading.text, shown)


def _csv(cells: tuple[object, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(escaped_row(cells))
    return text.getvalue()


def _shape(page: PageFile, line: ReadLine) -> dict[str, Any]:
    """Where a line lies on its page, in pixels of the page's image; null where that is not known."""
    shape = page.shape_of(page.name_of(line.origin.source)) or ((), ())
    outline, baseline = ([[round(float(x)), round(float(y))] for x, y in points] or None for points in shape)
    return {"outline": outline, "baseline": baseline}


def _as_json(line: ReadLine) -> dict[str, Any]:
    reading = line.reading
    return {
        "id": line.origin.id,
        "page": line.origin.page,
        "image": _image_of(line),
        "text": reading.text,
        "confidence": None if reading.confidence is None else round(reading.confidence, PLACES),
        "characters": [
            {"symbol": c.symbol, "confidence": round(c.confidence, PLACES), "start": c.start, "end": c.end}
            for c in reading.characters
        ],
    }
