"""From what was seen to a document: what is chosen, and why; and what is left at its default, with a remark."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thulium.cli.start import counting, refusal
from thulium.cli.start.columns import COLUMNS, MORE_COLUMNS, meant
from thulium.cli.start.sight import WORDS, Sight
from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium.ingest.overview import Overview

PLACES = {"page": "data/pages", "alto": "data/pages", "gt_txt": "data/lines", "parquet": "data/lines"}
SPLITS = ("train", "val", "test")
IDENTITY = "dataset.split.identity"


@dataclass
class Choice:
    """A document for some data.

    Attributes:
        folders: what has to come into the project: folder -> its place there.
        values: dotted key -> value, where that is not what a new project of this kind has.
        reasons, remarks: one line each: what was chosen and why; what was left, and what to know of it.
        seen: None where the packages that read data are not installed.
    """

    kind: str
    folders: dict[Path, str]
    values: dict[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seen: Overview | None = None


def kind_of(sight: Sight, wanted: str | None, named: Path) -> tuple[str, str]:
    """The kind of data that is read, and why.

    Args:
        wanted: what the user has asked for.
        named: what the user has named.

    Raises:
        ThuliumError: there is nothing that can be learned from.
    """
    there = {kind: len(sight.found[kind]) for kind in WORDS if kind in sight.found}
    if not there:
        raise ThuliumError(refusal.of(sight, named))
    if wanted:
        if wanted not in there:
            has = ", ".join(f"--dataset {kind}" for kind in there)
            raise ThuliumError(f"{named}: holds nothing of --dataset {wanted}; what is there is of {has}")
        return wanted, "as --dataset says"
    best = max(there, key=lambda kind: there[kind] if kind in ("page", "alto") else 0)
    if len(there) == 1:
        return best, f"{WORDS[best]} is what is there"
    others = [kind for kind in there if kind != best]
    options = " or ".join(f"--dataset {kind}" for kind in others)
    if set(there) == {"page", "alto"} and there["page"] == there["alto"]:
        why = "PAGE and ALTO are there side by side, and PAGE tells corrected and recognised text apart"
    elif best in ("page", "alto") and "page" in there and "alto" in there:
        why = f"more files are {WORDS[best]}"
    else:
        why = f"{' and '.join(WORDS[kind] for kind in there)} are there side by side, and one is read"
    return best, f"{why}; {options} takes the other"


def choose(sight: Sight, kind: str, why: str) -> Choice:
    """A document for the data.

    Raises:
        ThuliumError: they cannot be divided, or nothing of them can be learned from.
    """
    reasons = [f"dataset.type {kind}: {why}"]
    if kind == "custom":
        choice = Choice(kind, _custom_folders(sight), reasons=reasons)
        choice.reasons.append("dataset.train_dir, val_dir and test_dir: the three folders with labels.txt")
    else:
        choice = Choice(kind, {sight.root: PLACES[kind]}, reasons=reasons)
        _leave_out(choice, sight)
        if kind == "parquet":
            _name_columns(choice, sight)
    _divide(choice, sight)
    return choice


def custom_splits(sight: Sight) -> dict[str, list[Path]]:
    """The folders with labels.txt, by the split that their place says they are in; "" where it says none."""
    from thulium.data import places

    found: dict[str, list[Path]] = {}
    for file in sight.found["custom"]:
        key = places.key_of(file.relative_to(sight.root))
        found.setdefault((places.split_of(key) if "/" in key else None) or "", []).append(file.parent)
    return found


def _custom_folders(sight: Sight) -> dict[Path, str]:
    found = custom_splits(sight)
    if set(found) == set(SPLITS) and all(len(folders) == 1 for folders in found.values()):
        return {found[split][0]: f"data/{split}" for split in SPLITS}
    folders = [str(folder) for each in found.values() for folder in each]
    shown = ", ".join(folders[:4]) + (f" and {len(folders) - 4} more" if len(folders) > 4 else "")
    missing = [split for split in SPLITS if split not in found]
    what = f"none of them is {' or '.join(missing)}" if missing else "they should be three"
    raise ThuliumError(
        f"{sight.root}: has labels.txt in {shown}, but {what}\n"
        "  help: name three folders train, val and test, each with images/ and labels.txt; keep whole pages together"
    )


def _leave_out(choice: Choice, sight: Sight) -> None:
    if choice.kind in ("page", "alto") and sight.other_xml:
        names = [path.relative_to(sight.root).as_posix() for path in sight.other_xml]
        choice.values["dataset.exclude"] = names
        choice.reasons.append(
            f"dataset.exclude: {_counted(len(names), 'XML file')} neither PAGE nor ALTO, as {names[0]}"
        )
    if sight.archives:
        shown = ", ".join(path.name for path in sight.archives[:3])
        choice.remarks.append(f"archives in it are not read: {shown}: unpack them if they hold pages")


def _name_columns(choice: Choice, sight: Sight) -> None:
    """The columns of tables, where one can be meant only."""
    found = counting.columns(sight.found["parquet"])
    if found is None:
        choice.remarks.append("dataset.image_column and text_column: compare them with the columns of the tables")
        return
    for key, (own, *_) in COLUMNS.items():
        if own in found:
            continue
        name = meant(key, found)
        if not name:
            shown = ", ".join(map(repr, found)) or "none"
            raise ThuliumError(
                f"{sight.found['parquet'][0]}: which column is dataset.{key}? There are {shown}\n"
                f"  help: call it {own!r}, or start with `thulium init NAME --dataset parquet` and name it there"
            )
        choice.values[f"dataset.{key}"] = name
        choice.reasons.append(f"dataset.{key} {name}: the only column that is called so")
    for key, names in MORE_COLUMNS.items():
        if name := next((name for name in names if name in found), ""):
            choice.values[f"dataset.{key}"] = name
            choice.reasons.append(f"dataset.{key} {name}: a column is called so")


def _divide(choice: Choice, sight: Sight) -> None:
    """See what is in the data, and find a way to divide it that leaves no part empty."""
    choice.seen = seen = _counted_anew(choice, sight)
    if seen is None:
        choice.remarks.append(
            "the lines were not counted, nor whether they can be divided: pip install 'thulium[training]', then "
            "thulium prepare --dry"
        )
        return
    if not seen.num_lines:
        raise ThuliumError(_no_lines(sight, seen))
    if choice.kind == "custom":
        return
    given = {split for split in SPLITS if seen.given[split]}
    if len(given) < 2 or seen.given[""]:
        choice.seen = seen = _tell_apart(choice, sight, seen)
    if given == set(SPLITS) and not seen.given[""]:
        choice.values["dataset.split.by"] = "given"
        choice.reasons.append("dataset.split.by given: the folders are called train, val and test")
    elif len(given) == 2 and not seen.given[""]:
        missing = next(split for split in SPLITS if split not in given)
        raise ThuliumError(
            f"{sight.root}: has {' and '.join(split for split in SPLITS if split in given)}, but no {missing}\n"
            f"  help: move some pages of train into a folder {missing} beside it, and run this again"
        )
    elif not seen.is_divided():
        _divide_few(choice, sight, seen)
    else:
        drawn = "and no page of a line is known, so lines are drawn" if seen.is_of_lines() else "so pages are drawn"
        choice.reasons.append(f"dataset.split by page: there are no folders train, val and test, {drawn}")
    if choice.values.keys() & {"dataset.split.by", "dataset.split.seed"}:
        choice.seen = _counted_anew(choice, sight)


def _tell_apart(choice: Choice, sight: Sight, seen: Overview) -> Overview:
    """Let pages of one name be different ones where they are; what is in them then.

    Where some of them are the same, names keep these together, and none is called different.
    """
    if not seen.different:
        return seen
    name, (first, second, *_) = next(iter((seen.same or seen.different).items()))
    shown = f"such as {first} and {second}"
    if seen.same:
        choice.remarks.append(
            f"{IDENTITY} name: pages called {name!r} may be the same, {shown}, so all pages of one name are in one "
            "split; if they are different, set it to path"
        )
        return seen
    choice.values[IDENTITY] = "path"
    pages, called = sum(map(len, seen.different.values())), _counted(len(seen.different), "name")
    choice.reasons.append(f"{IDENTITY} path: {pages:,} different pages in several folders have {called}, {shown}")
    again = _counted_anew(choice, sight)
    assert again is not None
    return again


def _counted_anew(choice: Choice, sight: Sight) -> Overview | None:
    """What is in the data as they are read now; None where nobody can look."""
    return counting.count(choice.kind, choice.values, _roots(choice), len(sight.found[choice.kind]))


def _divide_few(choice: Choice, sight: Sight, seen: Overview) -> None:
    """Divide so few pages that one of the parts got none."""
    pages = _counted(seen.num_keys, "line" if seen.is_of_lines() else "page")
    if seen.seed is not None:
        choice.values["dataset.split.seed"] = seen.seed
        choice.reasons.append(f"dataset.split.seed {seen.seed}: of {pages}, the default seed leaves one part empty")
        choice.remarks.append(
            "dataset.split: so few pages are divided by chance; dataset.train_list, val_list and test_list name them"
        )
        return
    values = {**choice.values, "dataset.split.by": "line"}
    by_line = counting.count(choice.kind, values, _roots(choice), len(sight.found[choice.kind]))
    assert by_line is not None
    if not by_line.is_divided():
        if by_line.seed is None:
            on = "" if seen.is_of_lines() else f", on {pages},"
            what = f"{_counted(seen.num_lines, 'line')} with a text{on}"
            raise ThuliumError(
                f"{sight.root}: {what} are too few to learn from, to choose the best epoch and to judge\n"
                "  help: add pages, ten at least; each of the three parts needs one"
            )
        values["dataset.split.seed"] = by_line.seed
    choice.values = values
    choice.reasons.append(f"dataset.split.by line: {pages} cannot be divided into three parts")
    choice.remarks.append(
        "dataset.split.by line: lines of one page are alike, so the test will look better than the model is; with more "
        "pages, set it to page"
    )


def _roots(choice: Choice) -> dict[str, Path]:
    """Key of the dataset -> where the data lie now."""
    if choice.kind == "custom":
        return {f"{Path(place).name}_dir": folder for folder, place in choice.folders.items()}
    return {"root": next(iter(choice.folders))}


def _no_lines(sight: Sight, seen: Overview) -> str:
    if seen.errors:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(seen.errors.items()))
        return f"{sight.root}: no line can be used ({reasons}), such as {seen.example}"
    return (
        f"{sight.root}: {_counted(seen.not_transcribed, 'line')}, and nobody has transcribed one of them\n"
        "  help: transcribe some pages and export them again; to have them read by a model that there is, run: "
        "thulium predict MODEL FOLDER"
    )


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
