"""What a person names to be read: line images, folders of them, tables, prepared lines, pages of PAGE and ALTO.

No document says here what lies where, so each path is looked at. One that holds XML of pages is pages; one with a
labels.txt, prepared lines or tables is what it says; everything else is images, each of them one line.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from lxml import etree
from PIL import Image

from thulium.data import places
from thulium.data.images import formats
from thulium.data.images.files import ImageFault
from thulium.data.labels import read_labels
from thulium.data.layouts import is_page_file
from thulium.data.line import Fault, Line, Origin, Unread
from thulium.data.prepared import MANIFEST, SPLITS, open_prepared
from thulium.data.shards import INDEX
from thulium.ingest.conversion import unread_line
from thulium.ingest.readers import custom, layout, parquet
from thulium.ingest.readers.custom import LabelsUnit
from thulium.ingest.readers.image_search import XML_FOLDERS
from thulium.ingest.readers.images import lines_of_images
from thulium.ingest.readers.sheet import format_of
from thulium.ingest.readers.xmlfile import LINE, PageFault, content_of, parsed
from thulium.runtime.documents import section
from thulium.runtime.errors import DataError
from thulium.runtime.ledger import is_written
from thulium.runtime.pointers import absent
from thulium_dsl.grammar.spec import ParquetDataset, PreprocessingSpec

PAGE_SIDE = 1000  # pixels; of an image that is higher and wider, and not far wider than high, a line is seldom
PAGE_SHAPE = 4  # times as wide as high
NO_LINES = (
    "find them first, with kraken (`kraken -x -i page.jpg page.xml segment -bl`), eScriptorium or Transkribus, and "
    "name the PAGE or ALTO file that comes of it"
)


@dataclass(frozen=True, slots=True)
class Pages:
    """An XML file with the lines of a page.

    Attributes:
        name: what is written of it is called so: a path without ending.
        root: the folder that its image lies in, however deep.
        format_name: "PAGE" or "ALTO".
        num_lines: as far as is known.
        digest: of what is read.
    """

    name: str
    path: Path
    root: Path
    format_name: str
    num_lines: int
    digest: str

    @property
    def unit(self) -> layout.PageUnit:
        """The file for its reader."""
        return layout.PageUnit(self.path, self.name, None)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines without a page of their own: of a folder, a table, or some images.

    Attributes:
        name, num_lines, digest: see Pages.
        path: what was named, or the first of it.
        unread: gives them, whenever it is called.
    """

    name: str
    path: Path
    num_lines: int
    digest: str
    unread: Callable[[], Iterator[Unread | Fault]]


Source = Pages | Lines


def find(given: Sequence[Path], preprocessing: PreprocessingSpec, without: Path | None = None) -> list[Source | Fault]:
    """What some paths stand for, in their order, and a fault for each file that is none of it.

    Args:
        preprocessing: the model's.
        without: a folder in which nothing is looked for, since results go there.

    Raises:
        DataError: some paths hold nothing that can be read; names all of them.
    """
    given = [path.parent if path.name == "labels.txt" else path for path in given]
    given = [path if path.name not in ("", "..") else Path(os.path.abspath(path)) for path in dict.fromkeys(given)]
    found: list[Source | Fault] = []
    wrong: list[str] = []
    images = [path for path in given if _is_single_image(path)]
    for path in given:
        try:
            if path not in images:
                found += _at(path, preprocessing, without)
            elif path == images[0]:
                found.append(_images("lines" if len(images) > 1 else path.stem, images, images, preprocessing))
        except DataError as error:
            wrong.append(str(error))
    if wrong:
        raise DataError("\n".join(wrong))
    _check_names([source for source in found if not isinstance(source, Fault)])
    return found


def _at(path: Path, preprocessing: PreprocessingSpec, without: Path | None) -> Iterator[Source | Fault]:
    where = places.printable(path)
    if not path.exists():
        raise DataError(f"{where}: {absent(path) or 'there is no such file or folder'}: correct the path")
    if not path.is_dir():
        yield _file(path, preprocessing)
        return
    if (path / MANIFEST).exists():
        splits = ", ".join(str(path / name) for name in SPLITS)
        raise DataError(f"{where}: holds prepared lines of three splits: name one of them, {splits}")
    if (path / INDEX).exists():
        yield _prepared(path, preprocessing)
        return
    if (path / "labels.txt").exists():
        yield _labels(path, preprocessing)
        return
    results = _results_below(path, without)
    yield from (_results_fault(folder) for folder in results if without is None or not _is_below(folder, without))
    files = [file for file in places.walk(path) if not any(_is_below(file, folder) for folder in results)]
    names = {file.suffix.lower() for file in files}
    xml = [file for file in files if is_page_file(file.name)]
    if xml:
        yield from _pages(path, xml)
    elif ".parquet" in names:
        yield _table(path, [file for file in files if parquet.is_table(file.name)], preprocessing)
    else:
        there = [file for file in files if formats.is_image(file)]
        if not there:
            what = "images of lines (.png, .jpg, .tif …), PAGE or ALTO files (.xml), labels.txt or tables (.parquet)"
            raise DataError(f"{where}: holds nothing that can be read: {what}; name the folder that has them")
        yield _images(_name_of(path), [path], there, preprocessing)


def _results_below(path: Path, without: Path | None) -> list[Path]:
    """The folders below one that `thulium predict` wrote into; results go into ``without``, which may not be there."""
    folders = {folder for file in places.walk(path) for folder in file.relative_to(path).parents}
    written = [path / folder for folder in sorted(folders) if folder != Path() and is_written(path / folder)]
    return [*written, *([without] if without else [])]


def _results_fault(folder: Path) -> Fault:
    what = "holds what `thulium predict` wrote, and is left out: name the folder itself to have it read"
    return Fault(reason="results", where=str(folder), what=what, is_error=False, num_lines=0)


def _is_single_image(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() not in (".xml", ".parquet", *places.ARCHIVES)


def _file(path: Path, preprocessing: PreprocessingSpec) -> Source:
    if path.suffix.lower() in places.ARCHIVES:
        raise DataError(f"{places.printable(path)}: is an archive, which is not read: unpack it, and name the folder")
    if path.suffix.lower() == ".parquet":
        return _table(path, [path], preprocessing)
    page = _page(path, _root_of(path.parent), path.stem)
    if isinstance(page, Fault):
        raise DataError(str(page))
    return page


def _root_of(folder: Path) -> Path:
    """Where the images of a folder's pages may lie: exports put XML into page/ or alto/ below them."""
    return folder.parent if folder.name.lower() in XML_FOLDERS else folder


def _pages(folder: Path, xml: Iterable[Path]) -> Iterator[Source | Fault]:
    for file in xml:
        name = places.key_of(file.relative_to(folder).with_suffix(""))
        page = _page(file, _root_of(folder), name)
        yield replace(page, is_error=False) if isinstance(page, Fault) and page.reason == "another format" else page


def _page(file: Path, root: Path, name: str) -> Pages | Fault:
    lost = partial(Fault, where=str(file), is_page=True, num_lines=0)
    if not places.is_utf8(file):
        return lost(reason="name not UTF-8", what="the name is not UTF-8: rename it")
    try:
        content = content_of(file)
        format_name = format_of(_root_element(content))
    except PageFault as fault:
        return replace(lost(reason=fault.reason, what=str(fault)), where=_row(file, fault.row))
    if format_name is None:
        what = "is neither a PAGE nor an ALTO file: export the page in one of these formats, or leave it out"
        return lost(reason="another format", what=what)
    return Pages(name, file, root, format_name, len(LINE.findall(content)), hashlib.sha256(content).hexdigest())


def _row(file: Path, row: int | None) -> str:
    return str(file) if row is None else f"{file}:{row}"


def _root_element(content: bytes) -> etree._Element:
    """The root element, of which nothing else was read, if the beginning of the file is sound."""
    options = {"resolve_entities": False, "no_network": True, "load_dtd": False}
    try:
        _, element = next(iter(etree.iterparse(io.BytesIO(content), events=("start",), **options)))
    except (etree.XMLSyntaxError, StopIteration):
        return parsed(content)  # which says what is wrong
    return element


def _labels(folder: Path, preprocessing: PreprocessingSpec) -> Lines:
    faults: list[Fault] = []
    labels = tuple(read_labels(folder, faults, needs_text=False))
    unit = LabelsUnit("test", folder / "labels.txt", labels)

    def unread() -> Iterator[Unread | Fault]:
        yield from faults
        for line in custom.read(unit, None, needs_text=False):
            # The folder is no split here, whatever a document would call it.
            page = line.id if line.page == f"{unit.split}/{line.id}" else line.page
            yield _unread(replace(line, page=page, split=None), preprocessing)

    return Lines(_name_of(folder), folder, len(labels), _state([label.path for label in labels]), unread)


def _prepared(folder: Path, preprocessing: PreprocessingSpec) -> Lines:
    data = open_prepared(folder.parent)
    if data.preprocessing != preprocessing:
        what = "its lines were prepared in another way than those that the model learned from: name the images or "
        raise DataError(f"{places.printable(folder)}: {what}pages that they were made of")
    split = data.split(folder.name)

    def unread() -> Iterator[Unread | Fault]:
        for number, line_id in enumerate(split.ids):
            origin = Origin(id=line_id, page=split.pages[number], document="", source=f"{folder}#{line_id}")
            yield Unread(origin=origin, text=split.texts[number], image=split.image(number))

    return Lines(folder.name, folder, len(split), _state(sorted(folder.iterdir())), unread)


def _table(path: Path, files: Sequence[Path], preprocessing: PreprocessingSpec) -> Lines:
    root = path if path.is_dir() else path.parent
    given: dict[str, Any] = {"image_column": _image_column(files)}
    if not path.is_dir():
        given["files"] = _pattern_of(path.name)
    dataset: ParquetDataset = section("dataset", type="parquet", root=str(root), **given)
    try:
        units = [unit for unit in parquet.units(dataset, needs_text=False) if not _is_left_out(unit)]
    except DataError as error:  # which speaks of a document
        what = "correct dataset.image_column, or add the column"
        raise DataError(str(error).replace(what, "call the one that holds the images 'image'")) from None

    def unread() -> Iterator[Unread | Fault]:
        for unit in units:
            if isinstance(unit, Fault):
                yield unit
                continue
            for line in parquet.read(unit, dataset, needs_text=False):
                yield line if isinstance(line, Fault) else _unread(line, preprocessing)

    num_lines = sum(0 if isinstance(unit, Fault) else unit.num_rows for unit in units)
    return Lines(_name_of(path), path, num_lines, _state(files), unread)


def _is_left_out(unit: object) -> bool:
    return isinstance(unit, Fault) and unit.reason == "excluded"


def _pattern_of(name: str) -> str:
    """A pattern that fits one name."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _image_column(files: Sequence[Path]) -> str:
    """The column of images: the one that is called so, or the only one that can hold them."""
    try:
        schema = pq.read_schema(files[0])
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return "image"  # the reader says what is wrong with the file
    fitting = [field.name for field in schema if pa.types.is_struct(field.type) or pa.types.is_binary(field.type)]
    if "image" in schema.names or not fitting:
        return "image"
    if len(fitting) > 1:
        names = ", ".join(map(repr, fitting))
        raise DataError(f"{places.printable(files[0])}: {names} may all hold the images: call the right one 'image'")
    return str(fitting[0])


def _images(name: str, given: Sequence[Path], there: Sequence[Path], preprocessing: PreprocessingSpec) -> Lines:
    paths = given[0] if len(given) == 1 and given[0].is_dir() else list(given)

    def unread() -> Iterator[Unread | Fault]:
        for line in lines_of_images(paths):
            yield line if isinstance(line, Fault) else _unread(line, preprocessing)

    return Lines(name, given[0], len(there), _state(there), unread)


def _unread(line: Line, preprocessing: PreprocessingSpec) -> Unread | Fault:
    return unread_line(replace(line, load=partial(load_line, line.load)), preprocessing, lambda text: text)


def load_line(load: Callable[[], Image.Image]) -> Image.Image:
    """The image of a line, by what gives it.

    Raises:
        ImageFault: it cannot be read, or is one of a page.
    """
    image = load()
    width, height = image.size
    if min(width, height) > PAGE_SIDE and width < PAGE_SHAPE * height:
        what = f"has {width}x{height} pixels, as a page has, and its lines are not known: {NO_LINES}"
        raise ImageFault(f"{what}; if it is one line, make it less than {PAGE_SIDE} pixels high")
    return image


def _state(files: Iterable[Path]) -> str:
    """A digest of the names, sizes and times of files."""
    digest = hashlib.sha256()
    for file in files:
        try:
            stat = file.stat()
        except OSError:  # said when it is read
            continue
        digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _name_of(path: Path) -> str:
    resolved = path.resolve()
    return (resolved.name if path.is_dir() else resolved.stem) or "lines"


def _is_below(file: Path, folder: Path) -> bool:
    return Path(os.path.abspath(file)).is_relative_to(os.path.abspath(folder))


def _check_names(sources: Sequence[Source]) -> None:
    """Refuse two inputs of which results would be called the same."""
    named: dict[str, list[Path]] = defaultdict(list)
    for source in sources:
        named[source.name].append(source.path)
    wrong = [
        f"{' and '.join(str(path) for path in paths)}: what is read in them would be called {name} for each: read them "
        "in two commands, with an --output-dir for each, or name the folder that holds them"
        for name, paths in named.items()
        if len(paths) > 1
    ]
    if wrong:
        raise DataError("\n".join(wrong))
