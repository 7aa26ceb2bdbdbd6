"""The engine, which commands import late: it is large, and may not be installed."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import click

from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

# The extra that has a package; the others are those of training.
EXTRAS = {"onnx": "onnx", "onnxruntime": "onnx", "onnxscript": "onnx", "huggingface_hub": "hub"}


@contextlib.contextmanager
def importing(name: str) -> Iterator[None]:
    """Around the imports that a command needs of the engine.

    Args:
        name: of the command.

    Raises:
        ThuliumError: a package is not installed; says how to install it.
        KeyboardInterrupt: Ctrl-C was pressed meanwhile.
    """
    # Read by oneDNN when torch is loaded: room for the convolutions of all widths of a run (see docs/results.md).
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "100000")
    # Read by OpenMP likewise: how long a thread that waits for the others keeps its core. The default is so long that a
    # busy program beside us costs ten times the pace; no time at all halves it (see docs/results.md).
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        with _interrupted_behind():
            yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("thulium"):
            raise  # ours to mend
        package = str(error.name).partition(".")[0]
        extra = EXTRAS.get(package, "training")
        raise ThuliumError(
            f"'thulium {name}' needs the package {package}, which is not installed: pip install 'thulium[{extra}]'"
        ) from None


def load(name: str, module: str) -> Any:
    """A module that a command needs of the engine; see ``importing``."""
    with importing(name):
        return importlib.import_module(module)


@contextlib.contextmanager
def faults_named() -> Iterator[None]:
    """Let a command whose memory falls short, or whose GPU fails, end with words."""
    try:
        yield
    except (RuntimeError, MemoryError):
        if "torch" not in sys.modules:  # slow to load, and it is not what failed
            raise
        from thulium.runtime import faults

        context = click.get_current_context(silent=True)
        name = f"thulium {context.invoked_subcommand or context.info_name}" if context else "thulium"
        with faults.named(name, _FREE_MEMORY):
            raise


_FREE_MEMORY = (
    "other programs may hold the memory (nvidia-smi shows a GPU's, top the machine's): end them, or use a device with "
    "more of it"
)


@contextlib.contextmanager
def _interrupted_behind() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block, and a second one end the process.

    torch swallows exceptions while it imports numpy, and leaves half of it: what then failed would be a traceback.
    """
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where a shell has switched it off
    if not is_ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if pressed:
            echo("interrupted", err=True)
            os._exit(128 + number)
        pressed.append(number)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if pressed:
            raise KeyboardInterrupt
