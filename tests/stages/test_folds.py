"""A project with folds: its stages under the real DVC, and its commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import lab
import lab_data
import pytest
from lab_commands import call, refusal

pytest.importorskip("torch")

from thulium.cli.model_file import model_file
from thulium.runtime.tables import read_table, write_table
from thulium.stages.pool import pool
from thulium_dsl.messages.problems import ThuliumError

ROOTED = "  type: gt_txt\n  root: lines\n  split: {folds: 3}\n"
DOCUMENT = lab.complete(lab.DIFFERENT.replace("  type: synthetic\n  lines: {train: 24, val: 8, test: 8}\n", ROOTED))
HEADER = ("id", "page", "transcription", "prediction", "edits", "characters", "confidence", "image")
PAGES = 6


@pytest.mark.long  # make check has its commands in test_the_commands_of_a_fold_work_in_its_folder_and_on_its_lines
def test_a_project_goes_from_one_model_to_folds_and_trains_only_what_must_be(
    project: Path, run: lab.Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    lab_data.write_gt_txt(project / "lines", PAGES)
    (project / "params.yaml").write_text(DOCUMENT)
    run("thulium", "compile", cwd=project)
    done = run("dvc", "repro", cwd=project)
    each = [f"{name}@{fold}" for name in ("train", "evaluate") for fold in (1, 2, 3)]
    assert lab.stages_run(done.stdout) == ["prepare", *each, "pool"]
    lab.commit(project, run)
    assert run("git", "status", "--short", cwd=project).stdout == ""
    assert not list((project / "folds").rglob(".gitignore"))  # the project's own says it all
    metrics = json.loads((project / "metrics.json").read_text())
    assert (metrics["measured"]["lines"], metrics["measured"]["pages"]) == (4 * PAGES, PAGES)
    own = [json.loads((project / "folds" / fold / "metrics.json").read_text()) for fold in "123"]
    characters = sum(each["measured"]["characters"] for each in own)
    assert metrics["cer"] == pytest.approx(sum(each["edits"] for each in own) / characters, abs=1e-6)

    # Another text on one page: the model that is judged on it has not seen it, and stays.
    page = next(row["page"] for row in read_table(project / "data/prepared/folds.csv") if row["fold"] == "2")
    next((project / "lines").rglob(f"{page}/*line1.gt.txt")).write_text("den 3. Mai\n")
    done = run("dvc", "repro", cwd=project)
    ran = lab.stages_run(done.stdout)
    assert "train@2" not in ran
    assert {"prepare", "train@1", "train@3", "evaluate@2", "pool"} <= set(ran)
    assert re.search(r"metrics\.json +cer +\d", run("dvc", "metrics", "diff", "--all", cwd=project).stdout)
    assert f"{PAGES} pages" in call("compare", "HEAD", "workspace", "--common").output
    said = re.search("`(dvc get .*?)`", refusal("predict", "HEAD", "x.png"))
    assert said
    run(*said[1].split(), cwd=project)
    assert (project / "folds-1.safetensors").is_file()

    failed = run("dvc", "exp", "run", "-S", "dataset.split.folds=4", cwd=project, code=None)
    assert "dvc.yaml is out of date: stage train" in failed.stderr + failed.stdout
    run("thulium", "compile", cwd=project)
    assert lab.stages_run(run("dvc", "repro", "prepare", cwd=project).stdout) == ["prepare"]
    assert "train@4: it never ran" in call("plan").output


@pytest.fixture
def folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A document with three folds and what it compiles to; nothing ran, and DVC is not asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(DOCUMENT)
    assert call("compile").exit_code == 0
    return tmp_path


def test_a_command_of_one_fold_is_told_which(folded: Path) -> None:
    for command in ("train", "evaluate", "tune-decoding", "lm"):
        assert refusal(command) == (
            "dataset.split.folds makes 3 folds\n"
            "  help: `dvc repro` runs the stages of all; for one of them, add --fold 1"
        )
        assert "--fold 4: there are 3 folds\n  help: name one of 1 to 3" in refusal(command, "--fold", 4)
    assert "makes 3 folds, which are stages of a DVC project, and this is none" in refusal("train", "--output-dir", "o")
    assert "folds/1/metrics.json: is not there: `dvc repro` trains" in refusal("pool")
    for command in (("predict", ".", "x.png"), ("export", "."), ("publish", ".")):
        assert ".: has a model for each fold, there to be judged" in refusal(*command)


def test_a_document_without_folds_has_nothing_to_choose(folded: Path) -> None:
    (folded / "params.yaml").write_text(lab.DOCUMENT)
    call("compile")
    assert "--fold chooses one of dataset.split.folds, and the document has none" in refusal("train", "--fold", 1)
    assert "there are no folds, so there is nothing to pool" in refusal("pool")


def test_the_commands_of_a_fold_work_in_its_folder_and_on_its_lines(folded: Path) -> None:
    lab_data.write_gt_txt(folded / "lines", PAGES)
    said = call("prepare").output
    assert "prepared 24 lines in 3 folds (each 8 to judge, 4 to choose the epoch on, 12 to learn from) in" in said
    assert "trained: folds/2/checkpoints" in call("train", "--fold", 2).output
    call("evaluate", "--fold", 2)
    own = {row["page"].rpartition("/")[2] for row in read_table(folded / "folds/2/predictions.csv", HEADER)}
    assert own == {row["page"] for row in read_table(folded / "data/prepared/folds.csv") if row["fold"] == "2"}
    with model_file("folds/2") as found:
        assert found == Path("folds/2/checkpoints/best.safetensors")
    assert "of data/prepared/folds/1" in call("augment-preview").output


def test_folds_in_which_a_model_learns_from_little_are_named(folded: Path) -> None:
    lab_data.write_gt_txt(folded / "lines", 3)
    lab.edit(folded / "params.yaml", "    by: page\n", "    by: document\n")
    call("compile")
    assert (
        "fold 1, 2, 3: models learn from as few as 4 of 12 lines, where about 7 were asked for, since a document stays "
        "whole: divide by something smaller in dataset.split.by, or add some"
    ) in call("prepare", "--dry").output


def test_a_model_of_a_revision_is_told_how_to_get(
    folded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(path: str, _revision: str, _root: Path, to: Path) -> str:
        if path == "params.yaml":
            to.write_text(DOCUMENT)
        return ""

    monkeypatch.setattr("thulium.cli.model_file.fetch", fetch)
    (folded / ".dvc").mkdir()
    assert (
        "help: `dvc get . folds/1/checkpoints/best.safetensors --rev HEAD --out folds-1.safetensors` brings one to "
        "name; or train one on all pages"
    ) in refusal("predict", "HEAD", "x.png")


def readings(folder: Path, wrong: dict[int, int], pages: int = 2) -> None:
    """What evaluate leaves of the models of folds that misread so many characters of each line."""
    for fold, bad in wrong.items():
        rows = [
            (f"p{page}/{number}", f"p{page}", "a" * 20, "x" * bad + "a" * (20 - bad), bad, 20, "", "")
            for page in range(fold * pages, (fold + 1) * pages)
            for number in range(fold)
        ]
        write_table(folder / str(fold) / "predictions.csv", HEADER, rows)
        measured = {"split": "test", "lines": len(rows), "lines_left_out": 1, "characters": 20 * len(rows)}
        metrics = {"cer": bad / 20, "measured": measured | {"model_sha256": f"{fold}", "interval_unit": "page"}}
        (folder / str(fold) / "metrics.json").write_text(json.dumps(metrics))


def test_a_fold_with_more_lines_weighs_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readings(tmp_path / "folds", {1: 0, 2: 2, 3: 5, 4: 20})  # 4 is of an earlier division
    found = pool(folds=3, folder=tmp_path / "folds", out=tmp_path)
    assert found["cer"] == pytest.approx((4 * 2 + 6 * 5) / (12 * 20), abs=1e-6)
    assert found["cer_by_fold"] == {"1": 0.0, "2": 0.1, "3": 0.25}
    assert found["measured"] == {
        "split": "test",
        "lines": 12,
        "lines_left_out": 3,
        "characters": 240,
        "model_sha256": ["1", "2", "3"],
        "pages": 6,
        "interval_unit": "page",
        "interval_units": 6,
        "folds": 3,
    }
    said = capsys.readouterr().err
    assert "the interval is over 6 pages" in said
    assert "CER by fold: 1: 0.00% of 2 lines, 2: 10.00% of 4 lines, 3: 25.00% of 6 lines" in said
    assert "3 more lines were left out by prepare" in said
    rows = read_table(tmp_path / "plots" / "cer_by_page.csv", ("page", "cer"))
    assert [(row["page"], float(row["cer"])) for row in rows][-1] == ("p7", 0.25)


def test_folds_of_two_divisions_are_not_pooled(tmp_path: Path) -> None:
    readings(tmp_path / "folds", {1: 0, 2: 2, 3: 5})
    table = tmp_path / "folds" / "3" / "predictions.csv"
    table.write_text(table.read_text().replace("p6/0", "p4/0"))
    with pytest.raises(ThuliumError, match=r"'p4/0' is judged in fold 2 and in fold 3\n(.|\n)*not of one division"):
        pool(folds=3, folder=tmp_path / "folds", out=tmp_path)
    assert not (tmp_path / "predictions.csv").exists()


def test_what_folds_read_is_compared_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, wrong in {"a": {1: 4, 2: 5, 3: 6}, "b": {1: 2, 2: 3, 3: 3}}.items():
        readings(tmp_path / name / "folds", wrong, pages=4)
        pool(folds=3, folder=tmp_path / name / "folds", out=tmp_path / name)
    out = call("compare", "a", "b").output
    assert re.search(r"^CER: b is better: .* on these 12 pages$", out, re.MULTILINE)
