"""lm: from the prepared training lines, or a text of one's own, to a language model as a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from thulium.data.bidi import to_visual
from thulium.data.charset import Charset
from thulium.data.prepared import open_prepared
from thulium.data.text import normalize
from thulium.data.textfile import read_rows
from thulium.decoding.lm import arpa
from thulium.decoding.lm.more_text import OWN, texts_of
from thulium.decoding.searches import model_of, say_whether_worse


@dataclass(frozen=True, slots=True)
class Written:
    """A language model that was written.

    Attributes:
        num_grams: n-grams of all lengths.
        num_own: training lines that it was made of.
        num_more: rows of a text that it was made of.
        perplexity: on the validation lines, a character.
    """

    num_grams: int
    num_own: int
    num_more: int
    perplexity: float


def language_model(
    *,
    prepared: Path,
    order: int,
    text: Path | None,
    output: Path,
    more_text: str = "none",
    lines: int | None = None,
    seed: int = 0,
) -> Written:
    """Write a character model in ARPA format, in the order in which a model of these data writes.

    Args:
        prepared: the folder that prepare wrote.
        order: of the longest n-grams.
        text: a file whose rows are taken instead of the training lines; normalised as they were.
        more_text: what is learned from beside the training lines: none, a text of the zoo, or a file.
        lines, seed: how many of the training lines a training learns from, and which; None: all of them.
    """
    data = replace(open_prepared(prepared), lines=lines, seed=seed)
    if text is None:
        texts = texts_of(data, more_text)
    else:
        texts = [row for row in (normalize(row, data.text) for _, row in read_rows(text)) if row]
    num_own = 0 if text else len(data.split("train").texts)
    num_more = len(texts) - num_own * (1 if more_text == "none" else OWN)
    charset = Charset(data.symbols, order=data.order)
    model = model_of(texts, order, charset)
    arpa.write(model, output)
    if text is None:
        say_whether_worse(model, charset, data, more_text)
    val = (to_visual(line, data.order) for line in data.split("val").texts)
    return Written(len(model.log_probs), num_own, num_more, model.perplexity(val))
