"""What prepare saw: counts, characters, and what a person should look at before training."""

from __future__ import annotations

import unicodedata
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from thulium.data import bidi, places
from thulium.data.charset import frames_needed
from thulium.data.line import Fault, SplitName
from thulium.data.shards import Row
from thulium.ingest import by_source
from thulium.ingest.accounting import Accounts, lines_of
from thulium.ingest.by_source import SourceSurvey
from thulium.ingest.conversion import LOOKS, Converted
from thulium.ingest.remarks import MEANINGS
from thulium.ingest.splitting import SPLITS

# Pixels of a line in one of a model's frames, for which the lines are named whose text does not fit.
FRAME_WIDTHS = (4, 8)
ALLOWED = "or set dataset.allow_overlap to true"
SEVERAL = " + "  # between the writers, or documents, of a page
SHOWN = 8  # sample lines of a split in the report
SHOWN_ODD = 6  # lines of each odd kind


@dataclass
class SplitSurvey:
    """Counts over the lines of one split; what is named is named by its source.

    Attributes:
        directions: lines by the direction of their letters.
        too_dense: width of a frame -> lines whose text needs more frames than the image gives.
        does_not_come_back: lines that visual order loses, in lines that run left to right and right to left.
    """

    lines: int = 0
    widths: list[int] = field(default_factory=list)
    pages: set[str] = field(default_factory=set)
    documents: set[str] = field(default_factory=set)
    documents_of: dict[str, set[str]] = field(default_factory=dict)  # a page, where that is not its folder
    writers_of: dict[str, set[str]] = field(default_factory=dict)  # a page, where they are known
    symbols: Counter[str] = field(default_factory=Counter)
    directions: Counter[str] = field(default_factory=Counter)
    digests: dict[bytes, tuple[str, str]] = field(default_factory=dict)  # of an image -> its source, and its page
    repeated: dict[bytes, list[str]] = field(default_factory=dict)  # of an image that is there twice -> its sources
    squeezed: list[str] = field(default_factory=list)
    too_dense: dict[int, list[str]] = field(default_factory=lambda: {width: [] for width in FRAME_WIDTHS})
    does_not_come_back: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))

    @property
    def writers(self) -> set[str]:
        """Of all pages."""
        return set().union(*self.writers_of.values())

    def add(self, line: Converted, writer: str) -> None:
        """Count a line."""
        row = line.row
        self.lines += 1
        self.widths.append(row.width)
        self.pages.add(row.page)
        self.documents.add(line.origin.document)
        if line.origin.document not in ("", places.folder_of(row.page)):
            self.documents_of.setdefault(row.page, set()).add(line.origin.document)
        if writer:
            self.writers_of.setdefault(row.page, set()).add(writer)
        self.symbols.update(row.text)
        self.directions[bidi.direction(row.text)] += 1
        if is_telling(line):
            first, _ = self.digests.setdefault(line.digest, (row.source, row.page))
            if first != row.source:
                self.repeated.setdefault(line.digest, [first]).append(row.source)
        if line.squeezed:
            self.squeezed.append(row.source)
        needed = frames_needed(row.text)
        for width, sources in self.too_dense.items():
            if needed > -(-row.width // width):
                sources.append(row.source)
        for comes_back, sources in zip(line.comes_back, self.does_not_come_back, strict=True):
            if not comes_back:
                sources.append(row.source)


def is_telling(line: Converted) -> bool:
    """Whether another image that is the same must be a copy: blank ones and specks are alike by chance."""
    is_speck = "tiny" in line.looks and line.row.width < 2 * line.row.height
    return "blank" not in line.looks and not is_speck


@dataclass
class Gallery:
    """Some lines to look at: those with the smallest digests, so that it is the same choice in every run."""

    size: int
    _kept: list[tuple[bytes, str, Row]] = field(default_factory=list)

    def add(self, line: Converted) -> None:
        """Offer a line."""
        insort(self._kept, (line.digest, line.row.source, line.row), key=lambda kept: kept[:2])
        del self._kept[self.size :]

    @property
    def rows(self) -> list[Row]:
        """What was kept."""
        return [row for _, _, row in self._kept]


@dataclass
class Survey:
    """Counts over a data set.

    Attributes:
        splits: one for each split.
        accounts: where each line went.
        sources: one for each source of a data set that has several.
        seed_for_all: of the split, by which every source has lines in each split, where one has not and it is known.
        shared_names: names that stand for several pages, documents or lines -> these, where the split goes by names.
        looks: what is odd about images -> their sources.
        remarks: what the reader found that a person should know -> the lines' sources.
        raw_forms: lines with accents, by how these were written.
        oddities: code point -> lines that have it.
        gallery: what a picture is kept for -> some rows, those with the smallest digests: the same in every run.
    """

    splits: dict[SplitName, SplitSurvey] = field(default_factory=lambda: {name: SplitSurvey() for name in SPLITS})
    accounts: Accounts = field(default_factory=Accounts)
    sources: dict[str, SourceSurvey] = field(default_factory=dict)
    seed_for_all: int | None = None
    shared_names: dict[str, set[str]] = field(default_factory=dict)
    looks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    remarks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    raw_forms: Counter[str] = field(default_factory=Counter)
    oddities: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    gallery: dict[str, Gallery] = field(default_factory=dict)

    def add(self, split: SplitName, line: Converted, file: str = "", writer: str = "", source: str = "") -> None:
        """Count a line; ``file`` is that of its page, where each page has one, and ``writer`` empty if nobody says."""
        self.accounts.use(split, file)
        if source:
            self.sources[source].add(split, line, file, is_telling=is_telling(line))
        self.splits[split].add(line, writer or line.origin.writer)
        for title in _titles(split, line):
            self.gallery.setdefault(title, Gallery(SHOWN if title == split else SHOWN_ODD)).add(line)
        for look in line.looks:
            self.looks[look].append(line.row.source)
        for remark in line.remarks:
            self.remarks[remark].append(line.row.source)
        if line.raw_form:
            self.raw_forms[line.raw_form] += 1
        for oddity in line.oddities:
            self.oddities[oddity].append(line.row.source)

    def lose(self, fault: Fault, split: SplitName | None, file: str, source: str = "") -> None:
        """Count what gave no line, see ``Accounts.leave_out``."""
        self.accounts.leave_out(fault, split, file)
        if source:
            self.sources[source].accounts.leave_out(fault, split, file)

    @property
    def skipped(self) -> list[Fault]:
        """What gave no line, in the order in which it was met."""
        return self.accounts.faults

    @property
    def num_lines(self) -> int:
        """Lines of all splits."""
        return sum(split.lines for split in self.splits.values())


def _titles(split: SplitName, line: Converted) -> list[str]:
    """What a line may be shown for: as a sample of its split, and for what is odd about it."""
    dense = frames_needed(line.row.text) > -(-line.row.width // FRAME_WIDTHS[0])
    seen = [remark for remark in line.remarks if MEANINGS[remark].is_seen]
    return [
        split,
        *line.looks,
        *seen,
        *(["text does not fit"] if dense else []),
        *(["squeezed"] if line.squeezed else []),
    ]


def charset(survey: Survey) -> list[dict[str, Any]]:
    """Every character of the data, with its code point, Unicode name and count in each split."""
    return [
        {
            "character": symbol,
            "code_point": f"U+{ord(symbol):04X}",
            "name": unicodedata.name(symbol, "(no name)"),
            **{name: split.symbols[symbol] for name, split in survey.splits.items()},
        }
        for symbol in sorted(set().union(*(split.symbols for split in survey.splits.values())))
    ]


def report(survey: Survey, reading_order: bidi.Order) -> dict[str, Any]:
    """What report.json holds.

    Args:
        reading_order: in which the model will learn.
    """
    train = survey.splits.get("train", SplitSurvey())  # folds have none
    unseen = {name: split for name, split in survey.splits.items() if split is not train}
    lost = None if reading_order == "logical" else ("visual_ltr", "visual_rtl").index(reading_order)
    return {
        "splits": {name: _counts(split) for name, split in survey.splits.items()},
        "accounting": survey.accounts.report(),
        **by_source.report(survey.sources, survey.seed_for_all),
        "documents": {name: _joined(split.documents_of) for name, split in unseen.items()},
        "writers": {name: _joined(split.writers_of) for name, split in unseen.items()},
        "skipped": by_reason(survey.skipped),
        "characters_not_in_train": {
            name: _others(split.symbols, train.symbols) for name, split in survey.splits.items() if split is not train
        },
        "same_image_in_two_splits": _shared_images(survey),
        "same_image_twice": [sources for split in survey.splits.values() for sources in split.repeated.values()],
        "same_page_in_two_splits": _shared_pages(survey),
        "one_name_for_several": {name: sorted(paths) for name, paths in sorted(survey.shared_names.items())},
        "text_does_not_fit": {
            str(width): {name: split.too_dense[width] for name, split in survey.splits.items()}
            for width in FRAME_WIDTHS
        },
        "remarks": {remark: survey.remarks.get(remark, []) for remark in MEANINGS},
        "images": {look: survey.looks.get(look, []) for look in LOOKS},
        "accents": {form: survey.raw_forms[form] for form in ("composed", "decomposed", "mixed")},
        "odd_characters": dict(sorted(survey.oddities.items())),
        "scripts": _scripts(survey),
        "reading_order": {
            "order": reading_order,
            "does_not_come_back": []
            if lost is None
            else [source for split in survey.splits.values() for source in split.does_not_come_back[lost]],
        },
    }


def _counts(split: SplitSurvey) -> dict[str, Any]:
    return {
        "lines": split.lines,
        "pages": len(split.pages),
        "documents": len(split.documents),
        "writers": len(split.writers),
        "characters": split.symbols.total(),
        "width_min": min(split.widths, default=0),
        "width_mean": round(sum(split.widths) / max(1, split.lines), 1),
        "width_max": max(split.widths, default=0),
        "directions": dict(sorted(split.directions.items())),
        "squeezed_too_wide": split.squeezed,
    }


def _joined(of_pages: dict[str, set[str]]) -> dict[str, str]:
    """The document or writer of each page; all of them where there are several."""
    return {page: SEVERAL.join(sorted(names)) for page, names in sorted(of_pages.items())}


def by_reason(faults: list[Fault]) -> dict[str, dict[str, Any]]:
    """What gave no line, by reason."""
    grouped: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        grouped[fault.reason].append(fault)
    return {
        reason: {
            "count": len(found),
            "lines": sum(map(lines_of, found)),
            "is_error": found[0].is_error,
            "where": [str(fault) for fault in found],
        }
        for reason, found in sorted(grouped.items())
    }


def _others(counts: Counter[str], known: Counter[str]) -> dict[str, int]:
    return {symbol: count for symbol, count in sorted(counts.items()) if symbol not in known}


def _scripts(survey: Survey) -> dict[str, int]:
    """Characters by script."""
    counts: Counter[str] = Counter()
    for split in survey.splits.values():
        for symbol, count in split.symbols.items():
            for script in bidi.scripts(symbol):
                counts[script] += count
    return dict(sorted(counts.items()))


def _shared_images(survey: Survey) -> list[list[str]]:
    return sorted([source for _, source, _ in places] for places in _places_of_images(survey) if len(places) > 1)


def _places_of_images(survey: Survey) -> list[list[tuple[SplitName, str, str]]]:
    """For each image of which another one must be a copy: split, source and page of the first one in each split."""
    met: dict[bytes, list[tuple[SplitName, str, str]]] = defaultdict(list)
    for name, split in survey.splits.items():
        for digest, (source, page) in split.digests.items():
            met[digest].append((name, source, page))
    return list(met.values())


def _shared_pages(survey: Survey) -> list[str]:
    """Pages that stand in two splits: lines of one page are alike, and the test is too easy."""
    counts = Counter(page for split in survey.splits.values() for page in split.pages)
    return sorted(page for page, count in counts.items() if count > 1)


def overlaps(survey: Survey, *, pages_may: Callable[[str], bool]) -> list[Fault]:
    """A fault for each page, and for the same images of any two pages or lines, that stand in two splits.

    Args:
        pages_may: whether lines of a page may stand in two splits.
    """
    found = []
    for page in (page for page in _shared_pages(survey) if not pages_may(page)):
        where = " and ".join(name for name, split in survey.splits.items() if page in split.pages)
        what = f"lines of this page are in {where}: keep it in one split, {ALLOWED}"
        found.append(Fault(reason="page in two splits", where=f"page {page!r}", what=what))
    copies: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for (one, first, page), *others in _places_of_images(survey):
        for other, second, twin in others:
            copies[one, page, other, twin].append((first, second))
    for (own, page, their, twin), sources in sorted(copies.items()):
        first, second = sources[0]
        what, do = f"is the same image as {second}, and the one is in {own}, the other in {their}", "remove one of them"
        if first == second:  # two sources read the file
            what = f"is read twice, as of page {page!r} in {own} and as of page {twin!r} in {their}"
            do = "leave it out of one source (exclude, or files)"
        if len(sources) > 1:
            what += f", as are {len(sources) - 1} more of the pages {page!r} and {twin!r}"
        found.append(Fault(reason="image in two splits", where=first, what=f"{what}: {do}, {ALLOWED}"))
    return found
