"""How much a language model should count: a small grid, tried on lines that the model did not learn from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from thulium.data.loader import LineLoader
from thulium.data.text import normalize
from thulium.decoding.ctc.candidates import Steps
from thulium.decoding.ctc.greedy import greedy
from thulium.decoding.decoders import say, steps, with_model
from thulium.decoding.lm.ngrams import NgramModel
from thulium.evaluation.metrics import EditCount, LineResult
from thulium.models.wrappers import HTRModel
from thulium.runtime.device import Device
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import BeamSpec, DecodingSpec, TextSpec

ALPHAS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)
BETAS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a pair of settings gives on the lines that it was tried on."""

    alpha: float
    beta: float
    cer: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of a search.

    Attributes:
        trials: all of them, alpha by alpha.
        greedy: the CER without any search.
        num_lines: how many lines they were tried on.
    """

    trials: tuple[Trial, ...]
    greedy: float
    num_lines: int

    @property
    def best(self) -> Trial:
        """The lowest CER; among equals the model that counts least, then the smallest beta."""
        return min(self.trials, key=lambda trial: (trial.cer, trial.alpha, abs(trial.beta)))


@dataclass(frozen=True, slots=True)
class _Read:
    """What the model saw in a batch, kept for many searches."""

    steps: Steps
    transcriptions: tuple[str, ...]


@torch.inference_mode()
def tune(
    model: HTRModel,
    loader: LineLoader,
    device: Device,
    rules: TextSpec,
    spec: DecodingSpec,
    language: NgramModel | None,
) -> Tuned:
    """Try a grid of alpha and beta. The model must be in evaluation mode and on the device.

    Args:
        loader: lines that neither the model nor the language model learned from; never the test lines.
        spec: all but its alpha and beta are used.

    Raises:
        DataError: there is no language model.
    """
    if language is None or not isinstance(spec, BeamSpec):
        raise DataError(
            f"evaluation.decoding: is {say(spec)}, without a language model, so there is nothing to tune: write "
            "{type: beam, language_model: train}"
        )
    batches, baseline = [], EditCount()
    for batch in loader:
        moved = batch.to(device.torch)
        with device.autocast():
            output = model(moved.images, moved.widths)
        baseline += _edits(batch.texts, greedy(output.logits, output.frames, model.charset), rules)
        batches.append(_Read(steps(output.logits, output.frames, model.charset), tuple(batch.texts)))
    trials = tuple(_trials(model, batches, rules, spec, language))
    return Tuned(trials, baseline.rate, sum(len(batch.transcriptions) for batch in batches))


def _trials(
    model: HTRModel, batches: list[_Read], rules: TextSpec, spec: BeamSpec, language: NgramModel
) -> Iterator[Trial]:
    for alpha, beta in itertools.product(ALPHAS, BETAS):
        if not alpha and beta:
            continue  # without a language model nothing asks for longer texts
        decoder = with_model(replace(spec, alpha=alpha, beta=beta), model.charset, language)
        edits = (_edits(batch.transcriptions, decoder.read(batch.steps, model.charset), rules) for batch in batches)
        yield Trial(alpha, beta, sum(edits, EditCount()).rate)


def _edits(transcriptions: tuple[str, ...], predictions: list[str], rules: TextSpec) -> EditCount:
    results = (
        LineResult("", "", transcription, normalize(prediction, rules))
        for transcription, prediction in zip(transcriptions, predictions, strict=True)
    )
    return sum((result.characters for result in results), EditCount())
