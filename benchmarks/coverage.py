"""How often does the 95 % interval of the CER hold the true rate? Made-up test sets, whose true rate is known.

Pages differ (PAGE_SPREAD, a standard deviation of the logarithm of their rates), and so do the lines of a page
(LINE_SPREAD). The interval is the one that evaluate prints.
"""

from __future__ import annotations

import math

import numpy as np

from thulium.evaluation.intervals import cer_interval
from thulium.evaluation.metrics import LineResult

SETS, LINES, CHARACTERS, RATE = 400, 30, 50, 0.06  # test sets, lines of a page, characters of a line, CER of the median
PAGE_SPREAD, LINE_SPREAD = 0.35, 0.5
TRUE = RATE * math.exp((PAGE_SPREAD**2 + LINE_SPREAD**2) / 2)


def main() -> None:
    generator = np.random.default_rng(1)
    print(f"{SETS} test sets of {LINES} lines a page; standard error {50 / math.sqrt(SETS):.1f} points at most")
    for pages in (2, 4, 6, 8, 12, 20, 30, 60):
        known, unknown = (_coverage(generator, pages, is_known) for is_known in (True, False))
        print(
            f"{pages:3} pages: {known:.1%} hold the true rate; {unknown:.1%} where no line's page is known", flush=True
        )


def _coverage(generator: np.random.Generator, pages: int, is_known: bool) -> float:
    held = 0
    for _ in range(SETS):
        interval = cer_interval(_results(generator, pages, is_known))
        held += interval.low <= TRUE <= interval.high
    return held / SETS


def _results(generator: np.random.Generator, pages: int, is_known: bool) -> list[LineResult]:
    page_rates = RATE * np.exp(generator.normal(0, PAGE_SPREAD, pages))[:, None]
    rates = np.minimum(1, page_rates * np.exp(generator.normal(0, LINE_SPREAD, (pages, LINES))))
    edits = generator.binomial(CHARACTERS, rates)
    return [
        LineResult(
            f"{page}-{line}",
            f"{page}" if is_known else f"{page}-{line}",
            "a" * CHARACTERS,
            "b" * int(wrong) + "a" * (CHARACTERS - int(wrong)),
        )
        for (page, line), wrong in np.ndenumerate(edits)
    ]


if __name__ == "__main__":
    main()
