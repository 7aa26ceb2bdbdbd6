"""What lies in a folder: which files hold transcriptions, and of which format. Needs nothing of the engine."""

from __future__ import annotations

import contextlib
import mimetypes
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from thulium_dsl.messages.problems import ThuliumError

HEAD = 1 << 16  # bytes of an XML file in which its root element begins
WORDS = {"page": "PAGE", "alto": "ALTO", "custom": "labels.txt", "gt_txt": ".gt.txt", "parquet": "parquet"}
GT_TXT = ".gt.txt"
ENDINGS = {GT_TXT: "gt_txt", ".parquet": "parquet"}
LABELS = "labels.txt"
TEXTS = (".txt", ".csv", ".tsv", ".tab", ".lst", ".jsonl", ".json", ".xlsx", ".ods")  # which may hold transcriptions
_MORE_IMAGES = (".jp2", ".webp", ".avif")  # which not every system's table of names has
_PROGRAM_NAMES = ("eScriptorium", "Transkribus", "kraken", "OCR4all", "LAREX", "Aletheia", "OCR-D")
_PROGRAMS = re.compile("|".join(_PROGRAM_NAMES).encode(), re.IGNORECASE)
_ALTO_SCHEMA = re.compile(r"alto-(\d+)-(\d+)\.xsd")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_YEAR = re.compile(r"/(\d{4})-\d\d-\d\d$")


@dataclass
class Sight:
    """What lies in a folder and below it; what is hidden is passed over, as readers do.

    Attributes:
        found: kind of data, as ``dataset.type`` has it -> the files with transcriptions.
        versions: of PAGE and ALTO, and how many files have each.
        programs: that have written XML, as it says.
        images: by their names.
        texts: files that may hold transcriptions in a form that is not read.
        archives: files that would have to be unpacked.
        other_xml: files that are XML of something else.
        faults: what keeps the folder from being read or copied, each with what to do.
        size: bytes of all files.
    """

    root: Path
    found: dict[str, list[Path]] = field(default_factory=dict)
    versions: dict[str, Counter[str]] = field(default_factory=dict)
    programs: Counter[str] = field(default_factory=Counter)
    images: list[Path] = field(default_factory=list)
    texts: list[Path] = field(default_factory=list)
    archives: list[Path] = field(default_factory=list)
    other_xml: list[Path] = field(default_factory=list)
    broken_xml: list[Path] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    num_files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """How an XML file begins.

    Attributes:
        format: "PAGE" or "ALTO"; empty of something else.
        version: as it is spoken of; empty where the file does not say.
        program: that has written it, if it says so.
    """

    format: str = ""
    version: str = ""
    program: str = ""


def look(root: Path) -> Sight:
    """Go through a folder.

    Raises:
        ThuliumError: all that cannot be read in it: folders, links to nothing, pipes.
    """
    from thulium.data import places

    sight = Sight(root)
    for path in places.walk(root):
        _see(sight, path)
    if sight.faults:
        raise ThuliumError("\n".join(sight.faults))
    return sight


def _see(sight: Sight, path: Path) -> None:
    from thulium.data import places
    from thulium.data.layouts import is_page_file

    where, name = places.printable(path), path.name
    try:
        status = path.stat()
    except OSError as error:
        is_link = path.is_symlink()
        what = "is a link to nothing" if is_link else f"cannot be read ({error.strerror})"
        sight.faults.append(f"{where}: {what}: remove it, or put the file there")
        return
    if not stat.S_ISREG(status.st_mode):
        sight.faults.append(f"{where}: is a pipe or a device, not a file: remove it")
        return
    if not os.access(path, os.R_OK):
        sight.faults.append(f"{where}: cannot be read (Permission denied): change its permissions, or remove it")
        return
    sight.num_files += 1
    sight.size += status.st_size
    if is_page_file(name):
        _see_xml(sight, path)
    elif kind := _kind_by_name(name):
        sight.found.setdefault(kind, []).append(path)
    elif is_image(name):
        sight.images.append(path)
    elif name.lower().endswith(TEXTS):
        sight.texts.append(path)
    elif name.lower().endswith(places.ARCHIVES):
        sight.archives.append(path)


def _kind_by_name(name: str) -> str:
    """The kind of data that a file with transcriptions is of, if its name says so; XML has to be looked into."""
    if name == LABELS:
        return "custom"
    return next((kind for ending, kind in ENDINGS.items() if name[-len(ending) :].lower() == ending), "")


def texts_beside(sight: Sight) -> dict[Path, Path]:
    """Images that have a text of their name beside them, NAME.txt, each with that."""
    from thulium.data import places

    texts = {places.key_of(path.with_suffix("")): path for path in sight.texts if path.suffix.lower() == ".txt"}
    found = {image: texts.get(places.key_of(image.with_suffix(""))) for image in sight.images}
    return {image: text for image, text in found.items() if text}


def _see_xml(sight: Sight, path: Path) -> None:
    head = head_of(path)
    if head is None:
        sight.broken_xml.append(path)
        return
    if not head.format:
        sight.other_xml.append(path)
        return
    kind = head.format.lower()
    sight.found.setdefault(kind, []).append(path)
    if head.version:
        sight.versions.setdefault(kind, Counter())[head.version] += 1
    if head.program:
        sight.programs[head.program] += 1


def head_of(path: Path) -> Head | None:
    """How an XML file begins; None where it is no XML, or has a document type, which is not read."""
    from thulium.data.layouts import format_of

    with path.open("rb") as file:
        content = file.read(HEAD)
    root = next(_root_of(content), None)
    if root is None:
        return None
    name, attributes = root
    namespace, _, local = name.rpartition(" ")
    format_name = format_of(local, namespace) or ""
    found = _PROGRAMS.search(content)
    said = found[0].decode().lower() if found and format_name else ""
    program = next((name for name in _PROGRAM_NAMES if name.lower() == said), "")
    return Head(format_name, _version(format_name, namespace, attributes), program)


def _root_of(content: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """The name of the first element, with its namespace before a blank, and its attributes."""
    met: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def stop(*_: object) -> None:
        raise StopIteration

    def meet(name: str, attributes: dict[str, str]) -> None:
        met.append((name, attributes))
        raise StopIteration

    parser.StartDoctypeDeclHandler = stop
    parser.StartElementHandler = meet
    with contextlib.suppress(StopIteration, expat.ExpatError, LookupError, ValueError):
        parser.Parse(content, False)
    yield from met


def _version(format_name: str, namespace: str, attributes: dict[str, str]) -> str:
    if format_name == "PAGE":
        year = _YEAR.search(namespace)
        return year[1] if year else ""
    if format_name == "ALTO":
        said = attributes.get("SCHEMAVERSION", "")
        schema = _ALTO_SCHEMA.search(" ".join(attributes.values()))
        number = _NUMBER.search(namespace.rpartition("/")[2])
        return said[:10] or (f"{schema[1]}.{schema[2]}" if schema else number[0] if number else "")
    return ""


def is_image(name: str) -> bool:
    """Whether a file is an image by its name, of whatever kind."""
    kind = mimetypes.guess_type(name)[0] or ""
    return kind.startswith("image/") or name.lower().endswith(_MORE_IMAGES)
