"""How often does a 95 % interval hold the truth? Made-up test sets, whose true rates are known.

Pages differ (PAGE_SPREAD, a standard deviation of the logarithm of their rates), and so do the lines of a page
(LINE_SPREAD). A second model reads every page and line a little differently (MODEL_PAGE, MODEL_LINE), and better by
BETTER.
The intervals are those that evaluate and compare print.
"""

from __future__ import annotations

import math

import numpy as np

from thulium.evaluation import intervals

SETS, LINES, RATE, BETTER = 1000, 30, 0.06, 0.93  # test sets, lines of a page, CER of the median line, share of it
CHARACTERS = (30, 71)  # of a line
PAGE_SPREAD, LINE_SPREAD, MODEL_PAGE, MODEL_LINE = 0.35, 0.5, 0.15, 0.3
FIRST = RATE * math.exp((PAGE_SPREAD**2 + LINE_SPREAD**2) / 2)
SECOND = RATE * BETTER * math.exp((PAGE_SPREAD**2 + LINE_SPREAD**2 + MODEL_PAGE**2 + MODEL_LINE**2) / 2)


def main() -> None:
    generator = np.random.default_rng(1)
    print(f"{SETS} test sets of about {LINES} lines a page; standard error {50 / math.sqrt(SETS):.1f} points at most")
    print("pages    CER    CER, pages unknown    difference    found where there is none, p <= 0.05")
    for pages in (2, 4, 6, 8, 12, 30, 100):
        held = np.array([_held(generator, pages) for _ in range(SETS)]).mean(axis=0)
        print("{:5} {:6.1%} {:18.1%} {:15.1%} {:12.1%}".format(pages, *held), flush=True)


def _held(generator: np.random.Generator, pages: int) -> tuple[bool, bool, bool, bool]:
    """Whether the intervals of one test set hold the truth, and whether chance looks like a difference."""
    sizes = generator.integers(LINES // 2, LINES * 3 // 2 + 1, pages)
    owner = np.repeat(np.arange(pages), sizes)
    lengths = generator.integers(*CHARACTERS, owner.size).astype(float)
    level = generator.normal(0, PAGE_SPREAD, pages)[owner] + generator.normal(0, LINE_SPREAD, owner.size)
    first = _edits(generator, lengths, level, RATE)
    own = generator.normal(0, MODEL_PAGE, pages)[owner] + generator.normal(0, MODEL_LINE, owner.size)
    second = _edits(generator, lengths, level + own, RATE * BETTER)
    other = _edits(generator, lengths, level + own - (MODEL_PAGE**2 + MODEL_LINE**2) / 2, RATE)
    by_page = [np.bincount(owner, values) for values in (first, second, other, lengths)]
    rate, lines = intervals.of_rate(by_page[0], by_page[3]), intervals.of_rate(first, lengths)
    apart = intervals.of_difference(by_page[1] - by_page[0], by_page[3])
    return (
        rate[0] <= FIRST <= rate[1],
        lines[0] <= FIRST <= lines[1],
        apart[0] <= SECOND - FIRST <= apart[1],
        intervals.sign_flips(by_page[2] - by_page[0]) <= 1 - intervals.LEVEL,
    )


def _edits(
    generator: np.random.Generator, lengths: np.ndarray[tuple[int], np.dtype[np.float64]], level: object, rate: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rates = np.minimum(1, rate * np.exp(level))
    return generator.binomial(lengths.astype(int), rates).astype(float)


if __name__ == "__main__":
    main()
