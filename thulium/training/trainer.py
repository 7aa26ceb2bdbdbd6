"""HTRTrainer: an epoch of training, an epoch of validation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from thulium import device as devices
from thulium.data.batch import Batch
from thulium.data.loader import LineLoader
from thulium.errors import DataError, StepError
from thulium.evaluation.metrics import score
from thulium.evaluation.recognise import Reading, recognise
from thulium.models.wrappers import HTRModel
from thulium.training.ema import Ema
from thulium_dsl.spec import UnicodeForm

CHECK_EVERY = 20  # steps between looks at the loss: each look waits for the device


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an epoch went.

    Attributes:
        lines_per_s: lines trained on in a second.
        waiting: share of the time in which the model waited for data.
        seconds: the epoch's wall time.
    """

    lines_per_s: float
    waiting: float
    seconds: float


class HTRTrainer:
    """Trains a model, epoch by epoch.

    Attributes:
        model: the model that learns.
        device: where, and with how many bits.
        optimizer, scheduler: torch's; the scheduler moves at every step.
        pace: of the last training epoch.
        reading: what the last validation read.
    """

    def __init__(
        self,
        model: HTRModel,
        lr: float | None = None,
        *,
        device: str = "auto",
        mixed_precision: bool = True,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer], LRScheduler] | None = None,
        gradient_clip: float = 0.0,
        ema_decay: float = 0.0,
        unicode_form: UnicodeForm | None = None,
        progress: Callable[[Iterable[Batch], int, str], Iterable[Batch]] | None = None,
    ) -> None:
        """Put a trainer together.

        Args:
            model: moved to the device.
            lr: for AdamW at a constant rate; give either this or an optimizer.
            device: auto, cpu, cuda or cuda:N.
            mixed_precision: compute in 16 bits where the device is faster with them.
            optimizer: makes one for the model on its device.
            scheduler: makes one for the optimizer; constant if absent.
            gradient_clip: largest norm of a gradient; 0 switches clipping off.
            ema_decay: decay of averaged weights, which are then the ones validated; 0 switches averaging off.
            unicode_form: predictions are brought to it before they are compared; the model's own rules if absent.
            progress: wraps the batches of an epoch, given their number and a title.

        Raises:
            DeviceError: the device is not there.
            ValueError: neither or both of lr and optimizer.
        """
        if (lr is None) == (optimizer is None):
            raise ValueError("HTRTrainer needs a learning rate or an optimizer, and not both")
        self.device = devices.choose(device, mixed_precision=mixed_precision)
        self.model = model.to(self.device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = optimizer(model) if optimizer else torch.optim.AdamW(model.parameters(), lr=lr or 0.0)
        self.scheduler = scheduler(self.optimizer) if scheduler else LambdaLR(self.optimizer, lambda _: 1.0)
        self.gradient_clip, self.unicode_form = gradient_clip, unicode_form
        self.pace = Pace(0.0, 0.0, 0.0)
        self.reading: Reading | None = None
        self._ema = Ema(model, ema_decay) if ema_decay else None
        self._scaler = torch.amp.GradScaler(self.device.torch.type, enabled=self.device.half is torch.float16)
        self._progress = progress or (lambda batches, _num, _title: batches)

    @property
    def best_model(self) -> HTRModel:
        """The model to validate and to save: with averaged weights if they are on."""
        averaged = self._ema.model if self._ema else self.model
        assert isinstance(averaged, HTRModel)
        return averaged

    def train_epoch(self, loader: LineLoader, epoch: int) -> dict[str, float]:
        """Learn from every line once.

        Args:
            loader: the training lines.
            epoch: counts from 0; decides order and augmentation.

        Returns:
            train_loss in nats a symbol, averaged over the steps; lr after the epoch.

        Raises:
            StepError: the loss is not a number: names epoch, step and lines.
        """
        self._check_height(loader)
        self.model.train()
        loader.set_epoch(epoch)
        clock, losses = _Clock(), _Losses(epoch + 1)
        for batch in clock.watch(self._progress(loader, len(loader), f"epoch {epoch + 1}")):
            try:
                losses.add(self._step(batch.to(self.device.torch)), batch.ids)
            except torch.OutOfMemoryError as error:
                raise StepError(
                    f"epoch {epoch + 1}: the GPU has too little memory for a batch of {len(batch)} lines, the widest "
                    f"{int(batch.widths.max())} pixels wide ({error})\n  help: lower training.batch_size"
                ) from None
            clock.lines += len(batch)
        if not losses.steps:
            raise DataError("there are no lines to train on")
        mean = losses.mean()
        self.pace = clock.pace()
        return {"train_loss": mean, "lr": self.scheduler.get_last_lr()[0]}

    def validate(self, loader: LineLoader, epoch: int) -> dict[str, float]:
        """Read every line and count errors.

        Returns:
            val_loss in nats a symbol; val_cer, val_wer and val_line_accuracy as fractions.
        """
        self._check_height(loader)
        model = self.best_model.eval()
        self.reading = recognise(model, loader, self.device, self.unicode_form)
        scores = score(self.reading.results)
        return {
            "val_loss": self.reading.loss,
            "val_cer": scores.cer,
            "val_wer": scores.wer,
            "val_line_accuracy": scores.line_accuracy,
        }

    def _check_height(self, loader: LineLoader) -> None:
        height = self.model.preprocessing.height
        if loader.lines.height != height:
            raise DataError(
                f"the loader gives lines {loader.lines.height} pixels high, the model was made for {height}: "
                "give create_dataloader preprocessing=model.preprocessing"
            )

    def _step(self, batch: Batch) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        with self.device.autocast():
            output = self.model(batch.images, batch.widths)
        loss = self.model.loss(batch, output)
        self._scaler.scale(loss).backward()
        if self.gradient_clip:
            self._scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_clip)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        # Also after a step that float16 made the scaler leave out: asking whether it did would wait for the device.
        self.scheduler.step()
        if self._ema:
            self._ema.update(self.model)
        return loss.detach()


class _Losses:
    """The losses of an epoch's steps, looked at now and then, since a look waits for the device."""

    def __init__(self, epoch: int) -> None:
        self.epoch, self.steps, self.total = epoch, 0, 0.0
        self._unseen: list[tuple[Tensor, tuple[str, ...]]] = []

    def add(self, loss: Tensor, ids: tuple[str, ...]) -> None:
        self._unseen.append((loss, ids))
        self.steps += 1
        if len(self._unseen) == CHECK_EVERY:
            self._look()

    def mean(self) -> float:
        self._look()
        return self.total / self.steps

    def _look(self) -> None:
        for i, (loss, ids) in enumerate(self._unseen):
            value = float(loss)
            if not math.isfinite(value):
                step = self.steps - len(self._unseen) + i + 1
                raise StepError(
                    f"epoch {self.epoch}, step {step}: the loss is {value}; lines of the batch: {', '.join(ids)}\n"
                    "  help: look at these lines; lower training.lr or training.gradient_clip, "
                    "or switch off training.mixed_precision"
                )
            self.total += value
        self._unseen.clear()


class _Clock:
    """Tells time spent on computing from time spent on waiting for data."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.waited = 0.0
        self.lines = 0

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        before = time.perf_counter()
        for batch in batches:
            self.waited += time.perf_counter() - before
            yield batch
            before = time.perf_counter()

    def pace(self) -> Pace:
        seconds = time.perf_counter() - self.start
        return Pace(self.lines / seconds, self.waited / seconds, seconds)
