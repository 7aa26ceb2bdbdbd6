"""Data with a fault each, and all that prepare makes of it; THULIUM_GOLDEN=write writes docs/bad-input.md anew."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import lab
import numpy as np
import pytest
from bad_input import page, running
from bad_input.cases import Case
from bad_input.everything import SECTIONS

PAGE = lab.CHECKOUT / page.PATH
IS_WRITING = os.environ.get("THULIUM_GOLDEN") == "write"
EACH = [pytest.param(name, case, id=f"{name}-{case.title}") for name, cases in SECTIONS.items() for case in cases]
# What a message asks for stands behind what was found.
ADVICE = re.compile(
    r"[:;,(] (.*\b)?(add|choose|change|copy|correct|cut|draw|export|fill|is left|join|keep|make|move|name|put|"
    r"raise|remove|rename|replace|run|save|set|should|split|write|written|the folder of the data)\b"
)
LAST = re.compile(r"\d+ problems? in the data; nothing was written|\.\.\. and \d+ more|left out, .*")
SIMILAR = 0.9  # correlation of the pixels of two pictures of one line


@pytest.mark.parametrize(("section", "case"), EACH)
def test_bad_input(section: str, case: Case) -> None:
    first, second = running.outcomes(case)
    check_what_is_printed(case, first)
    if case.result in ("refused", "refused or skipped"):
        check_refused(case, first)
        assert second is not None
        if case.result == "refused":
            check_refused(case, second)
        else:
            check_kept(case, second)
    else:
        assert first.code == 0, first.printed
        check_kept(case, first)
    if not IS_WRITING:
        assert page.block(case, first, second) in page.sections(PAGE.read_text(encoding="utf-8"))[section]


def check_what_is_printed(case: Case, outcome: running.Outcome) -> None:
    """Nothing that cannot be seen or belongs to the machine; and every place that is at fault."""
    assert [symbol for symbol in outcome.printed if not symbol.isprintable() and symbol != "\n"] == []
    assert "Traceback" not in outcome.printed
    assert "/tmp" not in outcome.printed
    assert [place for place in case.at if place not in outcome.printed] == []


def check_refused(case: Case, outcome: running.Outcome) -> None:
    """Exit code 2, every message says what to do, and not a file has changed."""
    assert outcome.code == 2
    assert outcome.changed == []
    messages = [row for row in outcome.printed.splitlines() if not LAST.fullmatch(row)]
    assert messages
    assert [message for message in messages if not ADVICE.search(message)] == []


def check_kept(case: Case, outcome: running.Outcome) -> None:
    """What is good is kept, and what is not is counted and named."""
    assert outcome.code == 0, outcome.printed
    assert outcome.changed == []
    assert outcome.lines == running.expected_lines(case)
    assert outcome.skipped == dict(case.skipped)
    for entry in outcome.report["skipped"].values():
        assert len(entry["where"]) == entry["count"]
        assert entry["is_error"] == (case.result == "refused or skipped")
    good = running.good_outcome(case.kind)
    for split, texts in good.texts.items():
        gone = (Counter(texts) - Counter(outcome.texts[split])).total()
        assert gone <= case.lost.get(split, 0) + 1, "only the spoilt line is another"
    if case.found:
        assert found_in(outcome.report, case.found)
    if case.result == "kept":
        assert outcome.printed == good.printed
    if case.same_picture:
        assert outcome.first is not None
        assert good.first is not None
        assert outcome.texts == good.texts
        assert outcome.first.shape == good.first.shape
        assert np.corrcoef(outcome.first.ravel(), good.first.ravel())[0, 1] > SIMILAR


def found_in(report: Any, path: str) -> Any:
    """What a report has at a path of keys."""
    for key in path.split("/"):
        report = report[key]
    return report


@pytest.mark.parametrize("kind", ["custom", "gt_txt", "page", "alto", "parquet"])
def test_the_good_data_have_nothing_to_report(kind: str) -> None:
    outcome = running.good_outcome(kind)
    assert outcome.lines == running.good.COUNTS[kind]
    assert outcome.printed.count("\n") == 1, outcome.printed
    assert outcome.skipped == {}


def test_the_page_has_every_case() -> None:
    if IS_WRITING:
        blocks = {name: [page.block(case, *running.outcomes(case)) for case in SECTIONS[name]] for name in SECTIONS}
        PAGE.write_text(page.whole(blocks), encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(page.head())
    found = {name: page.titles(section) for name, section in page.sections(text).items()}
    assert found == {name: page.expected_titles(cases) for name, cases in SECTIONS.items()}
    assert all(len(set(titles)) == len(titles) for titles in found.values())


@pytest.mark.parametrize(
    ("section", "title"),
    [
        ("Images", "A PNG that is cut off"),
        ("Parquet", "A null in the column of texts"),
    ],
)
def test_the_real_command_does_the_same(section: str, title: str, tmp_path: Path, run: lab.Shell) -> None:
    (case,) = (case for case in SECTIONS[section] if case.title == title)
    running.prepare(tmp_path / "case", case.kind, case)
    done = run(*running.COMMAND, cwd=tmp_path / "case", code=None)
    first, _ = running.outcomes(case)
    assert (done.returncode, done.stdout + done.stderr) == (first.code, first.printed)
    assert (tmp_path / "case" / running.OUT).exists() == (first.code == 0)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("custom", "data/train/images/000.png", "cannot be read (Permission denied): change its permissions"),
        ("custom", "data/train/labels.txt", "cannot be read (Permission denied): copy it anew, or change"),
        ("gt_txt", "data/lines/train/p0/000.gt.txt", "cannot be read (Permission denied)"),
        ("page", "data/pages/train/p0.xml", "cannot be read (Permission denied)"),
        ("page", "data/pages/train/p0.png", "cannot be read (Permission denied)"),
        ("parquet", "data/tables/train.parquet", "cannot be read (Permission denied): change its permissions"),
        ("custom", "data/train/images", "cannot be read (Permission denied): change its permissions"),
        ("gt_txt", "data/lines/train/p0", "cannot be read (Permission denied): change its permissions"),
    ],
)
def test_what_may_not_be_read_is_named(kind: str, name: str, message: str, tmp_path: Path) -> None:
    running.prepare(tmp_path / "case", kind, None)
    (tmp_path / "case" / name).chmod(0)
    if os.access(tmp_path / "case" / name, os.R_OK):
        pytest.skip("this account may read everything, as root may")
    outcome = running.run(tmp_path / "case")
    (tmp_path / "case" / name).chmod(0o755)  # else it could not be removed
    assert outcome.code == 2
    assert name in outcome.printed
    assert message in outcome.printed
