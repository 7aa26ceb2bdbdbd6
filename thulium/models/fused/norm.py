"""Batch normalisation, the way around, the cut below 0 and the padding in one. B lines, C channels, H and W pixels.

torch reads and writes the whole batch for each of these, and for each of their gradients; together they cost as much
as the convolutions. Here the batch is read twice and written once on the way there, and the same on the way back.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from thulium.models.fused import use

TILE = 4096  # values that a program holds at once
WARPS = 4
PER_PROCESSOR = 4  # programs of a sum on each of the GPU's processors
MOST = 512  # such programs: one other program adds up what they found
NARROW = 32  # channels of a tile, at least where they divide a network's evenly
WIDE = 128


def normed(
    norm: nn.Module, x: Tensor, mask: Tensor | None = None, *, around: Tensor | None = None, relu: bool = True
) -> Tensor:
    """(B, C, H, W) to the same: normalised, with what came around added, cut off below 0, and 0 in the padding.

    Args:
        mask: (B, 1, 1, W), 0 in the padding.
    """
    if _is_for_us(norm, x, around):
        assert isinstance(norm, nn.BatchNorm2d)
        return fused(norm, x, mask, around=around, relu=relu)
    return _by_torch(norm, x, mask, around=around, relu=relu)


def _by_torch(norm: nn.Module, x: Tensor, mask: Tensor | None, *, around: Tensor | None, relu: bool) -> Tensor:
    y: Tensor = norm(x)
    if not torch.is_grad_enabled():
        return _in_place(y, mask, around, relu)
    if around is not None:
        y = y + around
    if relu:
        y = y.relu()
    return y if mask is None else y * mask


def _in_place(y: Tensor, mask: Tensor | None, around: Tensor | None, relu: bool) -> Tensor:
    """The same values without a buffer for each step: nobody asks for what was between them."""
    if around is not None:
        y.add_(around)
    if relu:
        y.relu_()
    return y if mask is None else y.mul_(mask)


def fused(
    norm: nn.BatchNorm2d, x: Tensor, mask: Tensor | None = None, *, around: Tensor | None = None, relu: bool = True
) -> Tensor:
    """The same as ``normed`` of a norm in training, by our kernels."""
    y: Tensor = _Fused.apply(norm, x, norm.weight, norm.bias, around, mask, relu)
    return y


def _is_for_us(norm: nn.Module, x: Tensor, around: Tensor | None) -> bool:
    if not use.is_wanted(x) or x.element_size() != use.HALF or type(norm) is not nn.BatchNorm2d or not norm.training:
        return False
    is_usual = norm.affine and norm.track_running_stats and norm.momentum is not None
    is_like_x = around is None or (around.dtype == x.dtype and around.shape == x.shape)
    return is_usual and is_like_x and use.works(f"normalisation in {x.dtype}", lambda: _try(x.device, x.dtype))


def _try(device: torch.device, dtype: torch.dtype) -> None:
    """Raise where the kernels do not do what torch does."""
    for channels in (NARROW, WIDE):
        for has_around, relu in ((False, True), (True, True), (False, False)):
            _try_one(channels, has_around, relu, device, dtype)


def _try_one(channels: int, has_around: bool, relu: bool, device: torch.device, dtype: torch.dtype) -> None:
    norm = nn.BatchNorm2d(channels, device=device)
    x, other = use.mixed(2, 2, 3, 5, channels, device=device).to(dtype).permute(0, 1, 4, 2, 3)
    mask = torch.ones(2, 1, 1, 5, device=device, dtype=dtype)
    found = []
    with torch.enable_grad():
        for compute in (_by_torch, fused):
            own = x.detach().requires_grad_()
            y = compute(norm, own, mask if relu else None, around=other if has_around else None, relu=relu)
            found.append((y, torch.autograd.grad(y, own, other)[0]))
    use.compare(*found)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        norm: nn.BatchNorm2d,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        around: Tensor | None,
        mask: Tensor | None,
        relu: bool,
    ) -> Tensor:
        x = _by_rows(x)
        around = None if around is None else _by_rows(around)
        mask = None if mask is None else mask.contiguous()
        figures = _statistics(norm, x)
        y = _applied(x, around, mask, figures, weight, bias, relu)
        ctx.has_around, ctx.relu = around is not None, relu
        ctx.save_for_backward(x, weight, bias, mask, figures, y if ctx.has_around and relu else None)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        from thulium.models.fused import norm_kernels as kernels

        x, weight, bias, mask, figures, y = ctx.saved_tensors
        gradient, layout = _by_rows(gradient), _Layout(x)
        shape = layout.shape
        partial = figures.new_empty(2, layout.programs, layout.channels)
        of_around = torch.empty_like(x) if ctx.has_around else None
        flags = {"HAS_MASK": mask is not None and y is None, "RELU": ctx.relu}
        pointers = (x, gradient, _or(mask, x), _or(y, x), _or(of_around, x), figures, weight, bias, partial)
        kernels.products[layout.stretches](
            *pointers, *shape, layout.tiles, HAS_AROUND=ctx.has_around, **flags, **layout.blocks
        )
        of_bias, of_weight = (torch.empty_like(figure) for figure in figures)
        kernels.sums[layout.finishing](
            partial, of_bias, of_weight, layout.channels, layout.programs, **layout.finishing_blocks
        )
        if of_around is not None:  # what it holds is cut off and masked already
            gradient, flags = of_around, {"HAS_MASK": False, "RELU": False}
        of_x = torch.empty_like(x)
        pointers = (x, gradient, _or(mask, x), of_x, figures, weight, bias, of_bias, of_weight)
        kernels.apply_backward[layout.grid](*pointers, *shape, float(layout.rows), **flags, **layout.blocks)
        return None, of_x, of_weight.to(weight.dtype), of_bias.to(bias.dtype), of_around, None, None


class _Layout:
    """How a batch (B, C, H, W) is shared among programs."""

    def __init__(self, x: Tensor) -> None:
        num_lines, self.channels, height, width = x.shape
        self.rows = num_lines * height * width
        self.shape = (self.rows, self.channels, width, height * width)
        even = self.channels & -self.channels
        columns = min(even, WIDE) if even >= NARROW else _power(self.channels)
        block = max(1, TILE // columns)
        all_tiles, across = _share(self.rows, block), _share(self.channels, columns)
        wanted = min(MOST, PER_PROCESSOR * _processors(x.device) // across)
        self.tiles = _share(all_tiles, max(1, wanted))
        self.programs = _share(all_tiles, self.tiles)
        self.stretch = self.tiles * block  # rows of a program that sums
        self.stretches, self.grid = (self.programs, across), (all_tiles, across)
        self.blocks = {"BLOCK_R": block, "BLOCK_C": columns, "num_warps": WARPS}
        together = _power(self.programs)
        side = min(NARROW, _power(self.channels), max(1, TILE // together))
        self.finishing = (_share(self.channels, side),)
        self.finishing_blocks = {"BLOCK_P": together, "BLOCK_C": side, "num_warps": WARPS}


def _statistics(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """(2, C) mean and 1 / deviation; the running figures follow."""
    from thulium.models.fused import norm_kernels as kernels

    layout = _Layout(x)
    partial = torch.empty(2, layout.programs, layout.channels, dtype=torch.float32, device=x.device)
    figures = torch.empty(2, layout.channels, dtype=torch.float32, device=x.device)
    kernels.moments[layout.stretches](x, partial, layout.rows, layout.channels, layout.tiles, **layout.blocks)
    kernels.statistics[layout.finishing](
        partial,
        figures,
        norm.running_mean,
        norm.running_var,
        norm.num_batches_tracked,
        layout.rows,
        layout.channels,
        layout.programs,
        layout.stretch,
        float(layout.rows),
        layout.rows / max(1, layout.rows - 1),
        norm.eps,
        norm.momentum,
        **layout.finishing_blocks,
    )
    return figures


def _applied(
    x: Tensor, around: Tensor | None, mask: Tensor | None, figures: Tensor, weight: Tensor, bias: Tensor, relu: bool
) -> Tensor:
    from thulium.models.fused import norm_kernels as kernels

    layout, y = _Layout(x), torch.empty_like(x)
    pointers = (x, _or(around, x), _or(mask, x), y, figures, weight, bias)
    flags = {"HAS_AROUND": around is not None, "HAS_MASK": mask is not None, "RELU": relu}
    kernels.apply[layout.grid](*pointers, *layout.shape, **flags, **layout.blocks)
    return y


def _by_rows(x: Tensor) -> Tensor:
    """(B, C, H, W) whose channels lie side by side in memory."""
    return x.contiguous(memory_format=torch.channels_last)


def _or(tensor: Tensor | None, other: Tensor) -> Tensor:
    """A kernel wants a tensor also where it looks at none."""
    return other if tensor is None else tensor


def _share(whole: int, part: int) -> int:
    return -(-whole // part)


def _power(least: int) -> int:
    """The power of two that is not less."""
    return 1 << (least - 1).bit_length()


@cache
def _processors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1
