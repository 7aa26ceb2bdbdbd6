"""train: from prepared lines to checkpoints."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.charset import Charset
from thulium.data.loader import LineLoader
from thulium.data.prepared import Prepared, open_prepared
from thulium.data.shards import Split
from thulium.data.weighting import shares_of
from thulium.models.header import read_header
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime import signals
from thulium.runtime.errors import DataError, DeviceError, WorldError
from thulium.runtime.progress import say, track
from thulium.runtime.world import ALONE, World, waited_s
from thulium.stages.loaders import lines_to_read, place_of, readers_of
from thulium.training import messages, schedule
from thulium.training import optimizer as optimizers
from thulium.training.checkpoints import CheckpointManager
from thulium.training.early_stopping import EarlyStopping
from thulium.training.history import History
from thulium.training.loggers import open_loggers
from thulium.training.loop import OnPace, begin, finish, fit, say_all, summary_of
from thulium.training.losses import bad_lines_kept
from thulium.training.resume import held, kept_apart
from thulium.training.run import Keeper, Run
from thulium.training.same import VERSIONS, parts_of
from thulium.training.trainer import HTRTrainer
from thulium.training.transfer import started_from
from thulium_dsl.grammar.names import local_path
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
    on_pace: OnPace = lambda _lines_per_s, _device: None,
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
    data = _chosen(prepared, training)
    devices.keep_memory()
    devices.set_threads(resources.threads, world.local_size)
    torch.manual_seed(training.seed)
    network, reads = _network(model, data, training)
    loaders = _loaders(data, network, training, augmentation, resources, world)
    trainer = _trainer(network, training, resources, data, len(loaders[0]), world)
    settings = _settings(model, training, augmentation, data)
    parts = parts_of(data, (model, training, augmentation, early_stopping, checkpointing), training.init_from, world)
    computed = trainer.facts | {"augment_on": loaders[0].augment_on, "data": parts["data"]} | VERSIONS
    checkpoints = _manager(out, checkpointing, early_stopping, {"settings": settings, "computed": computed})
    metrics, history = out / "metrics" / "train.json", History(out / "plots" / "history.csv")
    run = Run(trainer, checkpoints, EarlyStopping(early_stopping), history, loaders[0].augment_on, is_reader=reads)
    with loaders[0].readers, contextlib.ExitStack() as stack:
        caught = stack.enter_context(signals.watched(waited_s))
        folder = stack.enter_context(held(resume_dir, parts, out)) if resume_dir and world.is_main else None
        keeper = Keeper(run, folder, caught, 60 * checkpointing.resume_every_minutes)
        run_dir = begin(run, folder, metrics, run_dir, restart)
        say_all(messages.beginning(trainer, *loaders, training))
        log = stack.enter_context(open_loggers(logging, run_dir, settings, loaders[1].lines, run.epochs, world))
        if world.is_main:
            stack.enter_context(bad_lines_kept(kept_apart(folder, out)))
        fit(run, keeper, loaders, training, log, on_pace)
        summary = summary_of(run) | {"computed": computed}
        finish(run, summary, metrics, folder)
    return summary


def _network(model: ModelSpec, data: Prepared, training: TrainingSpec) -> tuple[HTRModel, bool]:
    """A model that writes the characters of the data: untrained, or with the weights that the document names.

    And whether these are of a model that reads; one that was only pretrained does not.
    """
    charset = Charset(data.symbols, model.decoder.blank_index, data.order)

    def make(alphabet: Charset) -> HTRModel:
        return HTRModel(model, alphabet, data.preprocessing, data.text)

    if training.init_from is None:
        return make(charset), False
    start, texts = Path(local_path(training.init_from)), data.split("train").texts
    network = started_from(start, training.extend_charset, charset, make, texts)
    return network, bool(read_header(start).charset.symbols)


def _chosen(prepared: Path, training: TrainingSpec) -> Prepared:
    """The data with those training lines that the document asks for."""
    data = replace(open_prepared(prepared), lines=training.lines, seed=training.seed)
    if training.lines is not None and training.lines > (there := len(data.split("train"))):
        say(f"note: training.lines is {training.lines}, and there are {there} training lines: all are learnt from")
    return data


def _loaders(
    data: Prepared,
    model: HTRModel,
    training: TrainingSpec,
    augmentation: AugmentationSpec,
    resources: ResourcesSpec,
    world: World,
) -> tuple[LineLoader, LineLoader]:
    least = world.size * training.accumulation
    if training.batch_size < least:
        raise WorldError(
            f"training.batch_size is {training.batch_size}, which leaves less than a line for each part of a step: "
            f"{world.size} processes, training.accumulation {training.accumulation}\n"
            "  help: raise batch_size, or use fewer processes or parts"
        )
    lines, readers = _feasible(data.split("train"), model), readers_of(resources, world)
    train_loader = LineLoader(
        lines,
        batch_size=training.batch_size,
        shuffle=True,
        augmenter=Augmenter(augmentation, training.seed, model.backbone.stride, model.charset.order),
        augment_on=place_of(augmentation, resources, world),
        charset=model.charset,
        seed=training.seed,
        accumulation=training.accumulation,
        max_pixels=training.max_pixels,
        readers=readers,
        world=world,
        shares=shares_of(lines.ids, data.sources) if data.sources else (),
    )
    val_loader = LineLoader(
        data.split("val"),
        charset=model.charset,
        batch_size=lines_to_read(training.batch_size, resources),
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
    what = "1 training line is" if len(dense) == 1 else f"{len(dense)} training lines are"
    say(f"{what} left out, since the text needs more frames than the image gives:\n{named}")
    return split.without(dense)


def _trainer(
    model: HTRModel,
    training: TrainingSpec,
    resources: ResourcesSpec,
    data: Prepared,
    steps_per_epoch: int,
    world: World,
) -> HTRTrainer:
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
            cuda_graphs=resources.cuda_graphs,
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
