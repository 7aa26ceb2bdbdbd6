"""Reading all lines of a loader and comparing what was read with what is written there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from thulium.data.loader import LineLoader
from thulium.data.text import normalize
from thulium.device import Device
from thulium.evaluation.decode import Decode, greedy
from thulium.evaluation.metrics import LineResult
from thulium.models.wrappers import HTRModel
from thulium_dsl.spec import TextSpec, UnicodeForm


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model read of a split.

    Attributes:
        results: one a line, sorted by line id.
        loss: nats a symbol over all lines.
    """

    results: tuple[LineResult, ...]
    loss: float


@torch.inference_mode()
def recognise(
    model: HTRModel,
    loader: LineLoader,
    device: Device,
    rules: TextSpec | UnicodeForm | None = None,
    decode: Decode = greedy,
) -> Reading:
    """Read every line of a loader. The model must be in evaluation mode and on the device.

    Predictions are normalised by the rules, or the model's own, before they are compared.
    """
    pages = dict(zip(loader.lines.ids, getattr(loader.lines, "pages", loader.lines.ids), strict=True))
    results: list[LineResult] = []
    losses, symbols = 0.0, 0
    for batch in loader:
        moved = batch.to(device.torch)
        with device.autocast():
            output = model(moved.images, moved.widths)
        num_symbols = sum(len(model.charset.encode(text)) for text in batch.texts)
        losses += float(model.loss(moved, output)) * num_symbols
        symbols += num_symbols
        texts = decode(output.logits, output.frames, model.charset)
        results += _results(batch.ids, batch.texts, texts, pages, rules or model.text)
    return Reading(tuple(sorted(results, key=lambda result: result.id)), losses / symbols if symbols else math.nan)


def _results(
    ids: tuple[str, ...],
    transcriptions: tuple[str, ...],
    predictions: list[str],
    pages: dict[str, str],
    rules: TextSpec | UnicodeForm,
) -> Iterator[LineResult]:
    for line_id, transcription, prediction in zip(ids, transcriptions, predictions, strict=True):
        yield LineResult(line_id, pages[line_id], transcription, normalize(prediction, rules))
