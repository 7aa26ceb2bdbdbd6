"""train: from prepared lines to checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from thulium import device as devices
from thulium.data.augment import Augmenter
from thulium.data.charset import Charset
from thulium.data.loader import LineLoader
from thulium.data.prepared import Prepared, open_prepared
from thulium.data.shards import Split
from thulium.errors import DataError, DeviceError
from thulium.files import replace_text
from thulium.models.wrappers import HTRModel
from thulium.progress import say, track
from thulium.training import optimizer as optimizers
from thulium.training import schedule
from thulium.training.checkpoints import CheckpointManager, clear
from thulium.training.early_stopping import EarlyStopping
from thulium.training.history import History
from thulium.training.loggers import open_loggers
from thulium.training.trainer import HTRTrainer
from thulium_dsl.spec import (
    AugmentationSpec,
    CheckpointingSpec,
    EarlyStoppingSpec,
    LoggingSpec,
    ModelSpec,
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
    on_pace: Callable[[float, str], None] = lambda _lines_per_s, _device: None,
) -> dict[str, Any]:
    """Train a model from nothing and keep its best and last epochs.

    Args:
        prepared: the folder that prepare wrote.
        out: gets the checkpoints, plots/history.csv and, at the end, metrics/train.json.
        run_dir: gets TensorBoard's files.
        on_pace: told after each epoch how many lines a second the run has learnt from so far, and on what device.

    Returns:
        What metrics/train.json holds.
    """
    data = open_prepared(prepared)
    devices.keep_memory()
    devices.set_threads(resources.threads)
    torch.manual_seed(training.seed)
    charset = Charset(data.symbols, model.decoder.blank_index, data.order)
    network = HTRModel(model, charset, data.preprocessing, data.text)
    train_loader, val_loader = _loaders(data, network, training, augmentation, resources)
    trainer = _trainer(network, training, resources, data, len(train_loader))
    say(_first_line(trainer, len(train_loader.lines), len(val_loader.lines)))
    metrics = out / "metrics" / "train.json"
    settings = _settings(model, training, augmentation, data)
    with open_loggers(logging, run_dir, settings) as log:
        metrics.unlink(missing_ok=True)  # first: it says that the checkpoints are those of a finished run
        checkpoints = _empty_manager(out / checkpointing.save_dir, checkpointing, early_stopping, settings)
        stopping, history = EarlyStopping(early_stopping), History(out / "plots" / "history.csv")
        untrained = trainer.validate(val_loader, 0)
        history.add(0, untrained)
        say(f"before training: val_cer {untrained['val_cer']:.1%}")
        start = time.perf_counter()
        for epoch in range(training.epochs):
            values = trainer.train_epoch(train_loader, epoch) | trainer.validate(val_loader, epoch)
            history.add(epoch + 1, values)
            checkpoints.save(trainer.best_model, None, None, epoch, values)
            log(epoch + 1, values, trainer)
            on_pace((epoch + 1) * len(train_loader.lines) / (time.perf_counter() - start), str(trainer.device))
            say(_epoch_line(epoch, training.epochs, values, trainer, checkpoints.best_epoch == epoch))
            if stopping.should_stop(values[early_stopping.metric]):
                say(f"stopped: {early_stopping.metric} did not improve for {early_stopping.patience} epochs")
                break
    summary = _summary(untrained, values, epoch + 1, checkpoints, network)
    metrics.parent.mkdir(parents=True, exist_ok=True)
    replace_text(metrics, json.dumps(summary, indent=2) + "\n")
    return summary


def _loaders(
    data: Prepared, model: HTRModel, training: TrainingSpec, augmentation: AugmentationSpec, resources: ResourcesSpec
) -> tuple[LineLoader, LineLoader]:
    lines = _feasible(data.split("train"), model)
    train_loader = LineLoader(
        lines,
        batch_size=training.batch_size,
        shuffle=True,
        augmenter=Augmenter(augmentation, training.seed, model.backbone.stride, model.charset.order),
        seed=training.seed,
        workers=resources.loader_workers,
        pinned=resources.device != "cpu" and torch.cuda.is_available(),
    )
    val_loader = LineLoader(data.split("val"), batch_size=training.batch_size, shuffle=False)
    return train_loader, val_loader


def _feasible(split: Split, model: HTRModel) -> Split:
    """The lines that the model can learn from; those whose text needs more frames than the line has are named."""
    frames = model.frames(torch.tensor(split.widths)).tolist()
    dense = [i for i, text in enumerate(split.texts) if model.charset.frames_needed(text) > frames[i]]
    if not dense:
        return split
    named = "\n".join(
        f"  {split.ids[i]}: {model.charset.frames_needed(split.texts[i])} frames needed, {frames[i]} there"
        for i in dense[:20]
    )
    if len(dense) == len(split):
        raise DataError(f"no line's text fits the model's frames; raise preprocessing.height:\n{named}")
    say(f"{len(dense)} training lines are left out, since their text needs more frames than the image gives:\n{named}")
    return split.without(dense)


def _trainer(
    model: HTRModel, training: TrainingSpec, resources: ResourcesSpec, data: Prepared, steps_per_epoch: int
) -> HTRTrainer:
    try:
        return HTRTrainer(
            model,
            optimizer=lambda module: optimizers.build(module, training.optimizer, training.lr),
            scheduler=partial(
                schedule.build, spec=training.scheduler, epochs=training.epochs, steps_per_epoch=steps_per_epoch
            ),
            device=resources.device,
            mixed_precision=training.mixed_precision,
            gradient_clip=training.gradient_clip,
            ema_decay=training.ema_decay,
            progress=lambda batches, total, title: track(batches, title, total),
        )
    except DeviceError as error:
        raise DeviceError(f"resources.device: {error}") from None


def _empty_manager(
    folder: Path, spec: CheckpointingSpec, stopping: EarlyStoppingSpec, settings: dict[str, Any]
) -> CheckpointManager:
    clear(folder)
    return CheckpointManager(
        folder,
        save_best=spec.save_best,
        best_metric=stopping.metric,
        mode=stopping.mode,
        save_every=spec.save_every,
        keep_last=spec.keep_last,
        about={"settings": settings},
    )


def _settings(
    model: ModelSpec, training: TrainingSpec, augmentation: AugmentationSpec, data: Prepared
) -> dict[str, Any]:
    """What the model came of, for the model file and for Weights & Biases."""
    sections = {"model": model, "training": training, "augmentation": augmentation, "preprocessing": data.preprocessing}
    return {name: asdict(section) for name, section in sections.items()}


def _first_line(trainer: HTRTrainer, num_train: int, num_val: int) -> str:
    model = trainer.model
    return (
        f"training on {num_train} lines, validating on {num_val}; "
        f"{model.num_parameters / 1e6:.2f} M parameters, {model.charset.num_classes} classes, on {trainer.device}"
    )


def _epoch_line(epoch: int, epochs: int, values: Mapping[str, float], trainer: HTRTrainer, is_best: bool) -> str:
    pace = trainer.pace
    return (
        f"epoch {epoch + 1}/{epochs}  train_loss {values['train_loss']:.3f}  val_loss {values['val_loss']:.3f}  "
        f"val_cer {values['val_cer']:.2%}  {pace.lines_per_s:.0f} lines/s  {pace.seconds:.0f} s "
        f"({pace.waiting:.0%} waiting for data){'  best' if is_best else ''}"
    )


def _summary(
    untrained: Mapping[str, float],
    last: Mapping[str, float],
    epochs: int,
    checkpoints: CheckpointManager,
    model: HTRModel,
) -> dict[str, Any]:
    best = (
        {}
        if checkpoints.best is None
        else {
            "best_epoch": (checkpoints.best_epoch or 0) + 1,
            f"best_{checkpoints.best_metric}": round(checkpoints.best, 6),
        }
    )
    return {
        "val_cer_untrained": round(untrained["val_cer"], 6),
        **{
            name: round(last[name], 6) for name in ("train_loss", "val_loss", "val_cer", "val_wer", "val_line_accuracy")
        },
        **best,
        "epochs": epochs,
        "parameters": model.num_parameters,
    }
