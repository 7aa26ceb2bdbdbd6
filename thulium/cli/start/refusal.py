"""Why nothing can be learned from a folder, and what to do."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from thulium.cli.start import pairs, table
from thulium.cli.start.sight import LABELS, Sight, texts_beside

ROWS = f"write each row into {LABELS} (an image's name, a space, its text), with the images in a folder images beside"
HEADER = "name the two columns file_name and text in a first row"
HEAD = 1 << 16  # bytes of a file that are looked into
FIRST = re.compile(r"""["']?([^"',;\t ]+)["']?[,;\t ]+\S""")  # what stands first in a row that goes on
SHOWN = 3
SPELLED = 0.8  # of the words; where more are single characters, spaces divide these, as PyLaia has it


def of(sight: Sight, named: Path) -> str:
    """What is said of a folder.

    Args:
        named: what the user has named.
    """
    if not sight.num_files:
        return f"{named}: is empty: name a folder with page images and PAGE or ALTO, or line images and their texts"
    for found, what in (
        (sight.archives, "holds archives, such as {}, and no transcriptions: unpack them, and name the folder"),
        (sight.broken_xml, "its XML cannot be read, such as {}: export it again"),
        (sight.other_xml, "its XML, such as {}, is neither PAGE nor ALTO: export it as PAGE"),
    ):
        if found:
            return f"{named}: {what.format(found[0].relative_to(sight.root))}"
    if sight.images:
        return _of_images(sight, named)
    files = _counted(sight.num_files, "file")
    return f"{named}: holds {files}, and no PAGE, ALTO, labels.txt, NAME.gt.txt or tables (*.parquet)"


def _of_images(sight: Sight, named: Path) -> str:
    images = f"{named}: holds {_counted(len(sight.images), 'image')}"
    if beside := texts_beside(sight):
        return _of_texts(images, beside, sight)
    if sight.texts:
        return _of_another_kind(images, sight)
    return (
        f"{images} and no transcriptions, and a model learns from both\n"
        "  help: export them with their transcriptions, as PAGE, ALTO or NAME.gt.txt; to have them read by a model "
        "that there is, run: thulium predict MODEL FOLDER"
    )


def _of_texts(images: str, beside: dict[Path, Path], sight: Sight) -> str:
    """Texts of the images' names that are not taken for those of lines."""
    several = [text for text in beside.values() if pairs.has_rows(text)]
    if several and not pairs.are_lines(beside, len(beside)):
        shown = several[0].relative_to(sight.root)
        return (
            f"{images} with texts of several rows, such as {shown}, and the text of a line has one\n"
            "  help: of pages, export PAGE or ALTO, which say where each line is; of lines, write each text in one row"
        )
    shown = next(iter(beside.values())).relative_to(sight.root)
    return (
        f"{images}, and {len(beside):,} of them have a text of their name, such as {shown}\n"
        "  help: if these are their transcriptions, add the others, or name a folder of the images that have one"
    )


def _of_another_kind(images: str, sight: Sight) -> str:
    """Files that may hold the transcriptions."""
    if file := next((file for file in sight.texts if file.name.lower() == LABELS), None):
        return f"{images} and {file.relative_to(sight.root)}: rename it {LABELS}, as it is looked for"
    named = {name for image in sight.images for name in (image.name, image.stem)}
    rows = {file: _rows_of(file, named) for file in sight.texts}
    most = max(rows.values())
    files = sorted(file for file, number in rows.items() if (number > 0 if most else True))
    shown = ", ".join(str(file.relative_to(sight.root)) for file in files[:SHOWN])
    shown += f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    which = f"{'which is' if len(files) == 1 else 'which are'} not read"
    is_table = all(file.suffix.lower() in table.TABLES for file in files)
    do = f"{HEADER}, or {ROWS}" if is_table else ROWS
    do = do if most else f"if their texts are there, {do}"
    spaces = "; take the spaces out that stand between its characters" if any(map(_is_spelled, files)) else ""
    return f"{images} and {shown}, {which}\n  help: {do}{spaces}"


def _rows_of(file: Path, images: set[str]) -> int:
    """How many rows of a text begin with the name of an image and go on."""
    with file.open("rb") as opened:
        rows = opened.read(HEAD).decode(errors="replace").splitlines()
    found = (FIRST.match(row) for row in rows)
    return sum(first is not None and PurePath(first[1]).name in images for first in found)


def _is_spelled(file: Path) -> bool:
    if file.suffix.lower() != ".txt":
        return False
    words = [word for row in file.read_bytes().decode(errors="replace").splitlines() for word in row.split()[1:]]
    return sum(len(word) == 1 for word in words) > SPELLED * len(words)


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
