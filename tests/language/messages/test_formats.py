"""`thulium validate` for people, programs and GitHub, over one document or several."""

from __future__ import annotations

import json
from pathlib import Path

import lab
import pytest

from thulium_dsl.messages.formats import as_github, as_json
from thulium_dsl.messages.problems import Problem

PROBLEM = Problem("a,b:c.yaml", 2, 3, "training.lr", "50%\nof it", "say: less", 5, "  lr: 50%")
WHOLE = Problem("none.yaml", 0, 0, "", "there is no such file")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text("training:\n  epochs: 3\n")
    (tmp_path / "bad.yaml").write_text("training:\n  epoch: 3\n")
    (tmp_path / "worse.yaml").write_text("model: 50%\nversion: 7\n")
    return tmp_path


def test_json_has_an_object_for_each_problem() -> None:
    assert json.loads(as_json([PROBLEM, WHOLE])) == [
        {
            "file": "a,b:c.yaml",
            "line": 2,
            "column": 3,
            "end_column": 8,
            "path": "training.lr",
            "what": "50%\nof it",
            "hint": "say: less",
        },
        {
            "file": "none.yaml",
            "line": 0,
            "column": 0,
            "end_column": 0,
            "path": "",
            "what": "there is no such file",
            "hint": "",
        },
    ]


def test_github_annotations_are_escaped() -> None:
    assert as_github([PROBLEM, WHOLE]).splitlines() == [
        "::error file=a%2Cb%3Ac.yaml,line=2,col=3,title=training.lr::50%25%0Aof it%0Ahelp: say: less",
        "::error file=none.yaml,title=thulium::there is no such file",
    ]


def test_several_documents_are_judged_in_one_call(folder: Path, run: lab.Shell) -> None:
    ran = run("thulium", "validate", "worse.yaml", "good.yaml", "bad.yaml", cwd=folder, code=2)
    assert ran.stdout == "good.yaml is valid\n"
    assert [line for line in ran.stderr.splitlines() if ".yaml" in line] == [
        "bad.yaml:2:3: training.epoch: unknown key 'epoch'",
        "worse.yaml:1:8: model: must be a section with keys of its own, found '50%'",
        "worse.yaml:2:10: version: must be 1; found 7",
        "3 problems in bad.yaml and worse.yaml; nothing was run",
    ]


def test_programs_get_a_list_on_stdout_and_the_same_exit_code(folder: Path, run: lab.Shell) -> None:
    bad = run("thulium", "validate", "--format", "json", "bad.yaml", "worse.yaml", cwd=folder, code=2)
    assert [(row["file"], row["line"], row["column"], row["end_column"]) for row in json.loads(bad.stdout)] == [
        ("bad.yaml", 2, 3, 8),
        ("worse.yaml", 1, 8, 11),
        ("worse.yaml", 2, 10, 11),
    ]
    assert bad.stderr == ""
    assert json.loads(run("thulium", "validate", "--format", "json", "good.yaml", cwd=folder).stdout) == []


def test_github_gets_annotations(folder: Path, run: lab.Shell) -> None:
    bad = run("thulium", "validate", "--format", "github", "bad.yaml", cwd=folder, code=2)
    what = "unknown key 'epoch'%0Ahelp: did you mean 'epochs'?"
    assert bad.stdout == f"::error file=bad.yaml,line=2,col=3,title=training.epoch::{what}\n"
    assert run("thulium", "validate", "--format", "github", "good.yaml", cwd=folder).stdout == ""


def test_a_broken_file_that_two_documents_include_is_reported_once(folder: Path, run: lab.Shell) -> None:
    for name in ("one.yaml", "two.yaml"):
        (folder / name).write_text("include: bad.yaml\n")
    rows = json.loads(run("thulium", "validate", "one.yaml", "two.yaml", "--format=json", cwd=folder, code=2).stdout)
    assert [(row["file"], row["path"]) for row in rows] == [("bad.yaml", "training.epoch")]
