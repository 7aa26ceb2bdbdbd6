"""Work spread over processes, whose results come back in order, a bounded number ahead."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from thulium.runtime import processor
from thulium.runtime.errors import DataError

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2  # pieces of work for each process that are under way or wait to be fetched
WATCH_S = 1.0  # seconds between looks at whether the parent still lives


def map_in_order(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Apply a function to items, in this process or in several; the results are the same, and in the same order.

    Args:
        function: can be pickled, and so can items and results.
        workers: processes; 1 computes here.

    Raises:
        DataError: a process was ended from outside, as by a system that is out of memory.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    # A fresh interpreter each: a copy of this one would take locks along that its threads hold.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (os.getpid(),))
    under_way: deque[Future[R]] = deque()
    try:
        for item in items:
            with _deaf():  # it may start a process, which has no ears of its own before _begin
                under_way.append(pool.submit(function, item))
            if len(under_way) >= AHEAD * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except BrokenProcessPool:
        raise DataError(
            "a process that read the data was ended from outside, perhaps because the memory was full\n"
            "  help: set resources.prepare_workers to a smaller number"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def count(wanted: int) -> int:
    """Processes to use: as many as wanted, or one for each core that this one may use if that is 0."""
    return wanted or processor.cores()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Put Ctrl-C off until the end; processes that are started meanwhile never hear of it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when the parent does, even when that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(1)
