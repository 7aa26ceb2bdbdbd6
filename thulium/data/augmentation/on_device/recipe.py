"""What is to be done to the lines of a batch, made where they are read, and done where the model computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from thulium.data.augmentation.draws import Drawn
from thulium.data.augmentation.on_device.tones import TONES, Floats, Ints, floats, sent
from thulium.data.augmentation.on_device.warps import MOVES, warp, widths_after
from thulium.data.batching import padded_width


@dataclass(frozen=True)
class LineDraws:
    """What was drawn for a line.

    Attributes:
        drawn: by each transform, None where it spares the line.
        kinds: what each draws, where it does.
        width: of the line before, pixels.
        paper: its grey value before.
    """

    drawn: tuple[Drawn | None, ...]
    kinds: tuple[type[Drawn], ...]
    width: int
    paper: int


@dataclass(frozen=True)
class Step:
    """What is done to some lines of a batch, given as (N, H, W) float32."""

    rows: Ints
    work: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Recipe:
    """All that is done to the lines of a batch, in numbers on the CPU.

    Attributes:
        widths: (B,) int64 on the CPU, of the lines that come out.
        canvas: columns in which the widest line has room at any time.
        steps: one after the other.
    """

    widths: Tensor
    canvas: int
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, lines: Sequence[LineDraws], height: int) -> Recipe:
        """The recipe for some lines of one augmenter, so many pixels high.

        Transforms that move ink make one warp where they follow one another in the document, and not where no line of
        the batch draws anything between them: a line comes out the same in any batch.
        """
        widths, papers = np.array([line.width for line in lines]), floats([line.paper for line in lines])
        steps, canvas = list[Step](), int(widths.max())
        for places in _runs(lines[0].kinds):
            drawn = [[line.drawn[place] for place in places] for line in lines]
            rows = np.array([row for row, own in enumerate(drawn) if any(own)], np.int64)
            if len(rows):
                steps.append(Step(rows, _work([drawn[row] for row in rows], widths[rows], height, papers[rows])))
            for column in zip(*drawn):
                widths = widths_after(column, widths, height)
                papers = floats([one.paper(paper) if one else paper for one, paper in zip(column, papers.tolist())])
                canvas = max(canvas, int(widths.max()))
        return cls(torch.from_numpy(widths), canvas, tuple(steps))

    def padded(self, height: int) -> int:
        """Columns of the batch that comes out, of lines so many pixels high."""
        return padded_width(int(self.widths.max()), height)

    @torch.no_grad()
    def on(self, images: Tensor) -> Tensor:
        """The lines as the epoch sees them, on the device where they are.

        Args:
            images: (B, 1, H, W) uint8, as they are prepared; what stands right of a line is not read.

        Returns:
            (B, 1, H, W') uint8, 0 right of each line; W' as a loader pads to.
        """
        height, width = images.shape[-2:]
        padded = self.padded(height)
        values = torch.zeros((len(images), height, max(padded, self.canvas)), device=images.device)
        values[:, :, :width] = images[:, 0, :, : values.shape[-1]]
        for step in self.steps:
            if len(step.rows) == len(values):
                values = step.work(values)
            else:
                rows = sent(step.rows, values)
                values.index_copy_(0, rows, step.work(values.index_select(0, rows)))
        is_line = torch.arange(padded, device=images.device) < sent(self.widths.numpy(), images)[:, None]
        return (values[:, :, :padded].round_() * is_line[:, None]).to(torch.uint8)[:, None]


def _runs(kinds: Sequence[type[Drawn]]) -> Iterator[list[int]]:
    """Places of the transforms that make a step: those that move ink together, each of the others alone."""
    for moves, places in groupby(range(len(kinds)), lambda place: issubclass(kinds[place], MOVES)):
        together = list(places)
        yield from [together] if moves else ([place] for place in together)


def _work(drawn: Sequence[Sequence[Drawn | None]], widths: Ints, height: int, papers: Floats) -> Callable[..., Tensor]:
    first = next(one for one in drawn[0] if one)
    if isinstance(first, MOVES):
        return warp(drawn, widths, height, papers)
    return TONES[type(first)]([own[0] for own in drawn], widths, papers)
