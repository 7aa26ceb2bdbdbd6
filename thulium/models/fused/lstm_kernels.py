"""The kernels of ``thulium.models.fused.lstm``. Imported only where they are used, since not every torch has Triton.

A program has some lines of one direction and some of their H values, with all four gates of these. A frame's tensors
begin where its first line does; ``side`` is how many lines (all those of all frames) further the other direction's are.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _tanh(x):
    return 2.0 * tl.sigmoid(2.0 * x) - 1.0


@triton.jit(do_not_specialize=["num_lines", "side"])
def step(
    gates, onwards, state_before, cell_before, state, cell, opened, num_lines, side,
    H: tl.constexpr, IS_FIRST: tl.constexpr, BLOCK_B: tl.constexpr, BLOCK_H: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """One frame on: gates (2, B, 4H) as the frame brings them, weights (2, 4H, H), to state, cell and open gates."""
    direction = tl.program_id(0)
    line = tl.program_id(1) * BLOCK_B + tl.arange(0, BLOCK_B)
    column = tl.program_id(2) * BLOCK_H + tl.arange(0, BLOCK_H)
    is_line = (line < num_lines)[:, None]
    row = direction.to(tl.int64) * side + line[:, None]
    place = row * H + column[None, :]
    gate = row * (4 * H) + column[None, :]
    let_in = tl.load(gates + gate, mask=is_line, other=0.0).to(tl.float32)
    keep = tl.load(gates + gate + H, mask=is_line, other=0.0).to(tl.float32)
    new = tl.load(gates + gate + 2 * H, mask=is_line, other=0.0).to(tl.float32)
    show = tl.load(gates + gate + 3 * H, mask=is_line, other=0.0).to(tl.float32)
    own = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
    if not IS_FIRST:
        own = tl.load(cell_before + place, mask=is_line, other=0.0)
        to_let_in = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
        to_keep = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
        to_new = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
        to_show = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
        inner = tl.arange(0, BLOCK_K)
        weight = onwards + direction * (4 * H * H) + column[None, :] * H + inner[:, None]
        for start in range(0, H, BLOCK_K):
            known = tl.load(state_before + row * H + start + inner[None, :], mask=is_line, other=0.0)
            to_let_in = tl.dot(known, tl.load(weight + start), to_let_in)
            to_keep = tl.dot(known, tl.load(weight + start + H * H), to_keep)
            to_new = tl.dot(known, tl.load(weight + start + 2 * H * H), to_new)
            to_show = tl.dot(known, tl.load(weight + start + 3 * H * H), to_show)
        let_in += to_let_in
        keep += to_keep
        new += to_new
        show += to_show
    let_in = tl.sigmoid(let_in)
    keep = tl.sigmoid(keep)
    new = _tanh(new)
    show = tl.sigmoid(show)
    own = keep * own + let_in * new
    half = state.dtype.element_ty
    tl.store(cell + place, own, mask=is_line)
    tl.store(state + place, (show * _tanh(own)).to(half), mask=is_line)
    tl.store(opened + gate, let_in.to(half), mask=is_line)
    tl.store(opened + gate + H, keep.to(half), mask=is_line)
    tl.store(opened + gate + 2 * H, new.to(half), mask=is_line)
    tl.store(opened + gate + 3 * H, show.to(half), mask=is_line)


@triton.jit(do_not_specialize=["num_lines", "side"])
def step_back(
    towards, of_gates_after, onwards, of_cell, cell_before, cell, opened, of_gates, num_lines, side, most,
    H: tl.constexpr, IS_FIRST: tl.constexpr, IS_LAST: tl.constexpr,
    BLOCK_B: tl.constexpr, BLOCK_H: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """One frame back: from the gradients of its state and of the next frame's gates to those of its own gates.

    The gradient of the cell, (2, B, H) float32, is that behind the frame, and then that before it. ``most`` is what
    the gates' type can hold: a gradient that is larger stays at that.
    """
    direction = tl.program_id(0)
    line = tl.program_id(1) * BLOCK_B + tl.arange(0, BLOCK_B)
    column = tl.program_id(2) * BLOCK_H + tl.arange(0, BLOCK_H)
    is_line = (line < num_lines)[:, None]
    row = direction.to(tl.int64) * side + line[:, None]
    place = row * H + column[None, :]
    gate = row * (4 * H) + column[None, :]
    own_cell = of_cell + (direction * num_lines + line[:, None]) * H + column[None, :]
    let_in = tl.load(opened + gate, mask=is_line, other=0.0).to(tl.float32)
    keep = tl.load(opened + gate + H, mask=is_line, other=0.0).to(tl.float32)
    new = tl.load(opened + gate + 2 * H, mask=is_line, other=0.0).to(tl.float32)
    show = tl.load(opened + gate + 3 * H, mask=is_line, other=0.0).to(tl.float32)
    shown = _tanh(tl.load(cell + place, mask=is_line, other=0.0))
    of_state = tl.load(towards + place, mask=is_line, other=0.0).to(tl.float32)
    of_own = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
    if not IS_LAST:
        of_own = tl.load(own_cell, mask=is_line, other=0.0)
        through = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
        inner = tl.arange(0, BLOCK_K)
        weight = onwards + direction * (4 * H * H) + inner[:, None] * H + column[None, :]
        for start in range(0, 4 * H, BLOCK_K):
            after = tl.load(of_gates_after + row * (4 * H) + start + inner[None, :], mask=is_line, other=0.0)
            through = tl.dot(after, tl.load(weight + start * H), through)
        of_state += through
    of_own += of_state * show * (1.0 - shown * shown)
    before = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
    if not IS_FIRST:
        before = tl.load(cell_before + place, mask=is_line, other=0.0)
        tl.store(own_cell, of_own * keep, mask=is_line)
    _store(of_gates + gate, of_own * new * let_in * (1.0 - let_in), most, is_line)
    _store(of_gates + gate + H, of_own * before * keep * (1.0 - keep), most, is_line)
    _store(of_gates + gate + 2 * H, of_own * let_in * (1.0 - new * new), most, is_line)
    _store(of_gates + gate + 3 * H, of_state * shown * show * (1.0 - show), most, is_line)


@triton.jit
def _store(place, value, most, mask):
    value = tl.where(value > most, most, tl.where(value < -most, -most, value))  # what is no number stays none
    tl.store(place, value.to(place.dtype.element_ty), mask=mask)
