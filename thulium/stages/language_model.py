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
from thulium.decoding.searches import model_of


@dataclass(frozen=True, slots=True)
class Written:
    """A language model that was written.

    Attributes:
        num_grams: n-grams of all lengths.
        num_lines: lines that it was made of.
        perplexity: on the validation lines, a character.
    """

    num_grams: int
    num_lines: int
    perplexity: float


def language_model(
    *, prepared: Path, order: int, text: Path | None, output: Path, lines: int | None = None, seed: int = 0
) -> Written:
    """Write a character model in ARPA format, in the order in which a model of these data writes.

    Args:
        prepared: the folder that prepare wrote.
        order: of the longest n-grams.
        text: a file whose rows are taken instead of the training lines; normalised as they were.
        lines, seed: how many of the training lines a training learns from, and which; None: all of them.
    """
    data = replace(open_prepared(prepared), lines=lines, seed=seed)
    if text is None:
        texts = list(data.split("train").texts)
    else:
        texts = [row for _, row in read_rows(text)]
        texts = [row for row in (normalize(row, data.text) for row in texts) if row]
    model = model_of(texts, order, Charset(data.symbols, order=data.order))
    arpa.write(model, output)
    val = (to_visual(line, data.order) for line in data.split("val").texts)
    return Written(len(model.log_probs), len(texts), model.perplexity(val))
