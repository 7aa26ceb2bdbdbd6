"""The evaluation as one page that needs nothing but a browser: numbers, curves, and the lines themselves."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rapidfuzz.distance import Levenshtein

from thulium.evaluation.alphabet import Letter, alphabet
from thulium.evaluation.calibration import Bin, bins_of_characters, bins_of_lines, ece
from thulium.evaluation.familiarity import Familiarity
from thulium.evaluation.groups import BUCKET, FEW, Group, Grouping
from thulium.evaluation.intervals import Interval, fewest_units
from thulium.evaluation.metrics import EditCount, LineResult, Scores
from thulium.evaluation.plots import NOTHING, confusion_counts, visible
from thulium.runtime.files import replace_text
from thulium.runtime.svg import Series, agreement_chart, line_chart

TYPICAL_LINES = 6
PAIRS_SHOWN = 15
GROUPS_SHOWN = 200  # pages, mostly: the page stays below 2 MB
LETTERS_SHOWN = 500  # some scripts have thousands


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All that the page shows.

    Attributes:
        judged: the model in words, such as "best checkpoint".
        epoch: that it is of, as counted in ``history``; None where the model does not say.
        history: a row an epoch, as ``thulium.training.history.read`` gives them; epoch 0 is before training; empty:
            nothing is known of the training.
        unfit: ids of the lines that have more text than the model has frames.
        is_calibrated: whether the confidences were made right on the validation lines.
        familiar: how sure the model is of the lines beside its own; None where that is not known.
        new_characters: which characters of the transcriptions it cannot write, in a sentence; empty: none.
        worst_lines: how many are shown with their images.
        png: line id -> bytes of its PNG.
        facts: label -> value: model, training settings, versions, digests.
        groupings: the lines, parted in all ways that are known.
        augmented: bytes of a PNG that shows a line under the transforms of the training; empty: there were none.
    """

    split: str
    judged: str
    epoch: int | None
    results: tuple[LineResult, ...]
    scores: Scores
    cer_interval: Interval
    history: list[dict[str, float]]
    worst_lines: int
    png: Callable[[str], bytes]
    facts: Mapping[str, object]
    augmented: bytes = b""
    unfit: tuple[str, ...] = ()
    is_calibrated: bool = False
    groupings: tuple[Grouping, ...] = ()
    familiar: Familiarity | None = None
    new_characters: str = ""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A line as the page shows it; image is a data URI, written and read are HTML."""

    result: LineResult
    image: str
    written: Markup
    read: Markup


@dataclass(frozen=True, slots=True)
class ShownGrouping:
    """A table of groups: those with the most edits first, but lengths in their order.

    Attributes:
        kind: what the lines of a group have in common, in a word.
        groups: (name as it is read, group) of those that are shown.
        number: of all groups.
    """

    kind: str
    groups: tuple[tuple[str, Group], ...]
    number: int

    @property
    def has_intervals(self) -> bool:
        """Whether a group has one."""
        return any(group.interval for _, group in self.groups)

    @classmethod
    def of(cls, grouping: Grouping) -> ShownGrouping:
        """The table of a grouping."""
        groups, number = grouping.groups, len(grouping.groups)
        if grouping.kind == "length":
            spans = ((f"{int(group.name) - BUCKET + 1}–{group.name}", group) for group in groups)
            return cls(grouping.kind, tuple(spans)[:GROUPS_SHOWN], number)
        worst = sorted(groups, key=lambda group: -group.characters.edits)[:GROUPS_SHOWN]
        return cls(grouping.kind, tuple((group.name, group) for group in worst), number)


def write_report(evaluation: Evaluation, path: Path) -> None:
    """Write the page, whole or not at all. The same evaluation gives the same bytes."""
    page = environment().get_template("evaluation.html.j2").render(_context(evaluation))
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, page)


def environment() -> Environment:
    """The templates of pages."""
    loader = ChoiceLoader([PackageLoader("thulium.evaluation"), PackageLoader("thulium.ingest")])
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    script, _, _ = loader.get_source(environment, "sort.js")
    environment.globals |= {"script": Markup(script), "script_digest": _digest_of(script)}
    return environment


def _digest_of(script: str) -> str:
    """By which a page allows this script and no other, whatever stands in the texts of its lines."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _context(evaluation: Evaluation) -> dict[str, object]:
    results = evaluation.results
    pairs, letters = confusion_counts(results), most_wrong_first(alphabet(results))
    worst = worst_first(results)
    shown = worst[: evaluation.worst_lines]
    typical = typical_lines(results, without=shown)
    num_pages = len({result.page for result in results})
    bins, of_characters = bins_of_lines(results), bins_of_characters(results)
    return {
        "evaluation": evaluation,
        "total": sum((result.characters for result in results), EditCount()),
        "words": sum((result.words for result in results), EditCount()),
        "num_exact": len(results) - len(worst),
        "num_wrong": len(worst),
        "num_pages": num_pages if num_pages < len(results) else 0,  # each line on a page of its own: none is known
        "before": _val_cer(evaluation.history, 0),
        "after": _val_cer(evaluation.history, evaluation.epoch) if evaluation.epoch else math.nan,
        "charts": _charts(evaluation),
        "bins": bins,
        "ece": ece(bins),
        "ece_characters": ece(of_characters),
        "reliability": _reliability(bins, of_characters),
        "augmented": data_uri(evaluation.augmented),
        "worst": [_shown(result, evaluation.png) for result in shown],
        "typical": [_shown(result, evaluation.png) for result in typical],
        "pairs": pairs[:PAIRS_SHOWN],
        "num_pairs": len(pairs),
        "kinds": _kinds(pairs),
        "nothing": NOTHING,
        "groupings": [ShownGrouping.of(grouping) for grouping in evaluation.groupings if len(grouping.groups) > 1],
        "fewest_pages": fewest_units(),
        "few": FEW,
        "letters": letters[:LETTERS_SHOWN],
        "num_letters": len(letters),
    }


def _kinds(pairs: Sequence[tuple[str, str, int]]) -> dict[str, int]:
    made_up = sum(count for actual, _, count in pairs if actual == NOTHING)
    missed = sum(count for _, predicted, count in pairs if predicted == NOTHING)
    replaced = sum(count for _, _, count in pairs) - made_up - missed
    return {"replaced": replaced, "missed": missed, "made up": made_up}


def percent(fraction: float) -> str:
    """A rate as it is read: two decimals below 10 %, one above, "–" where nothing was measured."""
    if not math.isfinite(fraction):
        return "–"
    return f"{fraction:.2%}" if 0 < fraction < 0.1 else f"{fraction:.1%}"


def worst_first(results: Sequence[LineResult]) -> list[LineResult]:
    """The lines with errors: most edits first, then the highest rate, then by id."""

    def order(result: LineResult) -> tuple[float, float, str]:
        rate = result.characters.rate
        return -result.characters.edits, -rate if math.isfinite(rate) else -math.inf, result.id

    return sorted((result for result in results if result.characters.edits), key=order)


def most_wrong_first(letters: Sequence[Letter]) -> list[Letter]:
    """Characters: those that were most often misread or made up first, then the most frequent."""
    return sorted(letters, key=lambda each: (each.right - each.seen - each.made_up, -each.seen))


def typical_lines(results: Sequence[LineResult], without: Sequence[LineResult]) -> list[LineResult]:
    """A few lines from the middle half by CER, drawn at random but always the same; the best read one first."""
    ranked = sorted(
        (result for result in results if result.characters.reference),
        key=lambda result: (result.characters.rate, _digest(result.id)),
    )
    middle = ranked[len(ranked) // 4 : len(ranked) - len(ranked) // 4]
    others = {result.id for result in middle} - {result.id for result in without}
    drawn = set(sorted(others, key=_digest)[:TYPICAL_LINES])
    return [result for result in middle if result.id in drawn]


def _digest(line_id: str) -> bytes:
    return hashlib.sha256(line_id.encode()).digest()


def _shown(result: LineResult, png: Callable[[str], bytes]) -> ReportLine:
    return ReportLine(result, data_uri(png(result.id)), *diff(result.transcription, result.prediction))


def data_uri(png: bytes) -> str:
    """A picture as a page holds it; empty where there is none."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii") if png else ""


def diff(transcription: str, prediction: str) -> tuple[Markup, Markup]:
    """Both texts as HTML with their differences marked, as long as each other where symbols are equally wide.

    What was taken for something else is <mark> in both, what was not read <del> in the transcription, what is not
    there <ins> in the prediction.
    """
    written, read = Markup(), Markup()
    for code in Levenshtein.opcodes(transcription, prediction):
        ours, theirs = transcription[code.src_start : code.src_end], prediction[code.dest_start : code.dest_end]
        if code.tag == "equal":
            written, read = written + ours, read + theirs
        elif code.tag == "replace":
            written, read = written + _element("mark", ours), read + _element("mark", theirs)
        elif code.tag == "delete":
            written, read = written + _element("del", ours), read + _gap(ours)
        else:
            written, read = written + _gap(theirs), read + _element("ins", theirs)
    return written, read


def _element(name: str, text: str) -> Markup:
    return Markup(f"<{name}>{{}}</{name}>").format(visible(text))


def _gap(missing: str) -> Markup:
    return Markup("<i>{}</i>").format(" " * len(visible(missing)))


def _val_cer(history: Sequence[Mapping[str, float]], epoch: int | None) -> float:
    return next((row.get("val_cer", math.nan) for row in history if row["epoch"] == epoch), math.nan)


def _charts(evaluation: Evaluation) -> list[Markup]:
    epoch = evaluation.epoch
    is_known = epoch is not None and any(row["epoch"] == epoch for row in evaluation.history)
    known = (float(epoch or 0), f"{evaluation.judged}: epoch {epoch}") if is_known else None

    def series(name: str, column: str) -> Series:
        return Series(name, tuple((row["epoch"], row[column]) for row in evaluation.history if column in row))

    losses = [series("training", "train_loss"), series("validation", "val_loss")]
    rates = [series("characters", "val_cer"), series("words", "val_wer")]
    charts = (
        line_chart(losses, title="Loss, nats a symbol", x_title="epoch", mark=known),
        line_chart(rates, title="Error rate on validation", x_title="epoch", mark=known, tick=_tick),
    )
    return [Markup(chart) for chart in charts if chart]  # svg.py escapes what it writes


def _reliability(lines: Sequence[Bin], characters: Sequence[Bin]) -> Markup:
    series = [
        Series(name, tuple((one.confidence, one.right) for one in bins))
        for name, bins in (("lines", lines), ("characters", characters))
    ]
    return Markup(agreement_chart(series, title="Share that is right", x_title="confidence"))


def _tick(fraction: float) -> str:
    return f"{fraction * 100:.4g}%"
