"""Lines side by side, padded to one width. B lines, H and W pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from thulium.data.batching import padded_width


@dataclass(frozen=True)
class Batch:
    """Some lines of a split.

    Attributes:
        images: (B, 1, H, W) uint8, 0 is black.
        widths: (B,) int64 on the CPU, pixels in use; the rest of W is padding and is never read.
        texts: B transcriptions.
        ids: B line ids.
        step_texts: transcriptions of all lines of the optimizer step that these lines are a part of.
        is_filler: whether the lines only keep a process busy for which a step has no line; they must count nothing.
    """

    images: Tensor
    widths: Tensor
    texts: tuple[str, ...]
    ids: tuple[str, ...]
    step_texts: tuple[str, ...]
    is_filler: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device) -> Batch:
        """The same lines with their images on a device; lengths stay on the CPU, where CTC asks for them."""
        return replace(self, images=self.images.to(device, non_blocking=True))

    def widened(self, width: int) -> Batch:
        """The same lines with more padding, in W pixels."""
        if width == self.images.shape[-1]:
            return self
        return replace(self, images=functional.pad(self.images, (0, width - self.images.shape[-1])))

    def pin_memory(self) -> Batch:
        """The same lines in memory that a GPU copies from directly; called by torch's DataLoader."""
        return replace(self, images=self.images.pin_memory())


def collate(images: Sequence[Image.Image], texts: Sequence[str], ids: Sequence[str]) -> Batch:
    """Pad images of one height on their right to one width."""
    width = padded_width(max(image.width for image in images), images[0].height)
    pixels = np.zeros((len(images), 1, images[0].height, width), np.uint8)
    for row, image in zip(pixels, images, strict=True):
        row[0, :, : image.width] = np.asarray(image)
    widths = torch.tensor([image.width for image in images])
    return Batch(torch.from_numpy(pixels), widths, tuple(texts), tuple(ids), step_texts=tuple(texts))
