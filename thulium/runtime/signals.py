"""Signals that ask a training to stop, and processes that end with the one that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)  # the last is SLURM's warning before the time is up
HUNG_S = 10  # how long a process that should stop may wait for others
PR_SET_PDEATHSIG = 1  # from sys/prctl.h


class Signals:
    """What has been asked of this process.

    Attributes:
        caught: the number of the first signal that asked it to stop; 0: none did.
    """

    def __init__(self) -> None:
        self.caught = 0

    def catch(self, number: int, _frame: FrameType | None) -> None:
        """Remember a signal; the second Ctrl-C stops the process where it is."""
        # Linux may send one for each thread of a parent that dies: these are no second Ctrl-C.
        if self.caught == number == signal.SIGINT and not is_orphan():
            raise KeyboardInterrupt
        self.caught = self.caught or number


@contextlib.contextmanager
def watched(waited_s: Callable[[], float] = lambda: 0.0) -> Iterator[Signals]:
    """Catch the signals that ask to stop, instead of ending at once.

    Args:
        waited_s: how long this process has been waiting for others, which may never answer: Python cannot run a
            handler then, so a thread ends a process that should have stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Signals()  # only the main thread is told of signals
        return
    signals = Signals()
    before = {number: signal.signal(number, signals.catch) for number in STOPPING}
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    woken = signal.set_wakeup_fd(writer)
    threading.Thread(target=_watch, args=(reader, waited_s), daemon=True).start()
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(woken)
        os.close(writer)  # ends the thread
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(reader: int, waited_s: Callable[[], float]) -> None:
    asked = 0
    with open(reader, "rb", buffering=0) as pipe:
        while numbers := pipe.read(1):
            asked = numbers[0] if numbers[0] in STOPPING else asked
            if asked:
                threading.Thread(target=_end_if_hung, args=(asked, waited_s), daemon=True).start()


def _end_if_hung(number: int, waited_s: Callable[[], float]) -> None:
    while True:
        time.sleep(0.5)
        if waited_s() > HUNG_S:
            os._exit(128 + number)


_parent = 0  # the process that this one is to end with; 0: none


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the system to send this process a signal when the one that started it dies; only Linux can."""
    global _parent
    _parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() == 1 and not _starts_stages(1):  # it died before we asked
            os.kill(os.getpid(), number)


def is_orphan() -> bool:
    """Whether the process that this one is to end with is gone."""
    return _parent not in (0, os.getppid())


def _starts_stages(pid: int) -> bool:
    """Whether a process is one that starts us; in a container, it may be the first one."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read()
    return any(name in words for name in (b"dvc", b"torchrun", b"thulium"))


def leave_group() -> None:
    """For a helper process: be deaf to signals for the group, since who started it answers them; end with it."""
    signal.set_wakeup_fd(-1)
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(PermissionError):
        os.setpgid(0, 0)
    die_with_parent(signal.SIGKILL)
