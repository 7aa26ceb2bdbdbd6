"""Files that are whole or not there: written under another name, then renamed; and read as if they may be neither."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PART = ".thulium-part"  # ends the name of a file until it is whole; no one else gives such names
FULL = {errno.ENOSPC, errno.EDQUOT}  # of a disk, or of what a user may have of it


def replace_bytes(path: Path, *content: bytes | memoryview) -> None:
    """Write a file, whole or not at all; it keeps its permissions. A link is replaced, not written through."""
    temporary = path.with_name(f".{path.name}{PART}")
    try:
        with naming(path), open(temporary, "wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        if path.is_file() and not path.is_symlink():
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C, too
        temporary.unlink(missing_ok=True)  # on a full disk, it would take the room that the next try needs
        raise


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error name the file that is written in the block: one of an open file, as on a full disk, names none."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def replace_text(path: Path, content: str) -> None:
    """The same for text, in UTF-8."""
    replace_bytes(path, content.encode("utf-8"))


def object_in(path: Path) -> dict[str, Any] | None:
    """The JSON object that a file of ours holds; None where there is no such file, or it holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
