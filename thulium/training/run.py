"""A training as far as it has come, and who keeps it, so that it can be cut at any moment."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, get_args

import torch

from thulium.data.loader import Place
from thulium.runtime.errors import Interrupted
from thulium.runtime.files import FULL
from thulium.runtime.progress import say
from thulium.runtime.signals import Signals, is_orphan
from thulium.training.checkpoints import CheckpointManager
from thulium.training.early_stopping import EarlyStopping
from thulium.training.history import History, is_history
from thulium.training.resume import ResumeFolder
from thulium.training.state import Free, misfit
from thulium.training.trainer import HTRTrainer


@dataclass
class Run:
    """Everything that has to be there again to go on as if nothing had been.

    Attributes:
        augment_on: where the training lines are augmented.
        epochs: finished ones: trained, validated and kept.
        is_over: whether no epoch follows.
        is_reader: whether it began with the weights of a model that reads; one that was only pretrained does not.
    """

    trainer: HTRTrainer
    checkpoints: CheckpointManager
    stopping: EarlyStopping
    history: History
    augment_on: Place = "loader"
    epochs: int = 0
    is_over: bool = False
    is_reader: bool = False

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to resume from here; all processes must ask for it together."""
        return {
            "epochs": self.epochs,
            "is_over": self.is_over,
            "augment_on": self.augment_on,
            "history": self.history.rows,
            "trainer": self.trainer.state_dict(),
            "checkpoints": self.checkpoints.state_dict(),
            "stopping": self.stopping.state_dict(),
        }

    def misfit(self, state: dict[str, Any]) -> str:
        """In what a state differs from one of this training, in words; empty: ``load_state_dict`` can take it."""
        own: dict[str, Any] = {"epochs": self.epochs, "is_over": self.is_over, "augment_on": self.augment_on}
        own |= {"history": None, "stopping": self.stopping.state_dict()}
        free: Free = {
            "augment_on": lambda place: place in get_args(Place),
            "history": lambda rows: is_history(rows, state["epochs"]),
            "stopping.best": self.stopping.ranking.is_sound,
            # Each looks at its own; who keeps files, at them.
            **dict.fromkeys(("trainer", "checkpoints", "files", "run_dir"), lambda _part: True),
        }
        return (
            misfit(state, own | dict.fromkeys(("trainer", "checkpoints", "files", "run_dir")), free)
            or self.trainer.misfit(state["trainer"])
            or self.checkpoints.misfit(state["checkpoints"])
        )

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from where ``state_dict`` was asked; the checkpoints' files must be there again."""
        self.epochs, self.is_over = state["epochs"], state["is_over"]
        self.history.rows = [(epoch, dict(metrics)) for epoch, metrics in state["history"]]
        self.trainer.load_state_dict(state["trainer"])
        self.checkpoints.load_state_dict(state["checkpoints"])
        self.stopping.load_state_dict(state["stopping"])

    @property
    def files(self) -> dict[str, Path]:
        """The checkpoints, which a state needs beside itself."""
        return self.checkpoints.files

    @property
    def place(self) -> str:
        """How far it has come, in words."""
        cut = self.trainer.steps_of(self.epochs)
        return f"epoch {self.epochs + 1}, step {cut}" if cut else f"the end of epoch {self.epochs}"


class Kept(Protocol):
    """What a keeper has to know of a run.

    Attributes:
        place: how far it has come, in words.
        files: by their names, what a state needs beside itself.
    """

    @property
    def trainer(self) -> HTRTrainer: ...

    @property
    def place(self) -> str: ...

    @property
    def files(self) -> dict[str, Path]: ...

    def state_dict(self) -> dict[str, Any]:
        """What there has to be to resume from here."""
        ...


MOST = 0.005  # of the time may go into states after epochs; checkpoints take about as much again


class Keeper:
    """Saves a run when it is time to, and stops it when a signal asks for that."""

    def __init__(self, run: Kept, folder: ResumeFolder | None, signals: Signals, every_s: float) -> None:
        """Keep a run.

        Args:
            folder: where to; None in processes that do not write, and where nothing is to be kept.
            every_s: seconds between two states within an epoch; 0: only whole epochs are kept.
        """
        self.run, self.folder, self.signals, self.every_s = run, folder, signals, every_s
        self.world = run.trainer.world
        self._saved_at = time.monotonic()
        self._cost_s = 0.0  # of the last state

    def on_step(self) -> None:
        """After each step: save and stop if that is asked, in all processes at the same step.

        Raises:
            Interrupted: a signal asked for it; the state is saved.
        """
        is_due = self.folder is not None and 0 < self.every_s < time.monotonic() - self._saved_at
        stopped_by, must_save = self.world.all_reduce_max(self.signals.caught, is_due)
        if stopped_by or must_save:
            is_kept = self.save()
            if stopped_by:
                raise Interrupted(stopped_by, self._farewell(stopped_by, is_kept))

    def end_epoch(self, *, is_last: bool) -> None:
        """After each epoch: save, unless it was short; stop if that is asked.

        After the last one, too: who asked may be DVC, which is gone then and notes no finished training.
        Only where nothing can be kept is the training finished all the same.

        Raises:
            Interrupted: a signal asked for it.
        """
        stopped_by, must_save = self.world.all_reduce_max(self.signals.caught, self._is_worth_it)
        is_kept = self.save() if stopped_by or must_save else False
        if stopped_by and (not is_last or self.world.all_reduce_max(is_kept)[0]):
            raise Interrupted(stopped_by, self._farewell(stopped_by, is_kept))

    def save(self) -> bool:
        """Save the run; whether that went well. A full disk is said, and the state before it stays."""
        start, state = time.monotonic(), self.run.state_dict()
        if self.folder is None:
            return False
        folder, files = self.folder, self.run.files
        folder.about["at"] = self.run.place
        is_kept = keep_on("the state to resume from", lambda: folder.save(state, files))
        self._saved_at = time.monotonic()
        self._cost_s = self._saved_at - start
        return is_kept

    @property
    def _is_worth_it(self) -> bool:
        """Whether a state after an epoch is due, or takes little of the time since the last one."""
        age = time.monotonic() - self._saved_at
        return self.folder is not None and age >= min(self.every_s, self._cost_s / MOST)

    def _farewell(self, number: int, is_kept: bool) -> str:
        stopped = f"stopped by {signal.Signals(number).name}"
        if is_orphan():
            stopped = "the process that started this training has ended: stopped"
        if not is_kept:
            return f"{stopped} at {self.run.place}; it could not be saved"
        return f"{stopped} at {self.run.place}; the same command resumes from there"


def say_division(before: Mapping[str, Any], trainer: HTRTrainer) -> None:
    """Say that a run is resumed with its work divided among another number of processes or threads.

    Args:
        before: the trainer's state. With other processes, the threads of each are others as well, and say no more.
    """
    processes, threads, is_cpu = len(before["random"]), before["threads"], trainer.device.torch_device.type == "cpu"
    if processes != trainer.world.size:
        keeps = f"resources.processes: {processes} keeps" if is_cpu else "as many resources.devices as before keep"
        say(
            f"it was cut with {_counted(processes, 'process', 'processes')} and is resumed with {trainer.world.size}: "
            "dropout leaves out other values and sums are rounded otherwise, so the figures will not be those of a "
            f"training that was not cut ({keeps} them)"
        )
    elif threads != torch.get_num_threads() and is_cpu:  # sums over threads are rounded by their number
        say(
            f"it was cut with {_counted(threads, 'thread', 'threads')} and is resumed with {torch.get_num_threads()}: "
            f"the last digits will not be those of a training that was not cut (resources.threads: {threads} keeps "
            "them)"
        )


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def say_place(before: Place, now: Place) -> None:
    """Say that a run is resumed with its lines augmented elsewhere: they are rounded otherwise there."""
    if now != before:
        say(
            f"it was cut with lines augmented on the {before} and is resumed with them augmented on the {now}: they "
            "look the same, but not to the last grey value, and the digits will not be those of a training that was "
            f"not cut (resources.augment_on: {before} keeps them)"
        )


def keep_on(what: str, save: Callable[[], None]) -> bool:
    """Save something; whether that went well. A full disk does not end a training: it is said, and tried later."""
    try:
        save()
    except OSError as error:
        if error.errno not in FULL:
            raise
        say(f"warning: {what} could not be saved ({error.strerror}); the training goes on, and tries again later")
        return False
    return True
