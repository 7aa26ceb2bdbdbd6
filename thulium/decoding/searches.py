"""From the document's ``evaluation.decoding`` to what decodes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from thulium.data.bidi import to_visual
from thulium.data.charset import Charset
from thulium.data.line import SplitName
from thulium.data.prepared import Prepared
from thulium.decoding.ctc.align import aligned
from thulium.decoding.ctc.beam import search, search_several
from thulium.decoding.ctc.candidates import Steps, steps_of
from thulium.decoding.hypothesis import Hypothesis, Search
from thulium.decoding.lm import arpa, more_text, ngrams
from thulium.decoding.lm.more_text import file_of, texts_of
from thulium.decoding.lm.ngrams import NgramModel
from thulium.decoding.lm.scorer import NgramScorer
from thulium.runtime import progress
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import BeamSpec, DecodingSpec

KEY = "evaluation.decoding.language_model"
HARDER = 1.15  # times the perplexity: with 1.07 times, lines were still read a little better (docs/experiments.md)


@dataclass(frozen=True, slots=True)
class BeamSearch:
    """Prefix beam search; see ``beam``. The score of a reading is that of its beam; in detail, see ``aligned``.

    Attributes:
        width: prefixes that are kept.
        scorer: of the language model, for the model's charset; None: there is none.
    """

    width: int
    scorer: NgramScorer | None

    def __call__(self, logits: Tensor, frames: Tensor, blank: int, /, *, in_detail: bool = False) -> list[Hypothesis]:
        """See Search."""
        found = self.read(steps(logits, frames, blank))
        return aligned(logits, frames, blank, found, self.scorer) if in_detail else found

    def several(self, logits: Tensor, frames: Tensor, blank: int, number: int) -> list[list[Hypothesis]]:
        """See Search."""
        lines = search_several(steps(logits, frames, blank), max(self.width, number), number, self.scorer)
        found = []
        for own, in_use, line in zip(logits, frames, lines, strict=True):
            readings = [Hypothesis(tuple(one.classes), one.score) for one in line]
            shared = own.expand(len(line), -1, -1), in_use.expand(len(line))
            found.append(aligned(*shared, blank, readings, self.scorer))
        return found

    def read(self, lines: Steps) -> list[Hypothesis]:
        """The readings of lines whose frames were looked through before."""
        return [Hypothesis(tuple(found.classes), found.score) for found in search(lines, self.width, self.scorer)]


def steps(logits: Tensor, frames: Tensor, blank: int) -> Steps:
    """What a search looks at of logits (B, T, K) with frames (B,) in use."""
    return steps_of(logits.float().softmax(dim=2).cpu().numpy(), frames.cpu().numpy(), blank)


def build(spec: DecodingSpec, charset: Charset, data: Prepared) -> Search | None:
    """The search that a document asks for; None for the decoder's own way of reading.

    Raises:
        DataError: the language model cannot be used.
    """
    return DECODINGS[spec.type](spec, charset, data)


def _beam(spec: BeamSpec, charset: Charset, data: Prepared) -> BeamSearch:
    return with_model(spec, charset, language_model(spec, charset, data))


def with_model(spec: BeamSpec, charset: Charset, model: NgramModel | None) -> BeamSearch:
    """Beam search with a language model that is there already."""
    return BeamSearch(spec.beam_size, NgramScorer(model, charset, spec.alpha, spec.beta) if model else None)


DECODINGS: Mapping[str, Callable[[Any, Charset, Prepared], Search | None]] = {
    "greedy": lambda _spec, _charset, _data: None,
    "beam": _beam,
}


def language_model(spec: DecodingSpec, charset: Charset, data: Prepared) -> NgramModel | None:
    """The language model that the document asks for, in the order in which the charset's symbols are written.

    Raises:
        DataError: the file cannot be read, or is of other texts than the model writes.
    """
    if not isinstance(spec, BeamSpec) or not has_language_model(spec):
        return None
    if spec.language_model == "train":
        model = model_of(texts_of(data, spec.more_text), spec.order, charset)
        say_whether_worse(model, charset, data, spec.more_text)
        return model
    return model_in(Path(spec.language_model), charset, data.symbols, KEY)


def model_in(path: Path, charset: Charset, symbols: Collection[str], key: str) -> NgramModel:
    """The language model of a file.

    Args:
        symbols: of the lines; the model may know more, but has to know most of them.
        key: where the file was named, for messages.

    Raises:
        DataError: it cannot be read, or is of other texts than a model with this charset writes.
    """
    model = arpa.read(path)
    if model.reading not in (None, charset.order):
        raise DataError(
            f"{key}: {path} is of texts in {model.reading} order, but this model writes in {charset.order} order: "
            "write the file anew with `thulium lm`"
        )
    known = model.symbols.intersection(symbols)  # the model may write more: what another one brought it
    if 2 * len(known) < len(symbols):
        raise DataError(
            f"{key}: {path} knows {len(known)} of the {len(symbols)} characters of these lines: name "
            "one of texts in the same script and Unicode form"
        )
    return model


def of_file(spec: DecodingSpec, charset: Charset, key: str) -> Search | None:
    """The search that was asked for where there is nothing but a model; a language model comes from a file.

    Args:
        key: see ``model_in``.

    Raises:
        DataError: the language model cannot be used.
    """
    if not isinstance(spec, BeamSpec):
        return None
    name = spec.language_model
    return with_model(spec, charset, None if name == "none" else model_in(Path(name), charset, charset.symbols, key))


def model_of(texts: Iterable[str], order: int, charset: Charset) -> NgramModel:
    """A language model of texts in logical order, for a model that writes with this charset."""
    seen = (to_visual(text, charset.order) for text in texts)
    return ngrams.build(seen, order, charset.symbols, charset.order)


def say_what_is_known(spec: DecodingSpec, data: Prepared, split: SplitName) -> int:
    """Warn where lines that judge stand in the text that the language model learned from; how many do."""
    if not isinstance(spec, BeamSpec) or spec.language_model != "train" or spec.more_text == "none":
        return 0
    return more_text.say_what_is_known(more_text.rows_of(data, spec.more_text), data, split, spec.more_text)


def say_whether_worse(model: NgramModel, charset: Charset, data: Prepared, more: str) -> None:
    """Warn where validation lines are clearly harder to guess for a model with more text than for one without it."""
    if more == "none":
        return
    looked_at = [to_visual(text, charset.order) for text in more_text.spread(data.split("val").texts)]
    alone = model_of(texts_of(data, "none"), model.order, charset)
    without, beside = alone.perplexity(looked_at), model.perplexity(looked_at)
    if beside > HARDER * without:
        progress.say(
            f"warning: {more_text.KEY}: with {more}, the validation lines are harder to guess than without it "
            f"(perplexity {beside:.1f} and {without:.1f} a character), as with a text in another language\n"
            "  help: name a text in the language of your lines, or write 'more_text: none'"
        )


def has_language_model(spec: DecodingSpec) -> bool:
    """Whether a language model has a say, in the confidences too."""
    return isinstance(spec, BeamSpec) and spec.language_model != "none"


def say(spec: DecodingSpec) -> str:
    """How texts were decoded, in a few words."""
    if not isinstance(spec, BeamSpec):
        return spec.type
    beam = f"beam {spec.beam_size}"
    if spec.language_model == "none":
        return beam
    more = "" if spec.more_text == "none" else f" and {spec.more_text}"
    grams = f"{spec.order}-grams of the training lines{more}"
    model = grams if spec.language_model == "train" else spec.language_model
    return f"{beam}, {model}, alpha {spec.alpha:g}, beta {spec.beta:g}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def facts(spec: DecodingSpec) -> dict[str, object]:
    """What the report says of it: label -> value."""
    found: dict[str, object] = {"decoding": say(spec)}
    if isinstance(spec, BeamSpec) and spec.language_model not in ("none", "train"):
        found["language model (sha256)"] = _digest(Path(spec.language_model))
    elif isinstance(spec, BeamSpec) and spec.more_text != "none":
        found["more text (sha256)"] = _digest(file_of(spec.more_text))
    return found
