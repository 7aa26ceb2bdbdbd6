"""The kernels of ``thulium.models.fused.norm``. Imported only where they are used, since not every torch has Triton.

All see a batch as a matrix in memory: a row for each position (line, height, width), a column for each channel. A tile
is BLOCK_R rows of BLOCK_C channels. Sums are made without atomic additions, so that they always come out the same:
each program adds up its own stretch of rows, and another kernel the figures (programs, C) of all of them.
"""

from __future__ import annotations

import triton
import triton.language as tl

# Sizes that differ from batch to batch: else each kernel would be compiled anew for those that are multiples of 16.
SIZES = ["rows", "width", "plane", "tiles", "programs", "stretch"]


@triton.jit(do_not_specialize=SIZES)
def moments(x, partial, rows, channels, tiles, BLOCK_R: tl.constexpr, BLOCK_C: tl.constexpr):
    """Mean and sum of squared distances from it, (2, programs, C) float32, of the rows of each program."""
    program = tl.program_id(0)
    columns = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    is_column = columns < channels
    first = program * tiles * BLOCK_R
    x += first.to(tl.int64) * channels
    # Squares of distances from some value of the channel: those of the values could be huge beside their spread.
    shift = tl.load(x + columns, mask=is_column, other=0.0).to(tl.float32)
    total = tl.zeros((BLOCK_R, BLOCK_C), tl.float32)
    squares = tl.zeros((BLOCK_R, BLOCK_C), tl.float32)
    for tile in range(tiles):
        own = tile * BLOCK_R + tl.arange(0, BLOCK_R)
        is_there = ((first + own) < rows)[:, None] & is_column[None, :]
        value = tl.load(x + own[:, None] * channels + columns[None, :], mask=is_there, other=0.0).to(tl.float32)
        value = tl.where(is_there, value - shift[None, :], 0.0)
        total += value
        squares += value * value
    count = tl.minimum(rows - first, tiles * BLOCK_R).to(tl.float32)
    total_c = tl.sum(total, axis=0)
    squares_c = tl.sum(squares, axis=0)
    place = partial + program * channels + columns
    tl.store(place, shift + total_c / count, mask=is_column)
    further = tl.num_programs(0) * channels
    tl.store(place + further, squares_c - total_c * total_c / count, mask=is_column)


@triton.jit(do_not_specialize=SIZES)
def statistics(
    partial, figures, running_mean, running_var, num_batches, rows, channels, programs, stretch,
    count, correction, eps, momentum, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / deviation, (2, C), from what ``moments`` found of stretches of rows; the running figures follow.

    ``count`` is the number of rows, and ``correction`` what makes the variance an unbiased one, as float32.
    """
    columns = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    is_column = columns < channels
    own = tl.arange(0, BLOCK_P)
    is_there = (own < programs)[:, None] & is_column[None, :]
    place = partial + own[:, None] * channels + columns[None, :]
    means = tl.load(place, mask=is_there, other=0.0)
    squares = tl.load(place + programs * channels, mask=is_there, other=0.0)
    counts = tl.maximum(tl.minimum(rows - own * stretch, stretch), 0).to(tl.float32)[:, None]
    mean = tl.sum(means * counts, axis=0) / count
    away = tl.where(is_there, means - mean[None, :], 0.0)
    variance = tl.sum(squares + counts * away * away, axis=0) / count
    tl.store(figures + columns, mean, mask=is_column)
    tl.store(figures + channels + columns, 1.0 / tl.sqrt(variance + eps), mask=is_column)
    old = tl.load(running_mean + columns, mask=is_column, other=0.0)
    tl.store(running_mean + columns, old * (1.0 - momentum) + mean * momentum, mask=is_column)
    old = tl.load(running_var + columns, mask=is_column, other=0.0)
    tl.store(running_var + columns, old * (1.0 - momentum) + variance * correction * momentum, mask=is_column)
    if tl.program_id(0) == 0:
        tl.store(num_batches, tl.load(num_batches) + 1)


@triton.jit
def _affine(figures, weight, bias, columns, is_column, channels):
    """Mean, factor and offset of the channels of a tile."""
    mean = tl.load(figures + columns, mask=is_column, other=0.0)
    scale = tl.load(figures + channels + columns, mask=is_column, other=0.0)
    factor = tl.load(weight + columns, mask=is_column, other=0.0).to(tl.float32) * scale
    return mean, factor, tl.load(bias + columns, mask=is_column, other=0.0).to(tl.float32)


@triton.jit
def _is_shown(mask, row, rows, width, plane):
    """Which rows of a tile lie in the columns of their line that are in use; mask (B, W)."""
    return tl.load(mask + (row // plane) * width + row % width, mask=row < rows, other=0.0).to(tl.float32) > 0.0


@triton.jit(do_not_specialize=SIZES)
def apply(
    x, around, mask, y, figures, weight, bias, rows, channels, width, plane,
    HAS_AROUND: tl.constexpr, HAS_MASK: tl.constexpr, RELU: tl.constexpr,
    BLOCK_R: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Normalise a tile, add the way around, cut off below 0, put 0 in the padding."""
    columns = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    is_column = columns < channels
    row = tl.program_id(0) * BLOCK_R + tl.arange(0, BLOCK_R)
    place = row.to(tl.int64)[:, None] * channels + columns[None, :]
    is_there = (row < rows)[:, None] & is_column[None, :]
    mean, factor, offset = _affine(figures, weight, bias, columns, is_column, channels)
    value = tl.load(x + place, mask=is_there, other=0.0).to(tl.float32)
    value = (value - mean[None, :]) * factor[None, :] + offset[None, :]
    if HAS_AROUND:
        value += tl.load(around + place, mask=is_there, other=0.0).to(tl.float32)
    if RELU:
        value = tl.where(value <= 0.0, 0.0, value)  # no maximum: what is no number must stay none
    if HAS_MASK:
        value = tl.where(_is_shown(mask, row, rows, width, plane)[:, None], value, 0.0)
    tl.store(y + place, value.to(y.dtype.element_ty), mask=is_there)


@triton.jit(do_not_specialize=SIZES)
def products(
    x, gradient, mask, y, towards_around, figures, weight, bias, partial, rows, channels, width, plane, tiles,
    HAS_AROUND: tl.constexpr, HAS_MASK: tl.constexpr, RELU: tl.constexpr,
    BLOCK_R: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Sums of the gradient, and of its products with the normalised x, (2, programs, C), over each program's rows.

    The gradient is that behind the normalisation: 0 in the padding, and where the output was cut off. Whether it was
    is read from y where there is a way around, whose gradient is written too; otherwise it is computed again from x.
    """
    program = tl.program_id(0)
    columns = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    is_column = columns < channels
    mean, factor, offset = _affine(figures, weight, bias, columns, is_column, channels)
    scale = tl.load(figures + channels + columns, mask=is_column, other=0.0)
    total = tl.zeros((BLOCK_R, BLOCK_C), tl.float32)
    product = tl.zeros((BLOCK_R, BLOCK_C), tl.float32)
    for tile in range(tiles):
        row = (program * tiles + tile) * BLOCK_R + tl.arange(0, BLOCK_R)
        place = row.to(tl.int64)[:, None] * channels + columns[None, :]
        is_there = (row < rows)[:, None] & is_column[None, :]
        own = tl.load(gradient + place, mask=is_there, other=0.0).to(tl.float32)
        away = tl.load(x + place, mask=is_there, other=0.0).to(tl.float32) - mean[None, :]
        if RELU:
            if HAS_AROUND:  # y is 0 in the padding, too
                own = tl.where(tl.load(y + place, mask=is_there, other=0.0).to(tl.float32) <= 0.0, 0.0, own)
            else:
                own = tl.where(away * factor[None, :] + offset[None, :] <= 0.0, 0.0, own)
        if HAS_MASK:
            own = tl.where(_is_shown(mask, row, rows, width, plane)[:, None], own, 0.0)
        if HAS_AROUND:
            tl.store(towards_around + place, own.to(towards_around.dtype.element_ty), mask=is_there)
        total += own
        product += own * away
    place_c = partial + program * channels + columns
    tl.store(place_c, tl.sum(total, axis=0), mask=is_column)
    tl.store(place_c + tl.num_programs(0) * channels, tl.sum(product, axis=0) * scale, mask=is_column)


@triton.jit(do_not_specialize=SIZES)
def sums(partial, of_bias, of_weight, channels, programs, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr):
    """The two sums of ``products`` over all programs, (C,) each."""
    columns = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    is_column = columns < channels
    own = tl.arange(0, BLOCK_P)
    is_there = (own < programs)[:, None] & is_column[None, :]
    place = partial + own[:, None] * channels + columns[None, :]
    total = tl.load(place, mask=is_there, other=0.0)
    product = tl.load(place + programs * channels, mask=is_there, other=0.0)
    tl.store(of_bias + columns, tl.sum(total, axis=0), mask=is_column)
    tl.store(of_weight + columns, tl.sum(product, axis=0), mask=is_column)


@triton.jit(do_not_specialize=SIZES)
def apply_backward(
    x, gradient, mask, of_x, figures, weight, bias, of_bias, of_weight, rows, channels, width, plane, count,
    HAS_MASK: tl.constexpr, RELU: tl.constexpr, BLOCK_R: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """The gradient of x in a tile; ``count`` is the number of rows as float32."""
    columns = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    is_column = columns < channels
    row = tl.program_id(0) * BLOCK_R + tl.arange(0, BLOCK_R)
    place = row.to(tl.int64)[:, None] * channels + columns[None, :]
    is_there = (row < rows)[:, None] & is_column[None, :]
    mean, factor, offset = _affine(figures, weight, bias, columns, is_column, channels)
    scale = tl.load(figures + channels + columns, mask=is_column, other=0.0)
    ones = tl.load(of_bias + columns, mask=is_column, other=0.0) / count
    slope = tl.load(of_weight + columns, mask=is_column, other=0.0) * scale / count
    own = tl.load(gradient + place, mask=is_there, other=0.0).to(tl.float32)
    away = tl.load(x + place, mask=is_there, other=0.0).to(tl.float32) - mean[None, :]
    if RELU:
        own = tl.where(away * factor[None, :] + offset[None, :] <= 0.0, 0.0, own)
    if HAS_MASK:
        own = tl.where(_is_shown(mask, row, rows, width, plane)[:, None], own, 0.0)
    found = factor[None, :] * (own - ones[None, :] - away * slope[None, :])
    tl.store(of_x + place, found.to(of_x.dtype.element_ty), mask=is_there)
