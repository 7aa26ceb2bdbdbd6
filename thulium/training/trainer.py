"""HTRTrainer: an epoch of training, an epoch of validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from thulium.data.batch import Batch
from thulium.data.loader import LineLoader
from thulium.evaluation.calibration import fit, sure_of
from thulium.evaluation.metrics import score
from thulium.evaluation.recognise import Judged, judge, merge
from thulium.models.norm import synchronised
from thulium.models.own_lines import own_lines
from thulium.models.recogniser import Recogniser
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime.device import Device
from thulium.runtime.errors import DataError
from thulium.runtime.world import ALONE, World
from thulium.training.best import READS
from thulium.training.ema import Ema
from thulium.training.faults import step_named
from thulium.training.losses import Losses
from thulium.training.parallel import Parallel
from thulium.training.schedule import are_factors
from thulium.training.state import Free, misfit, misfit_of_optimizer, with_switches_of
from thulium.training.watch import reads_nothing
from thulium_dsl.grammar.spec import UnicodeForm

T = TypeVar("T")

AMP_DTYPES = (torch.bfloat16, torch.float16)


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
        world: the processes that train it together.
        optimizer, scheduler: torch's; the scheduler moves at every step.
        pace: of the last training epoch.
        reading: what the last validation read.
        on_step: called after each step, and by a process alone after each batch that is read; may raise.
        memory_help, loss_help: what to do where there is too little memory, or where the loss is no number.
    """

    memory_help = (
        "raise training.accumulation, which computes a batch in that many parts; lower training.batch_size; or set "
        "training.max_pixels below the pixels of this batch"
    )
    loss_help = (
        "lower training.lr, or training.gradient_clip (0 is no clipping); or switch off training.mixed_precision, "
        "where it is on"
    )

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
        freeze: Sequence[str] = (),
        freeze_epochs: int = 0,
        cuda_graphs: bool = True,
        progress: Callable[[Iterable[Sequence[Batch]], int, str], Iterable[Sequence[Batch]]] | None = None,
        world: World = ALONE,
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
            freeze: parts of the model, "backbone" or "head", that do not learn in the first ``freeze_epochs``.
            cuda_graphs: on a GPU, record the network for each shape of batch, and replay it.
            progress: wraps the steps of an epoch, given their number and a title.
            world: the processes that train together; the loaders must be made for the same.

        Raises:
            DeviceError: the device is not there.
            ValueError: neither or both of lr and optimizer; parts to freeze, but for no epoch.
        """
        _check(lr, optimizer, freeze, freeze_epochs)
        self.world = world
        self.device = _agreed(devices.choose(device, mixed_precision=mixed_precision), world)
        self.model: HTRModel = synchronised(self.device.place(model), world)
        make = optimizer or (lambda module: torch.optim.AdamW(module.parameters(), lr=lr or 0.0))
        self.optimizer = make(self.model)
        self.scheduler = scheduler(self.optimizer) if scheduler else LambdaLR(self.optimizer, lambda _: 1.0)
        self.gradient_clip, self.unicode_form = gradient_clip, unicode_form
        self.freeze, self.freeze_epochs = tuple(freeze), freeze_epochs
        self.pace = Pace(0.0, 0.0, 0.0)
        self.reading: Judged | None = None
        self.on_step: Callable[[], None] = lambda: None
        self._losses: Losses | None = None  # of the epoch that goes on, or went on last
        self._cut: Losses | None = None  # of an epoch that is to be resumed
        self._ema = Ema(self.model, ema_decay) if ema_decay else None
        self._parallel = Parallel(self.model, world, self.device if cuda_graphs else None)
        self._scaler = self.device.scaler()
        self._progress = progress or (lambda batches, _num, _title: batches)

    @property
    def best_model(self) -> HTRModel:
        """The model to validate and to save: with averaged weights if they are on."""
        return self._ema.model if self._ema else self.model

    @property
    def facts(self) -> dict[str, object]:
        """What decides the last digits of a training, beside its settings and the version of torch: JSON values."""
        return self.device.facts() | {"processes": self.world.size}

    def train_epoch(self, loader: LineLoader, epoch: int) -> dict[str, float]:
        """Learn from every line once; what was done of an epoch before it was cut, ``load_state_dict`` brings back.

        Args:
            loader: the training lines.
            epoch: counts from 0; decides order and augmentation.

        Returns:
            train_loss, what was learnt from, in nats a symbol: of augmented lines, the shortcut's loss included; lr
            after the epoch.

        Raises:
            BadLoss: the loss is not a number: names epoch, step and lines.
            StepError: there is too little memory for a batch; DeviceError: the GPU failed. Both name epoch and step.
        """
        self._check_height(loader)
        self.best_model.calibration, self.best_model.own_lines = None, None  # those of other weights
        self.model.train()
        self._freeze(is_on=epoch < self.freeze_epochs)
        self._parallel.begin_epoch()
        cut, self._cut = self._cut, None
        losses = self._losses = cut if cut and cut.epoch == epoch else self._new_losses(epoch=epoch)
        loader.set_epoch(epoch, losses.steps)
        clock = _Clock()
        steps = self._progress(_grouped(loader, loader.accumulation), len(loader), f"epoch {epoch + 1}")
        for parts in clock.watch(steps):
            with step_named(epoch, losses.steps, parts, self.device, self.memory_help):
                losses.add(*self._step([self._placed(part) for part in parts]), parts)
            clock.lines += parts[0].step_lines
            self.on_step()
        if not losses.steps:
            raise DataError("there are no lines to train on")
        mean = losses.mean()
        self.pace = clock.pace()
        return {"train_loss": mean, "lr": float(self.scheduler.get_last_lr()[0])}

    def validate(self, loader: LineLoader, epoch: int) -> dict[str, float]:
        """Read every line, count errors, and calibrate the confidences of ``best_model`` by what was read.

        Returns:
            val_loss in nats a symbol, of the lines that fit their frames (``reading.unfit`` names the others); val_cer,
            val_wer and val_line_accuracy, of all lines, as fractions; val_reads, 1 or 0: whether it reads at all.
        """
        self._check_height(loader)
        model = self.best_model.eval()
        model.calibration, model.own_lines = None, None  # what is measured now are the model's own probabilities
        # Several processes have different numbers of batches here, and would wait for one another in vain.
        on_step = self.on_step if self.world.size == 1 else lambda: None
        recogniser = Recogniser(model, self.device, rules=self.unicode_form)
        own = judge(recogniser, loader, on_step)
        self.reading = merge(self.world.gather(own))
        model.calibration = fit(self.reading.results)
        model.own_lines = own_lines(sure_of(self.reading.results, model.calibration))
        scores = score(self.reading.results)
        return {
            "val_loss": self.reading.loss,
            "val_cer": scores.cer,
            "val_wer": scores.wer,
            "val_line_accuracy": scores.line_accuracy,
            READS: float(not reads_nothing(self.reading.results)),
        }

    def state_dict(self) -> dict[str, Any]:
        """Everything that training resumes from, to the last bit; all processes must ask for it together."""
        return {
            "amp_dtype": (self.device.torch_device.type, self.device.amp_dtype),
            "threads": torch.get_num_threads(),
            "model": self.model.state_dict(),
            "ema": self._ema.state_dict() if self._ema else None,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "scaler": self._scaler.state_dict(),
            "losses": self._losses.state_dict() if self._losses else None,
            "random": self.world.gather(self._random_state()),
        }

    def misfit(self, state: object) -> str:
        """In what a state differs from one of a trainer with the same settings, in words; empty: ``load_state_dict``
        can take it. The other processes need not ask."""
        free: Free = {
            "amp_dtype": _is_amp_dtype,
            "optimizer": lambda optimizer: not misfit_of_optimizer(optimizer, self.optimizer),
            "scaler": lambda scaler: scaler == {} or not misfit(scaler, torch.amp.GradScaler("cpu").state_dict(), {}),
            # Alone: one process looks at a state, and would wait for ever for what the others say of their losses.
            "losses": lambda losses: losses is None or not misfit(losses, Losses(0, ALONE).state_dict(), {}),
            "random": lambda states: isinstance(states, list) and all(map(self._can_draw_from, states)),
            "scheduler.lr_lambdas": lambda kept: are_factors(kept, self.scheduler.state_dict().get("lr_lambdas", [])),
        }
        own = dict.fromkeys(("amp_dtype", "optimizer", "scaler", "losses", "random")) | {
            "threads": torch.get_num_threads(),
            "model": self.model.state_dict(),
            "ema": self._ema.state_dict() if self._ema else None,
            "scheduler": self.scheduler.state_dict(),
        }
        return misfit(state, own, free)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from where ``state_dict`` was asked, with the same loaders and settings."""
        kind, amp_dtype = state["amp_dtype"]
        if kind == self.device.torch_device.type == "cpu":  # the run may come from another processor
            self.device = replace(self.device, amp_dtype=amp_dtype)
        self.model.load_state_dict(state["model"])
        if self._ema:
            self._ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(with_switches_of(self.optimizer, state["optimizer"]))
        self.scheduler.load_state_dict(state["scheduler"])
        if state["scaler"]:  # empty where gradients were not scaled: the run may come from another kind of processor
            self._scaler.load_state_dict(state["scaler"])
        self._losses = self._cut = self._new_losses(**state["losses"]) if state["losses"] else None
        if self.world.rank < len(state["random"]):  # there may be more processes than before
            own = state["random"][self.world.rank]
            torch.set_rng_state(own["cpu"])
            if "cuda" in own and self.device.torch_device.type == "cuda":
                torch.cuda.set_rng_state(own["cuda"], self.device.torch_device)

    def _new_losses(self, **counted: Any) -> Losses:
        return Losses(**counted, world=self.world, help_=self.loss_help)

    def steps_of(self, epoch: int) -> int:
        """Steps of an epoch that are done, if it is the one that goes on."""
        return self._losses.steps if self._losses and self._losses.epoch == epoch else 0

    def _random_state(self) -> dict[str, Tensor]:
        state = {"cpu": torch.get_rng_state()}
        if self.device.torch_device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device.torch_device)
        return state

    def _can_draw_from(self, state: object) -> bool:
        """Whether a process's generators can be set to this."""
        if not isinstance(state, dict) or not all(type(part) is Tensor for part in state.values()):
            return False
        try:
            torch.Generator().set_state(state["cpu"])
        except (RuntimeError, TypeError, KeyError):
            return False
        own, theirs = self._random_state().get("cuda"), state.get("cuda")
        return own is None or theirs is None or (own.shape, own.dtype) == (theirs.shape, theirs.dtype)

    def _check_height(self, loader: LineLoader) -> None:
        height = self.model.preprocessing.height
        if loader.lines.height != height:
            raise DataError(
                f"the loader gives lines {loader.lines.height} pixels high, the model was made for {height}: "
                "give create_dataloader preprocessing=model.preprocessing"
            )

    def _freeze(self, *, is_on: bool) -> None:
        """Let parts rest, or learn again; the statistics of their normalisation rest too."""
        for name in self.freeze:
            part = self.model.get_submodule(name)
            part.requires_grad_(not is_on)
            for module in part.modules():
                if isinstance(module, _BatchNorm):
                    module.train(not is_on)

    def _placed(self, part: Batch) -> Batch:
        """Lines as the model sees them, on its device."""
        return self.model.with_targets(part).to(self.device.torch_device).augmented()

    def _step(self, parts: Sequence[Batch]) -> tuple[Tensor, int]:
        """One optimizer step; returns this process's share of the loss, and the step's symbols in all processes."""
        self.optimizer.zero_grad(set_to_none=True)
        own = sum(self.model.num_symbols(part) for part in parts if not part.is_filler)
        num_symbols = int(self.world.all_reduce_sum(torch.tensor(own)))
        # One width for all processes, as if the lines were padded together: the padding counts in normalisation.
        widths = self.world.all_reduce_max(*(part.images.shape[-1] for part in parts))
        parts = [part.widened(width) for part, width in zip(parts, widths, strict=True)]
        with self._parallel.accumulating():
            losses = [self._backward(part, num_symbols) for part in parts[:-1]]
        losses.append(self._backward(parts[-1], num_symbols))
        if self.gradient_clip:
            self._scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_clip)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        # Also after a step that float16 made the scaler leave out: asking whether it did would wait for the device.
        self.scheduler.step()
        if self._ema:
            self._ema.update(self.model)
        return (losses[0] if len(losses) == 1 else torch.stack(losses).sum()), num_symbols

    def _backward(self, part: Batch, num_symbols: int) -> Tensor:
        loss = self._parallel.loss(part, num_symbols, self.device)
        with self.world.backward():
            self._scaler.scale(loss).backward()
        return loss.detach()


def _check(lr: float | None, optimizer: object, freeze: Sequence[str], freeze_epochs: int) -> None:
    if (lr is None) == (optimizer is None):
        raise ValueError("HTRTrainer needs a learning rate or an optimizer, and not both")
    if freeze and freeze_epochs < 1:
        raise ValueError("freeze needs freeze_epochs, the number of epochs in which the parts do not learn")


def _is_amp_dtype(state: object) -> bool:
    if not isinstance(state, tuple) or len(state) != 2:
        return False
    return state[1] is None or (isinstance(state[1], torch.dtype) and state[1] in AMP_DTYPES)


def _agreed(device: Device, world: World) -> Device:
    """The same bits in all processes on CPUs, where each has only looked for itself how fast they are."""
    return device if device.torch_device.type != "cpu" else replace(device, amp_dtype=world.broadcast(device.amp_dtype))


def _grouped(batches: Iterable[Batch], size: int) -> Iterator[tuple[Batch, ...]]:
    iterator = iter(batches)
    while group := tuple(islice(iterator, size)):
        yield group


class _Clock:
    """Tells time spent on computing from time spent on waiting for data."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.waited = 0.0
        self.lines = 0

    def watch(self, steps: Iterable[T]) -> Iterator[T]:
        before = time.perf_counter()
        for step in steps:
            self.waited += time.perf_counter() - before
            yield step
            before = time.perf_counter()

    def pace(self) -> Pace:
        seconds = time.perf_counter() - self.start
        return Pace(self.lines / seconds, self.waited / seconds, seconds)
