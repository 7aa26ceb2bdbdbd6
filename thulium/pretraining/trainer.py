"""PretrainingTrainer: a trainer whose model guesses what is hidden of the lines."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, cast

import torch
from torch import Tensor

from thulium.data.batch import Batch
from thulium.data.loader import LineLoader
from thulium.pretraining.hiding import HiddenBatch
from thulium.pretraining.model import Guess, GuessingModel, nats
from thulium.training.trainer import HTRTrainer

WATCHED = "val"  # in place of an epoch: of the validation lines, the same is hidden each time


@dataclass(frozen=True, slots=True)
class Guessed:
    """How a batch was guessed: nats and right guesses of its hidden frames, and how many these are."""

    nats: float
    right: int
    frames: int


class PretrainingTrainer(HTRTrainer):
    """Pretrains a model, epoch by epoch. Takes what HTRTrainer takes."""

    memory_help = "lower pretraining.batch_size"
    loss_help = "lower pretraining.lr; or switch off pretraining.mixed_precision, where it is on"

    def __init__(self, model: GuessingModel, **settings: Any) -> None:
        super().__init__(model, **settings)
        self._epoch: int | str = 0

    @property
    def guessing(self) -> GuessingModel:
        """The model that learns."""
        return cast(GuessingModel, self.model)

    def train_epoch(self, loader: LineLoader, epoch: int) -> dict[str, float]:
        """As of HTRTrainer; train_loss is in nats a hidden frame, and what the other frames count is in it."""
        self._epoch = epoch
        return super().train_epoch(loader, epoch)

    @torch.inference_mode()
    def validate(self, loader: LineLoader, epoch: int) -> dict[str, float]:
        """Guess what is hidden of the validation lines, always the same.

        Returns:
            val_loss, nats a hidden frame; val_accuracy, the share of them whose kind is the likeliest guess.
        """
        self._check_height(loader)
        self._epoch = WATCHED
        self.model.eval()
        # Several processes have different numbers of batches here, and would wait for one another in vain.
        on_step = self.on_step if self.world.size == 1 else lambda: None
        own: list[Guessed] = []
        for batch in loader:
            own.append(self._guessed(self._placed(batch)))
            on_step()
        # In the order in which one process would have read them, so that the sum is the same to the last bit.
        turns = zip_longest(*self.world.gather(own))
        every = [guessed for turn in turns for guessed in turn if guessed is not None]
        frames = max(1, sum(guessed.frames for guessed in every))
        return {
            "val_loss": sum(guessed.nats for guessed in every) / frames,
            "val_accuracy": sum(guessed.right for guessed in every) / frames,
        }

    def _placed(self, part: Batch) -> HiddenBatch:
        return self.guessing.hide(part.to(self.device.torch_device).augmented(), self._epoch)

    def _guessed(self, batch: HiddenBatch) -> Guessed:
        with self.device.autocast():
            guess: Guess = self.guessing.output(self.model.features(batch.images, batch.widths), batch)
        hidden: Tensor = batch.hidden.to(guess.logits.device)
        right = (guess.logits[:, : hidden.shape[1]].argmax(dim=2) == batch.kinds) & hidden
        return Guessed(float((nats(guess.logits, batch.kinds) * hidden).sum()), int(right.sum()), batch.num_hidden)
