"""pretrain: from prepared lines without texts to a model file that a training can start from."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.loader import LineLoader
from thulium.data.prepared import Prepared, open_prepared
from thulium.pretraining.model import GuessingModel
from thulium.pretraining.run import COLUMNS, PretrainingRun, begin, beginning, find_kinds, finish, fit, summary_of
from thulium.pretraining.trainer import PretrainingTrainer
from thulium.runtime import device as devices
from thulium.runtime import signals
from thulium.runtime.errors import DeviceError, WorldError
from thulium.runtime.progress import say, track
from thulium.runtime.world import ALONE, World, waited_s
from thulium.stages.loaders import place_of, readers_of
from thulium.training import optimizer as optimizers
from thulium.training import schedule
from thulium.training.history import History
from thulium.training.loop import OnPace
from thulium.training.losses import bad_lines_kept
from thulium.training.resume import held, kept_apart
from thulium.training.run import Keeper
from thulium.training.same import VERSIONS, parts_of
from thulium_dsl.grammar.spec import (
    AdamwSpec,
    AugmentationSpec,
    CosineSpec,
    ModelSpec,
    PreprocessingSpec,
    PretrainingSpec,
    ResourcesSpec,
)

MODEL, HISTORY, METRICS = (
    Path("pretrained/model.safetensors"),
    Path("plots/pretraining.csv"),
    Path("metrics/pretrain.json"),
)
NAMES = ("model", "pretraining", "augmentation", "preprocessing")  # of the sections that decide what comes out
OPTIMIZER = AdamwSpec(type="adamw", weight_decay=0.01)
WARM_UP = 0.05  # of the epochs
CLIP = 5.0  # the largest norm of a gradient
KEPT_EVERY_S = 300  # within an epoch
LOOKED_AT = 2000  # lines, as many apart from each other as there are: the kinds of shape are found in them


def pretrain(
    *,
    model: ModelSpec,
    pretraining: PretrainingSpec,
    augmentation: AugmentationSpec,
    preprocessing: PreprocessingSpec,
    resources: ResourcesSpec,
    lines: Path,
    out: Path,
    resume_dir: Path | None = None,
    world: World = ALONE,
    restart: bool = False,
    on_pace: OnPace = lambda _lines_per_s, _device: None,
) -> dict[str, Any]:
    """Pretrain a model and keep its last epoch; a pretraining that was cut is resumed.

    Args:
        lines: the folder of prepared lines, with the splits train and val; their texts are not looked at.
        out: gets pretrained/model.safetensors, plots/pretraining.csv and, at the end, metrics/pretrain.json.
        resume_dir: keeps what is needed to go on, as long as it is not finished; absent: nothing is kept.
        world: the processes that pretrain together; only the main one writes.
        restart: whether to begin anew although there is something to resume from.
        on_pace: told after each epoch how many lines a second were learnt from so far, and on what device.

    Returns:
        What metrics/pretrain.json holds.

    Raises:
        Interrupted: a signal asked it to stop.
    """
    data = open_prepared(lines)
    devices.keep_memory()
    devices.set_threads(resources.threads, world.local_size)
    torch.manual_seed(pretraining.seed)
    network = GuessingModel(
        model, preprocessing, kinds=pretraining.clusters, hiding=pretraining.mask, seed=pretraining.seed
    )
    loaders = _loaders(data, network, pretraining, augmentation, resources, world)
    trainer = _trainer(network, pretraining, resources, len(loaders[0]), world)
    sections: tuple[Any, ...] = (model, pretraining, augmentation, preprocessing)
    parts = parts_of(data, sections, None, world, NAMES)
    run = PretrainingRun(trainer, History(out / HISTORY, COLUMNS), loaders[0].augment_on)
    with loaders[0].readers, contextlib.ExitStack() as stack:
        caught = stack.enter_context(signals.watched(waited_s))
        folder = stack.enter_context(held(resume_dir, parts, out)) if resume_dir and world.is_main else None
        if world.is_main:
            (out / METRICS).unlink(missing_ok=True)  # first: it says that the model is that of a finished run
            (out / MODEL).unlink(missing_ok=True)
            stack.enter_context(bad_lines_kept(kept_apart(folder, out)))
        begin(run, folder, restart, lambda: find_kinds(trainer, _looked_at(data)))
        say(beginning(trainer, *loaders))
        fit(run, Keeper(run, folder, caught, KEPT_EVERY_S), loaders, pretraining.epochs, on_pace)
        computed = trainer.facts | {"augment_on": run.augment_on, "data": parts["data"]} | VERSIONS
        summary = summary_of(run) | {"computed": computed}
        settings = {name: asdict(section) for name, section in zip(NAMES, sections, strict=True)}
        facts = {"epoch": run.epochs, "metrics": run.history.rows[-1][1], "settings": settings, "computed": computed}
        finish(run, out / MODEL, facts, out / METRICS, summary, folder)
    return summary


def _looked_at(data: Prepared) -> LineLoader:
    """Lines from all over the data, as they were prepared."""
    lines = data.split("train")
    apart = max(1, len(lines) // LOOKED_AT)
    return LineLoader(
        lines.without(place for place in range(len(lines)) if place % apart), batch_size=32, shuffle=False
    )


def _loaders(
    data: Prepared,
    model: GuessingModel,
    pretraining: PretrainingSpec,
    augmentation: AugmentationSpec,
    resources: ResourcesSpec,
    world: World,
) -> tuple[LineLoader, LineLoader]:
    if pretraining.batch_size < world.size:
        raise WorldError(
            f"pretraining.batch_size is {pretraining.batch_size}, which leaves less than a line for each of "
            f"{world.size} processes\n  help: raise it, or use fewer processes"
        )
    readers = readers_of(resources, world)
    train_loader = LineLoader(
        data.split("train"),
        batch_size=pretraining.batch_size,
        shuffle=True,
        augmenter=Augmenter(augmentation, pretraining.seed, model.backbone.stride),
        augment_on=place_of(augmentation, resources, world),
        seed=pretraining.seed,
        readers=readers,
        world=world,
    )
    val_loader = LineLoader(
        data.split("val"), batch_size=pretraining.batch_size, shuffle=False, readers=readers, world=world
    )
    return train_loader, val_loader


def _trainer(
    model: GuessingModel, pretraining: PretrainingSpec, resources: ResourcesSpec, steps_per_epoch: int, world: World
) -> PretrainingTrainer:
    spec = CosineSpec(type="cosine", warmup_epochs=WARM_UP * pretraining.epochs)
    try:
        trainer = PretrainingTrainer(
            model,
            optimizer=lambda module: optimizers.build(module, OPTIMIZER, pretraining.lr),
            scheduler=partial(schedule.build, spec=spec, epochs=pretraining.epochs, steps_per_epoch=steps_per_epoch),
            device=devices.name_of(resources.device, resources.devices, world.local_rank, world.local_size),
            mixed_precision=pretraining.mixed_precision,
            gradient_clip=CLIP,
            cuda_graphs=resources.cuda_graphs,
            progress=lambda steps, total, title: track(steps, title, total),
            world=world,
        )
    except DeviceError as error:
        raise DeviceError(f"resources.device: {error}") from None
    if world.rank:  # the first weights are the same everywhere; what dropout leaves out should not be
        torch.manual_seed(pretraining.seed + world.rank)
    return trainer
