"""predict: from a model file and images that nobody has transcribed to their texts."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thulium.data.line import Fault, Unread
from thulium.decoding import searches
from thulium.decoding.hypothesis import Search
from thulium.decoding.lm import arpa
from thulium.evaluation.familiarity import Confidences, Familiarity
from thulium.ingest import inputs
from thulium.ingest.inputs import NO_LINES, Pages, Source
from thulium.ingest.readers.xmlfile import PageFault
from thulium.ingest.writing.lines import Present
from thulium.ingest.writing.pages import NewFile, PageFile, SameFile, lost
from thulium.models.file import load_model
from thulium.models.recogniser import ReadLine, Recogniser
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime.documents import section
from thulium.runtime.errors import MAX_LISTED, DataError
from thulium.runtime.files import FULL
from thulium.runtime.ledger import Ledger
from thulium.runtime.progress import say, track
from thulium.stages.outputs import XML, Format, Output, Wish, header, in_file, on_screen
from thulium.stages.positions import Level, Positions
from thulium.stages.review import Review
from thulium_dsl.grammar.spec import DecodingSpec

# What to do about lines that had a text, by what was asked; with --replace, none keeps it.
HOW_KEPT: dict[Present, str] = {
    "keep": "--replace writes over it; in PAGE, --alternative puts a second reading beside it",
    "alternative": "a second reading has a place only in PAGE files that stay PAGE: --replace writes over it",
}

WHAT_TO_DO = (
    "see first whether the lines are cut well and upright; then transcribe some (--review N names those most worth it) "
    "and fine-tune: docs/guides/fine-tuning.md"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be read, and how it is to be written.

    Attributes:
        given: paths; see ``thulium.ingest.inputs``.
        out: a folder that results go into; None: the screen.
        format, present, skips: see Wish.
        straighten: whether lines of pages are made level along their baselines.
        decoding: as ``evaluation.decoding``, of which some keys are given.
        device: auto, cpu, cuda or cuda:N.
        alternatives: how many other readings of each line are written.
        review: how many of the least sure lines are named at the end.
        positions: the smallest parts of a line whose places XML gets; None: lines have their text alone.
    """

    given: tuple[Path, ...]
    out: Path | None
    format: Format | None
    present: Present
    skips: bool
    straighten: bool
    decoding: dict[str, Any]
    device: str
    alternatives: int = 0
    review: int = 0
    positions: Level | None = None


@dataclass
class Counts:
    """What became of everything."""

    read: int = 0
    empty: int = 0
    left: int = 0
    written: int = 0
    done: int = 0
    dropped: int = 0
    faults: list[Fault] = field(default_factory=list)
    confidences: Confidences = field(default_factory=Confidences)

    @property
    def errors(self) -> list[Fault]:
        """The faults that are mistakes; a page without lines may be one that is blank."""
        return [fault for fault in self.faults if fault.is_error]


def predict(*, model_file: Path, request: Request, write: Callable[[str], None]) -> None:
    """Read lines with a model, and write what they say.

    Args:
        write: takes what is for the screen, piece by piece.

    Raises:
        CheckpointError: the model cannot be used.
        DataError: something cannot be read or written; all of it is named, and what was written is whole.
    """
    model, _ = load_model(model_file)
    spec: DecodingSpec = section("evaluation", decoding=_with_own_model(request.decoding, model_file)).decoding
    search = searches.of_file(spec, model.charset, "--language-model")
    wish = Wish(
        format=request.format,
        present=request.present,
        skips=request.skips,
        settings=_settings(model_file, spec, request),
        alternatives=request.alternatives,
        positions=_positions(model, request),
    )
    _refuse_folder(request)
    found = inputs.find(request.given, model.preprocessing, request.out)
    review = Review(request.review)
    counts = Counts(faults=[source for source in found if isinstance(source, Fault)])
    sources = [source for source in found if not isinstance(source, Fault)]
    _refuse(sources, wish)
    ledger = Ledger(request.out) if request.out else None
    if ledger:
        sources = _to_do(sources, counts, wish, ledger)
    if sources:
        recogniser = _recogniser(model, search, request.device)
        with _room(request.out):
            _Desk(wish, ledger, request.straighten, counts, review).read(sources, recogniser, write)
    for row in review.rows(is_calibrated=model.calibration is not None):
        say(row)
    if request.review and counts.done:
        say(_not_looked_at(counts.done))
    if not searches.has_language_model(spec):  # its confidences are held against those of readings without one
        _say_how_far(counts.confidences.beside(model))
    _tell(counts, wish, request)


def _say_how_far(found: Familiarity | None) -> None:
    """Say whether the lines are harder for the model than its own, if that is known."""
    if found and found.is_harder:
        say(f"warning: {found.verdict}{found.expected}\n  help: {WHAT_TO_DO}")
    elif found:
        say(found.verdict + found.expected)


def _not_looked_at(done: int) -> str:
    """That --review knows nothing of the lines that an earlier command has read."""
    what = "the file that was" if done == 1 else f"the {done:,} files that were"
    help_ = "for a review of all lines, name another --output-dir: they are all read again then"
    return f"warning: --review looked at none of the lines of {what} there already\n  help: {help_}"


def _with_own_model(decoding: dict[str, Any], model_file: Path) -> dict[str, Any]:
    """The language model that lies beside a model file is used where beam search is asked for and no other is."""
    own = model_file.with_name(arpa.BESIDE)
    if decoding["type"] != "beam" or "language_model" in decoding or not own.is_file():
        return decoding
    say(f"with the language model {own}; --language-model none reads without it")
    return decoding | {"language_model": str(own)}


@contextlib.contextmanager
def _room(out: Path | None) -> Iterator[None]:
    """Say it where a disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL or out is None:
            raise
        what = "the disk is full; the files that were written are whole: make room, and run the same command again"
        raise DataError(f"{out}: {what}") from None


def _positions(model: HTRModel, request: Request) -> Positions | None:
    if request.positions is None:
        return None
    return Positions(level=request.positions, order=model.charset.order, preprocessing=model.preprocessing)


def _settings(model_file: Path, spec: DecodingSpec, request: Request) -> str:
    digest = hashlib.sha256(model_file.read_bytes())
    digest.update(repr((searches.facts(spec), request.straighten)).encode())
    if request.alternatives:
        digest.update(repr(request.alternatives).encode())
    if request.positions:
        digest.update(request.positions.encode())
    return digest.hexdigest()


def _recogniser(model: HTRModel, search: Search | None, device: str) -> Recogniser:
    devices.keep_memory()
    devices.set_threads(0)
    chosen = devices.choose(device, mixed_precision=False)
    return Recogniser(model.to(chosen.torch_device).eval(), chosen, search=search)


def _refuse_folder(request: Request) -> None:
    """Refuse to write among what is read."""
    places = {path.resolve() if path.is_dir() else path.resolve().parent for path in request.given}
    if request.out and request.out.resolve() in places:
        raise DataError(f"{request.out}: is a folder that is read from: name another --output-dir, such as a new one")


def _refuse(sources: Sequence[Source], wish: Wish) -> None:
    """Refuse what can be known before anything is read."""
    advice = "leave --positions out" if wish.positions else "choose --format txt, json or csv"
    wrong = [
        f"{source.path}: {source.name} is line images, which have no page: {advice}"
        for source in sources
        if (wish.format in XML or wish.positions) and not isinstance(source, Pages)
    ]
    if wrong:
        raise DataError(_listed(wrong, "nothing was read"))


def _to_do(sources: Sequence[Source], counts: Counts, wish: Wish, ledger: Ledger) -> list[Source]:
    """The sources of which nothing is written yet."""
    left, foreign = [], []
    for source in sources:
        name = wish.name_of(source)
        state = ledger.state(name, wish.made(source, ledger))
        if state == "other":
            foreign.append(f"{ledger.folder / name}: was read in {ledger.origin(name)}, and not in {source.path}")
        elif state == "foreign":
            foreign.append(f"{ledger.folder / name}: was not written by `thulium predict`, or was changed since")
        elif state == "done":
            counts.done += 1
        else:
            left.append(source)
    if foreign:
        what = "nothing was read\n  help: name another --output-dir, or move away what stands there"
        raise DataError(_listed(foreign, what))
    return left


class _Desk:
    """Passes lines from their sources to the model, and readings to where they go."""

    def __init__(self, wish: Wish, ledger: Ledger | None, straighten: bool, counts: Counts, review: Review) -> None:
        self._wish, self._ledger, self._straighten = wish, ledger, straighten
        self._counts, self._review = counts, review
        self._owners: deque[int] = deque()  # of each line that is being read, the number of its source
        self._pages: dict[int, PageFile | None] = {}
        self._source: Source | None = None
        self._page: PageFile | None = None
        self._output: Output | None = None
        self._has_errors = False
        self._has_glyphs = wish.positions is not None and wish.positions.level == "glyph"

    def read(self, sources: Sequence[Source], recogniser: Recogniser, write: Callable[[str], None]) -> None:
        """Read all lines of some sources, and write what they say."""
        begin, total = time.monotonic(), sum(source.num_lines for source in sources)
        is_screen = self._ledger is None
        if is_screen:
            write(header(self._wish))
        has_more = any(self._wish.format_of(source, is_screen) != "txt" for source in sources) or self._review.most > 0
        has_more |= recogniser.search is None  # then confidences cost next to nothing; after a search, an alignment
        lines = self._lines(sources, recogniser)
        stream = recogniser.read_lines(lines, in_detail=has_more, alternatives=self._wish.alternatives)
        number = -1
        try:
            for item in track(stream, "predict", total):
                owner = self._owners.popleft()
                while number < owner:
                    number = self._turn_to(number + 1, sources, write, total == 1)
                self._add(item)
            while number < len(sources):
                number = self._turn_to(number + 1, sources, write, total == 1)
        except BaseException:
            if self._output:
                self._output.drop()
            raise
        took = time.monotonic() - begin
        if self._counts.read:
            pace = self._counts.read / took
            say(f"read {_plural(self._counts.read, 'line')} in {took:.1f} s, {pace:.1f} lines/s")

    def _lines(self, sources: Sequence[Source], recogniser: Recogniser) -> Iterator[Unread | Fault]:
        """The lines of all sources; each page is opened when it is its turn to be read."""
        for number, source in enumerate(sources):
            try:
                page = self._pages[number] = self._opened(source)
                unread = page.unread(recogniser.model.preprocessing) if page else _unread(source)
            except PageFault as fault:
                assert isinstance(source, Pages)
                self._pages[number], unread = None, iter([lost(source, fault)])
            for line in unread:
                self._owners.append(number)
                yield line

    def _opened(self, source: Source) -> PageFile | None:
        """A page, made ready for what is to be written of it; None where the source is none."""
        if not isinstance(source, Pages):
            return None
        found = self._wish.format_of(source, self._ledger is None)
        if found not in XML:
            return PageFile(source, self._straighten)
        if XML[found] == source.format_name:
            return SameFile(source, self._straighten, self._wish.present, self._has_glyphs)
        return NewFile(source, self._straighten, self._wish.present, XML[found])

    def _turn_to(self, number: int, sources: Sequence[Source], write: Callable[[str], None], is_alone: bool) -> int:
        """End the source that lines came from, and go on with the one of a number, if there is one."""
        if self._source:
            self._finish()
        self._source, self._page, self._output, self._has_errors = None, None, None, False
        if number < len(sources):
            self._source, self._page = sources[number], self._pages.pop(number)
            if self._ledger is None:
                self._output = on_screen(self._wish, self._source, self._page, write, is_alone)
            elif self._page or not isinstance(self._source, Pages):
                self._output = in_file(self._wish, self._source, self._ledger, self._page)
        return number

    def _add(self, item: ReadLine | Fault) -> None:
        assert self._output or isinstance(item, Fault)
        fault = item if isinstance(item, Fault) else self._output.add(item) if self._output else None
        if fault:
            self._counts.faults.append(fault)
            self._has_errors |= fault.is_error
        if isinstance(item, ReadLine):
            self._counts.read += 1
            self._counts.empty += not item.reading.text
            self._review.add(item)
            self._counts.confidences.add(item.reading.text, item.reading.confidence)

    def _finish(self) -> None:
        is_lost = self._output is None or (self._page is not None and self._page.is_lost)
        if self._output and (is_lost or (self._has_errors and not self._wish.skips)):
            self._output.drop()
        elif self._output:
            self._output.close()
            self._counts.written += 1
            self._counts.left += len(self._page.left) if self._page else 0


def _unread(source: Source) -> Iterator[Unread | Fault]:
    assert not isinstance(source, Pages)
    return source.unread()


def _tell(counts: Counts, wish: Wish, request: Request) -> None:
    """Say what became of everything.

    Raises:
        DataError: there were problems that the user did not want to be passed over; or there was nothing to read.
    """
    blank = [fault for fault in counts.faults if fault.reason == "no lines"]
    others = [fault for fault in counts.faults if not fault.is_error and fault.reason != "no lines"]
    if request.out:
        _say_files(counts, request.out)
    if counts.left:
        say(f"{_plural(counts.left, 'line')} had a text already, and kept it: {HOW_KEPT[wish.present]}")
    if counts.empty:
        say(f"{_plural(counts.empty, 'line')} {_verb(counts.empty)} read as nothing")
    for row in _rows([*others, *(counts.errors if wish.skips else [])]):
        say(f"warning: {row}")
    is_nothing = not (counts.read or counts.left or counts.done)
    if blank and not is_nothing:
        say(f"warning: {_plural(len(blank), 'page')} without lines, such as {blank[0].where}: {NO_LINES}")
    if counts.errors and not wish.skips:
        kept = " the files without one were written;" if counts.written else " nothing was written;"
        kept = kept if request.out else ""
        end = f"{_plural(len(counts.errors), 'problem')};{kept} --on-error skip leaves out what cannot be read"
        raise DataError("\n".join([*_rows(counts.errors), end]))
    if is_nothing:
        rows = _rows([*counts.errors, *blank])
        raise DataError("\n".join([*rows, f"no line was found to read: {NO_LINES}"]))


def _say_files(counts: Counts, out: Path) -> None:
    if counts.done:
        say(f"{_plural(counts.done, 'file')} of {out}, made of the same, {_verb(counts.done)} there already")
    if counts.written:
        say(f"wrote {_plural(counts.written, 'file')} into {out}")


def _rows(found: Sequence[object]) -> list[str]:
    """Some problems, a row each, and how many more there are."""
    more = len(found) - MAX_LISTED
    named = (str(row).replace("dataset.root", "the folder that was named") for row in found[:MAX_LISTED])
    return [*named, *([f"... and {more} more"] if more > 0 else [])]


def _listed(wrong: Sequence[str], end: str) -> str:
    return "\n".join([*_rows(wrong), f"{_plural(len(wrong), 'problem')}; {end}"])


def _verb(number: int) -> str:
    return "was" if number == 1 else "were"


def _plural(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
