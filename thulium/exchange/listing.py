"""What lies under a name elsewhere: its files, in which version, under which licence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from thulium.exchange.web import RemoteFile
from thulium.runtime.errors import RemoteError, visible

LONGEST = 200  # characters of a file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is there.

    Attributes:
        page: where a person looks at it.
        revision: the version that the addresses of its files name, and that does not change.
        license: as it says itself; empty if it says nothing.
    """

    page: str
    revision: str
    license: str
    files: tuple[RemoteFile, ...]


def refuse_unsafe(files: tuple[RemoteFile, ...], page: str) -> None:
    """Refuse files whose names would lead out of the folder that they are put into.

    Raises:
        RemoteError: names the first of them.
    """
    for file in files:
        parts = PurePosixPath(file.name).parts
        is_odd = "\\" in file.name or ":" in file.name or not file.name.isprintable() or len(file.name) > LONGEST
        if not parts or is_odd or any(part in ("/", "..") or part.startswith(".") for part in parts):
            raise RemoteError(f"{page}: has a file whose name is not taken: '{visible(file.name[:LONGEST])}'")
    folded = [file.name.casefold() for file in files]
    if twice := next((name for name in folded if folded.count(name) > 1), None):
        raise RemoteError(f"{page}: has two files of the name '{visible(twice)}'")
    folders = {str(folder) for name in folded for folder in PurePosixPath(name).parents}
    if both := next((name for name in folded if name in folders), None):
        raise RemoteError(f"{page}: has a file and a folder of the name '{visible(both)}'")


def model_of(listing: Listing, chosen: str, preferred: str) -> RemoteFile:
    """The model file among what is there.

    Args:
        chosen: its name; empty: the one of the preferred name, or the only one.

    Raises:
        RemoteError: there is none, or there are several.
    """
    models = [file for file in listing.files if file.name.endswith(".safetensors")]
    wanted = [file for file in models if file.name == (chosen or preferred)]
    if not wanted and not chosen and len(models) == 1:
        wanted = models
    if wanted:
        return wanted[0]
    there = ", ".join(visible(file.name) for file in models[:10])
    if not models:
        raise RemoteError(f"{listing.page}: holds no model file (*.safetensors)")
    if chosen:
        raise RemoteError(f"{listing.page}: holds no {chosen}; it holds {there}")
    raise RemoteError(
        f"{listing.page}: holds several models: {there}\n"
        f"  help: write '#' and one of them behind the name, such as '#{visible(models[0].name)}'"
    )


def lines_of(listing: Listing) -> tuple[RemoteFile, ...]:
    """What belongs to a collection of lines: all but what only the place itself reads.

    Raises:
        RemoteError: there is nothing of it.
    """
    files = tuple(file for file in listing.files if not re.match(r"\.[^./]", file.name))
    tables = tuple(file for file in files if file.name.endswith(".parquet"))
    papers = tuple(file for file in files if is_paper(file.name))
    # Of a repository with tables, these are the lines; other files of it are often the same lines once more.
    found = (*tables, *papers) if tables else files
    if not set(found) - set(papers):
        raise RemoteError(f"{listing.page}: holds no lines that could be fetched")
    return found


def is_paper(name: str) -> bool:
    """Whether a file tells of the others: a licence, a description, a citation."""
    stem = PurePosixPath(name).name.partition(".")[0].lower()
    return stem in ("license", "licence", "copying", "notice", "readme", "citation", "authors", "attribution")
