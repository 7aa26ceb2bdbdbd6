"""A pretraining as far as it has come, and its life: begin or resume, epoch by epoch, finish."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from thulium.data.loader import LineLoader, Place
from thulium.data.readers import Pass
from thulium.models.file import save_model
from thulium.pretraining.clusters import k_means
from thulium.pretraining.trainer import PretrainingTrainer
from thulium.runtime.files import replace_text
from thulium.runtime.progress import say
from thulium.training.history import History, is_history
from thulium.training.loop import OnPace, say_others
from thulium.training.resume import ResumeFolder
from thulium.training.run import Keeper, keep_on, say_division, say_place
from thulium.training.state import Free, misfit

COLUMNS = ("epoch", "train_loss", "val_loss", "val_accuracy", "lr")
PIECES = 100_000  # that the kinds of shape are found on
NO_FILES: dict[str, Any] = {
    "pending": {},
    "periodic": [],
}  # of checkpoints: the state itself has all that is kept of an epoch


@dataclass
class PretrainingRun:
    """Everything that has to be there again to go on as if nothing had been.

    Attributes:
        augment_on: where the lines are augmented.
        epochs: finished ones.
    """

    trainer: PretrainingTrainer
    history: History
    augment_on: Place = "loader"
    epochs: int = 0

    @property
    def files(self) -> dict[str, Path]:
        """Files that a state needs beside itself."""
        return {}

    @property
    def place(self) -> str:
        """How far it has come, in words."""
        cut = self.trainer.steps_of(self.epochs)
        return f"epoch {self.epochs + 1}, step {cut}" if cut else f"the end of epoch {self.epochs}"

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to resume from here; all processes must ask for it together."""
        return {
            "epochs": self.epochs,
            "augment_on": self.augment_on,
            "history": self.history.rows,
            "trainer": self.trainer.state_dict(),
            "checkpoints": NO_FILES,
        }

    def misfit(self, state: dict[str, Any]) -> str:
        """In what a state differs from one of this pretraining, in words; empty: ``load_state_dict`` can take it."""
        loose = ("trainer", "checkpoints", "files", "run_dir")  # each looks at its own; who keeps files, at them
        own = {"epochs": self.epochs, "augment_on": self.augment_on, "history": None} | dict.fromkeys(loose)
        free: Free = {
            "augment_on": lambda place: place in get_args(Place),
            "history": lambda rows: is_history(rows, state["epochs"], COLUMNS),
            **dict.fromkeys(loose, lambda _part: True),
        }
        return misfit(state, own, free) or self.trainer.misfit(state["trainer"])

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from where ``state_dict`` was asked."""
        self.epochs = state["epochs"]
        self.history.rows = [(epoch, dict(metrics)) for epoch, metrics in state["history"]]
        self.trainer.load_state_dict(state["trainer"])


def begin(run: PretrainingRun, folder: ResumeFolder | None, restart: bool, find: Callable[[], Tensor]) -> None:
    """Go on where the pretraining was cut; or start anew, with the kinds of shape (K, D) that are found."""
    if folder and restart:
        folder.empty()
    trainer = run.trainer
    state = trainer.world.broadcast(folder.load(run.misfit) if folder else None)
    if state is not None:
        run.load_state_dict(state)
        say(f"resuming from {run.place}")
        say_division(state["trainer"], trainer)
        say_place(state["augment_on"], run.augment_on)
        return
    if folder:
        say_others(folder)
    found = trainer.world.broadcast(find() if trainer.world.is_main else torch.empty(0))
    trainer.guessing.centres.copy_(found)


def find_kinds(trainer: PretrainingTrainer, lines: LineLoader) -> Tensor:
    """(K, D) the centres of the kinds of shape in some lines, found on the CPU, where they come out the same."""
    model = trainer.guessing
    parts = [model.pieces(batch)[model.used(batch)] for batch in lines]
    every = torch.cat(parts)
    chosen = torch.randperm(len(every), generator=torch.Generator().manual_seed(model.seed))[:PIECES]
    return k_means(every[chosen], len(model.centres), model.seed)


def fit(
    run: PretrainingRun, keeper: Keeper, loaders: tuple[LineLoader, LineLoader], epochs: int, on_pace: OnPace
) -> None:
    """The epochs that are left.

    Raises:
        Interrupted: a signal asked the pretraining to stop; it is saved.
    """
    trainer, (train_loader, val_loader) = run.trainer, loaders
    trainer.on_step = keeper.on_step
    train_loader.readers.expect(_passes(run, loaders, epochs))
    if not run.history.rows:
        run.history.add(0, trainer.validate(val_loader, 0))
    start, first = time.perf_counter(), run.epochs + bool(trainer.steps_of(run.epochs))
    while run.epochs < epochs:
        epoch = run.epochs
        values = trainer.train_epoch(train_loader, epoch) | trainer.validate(val_loader, epoch)
        run.history.add(epoch + 1, values)
        if trainer.world.is_main:
            keep_on("the history", run.history.write)
        if epoch >= first:
            on_pace((epoch + 1 - first) * len(train_loader.lines) / (time.perf_counter() - start), str(trainer.device))
        else:  # an epoch that was cut says nothing of the pace
            start = time.perf_counter()
        say(_epoch_line(run, epochs, values))
        run.epochs += 1
        keeper.end_epoch(is_last=run.epochs == epochs)


def beginning(trainer: PretrainingTrainer, train: LineLoader, val: LineLoader) -> str:
    """What begins: how many lines, how large a model, on what."""
    millions, kinds = trainer.guessing.plain().num_parameters / 1e6, len(trainer.guessing.centres)
    return (
        f"pretraining on {len(train.lines)} lines, watched on {len(val.lines)}; "
        f"{millions:.2f} M parameters, {kinds} kinds of shape, on {trainer.device}"
    )


def _epoch_line(run: PretrainingRun, epochs: int, values: Mapping[str, float]) -> str:
    pace = run.trainer.pace
    return (
        f"epoch {run.epochs + 1}/{epochs}  train_loss {values['train_loss']:.3f}  val_loss {values['val_loss']:.3f}  "
        f"val_accuracy {values['val_accuracy']:.1%}  {pace.lines_per_s:.0f} lines/s  {pace.seconds:.0f} s "
        f"({pace.waiting:.0%} waiting for data)"
    )


def _passes(run: PretrainingRun, loaders: tuple[LineLoader, LineLoader], epochs: int) -> Iterator[Pass]:
    """All that ``fit`` is going to read, in its order, so that the next is there when it is asked for."""
    train_loader, val_loader = loaders
    if not run.history.rows:
        yield val_loader.in_epoch(0)
    for epoch in range(run.epochs, epochs):
        yield train_loader.in_epoch(epoch, run.trainer.steps_of(epoch))
        yield val_loader.in_epoch(0)


def finish(
    run: PretrainingRun,
    model: Path,
    facts: Mapping[str, Any],
    metrics: Path,
    summary: Mapping[str, Any],
    folder: ResumeFolder | None,
) -> None:
    """Write the model, and then what says that the pretraining is finished."""
    if not run.trainer.world.is_main:
        return
    run.history.write()
    for path in (model, metrics):
        path.parent.mkdir(parents=True, exist_ok=True)
    save_model(run.trainer.guessing.plain(), model, facts)
    if folder:
        folder.note_end()
    replace_text(metrics, json.dumps(summary, indent=2) + "\n")
    if folder:
        folder.remove()


def summary_of(run: PretrainingRun) -> dict[str, Any]:
    """The figures of the last epoch, whose weights are kept."""
    (_, untrained), (_, last) = run.history.rows[0], run.history.rows[-1]
    return {
        "val_accuracy": round(last["val_accuracy"], 6),
        "epochs": run.epochs,
        **{name: round(last[name], 6) for name in ("train_loss", "val_loss")},
        "val_accuracy_untrained": round(untrained["val_accuracy"], 6),
        "parameters": run.trainer.guessing.plain().num_parameters,
    }
