"""lm: from the prepared training lines, or a text of one's own, to a language model as a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from thulium.data.bidi import to_visual
from thulium.data.charset import Charset
from thulium.data.line import SplitName
from thulium.data.prepared import Prepared, open_prepared
from thulium.decoding.lm import arpa
from thulium.decoding.lm import more_text as more
from thulium.decoding.searches import model_of, say_whether_worse

JUDGING: tuple[SplitName, ...] = ("val", "test")


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
    texts = more.texts_of(data, more_text) if text is None else more.rows_of(data, str(text), "--text")
    num_own = 0 if text else len(data.split("train").texts)
    num_more = len(texts) - num_own * (1 if more_text == "none" else more.OWN)
    charset = Charset(data.symbols, order=data.order)
    model = model_of(texts, order, charset)
    arpa.write(model, output)
    if text is None:
        say_whether_worse(model, charset, data, more_text)
    _say_what_is_known(data, *((str(text), "--text") if text else (more_text, more.KEY)))
    val = (to_visual(line, data.order) for line in data.split("val").texts)
    return Written(len(model.log_probs), num_own, num_more, model.perplexity(val))


def _say_what_is_known(data: Prepared, named: str, key: str) -> None:
    if named != "none":
        rows = more.rows_of(data, named, key)
        for split in JUDGING:
            more.say_what_is_known(rows, data, split, named, key)
