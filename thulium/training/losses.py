"""The losses of an epoch's steps, and what is left of a batch whose loss is no number."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from thulium.data.batch import Batch
from thulium.runtime.errors import StepError
from thulium.runtime.world import World

CHECK_EVERY = 20  # steps between looks at the loss: each look waits for the device


class BadLoss(StepError):
    """The loss of a step is not a number.

    Attributes:
        batches: the lines of the step as the model saw them, of all processes.
    """

    def __init__(self, message: str, batches: Sequence[Batch]) -> None:
        super().__init__(message)
        self.batches = tuple(batches)


class Losses:
    """The losses of an epoch's steps, looked at now and then, since a look waits for the device and the others."""

    def __init__(
        self, epoch: int, world: World, steps: int = 0, nats: float = 0.0, symbols: int = 0, *, help_: str = ""
    ) -> None:
        """Begin, or go on, with an epoch; ``help_`` says what to do where a loss is no number."""
        self.epoch, self.world, self.steps, self.nats, self.symbols = epoch, world, steps, nats, symbols
        self._help = help_
        self._unseen: list[tuple[Tensor, int, tuple[Batch, ...]]] = []

    def add(self, loss: Tensor, num_symbols: int, parts: Sequence[Batch]) -> None:
        """Take in a step's loss, this process's share of it.

        Args:
            loss: nats a symbol.
            num_symbols: of the step, in all processes: what its nats were divided by.
            parts: this process's lines.

        Raises:
            BadLoss: that of this step, or of one a few steps before, is not a number.
        """
        self._unseen.append((loss, num_symbols, tuple(_own(part) for part in parts if not part.is_filler)))
        self.steps += 1
        if len(self._unseen) == CHECK_EVERY:
            self._look()

    def mean(self) -> float:
        """Nats a symbol over all steps: summed first, divided last."""
        self._look()
        return self.nats / self.symbols if self.symbols else math.nan

    def state_dict(self) -> dict[str, Any]:
        """What the class takes to resume from here."""
        self._look()
        return {"epoch": self.epoch, "steps": self.steps, "nats": self.nats, "symbols": self.symbols}

    def _look(self) -> None:
        shares = self.world.gather([float(loss) for loss, _, _ in self._unseen])
        for i, step_shares in enumerate(zip(*shares, strict=True)):
            value = sum(step_shares)
            if not math.isfinite(value):
                step = self.steps - len(self._unseen) + i + 1
                batches = [batch for own in self.world.gather(self._unseen[i][2]) for batch in own]
                ids = ", ".join(line_id for batch in batches for line_id in batch.ids)
                raise BadLoss(
                    f"epoch {self.epoch + 1}, step {step}: the loss is {value}; lines of the batch: {ids}\n"
                    f"  help: look at these lines; {self._help}",
                    batches,
                )
            self.nats += value * self._unseen[i][1]
            self.symbols += self._unseen[i][1]
        self._unseen.clear()


@contextlib.contextmanager
def bad_lines_kept(folder: Path) -> Iterator[None]:
    """Where the loss of a batch is no number, put its lines below a folder to look at, and say where."""
    place = folder / "bad-batch"
    try:
        yield
    except BadLoss as error:
        try:
            write_lines(error.batches, place)
            where = f"the lines, as the model saw them: {place}"
        except OSError as refused:
            where = f"the lines could not be written to {place} ({refused.strerror})"
        raise BadLoss(f"{error}\n  {where}", error.batches) from None


def _own(part: Batch) -> Batch:
    """The same lines out of the memory that a loader's process shares with this one, of which there may be little."""
    return replace(part, images=part.images.clone()) if part.images.is_shared() else part


def write_lines(batches: Sequence[Batch], folder: Path) -> None:
    """Write the lines of some batches as a folder of line images with a labels.txt; what it held before goes."""
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "images").mkdir(parents=True)
    labels: list[str] = []
    for batch in map(Batch.augmented, batches):
        for pixels, width, text in zip(batch.images, batch.widths.tolist(), batch.texts, strict=True):
            name = f"{len(labels) + 1:03}.png"
            Image.fromarray(pixels[0, :, :width].numpy()).save(folder / "images" / name)
            labels.append(f"{name} {text}\n")
    (folder / "labels.txt").write_text("".join(labels), encoding="utf-8")
