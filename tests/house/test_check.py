"""What a change has to pass: `make check`, which CI runs and the README names; and the Pythons beside the usual one."""

from __future__ import annotations

import re
import shutil

import lab
import pytest
import pythons

PARTS = ("ruff format --check", "ruff check", "-m mypy", "-m pytest")


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_check_runs_format_lint_types_and_tests_in_this_order(run: lab.Shell) -> None:
    said = run("make", "--dry-run", "check", cwd=lab.CHECKOUT).stdout
    places = [said.index(part) for part in PARTS]
    assert places == sorted(places)


def test_ci_runs_what_the_readme_names() -> None:
    assert "\nmake check " in (lab.CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert (lab.CHECKOUT / ".ci" / "run").read_text(encoding="utf-8").endswith("exec make check\n")


def test_what_the_type_checker_is_told_to_ignore_has_a_code_and_a_reason() -> None:
    for path in sorted((lab.CHECKOUT / "thulium").rglob("*.py")):
        rows = path.read_text(encoding="utf-8").splitlines()
        for above, row in zip(["", *rows], rows, strict=False):
            if "type: ignore" in row:
                assert re.search(r"type: ignore\[[a-z-]+\](  # \w|$)", row), f"{path.name}: {row}"
                assert row.endswith("]") <= above.strip().startswith("# "), f"{path.name}: no reason: {row}"


def test_a_python_that_is_not_there_is_said_to_be_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert pythons.main(("2.99",)) == 0
    assert capsys.readouterr().out == "Python 2.99: skipped: there is no such Python here\n"
