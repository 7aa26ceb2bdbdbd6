"""Changes of grey values, of several lines at once. N lines, H and W pixels.

Each step is numbers, a row a line, on the CPU; called with (N, H, W) float32 values from 0 to 255, it gives the same
shape. Right of a line's width stands anything, before and after.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from thulium.data.augmentation.photometric import (
    Blurred,
    Brightened,
    Contrasted,
    Covered,
    Dilated,
    Eroded,
    Noisy,
    Raised,
    Spread,
)

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
PASSES = 3  # of a box, which Pillow blurs with in place of a Gaussian


def sent(values: npt.NDArray[np.generic], like: Tensor) -> Tensor:
    """Numbers, a row a line, where the pixels are."""
    return torch.from_numpy(values).to(like.device, non_blocking=True)


def each(values: npt.NDArray[np.generic], like: Tensor) -> Tensor:
    """One number a line, there, as (N, 1, 1)."""
    return sent(values, like)[:, None, None]


def floats(numbers: Sequence[float]) -> Floats:
    return np.array(numbers, np.float32)


def filled(values: Tensor, widths: Ints, to_width: int = 0) -> Tensor:
    """Lines whose last column goes on over the padding, in ``to_width`` columns; 0: as many as before."""
    last = sent(widths - 1, values)[:, None]
    columns = torch.arange(to_width or values.shape[-1], device=values.device).minimum(last)
    return values.gather(-1, columns[:, None].expand(-1, values.shape[1], -1))


@dataclass(frozen=True)
class Spreads:
    """See ``photometric.Spread``: all with the same square."""

    extreme: Callable[[Tensor, Tensor], Tensor]
    size: int
    shares: Floats
    widths: Ints

    def __call__(self, values: Tensor) -> Tensor:
        before, after, (height, width) = self.size // 2, self.size - 1 - self.size // 2, values.shape[1:]
        framed = functional.pad(filled(values, self.widths), (before, after, before, after), mode="replicate")
        framed = reduce(self.extreme, [framed[:, start : start + height] for start in range(self.size)])
        framed = reduce(self.extreme, [framed[:, :, start : start + width] for start in range(self.size)])
        return torch.lerp(values, framed, each(self.shares, values)).floor()  # as Pillow blends


@dataclass(frozen=True)
class Blurs:
    """See ``photometric.Blurred``."""

    kernels: Floats  # (N, taps)
    widths: Ints

    def __call__(self, values: Tensor) -> Tensor:
        return blurred(filled(values, self.widths), self.kernels, self.kernels)


def blurred(values: Tensor, down: Floats, across: Floats) -> Tensor:
    """Each line, with what its border goes on as, under its own kernels. Taps of 0 change nothing: a line comes out the
    same whatever the longest kernel among its neighbours is.

    Args:
        down, across: (N, taps), an odd number of taps.
    """
    for axis, kernels in ((1, down), (2, across)):
        taps, reach = sent(kernels, values)[:, :, None, None], kernels.shape[1] // 2
        if not reach:
            continue
        frame = (0, 0, reach, reach) if axis == 1 else (reach, reach, 0, 0)
        framed, length = functional.pad(values, frame, mode="replicate"), values.shape[axis]
        values = torch.zeros_like(values)
        for place in range(kernels.shape[1]):
            values.addcmul_(framed.narrow(axis, place, length), taps[:, place])
    return values


def kernel_of(radius: float) -> Floats:
    """Pillow's kernel for a blur: a box with fractions at its ends, three times.

    Source: Gwosdek et al. 2011, Theoretical Foundations of Gaussian Convolution by Extended Box Filtering.
    """
    variance = radius * radius / PASSES
    whole = math.floor((math.sqrt(12 * variance + 1) - 1) / 2)
    end = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance) / (6 * (variance - (whole + 1) ** 2))
    box = np.array([end, *[1.0] * (2 * whole + 1), end]) / (2 * whole + 1 + 2 * end)
    return np.convolve(np.convolve(box, box), box).astype(np.float32)


def stacked(kernels: Sequence[Floats]) -> Floats:
    """Kernels of odd lengths in one array, their middles one below the other."""
    longest = max(map(len, kernels))
    return np.stack([np.pad(kernel, (longest - len(kernel)) // 2) for kernel in kernels])


@dataclass(frozen=True)
class Noises:
    """See ``photometric.Noisy``. Other grains than the loader's, of the same kind: numpy's generator runs on the CPU
    only. Each line has a generator of its own, seeded by what was drawn for it, on the device."""

    seeds: tuple[int, ...]
    deviations: Floats
    widths: Ints

    def __call__(self, values: Tensor) -> Tensor:
        generator = torch.Generator(values.device)
        noise = torch.zeros_like(values)
        for own, seed, width in zip(noise, self.seeds, self.widths.tolist(), strict=True):
            generator.manual_seed(seed)  # the width is the line's own: the batch's would give it other grains
            own[:, :width] = torch.randn((own.shape[0], width), generator=generator, device=values.device)
        return noise.mul_(each(self.deviations, values)).add_(values).clamp_(0, 255).floor_()  # as numpy casts


@dataclass(frozen=True)
class Brightens:
    """See ``photometric.Brightened``."""

    factors: Floats

    def __call__(self, values: Tensor) -> Tensor:
        return (values * each(self.factors, values)).clamp_(max=255)


@dataclass(frozen=True)
class Contrasts:
    """See ``photometric.Contrasted``."""

    factors: Floats
    papers: Floats

    def __call__(self, values: Tensor) -> Tensor:
        paper = each(self.papers, values)
        return (paper + (values - paper) * each(self.factors, values)).clamp_(0, 255)


@dataclass(frozen=True)
class Raises:
    """See ``photometric.Raised``."""

    exponents: Floats

    def __call__(self, values: Tensor) -> Tensor:
        return (values / 255).pow_(each(self.exponents, values)).mul_(255)


@dataclass(frozen=True)
class Covers:
    """See ``photometric.Covered``."""

    rectangles: Ints  # (N, K, 4), those that a line lacks empty
    papers: Floats

    def __call__(self, values: Tensor) -> Tensor:
        left, top, right, bottom = sent(self.rectangles, values)[..., None].unbind(2)
        y, x = (torch.arange(length, device=values.device) for length in values.shape[1:])
        rows, columns = (top <= y) & (y < bottom), (left <= x) & (x < right)  # (N, K, H) and (N, K, W)
        is_covered = torch.bmm(rows.transpose(1, 2).float(), columns.float()) > 0
        return torch.where(is_covered, each(self.papers, values), values)


Step = Callable[[Tensor], Tensor]


def spreads(drawn: Sequence[Spread], widths: Ints, _papers: Floats) -> Step:
    extreme = torch.minimum if isinstance(drawn[0], Dilated) else torch.maximum
    return Spreads(extreme, drawn[0].size, floats([one.share for one in drawn]), widths)


def blurs(drawn: Sequence[Blurred], widths: Ints, _papers: Floats) -> Step:
    return Blurs(stacked([kernel_of(one.radius) for one in drawn]), widths)


def noises(drawn: Sequence[Noisy], widths: Ints, _papers: Floats) -> Step:
    return Noises(tuple(one.seed for one in drawn), floats([one.deviation for one in drawn]), widths)


def brightens(drawn: Sequence[Brightened], _widths: Ints, _papers: Floats) -> Step:
    return Brightens(floats([one.factor for one in drawn]))


def contrasts(drawn: Sequence[Contrasted], _widths: Ints, papers: Floats) -> Step:
    return Contrasts(floats([one.factor for one in drawn]), papers)


def raises(drawn: Sequence[Raised], _widths: Ints, _papers: Floats) -> Step:
    return Raises(floats([one.exponent for one in drawn]))


def covers(drawn: Sequence[Covered], _widths: Ints, papers: Floats) -> Step:
    rectangles = np.zeros((len(drawn), max(len(one.rectangles) for one in drawn), 4), np.int64)
    for row, one in zip(rectangles, drawn, strict=True):
        row[: len(one.rectangles)] = one.rectangles
    return Covers(rectangles, papers)


# How what was drawn for some lines is stacked to a step.
TONES: dict[type, Callable[..., Step]] = {
    Dilated: spreads,
    Eroded: spreads,
    Blurred: blurs,
    Noisy: noises,
    Brightened: brightens,
    Contrasted: contrasts,
    Raised: raises,
    Covered: covers,
}
