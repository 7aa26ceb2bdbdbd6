"""Lines side by side, padded to one width. B lines, H and W pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from thulium.data.augmentation.on_device.recipe import Recipe
from thulium.data.batching import padded_width


@dataclass(frozen=True)
class Targets:
    """What a model should write of some lines. B lines, L symbols in all of them; on the CPU.

    Attributes:
        classes: (L,) int64, of all lines, one after the other.
        lengths: (B,) int64, symbols of each line.
    """

    classes: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, lines: Sequence[Sequence[int]]) -> Targets:
        """The classes of some lines."""
        classes = torch.tensor([place for line in lines for place in line], dtype=torch.long)
        return cls(classes, torch.tensor([len(line) for line in lines], dtype=torch.long))

    def lines(self) -> list[list[int]]:
        """The classes of each line."""
        return [line.tolist() for line in self.classes.split(self.lengths.tolist())]


@dataclass(frozen=True)
class Batch:
    """Some lines of a split.

    Attributes:
        images: (B, 1, H, W) uint8, 0 is black.
        widths: (B,) int64 on the CPU, pixels in use; the rest of W is padding and is never read.
        texts: B transcriptions; empty where nobody has written one.
        ids: B line ids.
        targets: the transcriptions as a model writes them, where the loader was given its charset.
        step_lines: number of lines of the optimizer step that these lines are a part of.
        is_filler: whether the lines only keep a process busy for which a step has no line; they must count nothing.
        recipe: how the lines are to be augmented (``augmented``), where the loader has not done so; they are as they
            were prepared until then.
    """

    images: Tensor
    widths: Tensor
    texts: tuple[str, ...]
    ids: tuple[str, ...]
    targets: Targets | None = None
    step_lines: int = 0
    is_filler: bool = False
    recipe: Recipe | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device) -> Batch:
        """The same lines with their images on a device; lengths stay on the CPU, where CTC asks for them."""
        return replace(self, images=self.images.to(device, non_blocking=True))

    @property
    def padded(self) -> int:
        """W, once the lines are augmented."""
        return self.recipe.padded(self.images.shape[-2]) if self.recipe else self.images.shape[-1]

    def augmented(self) -> Batch:
        """The lines as the epoch sees them, computed where their images are; the same where the loader has done so."""
        if self.recipe is None:
            return self
        return replace(self, images=self.recipe.on(self.images), widths=self.recipe.widths, recipe=None)

    def widened(self, width: int) -> Batch:
        """The same lines with more padding, in W pixels."""
        if width == self.images.shape[-1]:
            return self
        return replace(self, images=functional.pad(self.images, (0, width - self.images.shape[-1])))

    def pin_memory(self) -> Batch:
        """The same lines in memory that a GPU copies from directly; called by torch's DataLoader."""
        return replace(self, images=self.images.pin_memory())


def collate(
    images: Sequence[Image.Image],
    texts: Sequence[str],
    ids: Sequence[str],
    classes: Sequence[Sequence[int]] | None = None,
) -> Batch:
    """Pad images of one height on their right to one width.

    Args:
        classes: of each text; the batch has no targets without them.
    """
    width = padded_width(max(image.width for image in images), images[0].height)
    pixels = np.zeros((len(images), 1, images[0].height, width), np.uint8)
    for row, image in zip(pixels, images, strict=True):
        row[0, :, : image.width] = np.asarray(image)
    widths = torch.tensor([image.width for image in images])
    targets = Targets.of(classes) if classes is not None else None
    return Batch(torch.from_numpy(pixels), widths, tuple(texts), tuple(ids), targets, step_lines=len(ids))
