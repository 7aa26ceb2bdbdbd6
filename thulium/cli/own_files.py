"""A file that a command writes where it is told to: what it has not written itself, it does not replace."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path

from thulium_dsl.messages.problems import ThuliumError

HEAD = 1024  # bytes in which a mark stands


def _unpacked(head: bytes) -> bytes:
    """The head of what a compressed file holds; of any other file, its own."""
    if not head.startswith(b"\x1f\x8b"):
        return head
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEAD)
    except zlib.error:
        return head


@contextlib.contextmanager
def named(path: Path, option: str = "--output") -> Iterator[None]:
    """Around the writing of a file: say it where there can be none, as below /proc.

    Raises:
        ThuliumError: names it.
    """
    try:
        yield
    except FileNotFoundError as error:
        where = Path(error.filename or "")
        if where not in (path, *path.parents) and where.parent != path.parent:
            raise
        what = f"no file can be written there ({error.strerror})"
        raise ThuliumError(f"{path}: {what}: name another with {option}") from None


def refuse_foreign(path: Path, mark: bytes, command: str, option: str = "--output") -> None:
    """Refuse a path at which something stands that a command has not written; an empty file is nobody's.

    Args:
        mark: what the head of each file holds that the command writes.
        option: that names the file.

    Raises:
        ThuliumError: names it.
    """
    if path.is_dir():
        raise ThuliumError(f"{path}: is a folder: name a file in it with {option}")
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise ThuliumError(f"{path}: cannot be read ({error.strerror}): name another file with {option}") from None
    if head and mark not in _unpacked(head):
        raise ThuliumError(
            f"{path}: was not written by `thulium {command}`, and would be replaced\n"
            f"  help: name another file with {option}, or move this one away"
        )
