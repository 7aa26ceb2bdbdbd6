"""Progress for people: bars on a terminal, nothing in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from thulium_dsl.messages.problems import harmless

T = TypeVar("T")


_is_quiet = False


def be_quiet() -> None:
    """Say nothing from now on: this process is not the one that speaks."""
    global _is_quiet
    _is_quiet = True


def track(items: Iterable[T], title: str, total: int | None = None) -> Iterator[T]:
    """Pass items on; on a terminal, with a bar that goes away when they end."""
    if _is_quiet or not sys.stderr.isatty():
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        for item in items:
            yield item
            progress.advance(task)


def say(text: str) -> None:
    """A line of the log, on standard error, without what would steer the terminal."""
    if not _is_quiet:
        print(harmless(text), file=sys.stderr, flush=True)
