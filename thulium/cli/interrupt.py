"""Ctrl-C before a command has begun. It imports next to nothing, so that it is there from the beginning."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

CODE = 128 + signal.SIGINT  # with which shells say that a command was interrupted


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Let Ctrl-C end the process in the block, which is about to import the command line: nothing is begun yet."""
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where a shell has switched it off
    if not is_ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")  # print may be what was interrupted
    os._exit(CODE)
