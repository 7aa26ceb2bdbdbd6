"""Two LSTMs of one size side by side, a kernel a frame. B lines, T frames, H values of a state.

What ``thulium.models.heads.unrolled`` does in two kernels a frame: nearly all of their time is that of waiting for the
kernel before.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

MULTIPLE = 16  # of the states' sizes: what a GPU multiplies at once
FORWARD = {"BLOCK_B": 32, "BLOCK_H": 16, "BLOCK_K": 128, "num_warps": 4, "num_stages": 3}
BACKWARD = {"BLOCK_B": 32, "BLOCK_H": 16, "BLOCK_K": 128, "num_warps": 4, "num_stages": 4}


class Fused(torch.autograd.Function):
    """(T, 2, B, 4H) what the frames bring to the gates, and (2, 4H, H), to (T, 2, B, H)."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, onwards: Tensor) -> Tensor:
        from thulium.models.fused import lstm_kernels as kernels

        gates, onwards = _by_side(gates), onwards.contiguous()
        num_frames, _, num_lines, _ = gates.shape
        size = onwards.shape[2]
        states = gates.new_empty(2, num_frames, num_lines, size).transpose(0, 1)
        cells, opened = torch.empty_like(states, dtype=torch.float32), torch.empty_like(gates)
        grid, blocks = _shares(num_lines, size, size, FORWARD)
        for frame in range(num_frames):
            before = max(frame - 1, 0)  # at the first: nobody looks at it
            kernels.step[grid](
                *(gates[frame], onwards, states[before], cells[before], states[frame], cells[frame], opened[frame]),
                num_lines,
                num_frames * num_lines,
                H=size,
                IS_FIRST=frame == 0,
                **blocks,
            )
        ctx.save_for_backward(onwards, states, cells, opened)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, towards: Tensor) -> tuple[Tensor, Tensor]:
        onwards, states, cells, opened = ctx.saved_tensors
        of_all = _walk_back(_by_side(towards), onwards, cells, opened)
        after = of_all[1:].transpose(0, 1).flatten(1, 2)
        before = states[:-1].transpose(0, 1).flatten(1, 2)
        return of_all, torch.bmm(after.transpose(1, 2), before)


def _walk_back(towards: Tensor, onwards: Tensor, cells: Tensor, opened: Tensor) -> Tensor:
    """Gradients of all gates, (T, 2, B, 4H)."""
    from thulium.models.fused import lstm_kernels as kernels

    num_frames, _, num_lines, size = towards.shape
    of_all, of_cell = torch.empty_like(opened), cells.new_empty(2, num_lines, size)
    grid, blocks = _shares(num_lines, size, opened.shape[3], BACKWARD)
    most = torch.finfo(opened.dtype).max
    last = num_frames - 1
    for frame in reversed(range(num_frames)):
        after, before = min(frame + 1, last), max(frame - 1, 0)  # at the ends: nobody looks at them
        kernels.step_back[grid](
            *(towards[frame], of_all[after], onwards, of_cell, cells[before], cells[frame], opened[frame]),
            *(of_all[frame], num_lines, num_frames * num_lines, most),
            H=size,
            IS_FIRST=frame == 0,
            IS_LAST=frame == last,
            **blocks,
        )
    return of_all


def _by_side(x: Tensor) -> Tensor:
    """(T, 2, B, ...) as it is, in memory all frames of one direction before those of the other.

    So those that multiply all frames of a direction at once take them as they lie.
    """
    return x.transpose(0, 1).contiguous().transpose(0, 1)


def _shares(
    num_lines: int, size: int, inner: int, blocks: dict[str, int]
) -> tuple[tuple[int, int, int], dict[str, int]]:
    """The programs of a frame, and how much each has; inner: the terms of a product."""
    lines = min(blocks["BLOCK_B"], max(MULTIPLE, 1 << (num_lines - 1).bit_length()))
    columns, terms = math.gcd(size, blocks["BLOCK_H"]), math.gcd(inner, blocks["BLOCK_K"])
    grid = (2, -(-num_lines // lines), size // columns)
    return grid, {**blocks, "BLOCK_B": lines, "BLOCK_H": columns, "BLOCK_K": terms}
