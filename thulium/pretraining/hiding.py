"""Stretches of lines that are hidden, so that a model has to guess them. B lines, H and W pixels, T frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from thulium.data.augmentation.draws import Draws
from thulium.data.batch import Batch
from thulium_dsl.grammar.spec import HidingSpec


@dataclass(frozen=True)
class HiddenBatch(Batch):
    """Lines of which stretches are hidden.

    Attributes:
        hidden: (B, T) bool, on the CPU: frames that cannot be seen.
        used: (B, T) bool, on the CPU: frames that are no padding.
        kinds: (B, T) int64, where the images are: the kind of each frame's piece, of the line as it was.
    """

    hidden: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.bool))
    used: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.bool))
    kinds: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.long))

    @property
    def num_hidden(self) -> int:
        """Frames to be guessed."""
        return int(self.hidden.sum())


def drawn(ids: Sequence[str], frames: Sequence[int], num_frames: int, spec: HidingSpec, *key: int | str) -> Tensor:
    """(B, T) true where a frame is hidden: a function of the line, of how many frames it has, and of the key.

    So it is the same in whatever process and batch a line stands. Of each line something is hidden, and of a line of
    two frames or more something is not.

    Args:
        ids, frames: of the lines.
        num_frames: T.
        key: what else decides, such as seed and epoch.
    """
    hidden = np.zeros((len(ids), num_frames), bool)
    for row, line_id, own in zip(hidden, ids, frames, strict=True):
        length = max(1, min(spec.length, own // 2))
        draws = Draws(*key, line_id).generator()
        stretches = max(1, int(spec.share * own / length + draws.random()))  # the part left over: one more, that often
        for start in draws.integers(0, own - length + 1, stretches):
            row[start : start + length] = True
    return torch.from_numpy(hidden)


def covered(images: Tensor, hidden: Tensor, stride: int, ids: Sequence[str], *key: int | str) -> Tensor:
    """Lines (B, 1, H, W) uint8 with noise in place of their hidden frames (B, T).

    Noise, since paper in its place could be a space between words: what is hidden should be seen to be hidden.

    Args:
        ids, key: as of ``drawn``: the same line is hidden behind the same noise.
    """
    columns = hidden.repeat_interleave(stride, dim=1)[:, None, None, : images.shape[-1]]
    noise = np.stack([_noise(*images.shape[-2:], *key, line_id) for line_id in ids])[:, None]
    return images.where(~columns.to(images.device), torch.from_numpy(noise).to(images.device, non_blocking=True))


def _noise(height: int, width: int, *key: int | str) -> npt.NDArray[np.uint8]:
    # Column by column, so that it begins alike however wide it is.
    grey: npt.NDArray[np.uint8] = Draws("noise", *key).generator().integers(0, 256, (width, height), np.uint8)
    return np.ascontiguousarray(grey.T)
