"""Several seeds in one revision, under the real DVC; and the commands of such a project."""

from __future__ import annotations

import json
import re
from pathlib import Path

import lab
import pytest
from lab_commands import call, refusal

pytest.importorskip("torch")

from thulium.cli.model_file import model_file
from thulium.runtime.tables import write_table
from thulium_dsl.messages.problems import ThuliumError

ONE, TWO = "  seeds:\n", "  seeds:\n  - 1\n  - 2\n"
TEXT = "a b " * 4 + "a bc"
PERSON = ("--author", "Ada, Archive", "--license", "CC-BY-4.0", "--language", "eng")
HEADER = ("id", "page", "transcription", "prediction", "edits", "characters")


@pytest.mark.long  # make check has its commands in test_the_commands_of_two_seeds
def test_another_list_of_seeds_needs_no_compile_and_trains_only_what_is_new(
    finished: Path, run: lab.Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way of a project: one seed, two, and another two with a word on the command line."""
    monkeypatch.chdir(finished)
    lab.edit(finished / "params.yaml", ONE, TWO)
    assert "dvc.yaml is out of date: stage summarize" in refusal("train")
    run("thulium", "compile", cwd=finished)
    done = run("dvc", "repro", cwd=finished)
    assert lab.stages_run(done.stdout) == ["train@1", "train@2", "evaluate@1", "evaluate@2", "summarize"]
    lab.commit(finished, run)
    assert run("git", "status", "--short", cwd=finished).stdout == ""
    assert not list((finished / "seeds").rglob(".gitignore"))  # the project's own says it all
    first, one = (json.loads((finished / name).read_text()) for name in ("metrics.json", "seeds/1/metrics.json"))
    assert first["cer"] == pytest.approx(sum(first["cer_by_seed"].values()) / 2, abs=1e-6)
    assert (list(first["cer_by_seed"]), first["cer_by_seed"]["1"]) == (["1", "2"], one["cer"])
    weights = [(finished / "seeds" / seed / "checkpoints" / "best.safetensors").read_bytes() for seed in ("1", "2")]
    assert weights[0] != weights[1]
    # Seed 1 is what the document with that one seed has trained before.
    assert one["cer"] == json.loads(run("git", "show", "HEAD~1:metrics.json", cwd=finished).stdout)["cer"]

    done = run("dvc", "exp", "run", "-S", "training.seeds=[2,5]", cwd=finished)
    assert lab.stages_run(done.stdout) == ["train@5", "evaluate@5", "summarize"]
    now = json.loads((finished / "metrics.json").read_text())
    assert (list(now["cer_by_seed"]), now["measured"]["seeds"]) == (["2", "5"], [2, 5])  # and not 1, which lies there
    assert re.search(r"metrics\.json +cer +0\.", run("dvc", "metrics", "diff", "--all", cwd=finished).stdout)
    assert json.loads(run("dvc", "status", "--json", cwd=finished).stdout) == {}

    best = f"seeds/{now['best_seed']}/checkpoints/best.safetensors"
    with model_file(".") as found, model_file("seeds/5") as named:
        assert (found.as_posix(), named.as_posix()) == (best, "seeds/5/checkpoints/best.safetensors")
    with model_file("HEAD") as found:
        assert found.read_bytes() == weights[first["best_seed"] - 1]
    call("publish", "HEAD", *PERSON)
    published = json.loads((finished / "publication" / "metrics.json").read_text())
    assert published["cer"] == first["cer_by_seed"][str(first["best_seed"])]
    out = call("compare", "HEAD", "workspace").output
    assert "HEAD is of the seeds 1, 2" in out
    assert "workspace is of the seeds 2, 5" in out

    lab.edit(finished / "params.yaml", "  - 5\n", "  - 5; touch PWNED\n")
    done = run("dvc", "repro", "--dry", "--single-item", "train@5; touch PWNED", cwd=finished)
    assert "> thulium train params.yaml --seed '5; touch PWNED'\n" in done.stdout


@pytest.fixture
def seeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A document with the seeds 1 and 2 and what it compiles to; nothing ran, and DVC is not asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(lab.DOCUMENT.replace(ONE, TWO))
    assert call("compile").exit_code == 0
    return tmp_path


def test_a_command_of_one_seed_is_told_which(seeded: Path) -> None:
    for command in ("train", "evaluate", "tune-decoding"):
        assert "training.seeds has several seeds: 1, 2\n  help: `dvc repro` runs the stages of all" in refusal(command)
        assert "--seed 3 is none of training.seeds: 1, 2" in refusal(command, "--seed", 3)
    assert "seeds are stages of a DVC project" in refusal("train", "--output-dir", "out").replace(", which", "")
    assert "seeds/1/metrics.json: is not there: `dvc repro` trains" in refusal("summarize")
    assert "has models of several seeds, and metrics.json does not say which" in refusal("predict", ".", "x.png")


def test_a_document_with_one_seed_has_nothing_to_choose(seeded: Path) -> None:
    (seeded / "params.yaml").write_text(lab.DOCUMENT)
    call("compile")
    assert "--seed chooses one of training.seeds, and the document has no such list" in refusal("train", "--seed", 1)
    assert "there is one seed, so there is nothing to sum up" in refusal("summarize")


def test_the_commands_of_two_seeds_end_in_one_summary_and_a_model_to_read_with(seeded: Path) -> None:
    call("prepare")
    for seed in (1, 2):
        assert "trained: seeds/" in call("train", "--seed", seed).output
        call("evaluate", "--seed", seed)
    said = call("summarize").stderr
    shown = json.loads((seeded / "metrics.json").read_text())
    one, two = (json.loads((seeded / "seeds" / name / "metrics.json").read_text()) for name in ("1", "2"))
    assert shown["cer_by_seed"] == {"1": one["cer"], "2": two["cer"]}
    assert shown["cer"] == pytest.approx((one["cer"] + two["cer"]) / 2, abs=1e-6)
    assert shown["measured"]["model_sha256"] == [each["measured"]["model_sha256"] for each in (one, two)]
    assert f"lowest CER on the validation lines: seed {shown['best_seed']}; `thulium predict .` reads with" in said
    with model_file(".") as found:
        assert found == Path("seeds", str(shown["best_seed"]), "checkpoints", "best.safetensors")
    call("publish", ".", *PERSON)
    published = json.loads((seeded / "publication" / "metrics.json").read_text())
    assert published == (one, two)[shown["best_seed"] - 1]
    assert (seeded / "publication" / "params.yaml").read_text() == (seeded / "params.yaml").read_text()
    out = call("compare", "workspace", "seeds/2").output
    assert "workspace is of the seeds 1, 2" in out
    assert "seeds/2 is of one model" in out


def readings(folder: Path, seeds: dict[int, int]) -> None:
    """What evaluate and summarize leave of models that misread so many characters of each line."""
    for seed, wrong in seeds.items():
        pages = [(page, wrong + page % 2) for page in range(8) for _ in range(2)]
        rows = [
            (f"p{page}/{number}", f"p{page}", TEXT, "x" * bad + TEXT[bad:], bad, 20)
            for number, (page, bad) in enumerate(pages)
        ]
        write_table(folder / "seeds" / str(seed) / "predictions.csv", HEADER, rows)
    (folder / "metrics.json").write_text(json.dumps({"cer": 0, "measured": {"seeds": list(seeds)}}))


def test_the_same_seeds_are_compared_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    readings(tmp_path / "a", {1: 5, 2: 9, 3: 7, 4: 6})
    readings(tmp_path / "b", {1: 3, 2: 6, 3: 5, 4: 4})
    out = call("compare", "a", "b").output
    assert re.search(r"^b +4 +25\.0% +6\.45 .* best$", out, re.MULTILINE)
    assert re.search(r"^CER: b is better: 11\.25 points, .*; over 4 seeds, paired, and 8 pages$", out, re.MULTILINE)
    assert "b less a by seed, in points of CER: 1: -10.00, 2: -15.00, 3: -10.00, 4: -10.00" in out
    assert "not paired" not in out
    shown = json.loads(call("compare", "a", "b", "--json").output)
    assert shown["differences"][0]["by_seed"] == pytest.approx({"1": -0.1, "2": -0.15, "3": -0.1, "4": -0.1})
    assert "| b | 4 | 25.0% |" in call("compare", "a", "b", "--md").output
    assert "--html shows the lines of two models" in refusal("compare", "a", "b", "--html", "page.html")


def test_other_seeds_and_one_model_are_said_to_be_not_paired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    readings(tmp_path / "a", {1: 5, 2: 9, 3: 7})
    readings(tmp_path / "b", {1: 3, 2: 6, 4: 5})
    out = call("compare", "a", "b").output
    assert "not told apart" in out
    assert "not paired by seed: b is of the seeds 1, 2, 4; a is of the seeds 1, 2, 3" in out
    out = call("compare", "a", "b/seeds/1").output
    assert "a is of the seeds 1, 2, 3" in out
    assert "b/seeds/1 is of one model" in out
    assert "one model shows nothing of its own chance: it is taken to be as large as that of the seeds" in out


def test_a_seed_that_was_judged_on_other_lines_is_not_summed_up(tmp_path: Path) -> None:
    from thulium.stages.summarize import summarize

    readings(tmp_path, {1: 5, 2: 9})
    for seed in ("1", "2"):
        (tmp_path / "seeds" / seed / "metrics.json").write_text('{"cer": 0.1, "measured": {"lines": 16}}')
    table = tmp_path / "seeds" / "2" / "predictions.csv"
    table.write_text(table.read_text().replace("p7/15", "p7/99"))
    with pytest.raises(ThuliumError, match="seed 1 has 1 that others lack, such as p7/15"):
        summarize(numbers=(1, 2), folder=tmp_path / "seeds", out=tmp_path)
