"""Lines that nobody has transcribed, prepared for a pretraining: texts that are there are not read.

What is written is a folder of prepared lines with the splits train and val, whose texts are empty.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from thulium.data.images.grey import encode_png
from thulium.data.line import Fault, Line, SplitName, Unread
from thulium.data.prepared import Prepared, write_manifest
from thulium.data.shards import Row, ShardWriter
from thulium.ingest.accounting import Accounts
from thulium.ingest.conversion import LOOKS, unread_line
from thulium.ingest.inputs import NO_LINES, load_line
from thulium.ingest.intake import Intake
from thulium.ingest.readers.images import chosen_images
from thulium.ingest.replacing import replaced
from thulium.ingest.survey import by_reason
from thulium.ingest.verdict import check_faults, left_out
from thulium.ingest.workers import count, map_in_order
from thulium.runtime.documents import section
from thulium.runtime.errors import DataError
from thulium.runtime.files import FULL, replace_text
from thulium.runtime.progress import track
from thulium_dsl.grammar.spec import ImagesUntranscribed, PreprocessingSpec, RootedDataset, UntranscribedSpec

SECTION = "pretraining.dataset"
HELD_OUT = 20  # of so many lines one is held out, to watch the loss on
MOST_HELD_OUT = 1000  # lines
IMAGES_AT_A_TIME = 64

Found = tuple[Unread | Fault, str]  # with the file of its page, where each page has one


def prepare(*, dataset: UntranscribedSpec, preprocessing: PreprocessingSpec, workers: int, out: Path) -> dict[str, Any]:
    """Read, check and scale every line, and write shards of two splits and report.json.

    Every 20th line is held out as val, up to 1000 of them; of fewer lines the last one.

    Args:
        workers: processes that read; 0: one a core. The result is the same with any number.
        out: prepared lines that it holds are replaced, all together and only when everything was read.

    Returns:
        What report.json holds: lines of the splits, where all lines went (``accounting``), and what was left out.

    Raises:
        DataError: there are no lines, or some that cannot be used; names each.
    """
    try:
        with _keys_of_the_section(), replaced(out) as folder:
            return _write(dataset, preprocessing, workers, folder)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DataError(f"{out}: the disk is full; nothing was written: make room, and run this again") from None


def as_dataset(dataset: UntranscribedSpec) -> RootedDataset:
    """The same as a dataset of the language, whose readers need no texts."""
    given = asdict(dataset)
    if isinstance(dataset, ImagesUntranscribed):
        given["type"] = "gt_txt"  # of which only the patterns are asked, and what is said of faults
    known: RootedDataset = section("dataset", **given)
    return known


def _write(dataset: UntranscribedSpec, preprocessing: PreprocessingSpec, workers: int, folder: Path) -> dict[str, Any]:
    known, accounts, pages = as_dataset(dataset), Accounts(), set[str]()
    looks: dict[str, list[str]] = {look: [] for look in LOOKS}
    writers: dict[SplitName, ShardWriter] = {name: ShardWriter(folder / name) for name in ("train", "val")}
    found = READERS[dataset.type](known, preprocessing, workers)
    for split, row, file in _divided(_rows(found, accounts, looks)):
        accounts.use(split, file)
        pages.add(row.page)
        writers[split].add(row)
    for writer in writers.values():
        writer.close()
    check_faults(accounts, accounts.num_used, len(pages), known)
    if not writers["train"].num_rows:
        there = "one line only, and a pretraining needs two" if accounts.num_used else "no line"
        what = f"{dataset.root}: holds {there}; dataset.root names the folder of the data; nothing was written"
        raise DataError("\n".join([what, *left_out(accounts.faults)]))
    report = {
        "splits": {name: {"lines": writer.num_rows} for name, writer in writers.items()},
        "accounting": accounts.report(),
        "skipped": by_reason(accounts.faults),
        "images": looks,
    }
    replace_text(folder / "report.json", json.dumps(report, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
    write_manifest(Prepared(folder, known.text, "logical", preprocessing, ()))
    return report


def _of_images(known: RootedDataset, preprocessing: PreprocessingSpec, workers: int) -> Iterator[Found]:
    lines = iter(list(chosen_images(known)))
    parts = list(iter(lambda: list(itertools.islice(lines, IMAGES_AT_A_TIME)), []))
    done = map_in_order(partial(_converted, preprocessing=preprocessing), parts, count(workers))
    yield from ((item, "") for part in track(done, "lines", len(parts)) for item in part)


def _of_dataset(known: RootedDataset, preprocessing: PreprocessingSpec, workers: int) -> Iterator[Found]:
    intake = Intake(known, preprocessing, workers, needs_text=False)
    for met in intake.lines(lambda outcomes, total: track(outcomes, "lines", total)):
        assert isinstance(met.item, (Unread, Fault))
        yield met.item, met.file


# All lines, in their order, and all that gave none.
READERS: dict[str, Callable[[RootedDataset, PreprocessingSpec, int], Iterator[Found]]] = {
    "images": _of_images,
    "page": _of_dataset,
    "alto": _of_dataset,
    "parquet": _of_dataset,
}


def _converted(lines: list[Line | Fault], preprocessing: PreprocessingSpec) -> list[Unread | Fault]:
    """Images as a model reads them."""
    return [
        line
        if isinstance(line, Fault)
        else unread_line(replace(line, load=partial(load_line, line.load)), preprocessing, lambda _: "")
        for line in lines
    ]


def _rows(found: Iterable[Found], accounts: Accounts, looks: dict[str, list[str]]) -> Iterator[tuple[Row, str]]:
    """What can be used, as it is stored, with the file of its page; the rest is accounted for, and what looks odd."""
    for item, file in found:
        if isinstance(item, Fault):
            accounts.leave_out(replace(item, what=_named(item.what)), None, file)
            continue
        image, origin = item.image, item.origin
        for look in item.looks:
            looks[look].append(origin.source)
        row = Row(
            id=origin.id,
            image=encode_png(image),
            width=image.width,
            height=image.height,
            text="",
            page=origin.page,
            source=origin.source,
        )
        yield row, file


def _divided(rows: Iterable[tuple[Row, str]]) -> Iterator[tuple[SplitName, Row, str]]:
    """Each row with its split: every 20th is held out, or else the last one."""
    num_held, before = 0, None
    for number, (row, file) in enumerate(rows, 1):
        if before:
            yield before
        is_held = number % HELD_OUT == 0 and num_held < MOST_HELD_OUT
        num_held += is_held
        split: SplitName = "val" if is_held else "train"
        before = split, row, file
    if before:
        yield before if num_held else ("val", *before[1:])


def _named(text: str) -> str:
    """A sentence about keys of a dataset, about those of this section."""
    text = text.replace(NO_LINES, f"with its PAGE or ALTO file, write {SECTION}.type: page, or alto")
    return text.replace(f"{SECTION}.", "dataset.").replace("dataset.", f"{SECTION}.")


@contextlib.contextmanager
def _keys_of_the_section() -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(_named(str(error))) from None
