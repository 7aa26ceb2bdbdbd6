"""``thulium init`` with several exports: each becomes a source of the data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from thulium.cli.screen import echo
from thulium.cli.start import begin, starting, tell
from thulium.cli.start.begin import Data, Order
from thulium.cli.start.choice import IDENTITY, SPLITS, Choice
from thulium.cli.start.making import Making, making
from thulium_dsl.messages.problems import ThuliumError

BY, SEED = "dataset.split.by", "dataset.split.seed"
FEW_PAGES = "dataset.split: "  # begins what is said of one source with few pages, whose seed may be chosen


def begin_several(
    sources: Sequence[Path],
    folder: Path,
    kind: str | None,
    copies: bool | None,
    make: Callable[[Making, str, str], None],
    start: str = "",
) -> None:
    """Make a project of several exports, each a source of a name of its own.

    Args:
        make: makes a project of a kind of data there; its third argument names the folders of the data.
        others: as of ``begin.begin``.
    """
    for source in sources:
        begin.check_places(source, folder, copies)
    _refuse_nested(sources)
    names = names_of(sources)
    with making(folder) as place:
        model = starting.bring(start, place.new()) if start else None
        found: list[tuple[Data, bool]] = []
        for source, name in zip(sources, names, strict=True):
            order = Order(source, copies, place)
            data = begin.ready(order, kind)
            _put_below(data.choice, name)
            found.append((data, data.is_ours or begin.is_copied(data.sight, order)))
            echo(tell.saw(data.shown, data.choice, source))
        make(place, "gt_txt", ", ".join(f"`data/{name}`" for name in names))
        for data, is_copy in found:
            begin.bring(data, place, is_copy)
        choice = _merged([(name, data.choice, is_copy) for name, (data, is_copy) in zip(names, found, strict=True)])
        seen = [data.choice.seen for data, _ in found]
        if model:
            begin.start_from(model, place, choice, seen)
        else:
            begin.start_from_nothing(choice, seen)
        what = "The data, and a document that fits them"
        committed = begin.keep(choice, place, what, is_copy=bool(choice.folders))
        echo(tell.chose(choice, folder))
    echo(tell.next_steps(folder, committed))


def names_of(sources: Sequence[Path]) -> list[str]:
    """A name for each, after its folder or archive; of two with one name, the second is numbered."""
    names: list[str] = []
    for name in map(begin.name_of, sources):
        numbers = (f"{name}{'' if number == 1 else f'-{number}'}" for number in range(1, len(sources) + 1))
        names.append(next(each for each in numbers if each not in names))
    return names


def _refuse_nested(sources: Sequence[Path]) -> None:
    """Refuse a folder that lies in another: its lines would count twice."""
    places = [source.resolve() for source in sources]
    for number, place in enumerate(places):
        for other, outer in zip(sources, places, strict=True):
            if place != outer and place.is_relative_to(outer):
                raise ThuliumError(f"{sources[number]}: lies in {other}, whose lines it has: name one of them")
        if place in places[:number]:
            raise ThuliumError(f"{sources[number]}: is named twice")


def _put_below(choice: Choice, name: str) -> None:
    """Give the data of a source a folder of its own."""
    choice.folders = {
        source: f"data/{name}/{Path(place).name}" if choice.kind == "custom" else f"data/{name}"
        for source, place in choice.folders.items()
    }


def _merged(parts: Sequence[tuple[str, Choice, bool]]) -> Choice:
    """One document for all of them; its folders are those that came into the project."""
    whole = Choice("sources", {})
    rows = []
    for name, choice, is_copy in parts:
        if is_copy:
            whole.folders |= choice.folders
        rows.append(_row(name, choice))
        reasons = [_of_source(reason) for reason in choice.reasons if not reason.startswith(SEED)]
        whole.reasons += [f"source {name}: {reason}" for reason in reasons]
        whole.remarks += [
            f"source {name}: {_of_source(remark)}" for remark in choice.remarks if not remark.startswith(FEW_PAGES)
        ]
    if any(SEED in choice.values for _, choice, _ in parts):
        whole.remarks.append(
            "dataset.split.seed: some source has few pages: `thulium prepare --dry` says if a part has none of it, and "
            "names a seed by which each part has some; its train_list, val_list and test_list name them for good"
        )
    whole.values["dataset"] = {"type": "sources", "sources": rows}
    if any(IDENTITY in choice.values for _, choice, _ in parts):
        whole.values["dataset"]["split"] = {"identity": "path"}
        whole.remarks.append(f"{IDENTITY} path: it is one key for all sources")
    return whole


def _of_source(text: str) -> str:
    """A sentence about keys of a dataset, about those of one source."""
    if text.startswith(IDENTITY):  # no source has one of its own
        return text
    return text.replace(BY, "split_by").replace("dataset.", "")


def _row(name: str, choice: Choice) -> dict[str, Any]:
    """A source as the document has it."""
    row: dict[str, Any] = {"name": name, "type": choice.kind}
    if choice.kind == "custom":
        row |= {f"{split}_dir": f"data/{name}/{split}" for split in SPLITS}
    else:
        row["root"] = f"data/{name}"
    own = {key: value for key, value in choice.values.items() if key not in (BY, SEED, IDENTITY)}
    row |= {key.removeprefix("dataset."): value for key, value in own.items()}
    return row | ({"split_by": choice.values[BY]} if BY in choice.values else {})
