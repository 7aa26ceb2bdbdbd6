"""Starting from the weights of another model: the same network, an alphabet of its own. K classes, C features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from string import punctuation
from typing import Any, Literal

import torch

from thulium.data.charset import Charset, alphabet
from thulium.models.file import load_model
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import CheckpointError
from thulium.runtime.progress import say

Extend = Literal["union", "replace"]

# What a document may switch on or off without being another network: it starts anew where the file has none.
OPTIONAL = ("span_mask",)
NAMED = 40  # characters in a message
STRANGE = 0.1  # of the characters in the training lines; where more are new, people should know


def started_from(
    path: Path, extend: Extend, own: Charset, make: Callable[[Charset], HTRModel], texts: Sequence[str] = ()
) -> HTRModel:
    """A model with the weights of a file; says which characters are new to it, and warns where they are many.

    Of one that was pretrained, and has no alphabet, it says that.

    Args:
        path: of the model file.
        extend: as in ``joined_charset``.
        own: the alphabet of the training lines.
        make: makes the model for an alphabet.
        texts: of the training lines.

    Raises:
        CheckpointError: the file cannot be read, or holds another network.
    """
    try:
        source, _ = load_model(path, must_read=False)
    except CheckpointError as error:
        raise CheckpointError(f"training.init_from: {error}") from None
    model = make(joined_charset(own, source.charset, extend))
    try:
        transfer(source, model)
    except CheckpointError as error:
        raise CheckpointError(f"training.init_from: {path} {error}") from None
    if source.charset.symbols:
        _say_start(path, source, model)
        _say_how_new(new_symbols(source, model), texts)
    else:
        say(f"starting from {path}, which was pretrained on lines without transcriptions and has no characters yet")
    _say_height(source, model)
    return model


def joined_charset(own: Charset, other: Charset, extend: Extend) -> Charset:
    """The alphabet of a model that starts from another one.

    Args:
        own: of the training lines.
        other: of the model that it starts from.
        extend: whether it keeps what only the other one has.
    """
    if extend == "replace":
        return own
    return Charset(alphabet({*own.symbols, *other.symbols}, own.order), own.blank_index, own.order)


def transfer(source: HTRModel, model: HTRModel) -> None:
    """Put the weights of a model into another one; characters that both can write keep theirs, and so does the blank.

    Raises:
        CheckpointError: they are different networks; says in what.
    """
    theirs, ours = source.state_dict(), model.state_dict()
    optional = _prefixes(*OPTIONAL, *(f"decoder.{name}" for name in model.decoder.optional))
    alphabet = _prefixes(*(f"decoder.{name}" for name in model.decoder.alphabet))
    names = [name for name in ours if not name.startswith(optional) or name in theirs]
    lacking = [name for name in names if name not in theirs]
    first = {name: int(name.startswith(alphabet)) for name in names}  # the classes, a first dimension, may differ
    odd = [
        name
        for name in names
        if name in theirs and theirs[name].shape[first[name] :] != ours[name].shape[first[name] :]
    ]
    left = [name for name in theirs if name not in ours and not name.startswith(optional)]
    if (what := _difference(source, model)) or lacking or odd or left:
        what = what or ", ".join((lacking + odd + left)[:3])
        do = (
            "or leave init_from out" if source.charset.symbols else "or pretrain again: `dvc repro`, `thulium pretrain`"
        )
        raise CheckpointError(f"holds another network: {what}\n  help: write what the file has, {do}")
    to, of = torch.tensor(_places(source.charset, model.charset)).T
    for name in names:
        if first[name]:
            ours[name][to] = theirs[name][of]
        else:
            ours[name].copy_(theirs[name])
    model.load_state_dict(ours)


def _say_start(path: Path, source: HTRModel, model: HTRModel) -> None:
    added, lost = new_symbols(source, model), new_symbols(model, source)
    known = len(model.charset.symbols) - len(added)
    say(f"starting from {path}: known characters: {known}{_listed('new', added)}{_listed('given up', lost)}")
    if source.charset.order != model.charset.order:
        say(
            f"warning: it was trained on lines in {source.charset.order} order, these are in {model.charset.order} "
            "order\n  help: see dataset.text.order"
        )


def _say_height(source: HTRModel, model: HTRModel) -> None:
    before, now = source.preprocessing.height, model.preprocessing.height
    if before != now:
        say(
            f"warning: it was trained on lines {before} pixels high, these are {now}\n"
            f"  help: set preprocessing.height to {before}, and prepare the lines again"
        )


def _say_how_new(symbols: tuple[str, ...], texts: Sequence[str]) -> None:
    counts = Counter(chain.from_iterable(texts))
    whole, new = counts.total(), sum(counts[symbol] for symbol in symbols)
    if new >= STRANGE * max(whole, 1):
        say(
            f"warning: {new / whole:.0%} of the characters in the training lines are new to it, and it helps little "
            "with these\n  help: where only the spelling differs, as with ſ and s, dataset.text.map brings it together"
        )


def _listed(what: str, symbols: tuple[str, ...]) -> str:
    shown = [
        symbol if symbol.isalnum() or symbol in punctuation else f"U+{ord(symbol):04X}" for symbol in symbols[:NAMED]
    ]
    more = f" and {len(symbols) - NAMED} more" if len(symbols) > NAMED else ""
    return f", {len(symbols)} {what} ({' '.join(shown)}{more})" if symbols else ""


def new_symbols(source: HTRModel, model: HTRModel) -> tuple[str, ...]:
    """Characters that a model can write and the one that it starts from could not."""
    return tuple(symbol for symbol in model.charset.symbols if symbol not in source.charset.symbols)


def _prefixes(*parts: str) -> tuple[str, ...]:
    return tuple(f"{part}." for part in parts)


def _places(source: Charset, target: Charset) -> list[tuple[int, int]]:
    """(class here, class there) of the blank and of each symbol that both have."""
    there = source.classes
    pairs = [(place, there[symbol]) for symbol, place in target.classes.items() if symbol in there]
    return [(target.blank_index, source.blank_index), *pairs]


def _difference(source: HTRModel, model: HTRModel) -> str:
    """The settings of the network in which two models differ, in words."""
    theirs, ours = _flat(asdict(source.spec)), _flat(asdict(model.spec))
    rows = [
        f"model.{name} is {ours.get(name, 'not set')} here and {theirs.get(name, 'not set')} in the file"
        for name in {**ours, **theirs}
        if name.startswith(("backbone.", "head.", "decoder.type"))
        and name != "head.dropout"
        and ours.get(name) != theirs.get(name)
    ]
    return "; ".join(rows)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat
