"""Whether data can be used as they were found: not with too many faults, an empty split, or a test that was learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from thulium.data.line import Fault, source_of
from thulium.ingest import survey
from thulium.ingest.accounting import Accounts
from thulium.ingest.intake import Intake
from thulium.ingest.sources import OneDataset, sources_of
from thulium.ingest.survey import Survey
from thulium.runtime.errors import DataError, SourceError, list_faults, visible
from thulium_dsl.grammar.spec import CustomDataset, DatasetSpec, SyntheticDataset


def check_faults(
    accounts: Accounts, num_lines: int, num_pages: int, dataset: DatasetSpec, overlaps: Sequence[Fault] = ()
) -> None:
    """Refuse data with faults, or with more of them than the document allows; and what it does not let overlap.

    Args:
        num_lines, num_pages: that can be used.
        overlaps: see ``overlaps``; these are errors whatever the document does about faults.

    Raises:
        DataError: names the faults.
    """
    errors = [fault for fault in accounts.faults if fault.is_error]
    if isinstance(dataset, SyntheticDataset) or dataset.on_error == "fail":
        _refuse([*errors, *overlaps])
        return
    pages = sum(fault.is_page for fault in errors)
    for what, faults, whole in (("pages", pages, num_pages), ("lines", len(errors) - pages, num_lines)):
        if faults and faults / (faults + whole) > dataset.max_skipped:
            share = f"{faults} of {faults + whole} {what} cannot be used, more than dataset.max_skipped allows"
            raise DataError(f"{share} ({dataset.max_skipped:.3g} of them)\n{list_faults(told(errors))}")
    _refuse(overlaps)


def overlaps(seen: Survey, dataset: DatasetSpec) -> list[Fault]:
    """A fault for all that stands in two splits, unless the document allows it."""
    if isinstance(dataset, SyntheticDataset) or dataset.allow_overlap:
        return []
    by_line = {source.name for source in sources_of(dataset) if _is_by_line(source.dataset)}
    return survey.overlaps(seen, pages_may=lambda page: (source_of(page) if seen.sources else "") in by_line)


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        raise DataError(list_faults(told(faults)))


def told(faults: Sequence[Fault]) -> list[str]:
    """Faults in words; those about which the same is to be done are one."""
    alike: dict[str, list[Fault]] = {}
    for number, fault in enumerate(faults):
        alike.setdefault(fault.of_many or str(number), []).append(fault)
    return [
        str(first) if not more else visible(f"{first.where} and {len(more):,} more {first.of_many}")
        for first, *more in alike.values()
    ]


def check_splits(seen: Survey, intake: Intake) -> None:
    """Refuse data of which a split has no line, or a source.

    Raises:
        DataError: says what to do.
    """
    for name, split in seen.splits.items():
        if split.lines:
            continue
        what = f"{name}: no line is left: {intake.advice(name)}; nothing was written"
        raise DataError("\n".join([what, *left_out(seen.skipped)]))
    what = "no line of it can be used: correct the source, or take it out; nothing was written"
    empty = {
        called: "\n".join([what, *left_out(source.accounts.faults)])
        for called, source in seen.sources.items()
        if not source.accounts.num_used
    }
    if empty:
        raise SourceError(empty)


def _is_by_line(dataset: OneDataset) -> bool:
    """Whether the document itself divides pages: it says so, and no lists take the place of that."""
    if isinstance(dataset, (CustomDataset, SyntheticDataset)):
        return False
    return dataset.split.by == "line" and dataset.train_list is None


def left_out(faults: list[Fault]) -> list[str]:
    """How much was left out for each reason, with one of them, since most reasons are known by an example."""
    rows = []
    for reason, number in sorted(Counter(fault.reason for fault in faults).items()):
        first = next(fault for fault in faults if fault.reason == reason)
        more = f"; and {number - 1} more" if number > 1 else ""
        rows.append(f"left out, {reason}: {number} ({first}{more})")
    return rows
