"""Reading all lines of a loader and comparing what was read with what is written there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import torch

from thulium.data.bidi import to_visual
from thulium.data.loader import LineLoader
from thulium.evaluation.calibration import are_right
from thulium.evaluation.metrics import LineResult
from thulium.models.recogniser import Reading, Recogniser


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model read of a split, or of a part of it, beside what is written there.

    Attributes:
        results: one a line, sorted by line id.
        nats: the loss summed over the symbols of each batch.
        num_symbols: of the lines that these nats are of.
        unfit: ids of the lines whose text needs more frames than the model has for them, sorted: they can never be
            read right, and count neither nats nor symbols.
    """

    results: tuple[LineResult, ...]
    nats: tuple[float, ...]
    num_symbols: int
    unfit: tuple[str, ...] = ()

    @property
    def loss(self) -> float:
        """Nats a symbol over all lines that fit their frames."""
        return sum(self.nats) / self.num_symbols if self.num_symbols else math.nan


@torch.inference_mode()
def judge(recogniser: Recogniser, loader: LineLoader, on_batch: Callable[[], None] = lambda: None) -> Judged:
    """Read every line of a loader and compare it with its transcription.

    Args:
        on_batch: called after each batch; may raise.
    """
    model, lines = recogniser.model, loader.lines
    pages = dict(zip(lines.ids, lines.pages, strict=True))
    results: list[LineResult] = []
    nats: list[float] = []
    unfit: list[str] = []
    symbols = 0
    for batch in map(model.with_targets, loader):
        output = recogniser.output(batch, model.targets(batch))
        nats.append(float(model.loss(batch, output, num_symbols=1)))
        symbols += model.num_symbols(batch)
        unfit += [line_id for line_id, fits in zip(batch.ids, model.fits(batch).tolist(), strict=True) if not fits]
        rows = zip(batch.ids, batch.texts, recogniser.in_detail(batch, output), strict=True)
        results += [_compared(recogniser, pages[line_id], line_id, text, reading) for line_id, text, reading in rows]
        on_batch()
    return Judged(_sorted(results), tuple(nats), symbols, tuple(sorted(unfit)))


def merge(readings: Sequence[Judged]) -> Judged:
    """The readings of several processes, each of which was given its share of the batches, in turns, as one.

    The batches stand in the order in which one process would have read them, so that the sum of their losses is the
    same to the last bit.
    """
    turns = zip_longest(*(reading.nats for reading in readings))
    return Judged(
        _sorted(result for reading in readings for result in reading.results),
        tuple(nats for turn in turns for nats in turn if nats is not None),
        sum(reading.num_symbols for reading in readings),
        tuple(sorted(line_id for reading in readings for line_id in reading.unfit)),
    )


def _compared(recogniser: Recogniser, page: str, line_id: str, text: str, reading: Reading) -> LineResult:
    confidences = tuple(character.confidence for character in reading.characters)
    read = "".join(character.symbol for character in reading.characters)
    right = are_right(to_visual(text, recogniser.model.charset.order), read)
    return LineResult(line_id, page, text, reading.text, reading.confidence, confidences, right)


def _sorted(results: Iterable[LineResult]) -> tuple[LineResult, ...]:
    return tuple(sorted(results, key=lambda result: result.id))
