"""How much a language model should count: a small grid, tried on lines that the model did not learn from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from thulium.data.loader import LineLoader
from thulium.decoding.ctc.candidates import Steps
from thulium.decoding.lm.ngrams import NgramModel
from thulium.decoding.lm.scorer import NgramScorer
from thulium.decoding.searches import BeamSearch, say, steps
from thulium.evaluation.metrics import EditCount, LineResult
from thulium.models.recogniser import Recogniser
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import BeamSpec, DecodingSpec

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


def tune(recogniser: Recogniser, loader: LineLoader, spec: DecodingSpec, language: NgramModel | None) -> Tuned:
    """Try a grid of alpha and beta.

    Args:
        recogniser: how it searches does not matter.
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
    model, batches, baseline = recogniser.model, [], EditCount()
    for batch in loader:
        output = recogniser.output(batch)
        baseline += _edits(batch.texts, [recogniser.text_of(line) for line in model.read(output)])
        batches.append(_Read(steps(output.logits, output.frames, model.charset.blank_index), batch.texts))
    trials = tuple(_trials(recogniser, batches, spec, language))
    return Tuned(trials, baseline.rate, sum(len(batch.transcriptions) for batch in batches))


def _trials(recogniser: Recogniser, batches: list[_Read], spec: BeamSpec, language: NgramModel) -> Iterator[Trial]:
    scorer = NgramScorer(language, recogniser.model.charset, spec.alpha, spec.beta)
    for alpha, beta in itertools.product(ALPHAS, BETAS):
        if not alpha and beta:
            continue  # without a language model nothing asks for longer texts
        search = BeamSearch(spec.beam_size, scorer.counting(alpha, beta))
        edits = (
            _edits(batch.transcriptions, [recogniser.text_of(line) for line in search.read(batch.steps)])
            for batch in batches
        )
        yield Trial(alpha, beta, sum(edits, EditCount()).rate)


def _edits(transcriptions: tuple[str, ...], predictions: list[str]) -> EditCount:
    results = (
        LineResult("", "", transcription, prediction)
        for transcription, prediction in zip(transcriptions, predictions, strict=True)
    )
    return sum((result.characters for result in results), EditCount())
