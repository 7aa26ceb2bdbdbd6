"""``thulium init --start``: a document that fits the model that its training starts from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thulium.cli import engine
from thulium.cli.model_file import model_file
from thulium.cli.start.recipes import NOTHING, RATES, Recipe, percent, reading, reasons_of_reading, recipe_for
from thulium_dsl.grammar import names
from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium.ingest.overview import Overview
    from thulium.models.header import Header

PARTS = ("backbone", "head", "decoder")  # of the network, which init_from wants to be those of the model


@dataclass(frozen=True, slots=True)
class Start:
    """A model that is ready to come into a project.

    Attributes:
        init_from: what the document calls it.
        place: the file, from the project's folder.
        folder: where it lies meanwhile, with what belongs to it.
    """

    init_from: str
    place: str
    folder: Path
    header: Header


def bring(given: str, folder: Path) -> Start:
    """Put a model into a folder, at the place that it will have in a project.

    Raises:
        ThuliumError: it cannot be had, or is none.
    """
    if names.is_name(given) and not Path(given).exists():
        if fault := names.fault(given):
            raise ThuliumError(f"{fault[0]}\n  help: {fault[1]}")
        name = names.parse(given)
        fetch = engine.load("init --start", "thulium.exchange.fetch")
        place = fetch.fetch_model(name, folder).place
        return Start(str(name), place, folder, _header(folder / place))
    with model_file(given) as path:
        header = _header(path)
        place = f"{names.FOLDER}/{path.name}"
        (folder / place).parent.mkdir(exist_ok=True)
        shutil.copyfile(path, folder / place)
    return Start(place, place, folder, header)


def _header(path: Path) -> Header:
    """What a model says of itself: one that can read, so that its alphabet and its figures are known."""
    module = engine.load("init --start", "thulium.models.header")
    header: Header = module.read_header(path)
    module.refuse_unread(path, header)
    return header


@dataclass(frozen=True, slots=True)
class Lines:
    """What is known of the lines that are to be learned from.

    Attributes:
        number: None where nobody has counted them.
        script: that most of them are in; empty where nobody has looked.
    """

    number: int | None = None
    script: str = ""


def lines_of(seen: Sequence[Overview | None]) -> Lines:
    """What is known of the lines of some exports; of several scripts, none is that of most lines."""
    known = [each for each in seen if each is not None]
    if not known or len(known) < len(seen):
        return Lines()
    scripts = {each.scripts[0] for each in known if each.scripts}
    return Lines(sum(each.lines["train"] for each in known), scripts.pop() if len(scripts) == 1 else "")


def values(start: Start, lines: Lines) -> dict[str, Any]:
    """What the document says, for such training lines: dotted key -> value."""
    model, preprocessing = asdict(start.header.spec), asdict(start.header.preprocessing)
    return {
        **{f"model.{part}": model[part] for part in PARTS},
        **{f"preprocessing.{name}": preprocessing[name] for name in ("height", "min_width", "max_width", "normalize")},
        "training.init_from": start.init_from,
        **recipe_for(lines.number).values,
        **reading(lines.script),
    }


def reasons(start: Start, lines: Lines) -> Iterator[str]:
    """What was chosen and why."""
    spec = start.header.spec
    network = f"{spec.backbone.config_name}, {spec.head.type}, {spec.decoder.type}"
    height = f"{start.header.preprocessing.height} pixels high"
    yield f"model, preprocessing: as {start.init_from} has them ({network}; {height})"
    yield f"training: {_recipe(recipe_for(lines.number), lines.number)}"
    yield from reasons_of_reading(lines.script)


def _recipe(recipe: Recipe, lines: int | None) -> str:
    there = "since nobody has counted the lines" if lines is None else f"and there are {lines:,}"
    return (
        f"the recipe for {recipe.lines:,} lines, {there}: {recipe.epochs} epochs, lr {recipe.lr:g}, "
        f"batches of {recipe.batch_size}"
    )


def remarks(start: Start, lines: Lines) -> Iterator[str]:
    """What to expect of such training lines."""
    is_other = bool(lines.script) and not _shares_script(start, lines.script)
    if not is_other:
        yield expected(recipe_for(lines.number), start.init_from, has_text=bool(reading(lines.script)))
    yield (
        f"training: its log says how well {start.init_from} reads your validation lines before it has learned from "
        "yours, and warns where that start is of no use"
    )
    if is_other:
        yield f"{start.init_from} reads another script than {lines.script}: starting from it will hardly help"


def expected(recipe: Recipe, init_from: str, *, has_text: bool) -> str:
    """What was measured with about so many lines, from this model or, where it is none of the zoo, from one that is.

    Args:
        has_text: whether it is read with a language model of the lines and of the zoo's text, or greedily.
    """
    rates = RATES[recipe.lines]
    model = init_from if init_from in rates else "zoo:latin-small"
    own, nothing = (percent(rates[name].with_text if has_text else rates[name].greedy) for name in (model, NOTHING))
    return (
        f"what to expect: with {recipe.lines:,} lines of a hand new to it, {model} came to a CER of {own}, a training "
        f"from nothing to {nothing}; yours may differ"
    )


def _shares_script(start: Start, script: str) -> bool:
    """Whether the model can write letters of a script."""
    import unicodedata

    known = {unicodedata.name(symbol, "").partition(" ")[0].capitalize() for symbol in start.header.charset.symbols}
    return script in known
