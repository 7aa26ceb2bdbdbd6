"""Reading all lines of a loader and comparing what was read with what is written there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import torch

from thulium.data.loader import LineLoader
from thulium.data.text import normalize
from thulium.decoding.ctc.greedy import Decode, greedy
from thulium.evaluation.metrics import LineResult
from thulium.models.wrappers import HTRModel
from thulium.runtime.device import Device
from thulium_dsl.grammar.spec import TextSpec, UnicodeForm


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model read of a split, or of a part of it.

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
def recognise(
    model: HTRModel,
    loader: LineLoader,
    device: Device,
    rules: TextSpec | UnicodeForm | None = None,
    between: Callable[[], None] = lambda: None,
    decode: Decode = greedy,
) -> Reading:
    """Read every line of a loader. The model must be in evaluation mode and on the device.

    Args:
        rules: predictions are normalised by these, or the model's own, before they are compared.
        between: called after each batch; may raise.
    """
    pages = dict(zip(loader.lines.ids, getattr(loader.lines, "pages", loader.lines.ids), strict=True))
    results: list[LineResult] = []
    nats: list[float] = []
    unfit: list[str] = []
    symbols = 0
    for batch in loader:
        moved = batch.to(device.torch)
        with device.autocast():
            output = model(moved.images, moved.widths)
        targets = model.targets(batch)
        nats.append(float(model.loss(moved, output, num_symbols=1)))
        symbols += targets.num_symbols
        unfit += [line_id for line_id, fits in zip(batch.ids, targets.fits.tolist(), strict=True) if not fits]
        texts = decode(output.logits, output.frames, model.charset)
        results += _results(batch.ids, batch.texts, texts, pages, rules or model.text)
        between()
    return Reading(_sorted(results), tuple(nats), symbols, tuple(sorted(unfit)))


def merge(readings: Sequence[Reading]) -> Reading:
    """The readings of several processes, each of which was given every so manieth batch, as one.

    The batches stand in the order in which one process would have read them, so that the sum of their losses is the
    same to the last bit.
    """
    turns = zip_longest(*(reading.nats for reading in readings))
    return Reading(
        _sorted(result for reading in readings for result in reading.results),
        tuple(nats for turn in turns for nats in turn if nats is not None),
        sum(reading.num_symbols for reading in readings),
        tuple(sorted(line_id for reading in readings for line_id in reading.unfit)),
    )


def _sorted(results: Iterable[LineResult]) -> tuple[LineResult, ...]:
    return tuple(sorted(results, key=lambda result: result.id))


def _results(
    ids: tuple[str, ...],
    transcriptions: tuple[str, ...],
    predictions: list[str],
    pages: dict[str, str],
    rules: TextSpec | UnicodeForm,
) -> Iterator[LineResult]:
    for line_id, transcription, prediction in zip(ids, transcriptions, predictions, strict=True):
        yield LineResult(line_id, pages[line_id], transcription, normalize(prediction, rules))
