"""prepare: from the data that people have to prepared lines."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thulium.data import order, survey
from thulium.data.charset import alphabet, charset_of
from thulium.data.conversion import Converted, Converter
from thulium.data.line import Fault, SplitName
from thulium.data.prepared import MANIFEST, Prepared, write_manifest
from thulium.data.readers import READERS
from thulium.data.replacing import refuse_foreign, replaced
from thulium.data.report import write_page
from thulium.data.shards import ShardWriter
from thulium.data.splitting import SPLITS, Splitter, splitter_of
from thulium.data.survey import Survey
from thulium.data.workers import count, map_in_order
from thulium.errors import DataError, list_faults
from thulium.files import FULL
from thulium.progress import track
from thulium_dsl.spec import DatasetSpec, PreprocessingSpec, ResourcesSpec, SyntheticDataset


@dataclass(frozen=True, slots=True)
class Found:
    """What was read.

    Attributes:
        symbols: the characters that a model will be able to write.
        order: in which it will learn them.
    """

    survey: Survey
    symbols: frozenset[str]
    order: order.Order

    def report(self) -> dict[str, Any]:
        """What report.json holds."""
        return survey.report(self.survey, self.order)


def prepare(
    *, dataset: DatasetSpec, preprocessing: PreprocessingSpec, resources: ResourcesSpec, out: Path
) -> dict[str, Any]:
    """Read, check and scale every line, and write shards, charset.json, report.json and report.html.

    Args:
        resources: says how many processes read; the result is the same with any number.
        out: prepared lines that it holds are replaced, all together and only when everything was read; what else
            lies there stays.

    Returns:
        What report.json holds.

    Raises:
        DataError: lines that cannot be used; names each.
    """
    try:
        with replaced(out) as folder:
            return _write(dataset, preprocessing, resources, folder)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DataError(f"{out}: the disk is full; nothing was written: make room, and run this again") from None


def check(
    *, dataset: DatasetSpec, preprocessing: PreprocessingSpec, resources: ResourcesSpec, out: Path | None
) -> dict[str, Any]:
    """Read and check every line as ``prepare`` does, and write no lines.

    Args:
        out: gets charset.json, report.json and report.html; None: nothing is written.

    Raises:
        DataError: as ``prepare``; or ``out`` holds prepared lines, or files of other origin, that this would replace.
    """
    if out is not None:
        refuse_foreign(out)
        if (out / MANIFEST).exists():
            raise DataError(f"{out}: holds prepared lines, whose report would be replaced: name another folder")
    found = _read(dataset, preprocessing, resources, None)
    report = found.report()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        _write_reports(found, report, out)
    return report


def _write(
    dataset: DatasetSpec, preprocessing: PreprocessingSpec, resources: ResourcesSpec, folder: Path
) -> dict[str, Any]:
    found = _read(dataset, preprocessing, resources, folder)
    report = found.report()
    _write_reports(found, report, folder)
    write_manifest(Prepared(folder, dataset.text, found.order, preprocessing, alphabet(found.symbols, found.order)))
    return report


def _read(
    dataset: DatasetSpec, preprocessing: PreprocessingSpec, resources: ResourcesSpec, folder: Path | None
) -> Found:
    """Read and convert all lines, and write them, if there is a folder to write them to."""
    given = charset_of(dataset.text)
    seen, splitter = Survey(), splitter_of(dataset)
    writers = {name: ShardWriter(folder / name) for name in SPLITS} if folder else {}
    units = READERS[dataset.type].units(dataset)
    converter = Converter(dataset=dataset, preprocessing=preprocessing, symbols=given)
    outcomes = map_in_order(converter, units, count(resources.prepare_workers))
    sources: dict[tuple[str, str], str] = {}  # by the split and the id of a line
    for outcome in track(outcomes, "prepare", len(units)):
        for line in outcome:
            split = line if isinstance(line, Fault) else splitter.split_of(line)
            if not isinstance(line, Fault) and not isinstance(split, Fault):
                split = _named_twice(line, split, sources) or split
            if isinstance(line, Fault) or isinstance(split, Fault):
                seen.skipped.append(split)
                continue
            seen.add(split, line)
            if writers:
                writers[split].add(line.row)
    for writer in writers.values():
        writer.close()
    seen.skipped += splitter.unmatched()
    _judge(seen, dataset)
    _check_splits(seen, splitter)
    train = seen.splits["train"].symbols
    return Found(seen, frozenset(train) if given is None else given, order.resolve(dataset.text.order, train))


def _named_twice(line: Converted, split: SplitName, sources: dict[tuple[str, str], str]) -> Fault | None:
    """A fault where a line of the split has the same id: predictions and augmentation go by it."""
    first = sources.setdefault((split, line.id), line.source)
    if first == line.source:
        return None
    what = f"has the id {line.id!r} of {first}: change one of them, or dataset.id_column"
    return Fault(reason="id twice", where=line.source, what=what)


def _judge(seen: Survey, dataset: DatasetSpec) -> None:
    """Refuse data with faults, or with more of them than the document allows."""
    errors = [fault for fault in seen.skipped if fault.is_error]
    if isinstance(dataset, SyntheticDataset) or dataset.on_error == "fail":
        if errors:
            raise DataError(list_faults(errors))
        return
    pages = sum(fault.is_page for fault in errors)
    num_pages = sum(len(split.pages) for split in seen.splits.values())
    for what, faults, whole in (("pages", pages, num_pages), ("lines", len(errors) - pages, seen.num_lines)):
        if faults and faults / (faults + whole) > dataset.max_skipped:
            share = f"{faults} of {faults + whole} {what} cannot be used, more than dataset.max_skipped allows"
            raise DataError(f"{share} ({dataset.max_skipped:.3g} of them)\n{list_faults(errors)}")


def _check_splits(seen: Survey, splitter: Splitter) -> None:
    for name, split in seen.splits.items():
        if split.lines:
            continue
        skipped = Counter(fault.reason for fault in seen.skipped)
        reasons = ", ".join(f"{reason} ({number})" for reason, number in sorted(skipped.items()))
        what = f"{name}: no line is left: {splitter.advice(name)}; nothing was written"
        raise DataError(what + (f"\nleft out, by reason: {reasons}" if reasons else ""))


def _write_reports(found: Found, report: dict[str, Any], folder: Path) -> None:
    charset = survey.charset(found.survey)
    _write_json(folder / "charset.json", charset)
    _write_json(folder / "report.json", report)
    write_page(found.survey, report, charset, folder / "report.html")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
