"""What the real DVC shows of results: tables with the figures first, and plots drawn of the right rows."""

from __future__ import annotations

import json
import math
import re
import shlex
from pathlib import Path

import lab
import pytest

README = (lab.CHECKOUT / "README.md").read_text(encoding="utf-8")
FIGURES = ["cer", "wer", "line_accuracy", "cer_low", "cer_high", "edits", "ece", "ece_characters"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> Path:
    """A project whose first commit has no results, and two experiments on it."""
    folder = lab.start_project(tmp_path_factory.mktemp("compared") / "project", run)
    run("dvc", "exp", "run", "--name", "first", cwd=folder)
    run("dvc", "exp", "run", "--name", "steep", "-S", "training.lr=0.01", cwd=folder)
    return folder


def columns(table: str) -> list[str]:
    return [cell.strip() for cell in table.splitlines()[0].strip("|").split("|")]


def test_the_figures_are_the_first_columns(compared: Path, run: lab.Shell) -> None:
    shown = columns(run("dvc", "exp", "show", "--md", cwd=compared).stdout)
    measured = json.loads((compared / "metrics.json").read_text())
    known = [name for name in FIGURES if measured[name] is not None]  # without a character read, one is not
    assert shown[2 : 2 + len(known)] == known


def test_the_line_of_the_readme_shows_figures_and_what_was_changed(compared: Path, run: lab.Shell) -> None:
    (line,) = re.findall(r"(?m)^\$ (dvc exp show .*)$", README)
    shown = run(*shlex.split(line), cwd=compared).stdout
    best = ["best_val_cer", "best_epoch", "epochs", "parameters"]
    found = [name for name in columns(shown) if name != "Created"]  # it goes if all were made in the same minute
    assert found == ["Experiment", *FIGURES, *best, "training.lr"]
    assert re.search(r"\[steep\].* 0\.01 +\|$", shown, flags=re.MULTILINE)


def test_figures_of_other_lines_are_not_compared_unseen(finished: Path, run: lab.Shell) -> None:
    run("dvc", "exp", "run", "-S", "evaluation.split=val", cwd=finished)
    assert re.search(r"metrics\.json +measured\.split +test +val", run("dvc", "metrics", "diff", cwd=finished).stdout)


def test_dvc_draws_the_plots_and_none_from_what_was_not_measured(finished: Path, run: lab.Shell) -> None:
    shown = json.loads(run("dvc", "plots", "show", "--json", cwd=finished).stdout)["data"]
    curves = {"learning curve", "validation error"}
    groups = [f"cer_by_{kind}" for kind in ("page", "document", "writer", "script", "length")]
    assert set(shown) == {
        *curves,
        *(f"plots/{name}.csv" for name in ("confusions", "alphabet", "reliability", *groups)),
    }
    for name in curves:
        content = shown[name][0]["content"]
        rows = (json.loads(content) if isinstance(content, str) else content)["data"]["values"]
        drawn = {(row["field"], row["epoch"]): float(row["dvc_inferred_y_value"]) for row in rows}
        assert len(drawn) == 4
        assert [key for key, y in drawn.items() if math.isnan(y)] == [("train_loss", "0")] * (name == "learning curve")


def test_a_model_file_is_judged_beside_the_projects_own(finished: Path, run: lab.Shell) -> None:
    (finished / "models").mkdir()
    (finished / "checkpoints" / "last.safetensors").rename(finished / "models" / "other.safetensors")
    done = run("thulium", "evaluate", "--model", "models/other.safetensors", cwd=finished, code=2)
    assert done.stderr.startswith("--model writes metrics.json, predictions.csv and reports/, which are those of the")
    before = (finished / "metrics.json").read_bytes()
    run("thulium", "evaluate", "--model", "models/other.safetensors", "--output-dir", "other", cwd=finished)
    found = json.loads((finished / "other" / "metrics.json").read_text())
    assert found["measured"]["model"] == "model other.safetensors"
    assert {path.name for path in (finished / "other").iterdir()} == {
        "metrics.json",
        "plots",
        "predictions.csv",
        "reports",
    }
    assert (finished / "metrics.json").read_bytes() == before
