"""train: from prepared lines to checkpoints."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.charset import Charset
from thulium.data.loader import LineLoader
from thulium.data.prepared import Prepared, open_prepared
from thulium.data.readers import Pass, Readers
from thulium.data.shards import Split
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime import processor, signals
from thulium.runtime.errors import DataError, DeviceError, WorldError
from thulium.runtime.files import replace_text
from thulium.runtime.progress import say, track
from thulium.runtime.unfinished import FOLDER
from thulium.runtime.world import ALONE, World, waited_s
from thulium.training import messages, schedule
from thulium.training import optimizer as optimizers
from thulium.training.checkpoints import PERIODIC, CheckpointManager, clear
from thulium.training.early_stopping import EarlyStopping
from thulium.training.history import History
from thulium.training.loggers import Log, forget_curves, open_loggers
from thulium.training.losses import bad_lines_kept
from thulium.training.resume import ResumeFolder, held, others
from thulium.training.run import Keeper, Run, keep_on, say_threads
from thulium.training.same import parts_of
from thulium.training.trainer import HTRTrainer
from thulium.training.transfer import started_from
from thulium.training.watch import Training, Watch
from thulium_dsl.grammar.spec import (
    AugmentationSpec,
    CheckpointingSpec,
    EarlyStoppingSpec,
    LoggingSpec,
    ModelSpec,
    PreprocessingSpec,
    ResourcesSpec,
    TrainingSpec,
)


def train(
    *,
    model: ModelSpec,
    training: TrainingSpec,
    augmentation: AugmentationSpec,
    early_stopping: EarlyStoppingSpec,
    checkpointing: CheckpointingSpec,
    logging: LoggingSpec,
    resources: ResourcesSpec,
    prepared: Path,
    out: Path,
    run_dir: Path,
    resume_dir: Path | None = None,
    world: World = ALONE,
    restart: bool = False,
    on_pace: Callable[[float, str], None] = lambda _lines_per_s, _device: None,
) -> dict[str, Any]:
    """Train a model and keep its best and last epochs; a training that was cut is resumed.

    Args:
        prepared: the folder that prepare wrote.
        out: gets the checkpoints, plots/history.csv and, at the end, metrics/train.json.
        run_dir: gets TensorBoard's files; emptied before a new training.
        resume_dir: keeps what is needed to go on, as long as the training is not finished; absent: nothing is kept.
        world: the processes that train together; only the main one writes.
        restart: whether to train anew although there is something to resume from.
        on_pace: told after each epoch how many lines a second the run has learnt from so far, and on what device.

    Returns:
        What metrics/train.json holds.

    Raises:
        Interrupted: a signal asked the training to stop.
    """
    data = open_prepared(prepared)
    devices.keep_memory()
    devices.set_threads(resources.threads, world.local_size)
    torch.manual_seed(training.seed)
    network = _network(model, data, training)
    readers = _readers(resources, world)
    loaders = _loaders(data, network, training, augmentation, readers, world)
    trainer = _trainer(network, training, resources, data, len(loaders[0]), world)
    settings = _settings(model, training, augmentation, data)
    parts = parts_of(data, (model, training, augmentation, early_stopping, checkpointing), training.init_from, world)
    computed = trainer.facts | {"data": parts["data"]}
    checkpoints = _manager(out, checkpointing, early_stopping, {"settings": settings, "computed": computed})
    metrics, history = out / "metrics" / "train.json", History(out / "plots" / "history.csv")
    run = Run(trainer, checkpoints, EarlyStopping(early_stopping), history)
    with contextlib.ExitStack() as stack:
        caught = stack.enter_context(signals.watched(waited_s))
        stack.enter_context(readers)
        folder = stack.enter_context(held(resume_dir, parts, out)) if resume_dir and world.is_main else None
        keeper = Keeper(run, folder, caught, 60 * checkpointing.resume_every_minutes)
        run_dir = _begin(run, folder, metrics, run_dir, restart)
        readers.expect(_passes(run, loaders, training.epochs))
        _say(messages.beginning(trainer, *loaders, training.scheduler))
        log = stack.enter_context(open_loggers(logging, run_dir, settings, loaders[1].lines, run.epochs, world))
        if world.is_main:
            stack.enter_context(bad_lines_kept(_kept_apart(folder, out)))
        _learn(run, keeper, loaders, training, log, on_pace)
        summary = _summary(run) | {"computed": computed}
        _finish(run, summary, metrics, folder)
    return summary


def _network(model: ModelSpec, data: Prepared, training: TrainingSpec) -> HTRModel:
    """A model that writes the characters of the data: untrained, or with the weights that the document names."""
    charset = Charset(data.symbols, model.decoder.blank_index, data.order)

    def make(alphabet: Charset) -> HTRModel:
        return HTRModel(model, alphabet, data.preprocessing, data.text)

    if training.init_from is None:
        return make(charset)
    return started_from(Path(training.init_from), training.extend_charset, charset, make)


def _begin(run: Run, folder: ResumeFolder | None, metrics: Path, run_dir: Path, restart: bool) -> Path:
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
            _say_others(folder)
            folder.run_dir = str(run_dir.resolve())
        return run_dir
    if folder:
        folder.restore(state, run.checkpoints.save_dir)
    run.load_state_dict(state)
    if folder:
        run.history.write()
        say(f"resuming from {run.place}")
        say_threads(state["trainer"]["threads"], run.trainer.device)
        before = Path(folder.run_dir)
        # Only beside where a new one would be: a state must not choose where we write.
        run_dir = before if before.parent == run_dir.resolve().parent else run_dir
        folder.run_dir = str(run_dir.resolve())
    return run_dir


def _kept_apart(folder: ResumeFolder | None, out: Path) -> Path:
    """A folder of ours for what is kept to be looked at, also when the training is over."""
    return folder.path.parent.parent / folder.path.name if folder else out / FOLDER.parent


def _say_others(folder: ResumeFolder) -> None:
    names = {"data": "other data", "init_from": "other first weights", "engine": "another version of Thulium or torch"}
    for different in others(folder.path.parent, folder):
        words = ", ".join(names.get(name, f"another section {name}") for name in different)
        if different:
            say(f"an unfinished training is there, but of {words}: this one starts anew (`thulium clean` removes it)")


def _learn(
    run: Run,
    keeper: Keeper,
    loaders: tuple[LineLoader, LineLoader],
    training: TrainingSpec,
    log: Log,
    on_pace: Callable[[float, str], None],
) -> None:
    """The epochs that are left."""
    trainer, (train_loader, val_loader), epochs = run.trainer, loaders, training.epochs
    watch = Watch(Training(len(train_loader.lines), training.batch_size, training.lr, training.init_from is None))
    trainer.on_step = keeper.on_step
    if not run.history.rows:
        untrained = trainer.validate(val_loader, 0)
        run.history.add(0, untrained)
        _say(messages.untrained(untrained, trainer.reading))
    start, first = time.perf_counter(), run.epochs
    is_part = trainer.steps_of(first) > 0  # of the first epoch, some was learnt before the run was cut
    while run.epochs < epochs and not run.is_over:
        epoch = run.epochs
        values = trainer.train_epoch(train_loader, epoch) | trainer.validate(val_loader, epoch)
        run.history.add(epoch + 1, values)
        if trainer.world.is_main:
            keep_on("the checkpoints", lambda: run.checkpoints.save(trainer.best_model, None, None, epoch, values))  # noqa: B023
            keep_on("the history", run.history.write)
            log(epoch + 1, values, trainer)
            if epoch == first and is_part:  # says nothing of the pace
                start, first, is_part = time.perf_counter(), first + 1, False
            else:
                lines = (epoch + 1 - first) * len(train_loader.lines)
                on_pace(lines / (time.perf_counter() - start), str(trainer.device))
        say(messages.epoch_line(epoch, epochs, values, trainer, run.checkpoints.best_epoch == epoch))
        run.is_over = run.stopping.should_stop(values)
        run.epochs += 1
        is_last = run.is_over or run.epochs == epochs
        read = trainer.reading.results if trainer.reading else ()
        steps = trainer.scheduler.last_epoch  # torch counts steps under that name
        _say(watch.look(read, steps, is_last=is_last, is_stopped=run.is_over))
        keeper.end_epoch(is_last=is_last)
    _say(messages.ending(run))


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def _finish(run: Run, summary: Mapping[str, Any], metrics: Path, folder: ResumeFolder | None) -> None:
    """Write what says that the training is finished, after all that it speaks of."""
    if not run.trainer.world.is_main:
        return
    run.checkpoints.flush()
    (run.checkpoints.save_dir / PERIODIC).mkdir(parents=True, exist_ok=True)  # DVC asks for it, also when it is empty
    run.history.write()
    metrics.parent.mkdir(parents=True, exist_ok=True)
    if folder:
        folder.note_end()
    replace_text(metrics, json.dumps(summary, indent=2) + "\n")
    if folder:
        folder.remove()


def _readers(resources: ResourcesSpec, world: World) -> Readers:
    is_gpu = devices.may_be_gpu(resources.device)
    return Readers(
        processor.readers(resources.loader_workers, feeds_gpu=is_gpu, processes=world.local_size), pinned=is_gpu
    )


def _passes(run: Run, loaders: tuple[LineLoader, LineLoader], epochs: int) -> Iterator[Pass]:
    """All that will be read, in the order of ``_learn``."""
    train_loader, val_loader = loaders
    if not run.history.rows:
        yield val_loader.in_epoch(0)
    for epoch in () if run.is_over else range(run.epochs, epochs):
        yield train_loader.in_epoch(epoch, run.trainer.steps_of(epoch))
        yield val_loader.in_epoch(0)


def _loaders(
    data: Prepared,
    model: HTRModel,
    training: TrainingSpec,
    augmentation: AugmentationSpec,
    readers: Readers,
    world: World,
) -> tuple[LineLoader, LineLoader]:
    least = world.size * training.accumulation
    if training.batch_size < least:
        raise WorldError(
            f"training.batch_size is {training.batch_size}, which leaves less than a line for each part of a step: "
            f"{world.size} processes, training.accumulation {training.accumulation}\n"
            "  help: raise batch_size, or use fewer processes or parts"
        )
    lines = _feasible(data.split("train"), model)
    train_loader = LineLoader(
        lines,
        batch_size=training.batch_size,
        shuffle=True,
        augmenter=Augmenter(augmentation, training.seed, model.backbone.stride, model.charset.order),
        charset=model.charset,
        seed=training.seed,
        accumulation=training.accumulation,
        max_pixels=training.max_pixels,
        readers=readers,
        world=world,
    )
    val_loader = LineLoader(
        data.split("val"),
        charset=model.charset,
        batch_size=training.batch_size,
        shuffle=False,
        max_pixels=training.max_pixels,
        readers=readers,
        world=world,
    )
    return train_loader, val_loader


def _feasible(split: Split, model: HTRModel) -> Split:
    """The lines that the model can learn from; those whose text needs more frames than the line has are named."""
    frames = model.frames(torch.tensor(split.widths)).tolist()
    needed = [model.decoder.frames_needed(model.charset.encode(text)) for text in split.texts]
    dense = [i for i, number in enumerate(needed) if number > frames[i]]
    if not dense:
        return split
    named = "\n".join(f"  {split.ids[i]}: {needed[i]} frames needed, {frames[i]} there" for i in dense[:20])
    if len(dense) == len(split):
        raise DataError(f"no line's text fits the model's frames; raise preprocessing.height:\n{named}")
    say(f"{len(dense)} training lines are left out, since their text needs more frames than the image gives:\n{named}")
    return split.without(dense)


def _trainer(
    model: HTRModel,
    training: TrainingSpec,
    resources: ResourcesSpec,
    data: Prepared,
    steps_per_epoch: int,
    world: World,
) -> HTRTrainer:
    if training.compile and world.size > 1:
        raise WorldError("training.compile works in one process only so far: set it to false, or use one process")
    try:
        trainer = HTRTrainer(
            model,
            optimizer=lambda module: optimizers.build(module, training.optimizer, training.lr),
            scheduler=partial(
                schedule.build, spec=training.scheduler, epochs=training.epochs, steps_per_epoch=steps_per_epoch
            ),
            device=devices.name_of(resources.device, resources.devices, world.local_rank, world.local_size),
            mixed_precision=training.mixed_precision,
            gradient_clip=training.gradient_clip,
            ema_decay=training.ema_decay,
            freeze=training.freeze,
            freeze_epochs=training.freeze_epochs,
            is_compiled=training.compile,
            progress=lambda steps, total, title: track(steps, title, total),
            world=world,
        )
    except DeviceError as error:
        raise DeviceError(f"resources.device: {error}") from None
    if world.rank:  # the first weights are the same everywhere; what dropout leaves out should not be
        torch.manual_seed(training.seed + world.rank)
    return trainer


def _manager(
    out: Path, spec: CheckpointingSpec, stopping: EarlyStoppingSpec, about: dict[str, Any]
) -> CheckpointManager:
    return CheckpointManager(
        out / spec.save_dir,
        save_best=spec.save_best,
        best_metric=stopping.metric,
        mode=stopping.mode,
        save_every=spec.save_every,
        keep_last=spec.keep_last,
        about=about,
        is_new=True,
    )


def _settings(
    model: ModelSpec, training: TrainingSpec, augmentation: AugmentationSpec, data: Prepared
) -> dict[str, Any]:
    """What the model came of, for the model file and for Weights & Biases."""
    sections: dict[str, ModelSpec | TrainingSpec | AugmentationSpec | PreprocessingSpec]
    sections = {"model": model, "training": training, "augmentation": augmentation, "preprocessing": data.preprocessing}
    return {name: asdict(section) for name, section in sections.items()}


def _summary(run: Run) -> dict[str, Any]:
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
