"""docs/bad-input.md: what prepare printed for each case."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from bad_input.cases import Case, Result
from bad_input.everything import SECTIONS
from bad_input.running import Outcome

PATH = "docs/bad-input.md"
RESULTS: dict[Result, str] = {
    "refused": "refused",
    "refused or skipped": "refused, or skipped if the document says so",
    "left out": "left out, counted and named",
    "kept and reported": "kept and reported",
    "kept": "kept",
}
# What other packages say of the cause is theirs, and differs from version to version.
FOREIGN = re.compile(r"(cannot be decoded|not well-formed XML|a damaged one|is damaged from row \d+ on) \(.*\)(?=:)")
HEAD = """\
# Bad input

What `thulium prepare` does about {number} kinds of faults, and what it prints. Each was tried on a small data set of
its own. This page is written by the tests that try them (`tests/stages/test_bad_input.py`), and they fail when
something else is printed.

- **Refused**: one message for each fault, exit code 2, and nothing is written. With `dataset.on_error: skip` most of
  these lines are skipped instead, up to the share `dataset.max_skipped`, and `report.json` counts and names each.
- **Left out**: what data sets are expected to have, such as lines that nobody has transcribed, stops nothing. It is
  counted and named.
- **Kept and reported**: the line can be used, but a person should look at it.
- **Kept**: no fault at all, whatever it may look like.

In brackets, (…) stands for words of other packages about the cause, which differ from version to version.

"""


def head() -> str:
    """All that stands above the first section."""
    names = list(RESULTS)
    rows = [("", *RESULTS.values(), "all"), ("---", *["---:"] * (len(names) + 1))]
    whole: Counter[str] = Counter()
    for section, cases in SECTIONS.items():
        counts = Counter(case.result for case in cases)
        whole += counts
        rows.append((section, *(str(counts[name] or "") for name in names), str(counts.total())))
    rows.append(("all", *(str(whole[name]) for name in names), str(whole.total())))
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return HEAD.format(number=whole.total()) + table


def block(case: Case, first: Outcome, second: Outcome | None) -> str:
    """What the page says of a case."""
    if case.result == "kept":
        return f"- {_escaped(case.title)}\n"
    shown = first.printed if first.code else first.printed.partition("\n")[2]
    settings = ", ".join(f"`{key}`" for key in _settings(case.document))
    text = f"**{_escaped(case.title)}**: {_result(case, second)}."
    text += f" The document sets {settings}.\n\n" if settings else "\n\n"
    shown = FOREIGN.sub(r"\1 (…)", shown)
    return text + (f"```text\n{shown}```\n" if shown else "Only in `report.json`.\n")


def whole(blocks: Mapping[str, list[str]]) -> str:
    """The page, from the blocks of each section."""
    return head() + "".join(section(name, blocks[name]) for name in SECTIONS)


def section(name: str, blocks: list[str]) -> str:
    """A section; what is kept without a word stands at its end, as a list."""
    kept = [text for text in blocks if text.startswith("- ")]
    others = [text for text in blocks if not text.startswith("- ")]
    text = f"\n## {name}\n\n" + "\n".join(others)
    if kept:
        text += ("\n" if others else "") + "Kept:\n\n" + "".join(kept)
    return text


def sections(page: str) -> dict[str, str]:
    """The sections of a page."""
    return {name: text for name, text in re.findall(r"\n## (.+)\n((?:(?!\n## ).|\n(?!## ))*)", page)}


def titles(text: str) -> list[str]:
    """The titles in a section, in its order."""
    return [bold or kept for bold, kept in re.findall(r"^(?:\*\*(.+?)\*\*: |- (.+)$)", text, flags=re.MULTILINE)]


def expected_titles(cases: list[Case]) -> list[str]:
    """The titles that a section has to have, in its order."""
    ordered = sorted(cases, key=lambda case: case.result == "kept")
    return [_escaped(case.title) for case in ordered]


def _result(case: Case, second: Outcome | None) -> str:
    if case.result != "refused or skipped" or second is None or second.code:
        return RESULTS[case.result]
    counted = ", ".join(f"{reason} ({count})" for reason, count in second.skipped.items())
    if not counted:
        return "refused; with `on_error: skip` kept"
    kept, lost = sum(second.lines.values()), sum(case.lost.values())
    lines = f"{kept} of {kept + lost} lines kept" if lost else "all good lines kept"
    return f"refused; with `on_error: skip` counted as {counted}, {lines}"


def _settings(document: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The keys that a case sets, as the document's reference has them."""
    for name, value in document.items():
        key = f"{above}.{name}" if above else name.replace("/", ".") if "/" in name else f"dataset.{name}"
        if isinstance(value, Mapping):
            yield from _settings(value, key)
        else:
            yield key


def _escaped(text: str) -> str:
    return re.sub(r"([*_<>|\[\]])", r"\\\1", text)
