"""Where the image lies that a PAGE or ALTO file names: as exports, OCR workspaces and people put it.

The name may be a path from the file, from a folder above it (in OCR-D, from that of mets.xml), or a path or an address
on the machine that wrote it. It is only looked for below the root: a file of data must not reach for others.
"""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

from thulium.data.images import formats
from thulium.data.places import walk
from thulium.ingest.readers.xmlfile import PageFault
from thulium.runtime.errors import DataError
from thulium.runtime.pointers import absent

IMAGE_FOLDERS = ("images", "img")
XML_FOLDERS = ("page", "alto")  # that exports put beside the images, one for each format
# A path of another machine, or an address: what it begins with says nothing here.
_ELSEWHERE = re.compile(r"[/\\]|[A-Za-z]:[/\\]|[A-Za-z][A-Za-z0-9+.-]*:/|file:", re.IGNORECASE)
_SCHEME = re.compile(r"file:/*", re.IGNORECASE)
_QUERY = re.compile(r"[?#].*")
TIFF = (".tif", ".tiff")
MOST_BOOKS = 8  # of a folder that are looked into
MOST_FILES = 200_000  # below the root that are looked at for a message: it may be somebody's home
MOST_SHOWN = 3  # paths in a message
LONGEST = 100  # characters of a name in a message

_Parts = tuple[str, ...]


def find(xml: Path, root: Path, named: str) -> Path:
    """The image of a page.

    Args:
        xml: the file that describes the page.
        root: the folder that the image must lie in.
        named: the name, path or address that the XML has for it, or nothing.

    Raises:
        PageFault: there is none, or nothing tells which of several is meant.
    """
    named = named.strip()
    tried: list[Path] = []
    for path in (*_as_named(xml, root, named), *_by_last_name(xml, root, named)):
        if _is_file(path) and not formats.is_not_read(path):
            return path
        tried.append(path)
    for stem in _stems(xml, named):
        for folder in _folders(xml, root):
            for name in _alike(folder, _lower(stem)):
                if _key(Path(name).stem) == stem and _is_file(folder / name):
                    return folder / name
    if by_capitals := _but_for_capitals(xml, root, named, tried):
        return by_capitals
    raise PageFault("missing image", _missing(xml, root, named, tried))


def _but_for_capitals(xml: Path, root: Path, named: str, tried: list[Path]) -> Path | None:
    """The only image that is called as the wanted one but for capitals, in the folders where that was looked for.

    The named ending goes before others, and the named image before that of the XML's own name, as they do elsewhere.
    """
    folders = dict.fromkeys((*_folders(xml, root), *(path.parent for path in tried)))
    names = {_lower(parts[-1]) for parts in _paths(named)}
    for stem in dict.fromkeys(map(_lower, _stems(xml, named))):
        there = [folder / name for folder in folders for name in _alike(folder, stem) if _is_file(folder / name)]
        found = [path for path in there if _lower(path.name) in names] or there
        found = list({path.resolve(): path for path in found[::-1]}.values())[::-1]  # two folders may be one, by a link
        if len(found) > 1:
            what = f"{_and(found)} fit but for capitals: give the one that is meant the exact name"
            raise PageFault("missing image", f"{_not_there(named)}; {what}")
        if found and not any(map(absent, tried)):  # else the wanted one is known, and is only not here
            return found[0]
    return None


def _as_named(xml: Path, root: Path, named: str) -> Iterator[Path]:
    """The named path from the file's folder and from every one above it; the nearest first."""
    above = xml.parent.relative_to(root).parts
    for parts in _paths(named):
        # Of a path of another machine the whole may not be there, but its last folders.
        shortest = 2 if _ELSEWHERE.match(named) else len(parts)
        for first in range(max(0, len(parts) - shortest) + 1):
            for depth in range(len(above), -1, -1):
                inside = _joined(above[:depth], parts[first:])
                if inside is not None and len(parts) > 1:
                    yield root.joinpath(*inside)


def _by_last_name(xml: Path, root: Path, named: str) -> Iterator[Path]:
    """The last part of the named path, in the folders where exports put images, and then in every one above."""
    names = [parts[-1] for parts in _paths(named)]
    above = [folder for folder in xml.parents if folder == root or root in folder.parents]
    for folder in dict.fromkeys((*_folders(xml, root), *above)):
        for name in names:
            if name not in (".", ".."):
                yield folder / name


def _paths(named: str) -> list[_Parts]:
    """The parts of the named path, in the ways in which it may be meant and written."""
    named = named[match.end() :] if (match := _SCHEME.match(named)) else named
    plain = [named, unquote(named)]
    if "://" in named:
        plain += [unquote(_QUERY.sub("", named))]
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD") for text in plain]
    paths = dict.fromkeys(tuple(filter(None, re.split(r"[/\\]+", text))) for text in (*plain, *forms))
    return [parts for parts in paths if parts and "\0" not in "".join(parts)]


def _joined(folder: _Parts, parts: _Parts) -> _Parts | None:
    """A path in a folder below the root, from the root; None where it leads out of that.

    By names alone: behind a folder that is a link, ``..`` is the folder that the link lies in.
    """
    inside = list(folder)
    for part in parts:
        if part == ".." and not inside:
            return None
        if part == "..":
            inside.pop()
        elif part != ".":
            inside.append(part)
    return tuple(inside)


def _stems(xml: Path, named: str) -> list[str]:
    """The names without endings of the images that may be meant: the named one's, of whatever kind, and the XML's."""
    last = [Path(parts[-1]) for parts in _paths(named)]
    known = [name.stem for name in last if formats.is_image(name) or formats.is_not_read(name)]
    return list(dict.fromkeys(map(_key, [*known, xml.stem])))


def _missing(xml: Path, root: Path, named: str, tried: list[Path]) -> str:
    """What is wrong, and what to do."""
    shown = _short(named)
    if said := next(filter(None, map(absent, tried)), None):
        return f"names the image {shown!r}, which {said}"
    if odd := next((path for path in tried if os.path.lexists(path) and not _is_file(path)), None):
        what = "is a link to a file that does not exist" if not odd.exists() else "is not a file"
        return f"names the image {shown!r}, but {odd} {what}: put the image there, or remove it"
    if other := _of_another_kind(xml, root, named, tried):
        what = f"its image is {other}, and {formats.kind_by_name(other)} is not read"
        return f"{what}: save that as PNG or TIFF beside it"
    what = _not_there(named)
    if ".." in re.split(r"[/\\]", named) and not any(_as_named(xml, root, named)):
        what = f"names the image {shown!r}, which leads out of dataset.root, where nothing is read"
    places = [str(folder) for folder in _folders(xml, root) if folder.is_dir()]
    into = f"into {'one of ' * (len(places) > 1)}{', '.join(places)}"
    if elsewhere := _elsewhere(xml, root, named):
        return f"{what}; {_said_of(elsewhere, _folders(xml, root), into)}"
    if book := next(filter(None, map(_book, _folders(xml, root))), None):
        path, pages = book
        return f"{what}, and {path} holds {pages} images: save each as a file of its own, called as its XML says"
    what += f", nor is there an image {xml.stem}.*: put it {into}"
    if xml.parent == root and root.name.lower() in XML_FOLDERS:
        what += f", or, where it lies above {root}, set dataset.root to the folder above"
    return what


def _not_there(named: str) -> str:
    return f"names the image {_short(named)!r}, which is not there" if named else "names no image"


def _short(named: str) -> str:
    return named if len(named) <= LONGEST else f"{named[: LONGEST - 3]}..."


def _and(paths: Sequence[Path]) -> str:
    """Some paths for a sentence."""
    more = len(paths) - MOST_SHOWN
    *shown, last = [*map(str, paths[:MOST_SHOWN]), *([f"{more} more"] if more > 0 else [])]
    return f"{', '.join(shown)} and {last}" if shown else last


def _elsewhere(xml: Path, root: Path, named: str) -> list[Path]:
    """The images below the root, in folders where none is looked for, that have the wanted name but for capitals.

    None of them is taken: in another folder, it may as well be a page of another book, which nobody would notice.
    """
    try:
        below = _below(root, root.stat().st_mtime_ns)
    except OSError:
        return []
    found = (below.get(_lower(stem), []) for stem in _stems(xml, named))
    return next((there for paths in found if (there := [*filter(_is_file, paths)])), [])


def _said_of(elsewhere: list[Path], looked_into: list[Path], into: str) -> str:
    """What to do with images that lie elsewhere."""
    if len(elsewhere) > 1:
        return (
            f"{_and(elsewhere)} fit by their names, but lie where none is looked for: put the one that is meant {into}"
        )
    (path,) = elsewhere
    renamed = path.parent.with_name(IMAGE_FOLDERS[0])
    what = f"{path} fits by its name, but lies where none is looked for: if it is the one, move it {into}"
    return what + f", or call its folder {renamed}" * (renamed in looked_into and not os.path.lexists(renamed))


def _of_another_kind(xml: Path, root: Path, named: str, tried: list[Path]) -> Path | None:
    """A file that would be the image if its kind were read."""
    folders, endings = _folders(xml, root), formats.NOT_READ
    by_stem = [folder / f"{stem}{end}" for stem in _stems(xml, named) for folder in folders for end in endings]
    return next((path for path in (*tried, *by_stem) if formats.is_not_read(path) and _is_file(path)), None)


def _folders(xml: Path, root: Path) -> list[Path]:
    """Where an image may lie: beside the XML, one folder up, in a folder of images in either."""
    beside = [folder for folder in (xml.parent, xml.parent.parent) if folder == root or root in folder.parents]
    return [*beside, *(folder / name for folder in beside for name in IMAGE_FOLDERS)]


def _images(folder: Path) -> tuple[str, ...]:
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=8)
def _listed(folder: Path, _changed: int) -> tuple[str, ...]:
    """The names of images in a folder: many thousand pages may lie there, and each of them asks."""
    names = filter(formats.is_image, os.listdir(folder))
    return tuple(sorted(names, key=lambda name: (formats.rank(name), name)))


def _alike(folder: Path, stem: str) -> list[str]:
    """The names of images in a folder that have this stem, which is in small letters, but for capitals."""
    try:
        return _by_stem(folder, folder.stat().st_mtime_ns).get(stem, [])
    except OSError:
        return []


@lru_cache(maxsize=32)
def _by_stem(folder: Path, changed: int) -> dict[str, list[str]]:
    """The names of images in a folder by their stems in small letters, each in the order in which one is taken."""
    found: dict[str, list[str]] = {}
    for name in _listed(folder, changed):
        found.setdefault(_lower(Path(name).stem), []).append(name)
    return found


@lru_cache(maxsize=2)
def _below(root: Path, _changed: int) -> dict[str, list[Path]]:
    """The images below a folder by their stems in small letters: one walk, however many pages lack theirs."""
    found: dict[str, list[Path]] = {}
    with contextlib.suppress(DataError):  # of a folder that cannot be read; who reads the data says so
        for path in islice(walk(root), MOST_FILES):
            if formats.is_image(path):
                found.setdefault(_lower(path.stem), []).append(path)
    return found


def _book(folder: Path) -> tuple[Path, int] | None:
    """A TIFF of several images in a folder, as programs write whole books, and how many there are."""
    names = [name for name in _images(folder) if name.lower().endswith(TIFF)]
    return next(filter(None, (_frames(folder / name) for name in names[:MOST_BOOKS])), None)


@lru_cache(maxsize=MOST_BOOKS)
def _frames(tiff: Path) -> tuple[Path, int] | None:
    """A file with the number of its images, if there are several."""
    try:
        with Image.open(tiff, formats=("TIFF",)) as image:
            number = int(getattr(image, "n_frames", 1))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return (tiff, number) if number > 1 else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # as of a name that is too long
        return False


def _lower(name: str) -> str:
    return _key(_key(name).lower())


def _key(stem: str) -> str:
    return unicodedata.normalize("NFC", stem)
