"""A page on its way into a file: the one that it came from, with texts in its lines, or a new one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import ModuleType

from thulium.data.line import Fault, Unread
from thulium.data.text import is_blank
from thulium.ingest.conversion import once_a_page, unread_line
from thulium.ingest.cutting import Points
from thulium.ingest.inputs import Pages
from thulium.ingest.readers import alto, layout, page
from thulium.ingest.readers.layout import DrawnPage
from thulium.ingest.readers.sheet import own_names
from thulium.ingest.readers.xmlfile import PageFault, content_of, parsed
from thulium.ingest.writing import anew, lines, words
from thulium.ingest.writing.lines import NewText, Present
from thulium.ingest.writing.spans import XmlText, unwritable
from thulium.ingest.writing.words import Place
from thulium.runtime.documents import section
from thulium_dsl.grammar.spec import AltoDataset, PageDataset, PreprocessingSpec

_READERS: Mapping[str, ModuleType] = {"PAGE": page, "ALTO": alto}


class PageFile:
    """A page that is read, and that nothing is written into.

    Attributes:
        source: what was named.
        left: lines that have a text and keep it, so that nobody needs to read them.
        is_lost: whether the page cannot be read at all.
    """

    def __init__(self, source: Pages, straighten: bool) -> None:
        self.source = source
        self.left: frozenset[str] = frozenset()
        self.is_lost = False
        name, root = source.format_name.lower(), str(source.root)
        self._dataset: PageDataset | AltoDataset = section("dataset", type=name, root=root, straighten=straighten)
        self._drawn: DrawnPage | None = None
        self._numbers: dict[str, int] = {}

    def unread(self, preprocessing: PreprocessingSpec) -> Iterator[Unread | Fault]:
        """The lines that are to be read, in the order of the file, and a fault for each that cannot be."""
        read = _READERS[self.source.format_name].read
        lines = (
            line
            for line in read(self.source.unit, self._dataset, needs_text=False)
            if not self._is_left(line.where if isinstance(line, Fault) else line.source)
        )
        made = (line if isinstance(line, Fault) else unread_line(line, preprocessing, str) for line in lines)
        for item in once_a_page(made, self.source.unit):
            self.is_lost |= isinstance(item, Fault) and item.is_page
            yield item

    def _is_left(self, where: str) -> bool:
        prefix = f"{self.source.path}#"
        return where.startswith(prefix) and where.removeprefix(prefix) in self.left

    def drawn(self) -> DrawnPage:
        """The page with the places of its lines.

        Raises:
            PageFault: the file, or its image, cannot be read.
        """
        if self._drawn is None:
            self._root = parsed(content_of(self.source.path))
            own_names(self._root, self.source.format_name)
            sheet = _READERS[self.source.format_name].sheet(self._root, self._dataset)
            self._drawn = layout.opened(self.source.unit, self._dataset, sheet)
            self._numbers = {name: place for place, name in enumerate(layout.names_of(line.id for line in sheet.lines))}
        return self._drawn

    def place_of(self, name: str) -> Place:
        """Where a line that was read lies on the page, in the units of what is written.

        Raises:
            PageFault: see ``drawn``.
        """
        page = self.drawn()
        how, _ = page.plan(self._numbers[name])
        return Place(how, self._scale(page), page.image.size)

    def shape_of(self, name: str) -> tuple[Points, Points] | None:
        """The outline and the baseline of a line, in pixels of the page's image; see ``DrawnPage.shape``.

        Raises:
            PageFault: see ``drawn``.
        """
        page = self.drawn()
        return page.shape(self._numbers[name])

    def _scale(self, page: DrawnPage) -> tuple[float, float]:
        """Pixels for a unit of the file itself."""
        return page.image.scale

    def name_of(self, place: str) -> str:
        """The name of a line, by the place that its messages have."""
        return place.removeprefix(f"{self.source.path}#")


class SameFile(PageFile):
    """A page whose texts are written into a copy of its own file, in which nothing else changes."""

    def __init__(self, source: Pages, straighten: bool, present: Present, has_glyphs: bool = False) -> None:
        """Look where the lines stand.

        Args:
            has_glyphs: whether letters are to be written.

        Raises:
            PageFault: the file cannot be written back, or has no place for letters.
        """
        super().__init__(source, straighten)
        self._file, self._present = XmlText(content_of(source.path)), present
        is_old = any(not words.has_glyphs(line.namespace) for line in self._file.lines)
        if has_glyphs and source.format_name == "ALTO" and is_old:
            what = "is ALTO of a version before 4, which has no Glyph: choose --positions word, or --format page"
            raise PageFault("no place for glyphs", what)
        ids = (line.attributes.get("id" if source.format_name == "PAGE" else "ID", "") for line in self._file.lines)
        self._lines = dict(zip(layout.names_of(ids), self._file.lines, strict=True))
        can_add = present == "replace" or (present == "alternative" and source.format_name == "PAGE")
        if not can_add:
            self.left = frozenset(name for name, line in self._lines.items() if lines.has_text(line))

    def put(self, name: str, new: NewText) -> None:
        """Write a text into a line."""
        lines.put(self._file, self._lines[name], new, self.source.format_name, self._present)

    def written(self) -> bytes:
        """The file with its texts."""
        return self._file.written()


class NewFile(PageFile):
    """A page whose lines go into a new file. A line that has a text and keeps it has it there too."""

    def __init__(self, source: Pages, straighten: bool, present: Present, format_name: str) -> None:
        """Look where the lines lie.

        Raises:
            PageFault: the file, or its image, cannot be read.
        """
        super().__init__(source, straighten)
        self._format = format_name
        written_lines = self.drawn().sheet.lines
        names = list(self._numbers)
        texts = {} if present == "replace" else dict(zip(names, (line.text for line in written_lines), strict=True))
        self.left = frozenset(name for name, text in texts.items() if not is_blank(text) and not unwritable(text))
        self._texts = {name: NewText(texts[name], None) if name in self.left else None for name in names}

    def put(self, name: str, new: NewText) -> None:
        """Give a line its text."""
        self._texts[name] = new

    def _scale(self, page: DrawnPage) -> tuple[float, float]:
        """A new file counts in pixels."""
        return 1.0, 1.0

    def written(self) -> bytes:
        """The new file."""
        return anew.written(self.drawn(), self._root, list(self._texts.values()), self._format)


def lost(source: Pages, fault: PageFault) -> Fault:
    """A fault of a page as one of its file."""
    where = str(source.path) if fault.row is None else f"{source.path}:{fault.row}"
    whole = Fault(reason=fault.reason, where=where, what=str(fault), is_error=fault.is_error, is_page=True)
    return replace(whole, num_lines=source.num_lines)
