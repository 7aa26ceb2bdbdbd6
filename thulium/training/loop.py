"""The life of a training, from the top down: begin or resume, learn epoch by epoch, finish.

``thulium/stages/train.py`` puts together what a document asks for, ``HTRTrainer`` knows what an epoch and a step are,
``Run`` is what has to be kept of it, ``Keeper`` when.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from thulium.data.loader import LineLoader
from thulium.data.readers import Pass
from thulium.runtime.files import replace_text
from thulium.runtime.progress import say
from thulium.training import messages
from thulium.training.checkpoints import PERIODIC, clear
from thulium.training.loggers import Log, forget_curves
from thulium.training.resume import ResumeFolder, others
from thulium.training.run import Keeper, Run, keep_on, say_division, say_place
from thulium.training.schedule import trapezoid_of
from thulium.training.watch import Training, Watch
from thulium_dsl.grammar.spec import TrainingSpec

OnPace = Callable[[float, str], None]  # told how many lines a second a training has learnt from so far, on what device


def begin(run: Run, folder: ResumeFolder | None, metrics: Path, run_dir: Path, restart: bool) -> Path:
    """Start anew, or go on where the training was cut; returns the folder of TensorBoard's files."""
    world = run.trainer.world
    if world.is_main:
        metrics.unlink(missing_ok=True)  # first: it says that the checkpoints are those of a finished run
        clear(run.checkpoints.save_dir)
    if folder and restart:
        folder.empty()
    state = world.broadcast(folder.load(run.misfit) if folder else None)
    if state is None:
        if world.is_main:
            forget_curves(run_dir)
        if folder:
            say_others(folder)
            folder.run_dir = str(run_dir.resolve())
        return run_dir
    if folder:
        folder.restore(state, run.checkpoints.save_dir)
    run.load_state_dict(state)
    if folder:
        run.history.write()
        say(f"resuming from {run.place}")
        say_division(state["trainer"], run.trainer)
        say_place(state["augment_on"], run.augment_on)
        before = Path(folder.run_dir)
        # Only beside where a new one would be: a state must not choose where we write.
        run_dir = before if before.parent == run_dir.resolve().parent else run_dir
        folder.run_dir = str(run_dir.resolve())
    return run_dir


def say_others(folder: ResumeFolder) -> None:
    """Say which unfinished trainings of the same kind are there, and in what they differ from this one."""
    names = {"data": "other data", "init_from": "other first weights", "engine": "another version of Thulium or torch"}
    for different in others(folder.path.parent, folder):
        words = ", ".join(names.get(name, f"another section {name}") for name in different)
        if different:
            say(f"an unfinished training is there, but of {words}: this one starts anew (`thulium clean` removes it)")


def fit(
    run: Run,
    keeper: Keeper,
    loaders: tuple[LineLoader, LineLoader],
    training: TrainingSpec,
    log: Log,
    on_pace: OnPace,
) -> None:
    """The epochs that are left.

    Raises:
        Interrupted: a signal asked the training to stop; it is saved.
    """
    trainer, (train_loader, val_loader), epochs = run.trainer, loaders, training.epochs
    watch = Watch(Training(len(train_loader.lines), training.batch_size, training.lr, not run.is_reader))
    trainer.on_step = keeper.on_step
    train_loader.readers.expect(_passes(run, loaders, epochs))
    if not run.history.rows:
        untrained = trainer.validate(val_loader, 0)
        run.history.add(0, untrained)
        say_all(messages.untrained(untrained, trainer.reading, is_started=run.is_reader))
    pace = _Pace(run, train_loader.lines_an_epoch, on_pace)
    while run.epochs < (epochs := _last_epoch(run, training.epochs, len(train_loader))) and not run.is_over:
        epoch = run.epochs
        values = trainer.train_epoch(train_loader, epoch) | trainer.validate(val_loader, epoch)
        run.history.add(epoch + 1, values)
        if trainer.world.is_main:
            _keep(run, epoch, values)
            log(epoch + 1, values, trainer)
            pace.tell(epoch)
        say(messages.epoch_line(epoch, epochs, values, trainer, run.checkpoints.best_epoch == epoch))
        run.epochs += 1
        run.is_over = run.stopping.should_stop(values) and not _falls_instead(run, epochs, len(train_loader))
        is_last = run.is_over or run.epochs == _last_epoch(run, epochs, len(train_loader))
        say_all(_looked(watch, run, is_last=is_last))
        keeper.end_epoch(is_last=is_last)
    say_all(messages.ending(run))
    if run.is_reader and run.epochs:
        say_all(messages.since_start(run))


def _last_epoch(run: Run, epochs: int, steps_per_epoch: int) -> int:
    """How many epochs the run has; a trapezoid may have shortened it."""
    trapezoid = trapezoid_of(run.trainer.scheduler)
    return min(epochs, trapezoid.num_steps // steps_per_epoch) if trapezoid else epochs


def _falls_instead(run: Run, epochs: int, steps_per_epoch: int) -> bool:
    """Whether a run that would be stopped goes on, since the fall of its learning rate is still to come or under way.

    The fall brings what the peak has prepared: stopped before it, a run would be at its worst.
    """
    trapezoid, step = trapezoid_of(run.trainer.scheduler), run.trainer.scheduler.last_epoch
    if trapezoid is None or trapezoid.decay_share == 1 or run.stopping.best is None:
        return False
    if not trapezoid.falls_at(step):
        trapezoid.fall_from(step, steps_per_epoch)
        if (last := _last_epoch(run, epochs, steps_per_epoch)) < epochs:
            say(messages.falling(run, last))
    return True


def _passes(run: Run, loaders: tuple[LineLoader, LineLoader], epochs: int) -> Iterator[Pass]:
    """All that ``fit`` is going to read, in its order, so that the next is there when it is asked for."""
    train_loader, val_loader = loaders
    if not run.history.rows:
        yield val_loader.in_epoch(0)
    for epoch in () if run.is_over else range(run.epochs, epochs):
        yield train_loader.in_epoch(epoch, run.trainer.steps_of(epoch))
        yield val_loader.in_epoch(0)


def _keep(run: Run, epoch: int, values: dict[str, float]) -> None:
    """Bring the checkpoints and the history up to date."""
    best = run.trainer.best_model
    keep_on("the checkpoints", lambda: run.checkpoints.save(best, None, None, epoch, values))
    keep_on("the history", run.history.write)


def _looked(watch: Watch, run: Run, *, is_last: bool) -> Iterable[str]:
    """What there is to say of an epoch's readings."""
    trainer = run.trainer
    read = trainer.reading.results if trainer.reading else ()
    steps = trainer.scheduler.last_epoch  # torch counts steps under that name
    return watch.look(read, steps, is_last=is_last, is_stopped=run.is_over)


class _Pace:
    """Tells how fast whole epochs go: one that was cut says nothing of that."""

    def __init__(self, run: Run, num_lines: int, on_pace: OnPace) -> None:
        self.num_lines, self.on_pace, self.device = num_lines, on_pace, str(run.trainer.device)
        self.first = run.epochs
        self.is_part = run.trainer.steps_of(self.first) > 0
        self.start = time.perf_counter()

    def tell(self, epoch: int) -> None:
        """After an epoch."""
        if epoch == self.first and self.is_part:
            self.start, self.first, self.is_part = time.perf_counter(), self.first + 1, False
            return
        lines = (epoch + 1 - self.first) * self.num_lines
        self.on_pace(lines / (time.perf_counter() - self.start), self.device)


def finish(run: Run, summary: Mapping[str, Any], metrics: Path, folder: ResumeFolder | None) -> None:
    """Write what says that the training is finished, after all that it speaks of."""
    if not run.trainer.world.is_main:
        return
    run.checkpoints.flush()
    _ = run.checkpoints.files  # refuses where one is gone
    (run.checkpoints.save_dir / PERIODIC).mkdir(parents=True, exist_ok=True)  # DVC asks for it, also when it is empty
    run.history.write()
    metrics.parent.mkdir(parents=True, exist_ok=True)
    if folder:
        folder.note_end()
    replace_text(metrics, json.dumps(summary, indent=2) + "\n")
    if folder:
        folder.remove()


def summary_of(run: Run) -> dict[str, Any]:
    """The figures of the best epoch first, since DVC's tables keep this order; then those of the last one."""
    (_, untrained), (_, last), checkpoints = run.history.rows[0], run.history.rows[-1], run.checkpoints
    best = (
        {}
        if checkpoints.best is None
        else {
            f"best_{checkpoints.best_metric}": round(checkpoints.best, 6),
            "best_epoch": (checkpoints.best_epoch or 0) + 1,
        }
    )
    return {
        **best,
        "epochs": run.epochs,
        **{
            name: round(last[name], 6) for name in ("train_loss", "val_loss", "val_cer", "val_wer", "val_line_accuracy")
        },
        "val_cer_untrained": round(untrained["val_cer"], 6),
        "parameters": run.trainer.model.num_parameters,
    }


def say_all(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)
