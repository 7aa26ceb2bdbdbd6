"""What a frame of a line looks like, as numbers that can be told apart. B lines, H and W pixels, T frames, D values."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

ROWS, COLUMNS = 16, 4  # of a piece: the whole height of the line, and four frames' width around the middle of its own
VALUES = ROWS * COLUMNS
LEAST_CONTRAST = 0.05  # of ink: what differs less is paper, whatever specks it has


def pieces(ink: Tensor, stride: int) -> Tensor:
    """The piece of the line around each frame, its mean and its contrast taken out.

    With them, a piece would be told by how dark pen and paper are, which a frame has in common with its neighbours.

    Args:
        ink: (B, 1, H, W), 0 is paper, 1 is black; 0 in the padding.
        stride: pixels in a frame.

    Returns:
        (B, T, D) float32; T is W / stride, rounded up.
    """
    size, _, _, width = ink.shape
    num_frames = -(-width // stride)
    before = (COLUMNS - 1) * stride // 2
    wide = functional.pad(ink.float(), (before, (num_frames + COLUMNS) * stride - width - before))
    cells = functional.avg_pool1d(functional.adaptive_avg_pool2d(wide, (ROWS, None))[:, 0], stride)
    found = cells.unfold(2, COLUMNS, 1)[:, :, :num_frames].transpose(1, 2).reshape(size, num_frames, VALUES)
    found = found - found.mean(dim=2, keepdim=True)
    return found / (found.square().mean(dim=2, keepdim=True).sqrt() + LEAST_CONTRAST)
