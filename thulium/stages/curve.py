"""curve: how the error falls with the number of training lines, in words, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from markupsafe import Markup

from thulium.data.prepared import open_prepared
from thulium.evaluation import curve_chart, learning_curve, text_table
from thulium.evaluation.learning_curve import FARTHEST, FEWEST, HARDLY_READS, LEVEL, Band, Fit
from thulium.evaluation.report import environment, percent
from thulium.runtime.files import replace_bytes, replace_text
from thulium.runtime.tables import write_table

MORE = (100, 300, 1000)  # lines, of which it is said what they would bring
NAMES = ("curve.csv", "curve.svg", "curve.png", "curve.html")
TITLE = "CER by the number of training lines"
COLUMNS = ("lines", "pages", "seed", "cer", "expected", "low", "high")
MISSING = "–"
HALF_AN_EDIT = 0.5  # what no edit at all stands for, on the scale of a logarithm

Rates = Mapping[int, Mapping[int, float]]  # lines -> seed -> CER


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """All that is known of a curve.

    Attributes:
        rates: of the trainings that are finished.
        sizes, seeds: rows and columns of the table, those that are not trained yet with them.
        pages: (lines, seed) -> pages that these lines are of; empty where no two lines are known to be of one page.
        fit: None where too few sizes are trained, or read.
        least: the rate that counts for a training without an error.
        split: that the CER is of.
        notes: what else is to be known, a sentence each.
    """

    rates: Rates
    sizes: Sequence[int]
    seeds: Sequence[int]
    pages: Mapping[tuple[int, int], int]
    fit: Fit | None
    least: float
    split: str
    notes: Sequence[str]

    @property
    def points(self) -> dict[int, list[float]]:
        """lines -> the CER of each seed, rising."""
        return {lines: list(self.rates[lines].values()) for lines in sorted(self.rates) if self.rates[lines]}


def curve(
    rates: Rates,
    *,
    sizes: Sequence[int],
    seeds: Sequence[int],
    prepared: Path,
    characters: int | None,
    split: str,
    notes: Sequence[str],
) -> Curve:
    """Fit a curve to the trainings that are finished.

    Args:
        prepared: the folder that prepare wrote: of which pages the lines are.
        characters: that the CER is over; None: not known.

    Raises:
        DataError: the prepared lines cannot be read.
    """
    found = Curve(
        rates=rates,
        sizes=sorted({*sizes, *rates}),
        seeds=sorted({*seeds, *(seed for each in rates.values() for seed in each)}),
        pages={},
        fit=None,
        least=HALF_AN_EDIT / characters if characters else learning_curve.LEAST,
        split=split,
        notes=notes,
    )
    return replace(found, pages=_pages(found, prepared), fit=learning_curve.fit(found.points, found.least))


def _pages(found: Curve, prepared: Path) -> dict[tuple[int, int], int]:
    data = open_prepared(prepared)
    everything = list(data.split("train").pages)
    if len(set(everything)) == len(everything):
        return {}
    return {
        (lines, seed): len(set(replace(data, lines=lines, seed=seed).split("train").pages))
        for lines in found.sizes
        for seed in found.seeds
    }


def as_text(found: Curve) -> str:
    """For the screen."""
    rows = [*text_table.aligned(table(found), ()), ""]
    if found.fit:
        rows += [*text_table.aligned(outlook(found.fit), ()), ""]
    return "\n".join([*rows, *sentences(found)]) + "\n"


def table(found: Curve) -> list[list[str]]:
    """A row for each size, the head first."""
    rows = [["lines", *(["pages"] if found.pages else []), *(f"seed {seed}" for seed in found.seeds), "mean"]]
    rows[0] += [f"{LEVEL:.0%} of trainings"] if found.fit else []
    for lines in found.sizes:
        own = found.rates.get(lines, {})
        rows.append([f"{lines:,}", *([_range(found, lines)] if found.pages else [])])
        rows[-1] += [percent(own[seed]) if seed in own else MISSING for seed in found.seeds]
        rows[-1] += [percent(float(np.mean(list(own.values())))) if own else MISSING]
        if found.fit:
            rows[-1] += [_between(found.fit.at(lines)) if lines >= found.fit.lines[0] else "not in the fit"]
    return rows


def outlook(fit: Fit) -> list[list[str]]:
    """What more lines would bring, a row for each number of them, the head first."""
    rows = [["lines more", "in all", "CER expected", f"{LEVEL:.0%} of trainings", "mean falls by, points"]]
    for more in MORE:
        lines = fit.largest + more
        band, gain = fit.at(lines), fit.gain(fit.largest, more)
        falls = f"{100 * gain.middle:.2f} ({100 * gain.low:.2f} to {100 * gain.high:.2f})"
        mark = "*" if fit.is_far(lines) else ""
        rows.append([f"{more:,}{mark}", f"{lines:,}", percent(band.middle), _between(band), falls])
    return rows


def sentences(found: Curve) -> list[str]:
    """What the tables do not say by themselves."""
    reads = learning_curve.usable(found.points)
    rows = [f"CER on the {found.split} lines" + ("" if found.pages else "; each subset is of single lines")]
    if out := [f"{lines:,}" for lines in found.points if lines not in reads]:
        rows.append(
            f"not in the fit: {', '.join(out)} lines, since a model with a mean CER of {HARDLY_READS:.0%} and more "
            "hardly reads yet: it says nothing of how one that reads gets better"
        )
    if found.fit is None:
        rows.append(
            f"nothing is said of more lines: that needs {FEWEST} sizes at which a model reads, and there "
            f"{'is' if len(reads) == 1 else 'are'} {len(reads) or 'none'}"
        )
    else:
        rows += [*_of_chance(found, found.fit), *_checked(found)]
    return [*rows, *found.notes]


def _of_chance(found: Curve, fit: Fit) -> list[str]:
    rows = []
    if any(fit.is_far(fit.largest + more) for more in MORE):
        rows.append(f"* more than {FARTHEST} times as many lines as were trained with: rather a guess")
    largest = list(found.rates[fit.largest].values())
    if len(largest) > 1:
        rows.append(
            f"with {fit.largest:,} lines, seeds put the CER {100 * float(np.std(largest, ddof=1)):.2f} points apart "
            "(standard deviation): what brings less is not seen in one training"
        )
    return rows


def _checked(found: Curve) -> list[str]:
    """What the curve of the smaller sizes says of the largest one, beside what came out there."""
    points = found.points
    largest = max(points)
    half = {lines: rates for lines, rates in points.items() if 2 * lines <= largest}
    before = learning_curve.fit(half, found.least)
    if before is None or found.fit is None or largest != found.fit.largest:
        return []
    band, mean = before.at(largest), float(np.mean(points[largest]))
    verdict = "within" if band.holds(mean) else "outside: trust the rest the less"
    return [
        f"a check: from the sizes up to {before.largest:,} lines alone, {_between(band)} would be expected with "
        f"{largest:,}; the mean there is {percent(mean)}: {verdict}"
    ]


def _range(found: Curve, lines: int) -> str:
    counts = [found.pages[lines, seed] for seed in found.seeds]
    return f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,}–{max(counts):,}"


def _between(band: Band) -> str:
    return f"{percent(band.low)} to {percent(band.high)}"


def write(found: Curve, out: Path) -> None:
    """Write the points, the picture and the page, each whole or not at all.

    Args:
        out: a folder; gets NAMES.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_table(out / "curve.csv", COLUMNS, _rows(found))
    shapes = curve_chart.layout(found.points, found.fit, title=TITLE)
    drawn = curve_chart.as_svg(shapes, label=TITLE)
    replace_text(out / "curve.svg", drawn + "\n")
    replace_bytes(out / "curve.png", curve_chart.as_png(shapes))
    page = environment().get_template("curve.html.j2")
    tables = [("trained", table(found)), *([("more", outlook(found.fit))] if found.fit else [])]
    said = sentences(found)
    replace_text(out / "curve.html", page.render(chart=Markup(drawn), title=TITLE, tables=dict(tables), said=said))


def _rows(found: Curve) -> list[tuple[object, ...]]:
    """Each training, and then what is expected of more lines, which have no seed."""

    def expected(lines: int) -> tuple[object, ...]:
        if found.fit is None or lines < found.fit.lines[0]:
            return "", "", ""
        band = found.fit.at(lines)
        return round(band.middle, 6), round(band.low, 6), round(band.high, 6)

    rows: list[tuple[object, ...]] = [
        (lines, found.pages.get((lines, seed), ""), seed, round(cer, 6), *expected(lines))
        for lines in sorted(found.rates)
        for seed, cer in sorted(found.rates[lines].items())
    ]
    more = [found.fit.largest + each for each in MORE] if found.fit else []
    return [*rows, *((lines, "", "", "", *expected(lines)) for lines in more)]
