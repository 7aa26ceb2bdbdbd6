"""Two LSTMs of one size side by side, frame by frame. B lines, T frames, C features, H values of a state.

For a GPU that replays what was recorded (``thulium.training.graphs``), where a launch costs next to nothing: one
kernel a frame where Triton works (``thulium.models.fused``), otherwise two, a product for both directions and torch's
fused cell. From some tens of lines on that is faster than cuDNN's own kernel for all frames, which takes twice as long
for twice as many lines.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from thulium.models.fused import lstm, use

Weights = tuple[Tensor, Tensor, Tensor, Tensor]


def layer(ours: Weights, theirs: Weights, x: Tensor, y: Tensor) -> Tensor:
    """(B, T, C) each to (2, B, T, H): what LSTMs of these weights give."""
    inwards, onwards, first_biases, second_biases = (torch.stack(pair) for pair in zip(ours, theirs, strict=True))
    num_lines, num_frames, _ = x.shape
    frames = torch.stack([x, y]).transpose(1, 2).flatten(1, 2)  # (2, TB, C)
    gates = torch.baddbmm((first_biases + second_biases)[:, None], frames, inwards.transpose(1, 2))
    gates = gates.unflatten(1, (num_frames, num_lines)).transpose(0, 1)
    steps = lstm.Fused if is_one_kernel(num_lines, onwards) else _Unrolled
    states: Tensor = steps.apply(gates, onwards)  # (T, 2, B, H)
    return states.permute(1, 2, 0, 3)


def is_one_kernel(num_lines: int, onwards: Tensor) -> bool:
    """Whether a frame of both is one kernel: in 16 bits, while a recording is made, if that works.

    Args:
        onwards: (2, 4H, H) on the device.
    """
    size, dtype = onwards.shape[2], onwards.dtype
    if not use.is_wanted(onwards) or onwards.element_size() != use.HALF or size % lstm.MULTIPLE:
        return False
    return use.works(f"LSTMs of {size} in {dtype}", lambda: _try(dtype, num_lines, size, onwards.device))


def _try(dtype: torch.dtype, num_lines: int, size: int, device: torch.device) -> None:
    """Raise where one kernel a frame gives something else than two."""
    few = use.mixed(3, 2, num_lines, 4 * size, device=device).to(dtype)
    weights = (use.mixed(2, 4 * size, size, device=device) / size**0.5).to(dtype)
    found = []
    with torch.enable_grad(), torch.autocast(device.type, enabled=False):
        for compute in (_Unrolled, lstm.Fused):
            given = few.detach().requires_grad_(), weights.detach().requires_grad_()
            states = compute.apply(*given)
            found.append((states, *torch.autograd.grad(states, given, torch.ones_like(states) / 8)))
    use.compare(*found)


class _Unrolled(torch.autograd.Function):
    """(T, 2, B, 4H) what the frames bring to the gates, and (2, 4H, H), to (T, 2, B, H)."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, onwards: Tensor) -> Tensor:
        size, gates = onwards.shape[2], gates.contiguous()
        turned = onwards.transpose(1, 2)
        state = gates.new_zeros(2, gates.shape[2], size)
        cell = state.flatten(0, 1)
        states, cells, opened = [state], [cell], []
        for brought in gates:
            own = torch.bmm(states[-1], turned)
            flat, cell, gate = _cell(brought.flatten(0, 1), own.flatten(0, 1), cells[-1])
            states.append(flat.view_as(state))
            cells.append(cell)
            opened.append(gate)
        ctx.cells, ctx.opened = cells, opened
        output = torch.stack(states[1:])
        ctx.save_for_backward(onwards, output)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, towards: Tensor) -> tuple[Tensor, Tensor]:
        onwards, states = ctx.saved_tensors
        towards = towards.clone(memory_format=torch.contiguous_format)
        of_cell = torch.zeros_like(ctx.cells[0])
        found: list[Tensor] = []
        for frame in reversed(range(len(towards))):
            flat = towards[frame].flatten(0, 1)
            of_gates, of_cell = _cell_backward(flat, of_cell, ctx.cells[frame], ctx.cells[frame + 1], ctx.opened[frame])
            of_gates = of_gates.unflatten(0, (2, -1))
            found.append(of_gates)
            if frame:
                towards[frame - 1].baddbmm_(of_gates, onwards)
        of_all = torch.stack(found[::-1])  # (T, 2, B, 4H)
        after = of_all[1:].transpose(0, 1).flatten(1, 2)
        before = states[:-1].transpose(0, 1).flatten(1, 2)
        return of_all, torch.bmm(after.transpose(1, 2), before)


def _cell(brought: Tensor, own: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """State and cell (N, H) after a frame, and the gates (N, 4H) that led there."""
    if brought.is_cuda:
        state, cell, opened = torch.ops.aten._thnn_fused_lstm_cell(brought, own, cell)
        return state, cell, opened
    let_in, keep, new, show = (brought + own).chunk(4, dim=1)
    let_in, keep, new, show = let_in.sigmoid(), keep.sigmoid(), new.tanh(), show.sigmoid()
    cell = keep * cell + let_in * new
    return show * cell.tanh(), cell, torch.cat([let_in, keep, new, show], dim=1)


def _cell_backward(
    of_state: Tensor, of_cell: Tensor, before: Tensor, after: Tensor, opened: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the gates (N, 4H), and of the cell (N, H) before the frame."""
    if of_state.is_cuda:
        gates, cell, _ = torch.ops.aten._thnn_fused_lstm_cell_backward_impl(
            of_state, of_cell, before, after, opened, False
        )
        return gates, cell
    let_in, keep, new, show = opened.chunk(4, dim=1)
    shown = after.tanh()
    of_cell = of_cell + of_state * show * (1 - shown**2)
    parts = [
        of_cell * new * let_in * (1 - let_in),
        of_cell * before * keep * (1 - keep),
        of_cell * let_in * (1 - new**2),
        of_state * shown * show * (1 - show),
    ]
    return torch.cat(parts, dim=1), of_cell * keep
