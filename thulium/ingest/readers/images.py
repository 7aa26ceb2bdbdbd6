"""Images of lines and nothing else: for who has them to be read, and no transcriptions to learn from.

This is no kind of data of the language, since nothing can be learned or measured from it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from thulium.data import places
from thulium.data.images import formats
from thulium.data.images.grey import open_grey
from thulium.data.line import Fault, Line, Origin
from thulium.ingest.readers.choice import choose
from thulium.runtime.errors import DataError, list_faults
from thulium.runtime.pointers import absent
from thulium_dsl.grammar.spec import RootedDataset

Paths = str | Path | Iterable[str | Path]


def lines_of_images(paths: Paths) -> Iterator[Line | Fault]:
    """Each image as a line without a transcription.

    The files of a folder and of the folders in it come by their name; those that begin with a dot are passed over.
    A line's id is its file's name below the folder; of several paths, or of a file, the path as it was given. A
    folder below the given one is a page; without one, each line is its own.

    Args:
        paths: a folder, a file, or several of them.

    Raises:
        DataError: at once, before any line: a path that is not there, or a folder without images.
    """
    given = [Path(paths)] if isinstance(paths, (str, Path)) else list(map(Path, paths))
    if errors := [error for path in given if (error := _error(path))]:
        raise DataError(list_faults(errors))
    is_one_folder = len(given) == 1 and given[0].is_dir()
    return _lines([(path, "" if is_one_folder else path.as_posix()) for path in given])


def chosen_images(dataset: RootedDataset) -> Iterator[Line | Fault]:
    """Each image below ``dataset.root`` that its patterns choose, as a line without a transcription; see above.

    Raises:
        DataError: there is no such folder, no image in it, or none that the patterns leave.
    """
    there = dict(places.files(Path(dataset.root), lambda name: formats.is_image(name) or formats.is_not_read(name)))
    if not any(map(formats.is_image, there)):
        raise DataError(
            f"{places.printable(Path(dataset.root))}: holds no images that are read, such as .png, .jpg or .tif; "
            "dataset.root names the folder of the line images"
        )
    wanted, left_out = choose(there.items(), dataset)
    yield from left_out
    for key, file in wanted:
        yield _line(key, key, file, is_named=False)


def _error(path: Path) -> str:
    """What is wrong with a path, or nothing."""
    where = places.printable(path)
    if not path.exists():
        return f"{where}: {absent(path) or 'there is no such file or folder'}: correct the path"
    if path.is_dir() and not any(map(formats.is_image, places.walk(path))):
        return f"{where}: holds no images that are read, such as .png, .jpg or .tif: name the folder of the line images"
    return ""


def _lines(given: list[tuple[Path, str]]) -> Iterator[Line | Fault]:
    """The lines of some files and folders, each with the beginning of its lines' ids."""
    taken: dict[str, Path] = {}
    for path, name in given:
        there = list(places.walk(path)) if path.is_dir() else []
        for file, what in places.absent_files(there, formats.is_image):
            yield Fault(reason="missing image", where=str(file), what=what)
        for key, file in _files(path, there):
            line_id = unicodedata.normalize("NFC", "/".join(filter(None, (name, key))))
            first = taken.setdefault(line_id, file)
            if first is file:
                yield _line(line_id, key, file, is_named=not path.is_dir())
            else:
                what = f"has the name of {first}: name it once, or rename one of them"
                yield Fault(reason="id twice", where=str(file), what=what)


def _files(path: Path, there: list[Path]) -> Iterator[tuple[str, Path]]:
    """Files by their names below a folder; a file that was named by itself has none."""
    if not path.is_dir():
        yield "", path
        return
    found = [file for file in there if formats.is_image(file) or formats.is_not_read(file)]
    yield from sorted((places.key_of(file.relative_to(path)), file) for file in found)


def _line(line_id: str, key: str, file: Path, *, is_named: bool) -> Line | Fault:
    """An image as a line.

    Args:
        is_named: whether the file was named by itself: then it is opened, whatever its name ends in.
    """
    folder = places.folder_of(key or file.name)
    page = line_id if folder == "." else folder
    document = places.folder_of(page) if key else str(file.parent)
    if not places.is_utf8(file):
        return Fault(reason="name not UTF-8", where=str(file), what="the name is not UTF-8: rename it")
    if not is_named and formats.is_not_read(file):
        origin = Origin(id=line_id, page=page, document=document, source=str(file))
        what = f"is passed over: {formats.kind_by_name(file)} is not read"
        reason = "image of a kind that is not read"
        return Fault(reason=reason, where=str(file), what=what, is_error=False, origin=origin)
    return Line(id=line_id, text="", page=page, document=document, source=str(file), load=partial(open_grey, file))
