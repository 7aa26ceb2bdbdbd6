"""prepare: from the data that people have to prepared lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from thulium.data.line import Fault
from thulium.data.prepared import MANIFEST
from thulium.data.shards import ShardWriter
from thulium.ingest import by_source, register, survey
from thulium.ingest.conversion import Converted
from thulium.ingest.dividing import prepare_folds
from thulium.ingest.found import Found
from thulium.ingest.intake import Intake
from thulium.ingest.register import Before, Register
from thulium.ingest.replacing import refuse_foreign, replaced
from thulium.ingest.splitting import SPLITS
from thulium.ingest.survey import Survey
from thulium.ingest.verdict import check_faults, check_splits, overlaps
from thulium.runtime.errors import DataError
from thulium.runtime.files import FULL
from thulium.runtime.progress import track
from thulium_dsl.grammar.spec import DatasetSpec, PreprocessingSpec, ResourcesSpec, RootedDataset


def prepare(
    *, dataset: DatasetSpec, preprocessing: PreprocessingSpec, resources: ResourcesSpec, out: Path
) -> dict[str, Any]:
    """Read, check and scale every line, and write shards, charset.json, report.json and report.html.

    Args:
        resources: says how many processes read; the result is the same with any number.
        out: prepared lines that it holds are replaced, all together and only when everything was read; what else
            lies there stays.

    Returns:
        What report.json holds, and ``changed_split``: how it differs from what was there. That is told and not kept,
        since what is written depends on the data and the document alone.

    Raises:
        DataError: lines that cannot be used; names each.
    """
    before = _before(out.resolve())
    try:
        with replaced(out) as folder:
            return _write(dataset, preprocessing, resources, folder, before)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DataError(f"{out}: the disk is full; nothing was written: make room, and run this again") from None


def check(
    *,
    dataset: DatasetSpec,
    preprocessing: PreprocessingSpec,
    resources: ResourcesSpec,
    out: Path | None,
    prepared: Path | None = None,
) -> dict[str, Any]:
    """Read and check every line as ``prepare`` does, and write no lines.

    Args:
        out: gets charset.json, report.json and report.html, of the first fold if there are some; None: nothing is
            written.
        prepared: what ``prepare`` would replace, to say which pages are in another split there.

    Returns:
        As ``prepare``.

    Raises:
        DataError: as ``prepare``; or ``out`` holds prepared lines, or files of other origin, that this would replace.
    """
    if out is not None:
        refuse_foreign(out)
        if (out / MANIFEST).exists():
            raise DataError(f"{out}: holds prepared lines, whose report would be replaced: name another folder")
    if _has_folds(dataset):
        return prepare_folds(dataset, preprocessing, resources, None, out)
    found, pages = _read(dataset, preprocessing, resources, None)
    report = found.report()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        found.write_reports(report, out)
    return report | {"changed_split": _changed(pages, _before(prepared) if prepared else None)}


def _write(
    dataset: DatasetSpec,
    preprocessing: PreprocessingSpec,
    resources: ResourcesSpec,
    folder: Path,
    before: Before | DataError | None,
) -> dict[str, Any]:
    if _has_folds(dataset):
        return prepare_folds(dataset, preprocessing, resources, folder)
    found, pages = _read(dataset, preprocessing, resources, folder)
    report = found.report()
    found.write_reports(report, folder)
    pages.write(folder)
    found.write_manifest(dataset, preprocessing, folder)
    return report | {"changed_split": _changed(pages, before)}


def _has_folds(dataset: DatasetSpec) -> bool:
    return isinstance(dataset, get_args(RootedDataset)) and dataset.split.folds is not None


def _before(folder: Path) -> Before | DataError | None:
    """Where pages were in what is prepared there; or why that cannot be known, which is no reason to stop."""
    try:
        return register.read(folder)
    except DataError as error:
        return error


def _changed(pages: Register, before: Before | DataError | None) -> dict[str, Any]:
    """The pages that were in another split before; and why they cannot be compared, if so."""
    if isinstance(before, Before):
        return {"pages": pages.moved(before), "error": ""}
    return {"pages": [], "error": str(before or "")}


def _read(
    dataset: DatasetSpec, preprocessing: PreprocessingSpec, resources: ResourcesSpec, folder: Path | None
) -> tuple[Found, Register]:
    """Read and convert all lines, and write them, if there is a folder to write them to."""
    intake = Intake(dataset, preprocessing, resources.prepare_workers)
    seen, pages = Survey(sources=by_source.surveys(dataset)), Register()
    writers = {name: ShardWriter(folder / name) for name in SPLITS} if folder else {}
    for met in intake.lines(lambda outcomes, total: track(outcomes, "prepare", total)):
        if isinstance(met.item, Fault):
            seen.lose(met.item, met.split, met.file, met.source)
        elif isinstance(met.item, Converted) and met.split:
            seen.add(met.split, met.item, met.file, source=met.source)
            digest = met.item.digest if survey.is_telling(met.item) else None
            pages.add(met.split, met.item.row.page, met.page_name, digest)
            if writers:
                writers[met.split].add(met.item.row)
    for writer in writers.values():
        writer.close()
    seen.shared_names = intake.shared_names
    if any(source.lacks_a_split for source in seen.sources.values()):
        seen.seed_for_all = intake.seed_for_all()
    num_pages = sum(len(split.pages) for split in seen.splits.values())
    check_faults(seen.accounts, seen.num_lines, num_pages, dataset, overlaps(seen, dataset))
    check_splits(seen, intake)
    return Found.of(seen, dataset, intake.given), pages
