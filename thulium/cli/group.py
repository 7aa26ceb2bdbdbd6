"""A command in several processes: how it is started, who speaks, and how it ends when one of them fails."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from click.exceptions import Exit

from thulium.cli import engine
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError, harmless

if TYPE_CHECKING:
    from thulium_dsl.grammar.spec import ResourcesSpec

GRACE_S = 5


def is_member() -> bool:
    """Whether torchrun, or this command itself, started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def end_with_parent() -> None:
    """Let this process end when who started it dies, where that is DVC or a process of this command."""
    if is_member() or "DVC_STAGE" in os.environ:
        import signal

        from thulium.runtime.signals import die_with_parent

        if is_member():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python cannot answer it while it waits for others
        # A process that is already stopping stops at once on a second SIGINT: so does a group on a second Ctrl-C.
        die_with_parent(signal.SIGINT if is_member() else signal.SIGTERM)


def has_started(resources: ResourcesSpec) -> bool:
    """Run this same command in the processes that a document asks for, if they are several and this is none of them."""
    processes = len(resources.devices) or resources.processes
    if processes == 1 or is_member():
        return False
    start(processes)
    return True


def start(processes: int) -> None:
    """Run this same command in several processes, and end as they do."""
    from thulium.runtime import world

    end = world.launch(["-m", "thulium.cli.main", *sys.argv[1:]], processes)
    if end.killed_by:
        what = f"rank {end.rank} was killed by {end.killed_by}, and the other processes were stopped"
        echo(f"{what}; the same command resumes from the last state that was kept", err=True)
    if end.code:
        raise Exit(end.code)


def refuse(command: str) -> None:
    """Refuse to run a command in several processes that is made for one."""
    if is_member():
        from thulium.runtime import world

        if world.here().size > 1:
            raise ThuliumError(f"'thulium {command}' runs in one process: start it without torchrun")


@contextlib.contextmanager
def member() -> Iterator[Any]:
    """Be one of the processes that train together, or the only one; yields the World.

    In a group, an error is shown by the first process that has one, with its rank, and ends this process at once: the
    others are stopped by who started them.
    """
    from thulium.runtime import progress, world
    from thulium.runtime.errors import Interrupted

    if not is_member():
        yield world.ALONE
        return
    if not world.here().is_main:
        progress.be_quiet()
    try:
        with world.joined() as joined, engine.faults_named():
            yield joined
    except Interrupted as end:
        _end(128 + end.number, str(end) if world.here().is_main else "")
    except Exception as error:
        report(error)


def report(error: Exception) -> NoReturn:
    """Show an error of a process of a group, once for all of them, and end the process."""
    from thulium.runtime import world
    from thulium.runtime.errors import LostPeer

    here = world.here()
    if isinstance(error, LostPeer):
        _be_endable()
        time.sleep(GRACE_S)  # to be stopped, if another process has something better to say
    speaks = world.speaks_first() if world.is_joined() else here.is_main_here
    if not speaks:
        _be_endable()
        time.sleep(GRACE_S)  # who speaks must come first: the end of one process is the end of all
    is_ours = isinstance(error, (ThuliumError, OSError))
    text = str(error) if is_ours else "".join(traceback.format_exception(error)).rstrip()
    if isinstance(error, OSError) and error.filename:
        text = f"{error.filename2 or error.filename}: {error.strerror}"
    if isinstance(error, LostPeer):
        text += "\nthe same command resumes from the last state that was kept"
    _end(2 if is_ours else 1, f"rank {here.rank}: {text}" if speaks else "")


def _be_endable() -> None:
    import signal

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _end(code: int, text: str) -> NoReturn:
    # Not by an exception: leaving a group in which some are missing may wait for them.
    with contextlib.suppress(OSError):
        if text:
            print(harmless(text), file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
