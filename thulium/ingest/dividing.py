"""Prepared lines for each fold: read once, written once, and linked into the folder of each.

The folder of a fold holds what prepare writes without folds. Its characters are those of its own training lines, so
that what only its test has is as new to its model as it will be on pages of others.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thulium.data.line import Fault, SplitName
from thulium.data.prepared import FOLD_TABLE, FOLDS, SPLITS, write_fold_manifest
from thulium.data.shards import ShardWriter, join_splits
from thulium.ingest import survey
from thulium.ingest.accounting import Accounts
from thulium.ingest.conversion import Converted, Readable, unknown_characters
from thulium.ingest.folds import Folds, Piece, divide
from thulium.ingest.found import Found
from thulium.ingest.intake import Intake, Watch
from thulium.ingest.splitting import Splitter
from thulium.ingest.survey import SplitSurvey, Survey
from thulium.ingest.verdict import check_faults, left_out, overlaps
from thulium.runtime.errors import DataError
from thulium.runtime.progress import track
from thulium.runtime.tables import write_table
from thulium_dsl.grammar.spec import DatasetSpec, PreprocessingSpec, ResourcesSpec, SplitSpec

PIECES = "pieces"  # a folder that is gone when all folds are there


@dataclass
class _Seen:
    """What was seen.

    Attributes:
        whole: all lines, by the fold that they are the test of.
        folds: the lines as each fold has them.
        lines: name of what stays together -> lines that are used.
        written: pieces of which there are lines, each with whether a model may learn from these.
    """

    whole: Survey
    folds: Sequence[Survey]
    lines: Counter[str] = field(default_factory=Counter)
    written: dict[tuple[Piece, bool], Path] = field(default_factory=dict)

    @property
    def all(self) -> Sequence[Survey]:
        return (self.whole, *self.folds)


def prepare_folds(
    dataset: DatasetSpec,
    preprocessing: PreprocessingSpec,
    resources: ResourcesSpec,
    folder: Path | None,
    reports: Path | None = None,
) -> dict[str, Any]:
    """Read and check all lines, divide them, and write them with their reports.

    Args:
        folder: gets all that; None: no lines are written.
        reports: gets the reports of the first fold; made if it is not there.

    Returns:
        What report.json would hold of all lines, whose splits are the folds; and ``folds``, how many lines each has.

    Raises:
        DataError: lines that cannot be used, or too few of what must stay together.
    """
    intake = Intake(dataset, preprocessing, resources.prepare_workers)
    folds = divide(_counted(dataset, preprocessing, resources), _split(dataset))
    _splitter(intake).folds = folds
    seen = _read(intake, folds, folder)
    _check(seen, intake)
    found = [Found.of(each, dataset, intake.given) for each in seen.folds]
    if reports:
        reports.mkdir(parents=True, exist_ok=True)
        found[0].write_reports(found[0].report(), reports)
    if folder:
        for number, each in enumerate(found, 1):
            own = folder / FOLDS / str(number)
            for split in SPLITS:
                join_splits(_parts(seen.written, number, split), own / split)
            each.write_reports(each.report(), own)
            each.write_manifest(dataset, preprocessing, own)
        shutil.rmtree(folder / PIECES)
        _write_table(folds, seen.lines, _split(dataset).by, folder / FOLD_TABLE)
        write_fold_manifest(folder, folds.number)
    return _report(seen, found)


def _split(dataset: DatasetSpec) -> SplitSpec:
    split = getattr(dataset, "split", None)
    assert isinstance(split, SplitSpec), "the language lets no other data have folds"
    return split


def _splitter(intake: Intake) -> Splitter:
    """That of the one source: the language lets several have no folds."""
    return intake.sources[0].splitter


def _counted(dataset: DatasetSpec, preprocessing: PreprocessingSpec, resources: ResourcesSpec) -> Mapping[str, int]:
    """How many lines each of what stays together has, by their texts alone.

    Raises:
        DataError: there are faults that the document does not let pass, or less of them than folds.
    """
    intake = Intake(dataset, preprocessing, resources.prepare_workers, opens_images=False)
    lines: Counter[str] = Counter()
    accounts, pages = Accounts(), set()
    for met in intake.lines(_watch("count")):
        if isinstance(met.item, Fault):
            accounts.leave_out(met.item)
        elif isinstance(met.item, Readable):
            lines[_splitter(intake).key_of(met.item.origin)] += 1
            pages.add(met.item.origin.page)
    check_faults(accounts, lines.total(), len(pages), dataset)
    try:
        divide(lines, _split(dataset))
    except DataError as error:
        raise DataError("\n".join([str(error), *left_out(accounts.faults)])) from None
    return lines


def _read(intake: Intake, folds: Folds, folder: Path | None) -> _Seen:
    numbers, pieces = range(1, folds.number + 1), folds.by_name()
    seen = _Seen(Survey({_name(number): SplitSurvey() for number in numbers}), [Survey() for _ in numbers])
    writers: dict[tuple[Piece, bool], ShardWriter] = {}
    for met in intake.lines(_watch("prepare")):
        piece = pieces.get(met.split or "")
        if isinstance(met.item, Fault):
            _leave_out(met.item, piece, met.file, seen)
        elif isinstance(met.item, Converted) and piece:
            may_teach = _add(met.item, piece, met.file, seen, intake)
            key = piece, may_teach
            if folder and key not in writers:
                seen.written[key] = folder / PIECES / f"{piece.number}{'' if may_teach else '-not-learned'}"
                writers[key] = ShardWriter(seen.written[key])
            if folder:
                writers[key].add(met.item.row)
    for writer in writers.values():
        writer.close()
    for each in seen.all:
        each.shared_names = intake.shared_names
    return seen


def _add(line: Converted, piece: Piece, file: str, seen: _Seen, intake: Intake) -> bool:
    """Count a line; says whether models may learn from it, or are only judged on it."""
    dropped = unknown_characters(line, intake.sources[0].dataset, "train")
    seen.lines[_splitter(intake).key_of(line.origin)] += 1
    seen.whole.add(_name(piece.fold), line, file)
    if dropped:
        seen.whole.accounts.faults.append(dropped)  # it is used, but not as others are
    for each, split in zip(seen.folds, piece.splits, strict=True):
        if dropped and split == "train":
            each.accounts.leave_out(dropped, split, file)
        else:
            each.add(split, line, file)
    return dropped is None


def _leave_out(fault: Fault, piece: Piece | None, file: str, seen: _Seen) -> None:
    seen.whole.accounts.leave_out(fault, _name(piece.fold) if piece else None, file)
    for number, each in enumerate(seen.folds):
        each.accounts.leave_out(fault, piece.splits[number] if piece else None, file)


def _name(fold: int) -> SplitName:
    """A fold, where others have a split."""
    return f"fold {fold}"  # type: ignore[return-value]  # a split of its own kind


def _check(seen: _Seen, intake: Intake) -> None:
    """Refuse what ``prepare`` refuses, over all folds."""
    num_pages = sum(len(split.pages) for split in seen.whole.splits.values())
    faults = overlaps(seen.whole, intake.dataset)
    check_faults(seen.whole.accounts, seen.whole.num_lines, num_pages, intake.dataset, faults)
    for number, each in enumerate(seen.folds, 1):
        if empty := [name for name, split in each.splits.items() if not split.lines]:
            what = f"fold {number}: no line is left in {empty[0]}, since all that were to be there are left out"
            raise DataError("\n".join([f"{what}; nothing was written", *left_out(seen.whole.skipped)]))


def _parts(written: Mapping[tuple[Piece, bool], Path], fold: int, split: str) -> list[Path]:
    """The folders of the pieces that a fold has in a split."""
    keys = sorted(written, key=lambda key: (key[0].number, not key[1]))
    return [written[key] for key in keys if key[0].splits[fold - 1] == split and (key[1] or split != "train")]


def _write_table(folds: Folds, lines: Mapping[str, int], by: str, path: Path) -> None:
    """What is in which fold, in the order in which it was divided."""
    rows = ((piece.fold, name, lines[name]) for name, piece in folds.pieces.items() if lines[name])
    write_table(path, ("fold", by, "lines"), rows)


def _report(seen: _Seen, found: Sequence[Found]) -> dict[str, Any]:
    own = [survey.report(each.survey, each.order) for each in found]
    unread = {_name(number): each["characters_not_in_train"]["test"] for number, each in enumerate(own, 1)}
    sizes = [{name: split["lines"] for name, split in each["splits"].items()} for each in own]
    whole = survey.report(seen.whole, found[0].order)
    return whole | {"characters_not_in_train": unread, "folds": sizes}


def _watch(title: str) -> Watch:
    def watch(outcomes: Iterable[Any], total: int) -> Iterable[Any]:
        return track(outcomes, title, total)

    return watch
