"""The texts of lines, by whatever program wrote them: tables, JSON, text files, PAGE and ALTO. No image is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from thulium.data import places
from thulium.data.layouts import is_page_file
from thulium.data.line import Fault
from thulium.data.prepared import open_prepared
from thulium.data.shards import INDEX
from thulium.data.textfile import read_rows, read_text
from thulium.ingest.readers import alto, layout, page
from thulium.ingest.readers.sheet import format_of, own_names
from thulium.ingest.readers.xmlfile import PageFault, content_of, parsed
from thulium.runtime.documents import section
from thulium.runtime.errors import MAX_LISTED, DataError
from thulium.runtime.tables import parted, read_numbered
from thulium_dsl.grammar import column_names

Role = Literal["reference", "hypothesis"]
_TEXT_ENDINGS = (".gt.txt", ".pred.txt", ".txt")
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
# The keys or columns of a line's name and text, the first that is there.
_NAMES = ("id", "line_id", *column_names.IMAGES)
_OTHER_TEXTS = tuple(name for name in column_names.TEXTS if name != "transcription")
_TEXTS: Mapping[Role, tuple[str, ...]] = {
    "reference": ("transcription", "reference", *_OTHER_TEXTS, "prediction"),
    "hypothesis": ("prediction", "hypothesis", *_OTHER_TEXTS, "transcription"),
}
KINDS = (
    "a predictions.csv or another table, JSON, JSON Lines, a text file, a folder of text files, labels.txt, prepared "
    "lines, or PAGE or ALTO files"
)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is written in a line, and the page that it is of; empty where that is not known."""

    text: str
    page: str = ""


Transcripts = dict[str, Transcript]


def read_transcripts(path: Path, role: Role) -> Transcripts:
    """The texts of a file or a folder, by the names of their lines.

    Args:
        role: which of two texts is meant where a table has both.

    Raises:
        DataError: it is none of KINDS, or cannot be read; names all that is wrong.
    """
    found = _of_folder(path, role) if path.is_dir() else _of_file(path, role)
    if not found:
        raise DataError(f"{path}: holds no texts; it should be {KINDS}")
    return found


def _of_file(path: Path, role: Role) -> Transcripts:
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    ending = path.suffix.lower()
    readers: Mapping[str, Callable[[Path, Role], Transcripts]] = {
        ".csv": _of_table,
        ".tsv": _of_text,
        ".json": _of_json,
        ".jsonl": _of_json_lines,
        ".txt": _of_text,
        ".xml": lambda file, _: _of_pages(file.parent, [file]),
    }
    if path.name == "labels.txt":
        return _of_labels(path)
    if ending not in readers:
        raise DataError(f"{path}: is none of what can be scored; it should be {KINDS}")
    return readers[ending](path, role)


def _of_folder(path: Path, role: Role) -> Transcripts:
    if (path / INDEX).is_file():
        split = open_prepared(path.parent).split(path.name)
        return {line_id: Transcript(*pair) for line_id, *pair in zip(split.ids, split.texts, split.pages, strict=True)}
    if (path / "labels.txt").is_file():
        return _of_labels(path / "labels.txt")
    for name in ("predictions.csv", "lines.csv"):
        if (path / name).is_file():
            return _of_table(path / name, role)
    pages = [file for _, file in places.files(path, is_page_file)]
    if pages:
        return _of_pages(path, pages)
    return _of_texts(path)


def _of_table(path: Path, role: Role) -> Transcripts:
    rows = [(number, row) for number, row in read_numbered(path) if any(row.values())]  # spreadsheets write empty rows
    return _of_records(path, rows, role)


def _of_records(path: Path, rows: list[tuple[int, dict[str, Any]]], role: Role) -> Transcripts:
    found: Transcripts = {}
    for number, row in rows:
        name_key, text_key = _called(row, _NAMES), _called(row, _TEXTS[role])
        if name_key is None or text_key is None:
            lacking = f"a name ({', '.join(_NAMES)})" if name_key is None else f"a text ({', '.join(_TEXTS[role])})"
            shown = ", ".join(map(repr, list(row)[:MAX_LISTED])) or "none"
            raise DataError(f"{path}:{number}: has no key or column for {lacking}: rename one; there are {shown}")
        name, text = row[name_key], row[text_key]
        if not isinstance(text, str | None):
            raise DataError(f"{path}:{number}: its {text_key} is no text")
        if other := _another_text(row, text_key):
            raise DataError(
                f"{path}:{number}: which is the text? {text_key!r} and {other!r} differ: keep one, or call the other "
                "otherwise"
            )
        if wrong := next((key for key in (name_key, "page") if not _is_name(row.get(key, ""), key)), None):
            raise DataError(f"{path}:{number}: its {wrong} is no name: write a text or a number")
        _add(found, str(name), Transcript(text or "", str(row.get("page") or "")), f"{path}:{number}")
    return found


def _called(there: Iterable[str], names: Sequence[str]) -> str | None:
    """The first of some names that is there; where none is written so, the only one that is but for capitals."""
    written = list(there)
    if found := next((name for name in names if name in written), None):
        return found
    alike = [key for name in names for key in written if key.strip().lower() == name]
    return alike[0] if len(alike) == 1 else None


def _another_text(row: Mapping[str, Any], taken: str) -> str | None:
    """A further key or column that is called as a text of any role is, and says something else than the one taken."""
    if taken.strip().lower() not in column_names.TEXTS:
        return None  # such as a prediction: nothing else is called so
    named = [key for key in row if key.strip().lower() in column_names.TEXTS]
    return next((key for key in named if row[key] and row[taken] and row[key] != row[taken]), None)


def _is_name(value: object, key: str) -> bool:
    """Whether a value of JSON names something; a line need not have a page."""
    return (isinstance(value, (str, int)) and not isinstance(value, bool)) or (value is None and key == "page")


def _add(found: Transcripts, name: str, transcript: Transcript, where: str) -> None:
    if name in found:
        raise DataError(f"{where}: the line {name!r} stands there twice: name each line once")
    found[name] = transcript


def _of_json(path: Path, role: Role) -> Transcripts:
    tree = _parsed(read_text(path), f"{path}")
    if isinstance(tree, dict) and tree.keys() >= {"cer", "measured"}:
        raise DataError(f"{path}: has figures of an evaluation, not texts: name predictions.csv, which lies beside it")
    if isinstance(tree, dict) and isinstance(tree.get("lines"), list):
        tree = tree["lines"]
    if isinstance(tree, dict):
        tree = [{"id": name, "text": text} for name, text in tree.items()]
    if not isinstance(tree, list) or not all(isinstance(row, dict) for row in tree):
        raise DataError(f"{path}: should hold a list of {{id, text}}, or {{id: text}}")
    return _of_records(path, list(enumerate(tree, 1)), role)


def _of_json_lines(path: Path, role: Role) -> Transcripts:
    rows = [(number, _parsed(row, f"{path}:{number}")) for number, row in read_rows(path)]
    if odd := next((number for number, row in rows if not isinstance(row, dict)), None):
        raise DataError(f"{path}:{odd}: should be an object with an id and a text")
    return _of_records(path, rows, role)


def _parsed(text: str, where: str) -> Any:
    try:
        tree = json.loads(text, object_pairs_hook=_object)
        json.dumps(tree, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{where}: has half a character (a lone surrogate, \\ud800 to \\udfff): write it anew"
        ) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is no JSON ({error})") from None
    return tree


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; Python would keep the last of two equal keys, and say nothing."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object")
    return found


def _of_text(path: Path, role: Role) -> Transcripts:
    """Rows of a name, a tab and a text; or, without tabs, a text a row, which is called by its number."""
    rows = read_rows(path)
    if _has_head(rows):
        return _of_table(path, role)
    found: Transcripts = {}
    if all("\t" in row for _, row in rows):
        for number, row in rows:
            name, *texts = row.split("\t")
            if len(texts) > 1:
                raise DataError(
                    f"{path}:{number}: has {len(texts) + 1} columns, of which nobody knows the text: "
                    "write a name, a tab and a text"
                )
            _add(found, name, Transcript(texts[0]), f"{path}:{number}")
        return found
    return {str(number): Transcript(row) for number, row in enumerate(read_text(path).rstrip("\n").split("\n"), 1)}


def _has_head(rows: list[tuple[int, str]]) -> bool:
    """Whether the first row says what the columns are: such a name and such a text no line has."""
    sign, head, _ = parted(row for _, row in rows)
    columns = [cell.strip('"') for cell in head.split("\t")]
    return sign == "\t" and all(_called(columns, names) for names in (_NAMES, _TEXTS["reference"]))


def _of_labels(path: Path) -> Transcripts:
    found: Transcripts = {}
    for number, row in read_rows(path):
        name, _, text = row.partition(" ")
        _add(found, name, Transcript(text), f"{path}:{number}")
    return found


def _of_texts(path: Path) -> Transcripts:
    """A line for each text file; of a file with several rows, a line for each of them, called NAME/1, NAME/2 …"""
    found: Transcripts = {}
    for name, file in places.files(path, lambda name: name.lower().endswith(".txt")):
        rows = read_text(file).rstrip("\n").split("\n")
        stem = without_ending(name)
        folder = str(PurePosixPath(stem).parent)
        for number, row in enumerate(rows, 1):
            _add(
                found,
                f"{stem}/{number}" if len(rows) > 1 else stem,
                Transcript(row, "" if folder == "." else folder),
                name,
            )
    return found


def _of_pages(root: Path, files: list[Path]) -> Transcripts:
    found: Transcripts = {}
    faults: list[str] = []
    for file in files:
        try:
            for name, text in _lines_of_page(root, file):
                page_id = str(PurePosixPath(file.relative_to(root).as_posix()).with_suffix(""))
                _add(found, f"{page_id}/{name}", Transcript(text, page_id), str(file))
        except PageFault as fault:
            faults.append(str(Fault(reason=fault.reason, where=str(file), what=str(fault))))
    if faults:
        pages = "1 page" if len(faults) == 1 else f"{len(faults)} pages"
        raise DataError("\n".join([*faults[:MAX_LISTED], f"{pages} cannot be read"]))
    return found


def _lines_of_page(root: Path, file: Path) -> Iterator[tuple[str, str]]:
    tree = parsed(content_of(file))
    name = format_of(tree)
    if name is None:
        raise PageFault("no page", "is neither PAGE nor ALTO: take it out of the folder")
    own_names(tree, name)
    reader = {"PAGE": page, "ALTO": alto}[name]
    sheet = reader.sheet(tree, section("dataset", type=name.lower(), root=str(root)))
    names = layout.names_of(line.id for line in sheet.lines)
    yield from zip(names, (line.text for line in sheet.lines), strict=True)


def without_ending(name: str) -> str:
    """A line's name without the ending of a text or an image."""
    for ending in (*_TEXT_ENDINGS, *_IMAGE_ENDINGS):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """References beside what was read of them.

    Attributes:
        pairs: line name -> reference and hypothesis.
        unread: references that nothing was read of.
        extra: names of the hypothesis that no reference has.
        how: by what the lines were matched, in words.
    """

    pairs: dict[str, tuple[Transcript, Transcript]]
    unread: tuple[str, ...]
    extra: tuple[str, ...]
    how: str


def paired(references: Transcripts, hypotheses: Transcripts) -> Paired:
    """Match lines by their names; where none fits, without endings; then by the last part of the name.

    Raises:
        DataError: nothing fits.
    """
    ways: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("their names", str),
        ("their names without endings", without_ending),
        ("the last part of their names", lambda name: without_ending(PurePosixPath(name).name)),
    )
    for how, key in ways:
        ours, theirs = _keyed(references, key), _keyed(hypotheses, key)
        if ours is None or theirs is None or not ours.keys() & theirs.keys():
            continue
        return Paired(
            pairs={ours[k]: (references[ours[k]], hypotheses[theirs[k]]) for k in ours if k in theirs},
            unread=tuple(ours[k] for k in ours if k not in theirs),
            extra=tuple(theirs[k] for k in theirs if k not in ours),
            how=how,
        )
    samples = f"{next(iter(references))!r}, and not like {next(iter(hypotheses))!r}"
    raise DataError(f"no line of one has a name of the other: those of the reference are like {samples}")


def _keyed(transcripts: Transcripts, key: Callable[[str], str]) -> dict[str, str] | None:
    """The names by their keys; None where two have the same."""
    keys = {key(name): name for name in transcripts}
    return keys if len(keys) == len(transcripts) else None
