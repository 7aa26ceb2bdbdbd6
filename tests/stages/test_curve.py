"""`thulium curve`: what it says of trainings that are there, and that the real DVC runs those that are not."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lab
import pytest
import yaml
from lab_commands import call, refusal
from PIL import Image

pytest.importorskip("torch")

from thulium_dsl.grammar.validate import complete_tree
from thulium_dsl.pipeline import pace
from thulium_dsl.pipeline.stages import STAGES
from thulium_dsl.text.document import parse

GUIDE = lab.CHECKOUT / "docs" / "guides" / "how-many-lines.md"
DOCUMENT = lab.DOCUMENT.replace("train: 24", "train: 96")
CERS = {6: 0.44, 12: 0.30, 24: 0.20, 48: 0.14, 96: 0.10}


@pytest.fixture(scope="module")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose lines are prepared and locked, by our own hand: no process of DVC is needed for that."""
    folder = tmp_path_factory.mktemp("curve") / "project"
    (folder / ".dvc").mkdir(parents=True)
    (folder / "params.yaml").write_text(DOCUMENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert call("compile").exit_code == 0
        assert call("prepare").exit_code == 0
        subprocess.run(["git", "init", "--quiet"], check=True)
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock(complete_tree(parse(DOCUMENT)), None)))
    return folder


@pytest.fixture
def ready(_prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of its own."""
    shutil.copytree(_prepared, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def lock(tree: Mapping[str, Any], metrics: bytes | None, data: str = "d1") -> dict[str, Any]:
    """A dvc.lock as DVC writes it, of prepare alone where there are no metrics."""
    prepared = {f"data/prepared/{name}": data for name in ("prepared.json", "train", "val", "test", "report.json")}
    deps = {"prepare": {}, "train": prepared, "evaluate": {**prepared, "checkpoints/best.safetensors": "m"}}
    outs = {"prepare": prepared, "train": {"checkpoints/best.safetensors": "m"}}
    outs["evaluate"] = {"metrics.json": hashlib.md5(metrics or b"").hexdigest()}
    stages = {
        stage.name: {
            "params": {"params.yaml": {name: tree[name] for name in ("version", *stage.sections)}},
            "deps": [{"path": path, "md5": digest} for path, digest in deps[stage.name].items()],
            "outs": [{"path": path, "md5": digest} for path, digest in outs[stage.name].items()],
        }
        for stage in STAGES
    }
    return {"schema": "2.0", "stages": stages if metrics else {"prepare": stages["prepare"]}}


def experiment(name: str, lines: int | None, seed: int, cer: float, **more: Any) -> None:
    """Leave an experiment in git as DVC does.

    Args:
        more: ``epochs``, ``text``: another document; ``data``: other data; ``is_whole``: metrics and lock agree.
    """
    tree = complete_tree(parse(more.get("text", DOCUMENT)))
    tree["training"] |= {"lines": lines, "seed": seed, "epochs": more.get("epochs", tree["training"]["epochs"])}
    metrics = json.dumps({"cer": cer, "measured": {"characters": 250}}).encode()
    locked = yaml.safe_dump(lock(tree, metrics, more.get("data", "d1"))).encode()
    kept = metrics if more.get("is_whole", True) else b'{"cer": 0.01}'
    stream = f"commit refs/exps/ab/{'c' * 38}/{name}\ncommitter A <a@b> {100 + seed} +0000\ndata 1\nx\n".encode()
    for path, content in (("dvc.lock", locked), ("metrics.json", kept)):
        stream += f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"
    subprocess.run(["git", "fast-import", "--quiet", "--force"], input=stream, check=True)


def all_of(seeds: tuple[int, ...] = (1, 2, 3)) -> None:
    for seed in seeds:
        for lines, cer in CERS.items():
            experiment(f"e-{lines}-{seed}", None if lines == 96 else lines, seed, cer * (1 + 0.03 * (seed - 2)))


def test_the_time_is_that_of_weighted_lines(ready: Path) -> None:
    pace.write(ready, pace.Pace(8.0, "cpu", pace.digest(complete_tree(parse(DOCUMENT)))))
    said = call("curve").output
    assert (
        "about 63 s at the last run's 8 lines/s on cpu, for the learning alone: each of the 9 trainings also has"
        in said
    )
    report = {
        "splits": {"train": {"lines": 96}},
        "sources": {"a": {"lines_an_epoch": 400}, "b": {"lines_an_epoch": 80}},
    }
    (ready / "data" / "prepared" / "report.json").write_text(json.dumps(report))
    assert "about 5 min at the last run's 8 lines/s" in call("curve").output


def test_before_anything_is_trained_it_says_what_would_be(ready: Path) -> None:
    out = call("curve").output
    assert out.startswith(
        "9 trainings: 24, 48, 96 of 96 training lines, with the seeds 1, 2, 3; there: 0, missing: 9\n"
    )
    assert "what is missing: 504 lines in all, 1 epoch of each as in the document: fewer lines have fewer steps" in out
    assert "there is no estimate of how long it takes" in out
    assert "thulium curve --run" in out
    assert not (ready / "reports").exists()


def test_what_is_there_becomes_a_curve(ready: Path) -> None:
    all_of()
    out = call("curve", "--sizes", "6,12,24,48,96").output
    assert "there: 15, missing: 0" in out
    rows = re.findall(r"(?m)^ *([\d,]+) +[\d–]+ +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) to (\S+)$", out)
    assert [row[0] for row in rows] == ["6", "12", "24", "48", "96"]
    assert rows[-1][1:5] == ("9.70%", "10.0%", "10.3%", "10.0%")
    (more,) = re.findall(r"(?m)^ *1,000\* +1,096 .*$", out)
    assert more
    assert "* more than 4 times as many lines as were trained with: rather a guess" in out
    assert "with 96 lines, seeds put the CER 0.30 points apart" in out
    assert re.search(
        r"a check: from the sizes up to 48 lines alone, \S+ to \S+ would be expected with 96; .*: within", out
    )
    assert "thulium curve --run" not in out

    with open(ready / "reports" / "curve" / "curve.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["lines"], row["seed"], row["cer"]) for row in table[:2]] == [("6", "1", "0.4268"), ("6", "2", "0.44")]
    assert [(row["lines"], row["seed"]) for row in table[15:]] == [("196", ""), ("396", ""), ("1096", "")]
    svg = ElementTree.parse(ready / "reports" / "curve" / "curve.svg").getroot()
    kinds = [path.get("class") for path in svg.iter("{http://www.w3.org/2000/svg}path")]
    assert (kinds.count("dot"), kinds.count("out")) == (15 + 1, 0)  # one in the legend
    assert {"area", "line", "dashed"} <= set(kinds)
    with Image.open(ready / "reports" / "curve" / "curve.png") as image:
        assert image.size == (1520, 880)
        assert len(image.getcolors(100_000) or ()) > 100
    page = (ready / "reports" / "curve" / "curve.html").read_text()
    assert page.count("<svg") == 1
    assert "What more lines would bring" in page


def test_what_is_missing_is_shown_as_such(ready: Path) -> None:
    all_of(seeds=(1,))
    out = call("curve", "--seeds", "1,2").output
    assert "with the seeds 1, 2; there: 3, missing: 3" in out
    assert re.search(r"(?m)^ *48 +\d+(–\d+)? +13\.6% +– +13\.6% +\S+ to \S+$", out)
    assert "to train what is missing" in out


def test_a_model_without_an_error_counts_as_half_of_one(ready: Path) -> None:
    for lines, cer in ((12, 0.1), (24, 0.02), (48, 0.0), (96, 0.0)):
        experiment(f"e-{lines}", lines, 1, cer)
    out = call("curve", "--sizes", "12,24,48,96", "--seeds", "1").output
    (low, high) = re.findall(r"(?m)^ *96 .* 0\.0% +(\S+)% to (\S+)%$", out)[0]
    assert float(low) < 100 * 0.5 / 250 < float(high) < 5


def test_too_few_sizes_are_not_extended(ready: Path) -> None:
    experiment("one", 48, 1, 0.2)
    experiment("two", 6, 1, 0.9)
    out = call("curve", "--sizes", "48", "--seeds", "1").output
    assert "not in the fit: 6 lines, since a model with a mean CER of 50% and more hardly reads yet" in out
    assert "nothing is said of more lines: that needs 3 sizes at which a model reads, and there is 1" in out
    assert "in all" not in out


def test_only_one_document_and_one_set_of_data_are_in_a_curve(ready: Path) -> None:
    all_of(seeds=(1,))
    experiment("curve-48-2-a", 48, 2, 0.3, epochs=7)
    experiment("curve-24-2-a", 24, 2, 0.3, data="d2")
    experiment("not-ours", 24, 3, 0.3, data="d2")
    experiment("tampered", 24, 4, 0.3, is_whole=False)
    out = call("curve", "--seeds", "1,2,3,4").output
    assert "there: 3, missing: 9" in out
    assert "not in this curve: curve-48-2-a, whose training.epochs is not what the project has now" in out
    assert re.search(
        r"not in this curve: curve-24-2-a, whose data/prepared/\S+, .* is not what the project has now", out
    )
    assert "not-ours" not in out


def test_what_was_trained_in_the_project_itself_counts(ready: Path) -> None:
    metrics = b'{"cer": 0.2}'
    (ready / "metrics.json").write_bytes(metrics)
    (ready / "dvc.lock").write_text(yaml.safe_dump(lock(complete_tree(parse(DOCUMENT)), metrics)))
    assert "there: 1, missing: 8" in call("curve").output
    (ready / "metrics.json").write_bytes(b'{"cer": 0.1}')  # not what DVC has locked
    assert "there: 0, missing: 9" in call("curve").output


def test_a_file_of_another_origin_is_not_replaced(ready: Path) -> None:
    all_of(seeds=(1,))
    (ready / "mine").mkdir()
    (ready / "mine" / "curve.csv").write_text("a,b\n1,2\n")
    assert "was not written by `thulium curve`" in refusal("curve", "--output-dir", "mine")
    call("curve", "--output-dir", "own")
    call("curve", "--output-dir", "own")
    assert sorted(path.name for path in (ready / "own").iterdir()) == [
        "curve.csv", "curve.html", "curve.png", "curve.svg"
    ]  # fmt: skip


def test_a_language_model_that_knows_all_lines_is_spoken_of(ready: Path) -> None:
    beam = (
        "    type: beam\n    beam_size: 4\n    language_model: lm.arpa\n    order: 3\n    alpha: 0.5\n    beta: 0.0\n"
    )
    text = DOCUMENT.replace("    type: greedy\n", beam)
    (ready / "params.yaml").write_text(text)
    call("compile")
    experiment("greedy", None, 1, 0.2)
    assert "there: 0, missing: 9" in call("curve").output  # what was decoded otherwise is of another document
    experiment("beam", None, 1, 0.2, text=text)
    assert "evaluation.decoding.language_model: lm.arpa is the same for all sizes" in call("curve").output


def test_what_cannot_be_a_curve_is_refused(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "choose one of them" in refusal("curve", "--run", "--queue")
    assert "--sizes: 97 lines are more than there are: 96 training lines" in refusal("curve", "--sizes", "12,97")
    for words in ("1,1", "0,2", "a", "1.5", ""):
        assert "--sizes takes whole numbers from 1 on, each once" in refusal("curve", "--sizes", words or ",")
    shutil.copy(ready / "params.yaml", ready / "other.yaml")
    assert "other.yaml: a pipeline is compiled from params.yaml only" in refusal("curve", "other.yaml")
    assert "dvc.yaml is out of date" in refusal_of(ready, "  seeds:\n", "  seeds:\n  - 1\n  - 2\n")
    call("compile")
    assert "thulium curve --seeds 1,2" in refusal("curve")
    (ready / "params.yaml").write_text(DOCUMENT)
    call("compile")
    assert "help: run: dvc repro prepare" in refusal_of(ready, "train: 96", "train: 90")
    (ready / "params.yaml").write_text(DOCUMENT)
    (ready / "data" / "prepared" / "prepared.json").unlink()
    assert "nothing is prepared yet" in refusal("curve")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(DOCUMENT)
    assert "belongs to no DVC project" in refusal("curve")


def refusal_of(folder: Path, old: str, new: str) -> str:
    lab.edit(folder / "params.yaml", old, new)
    return refusal("curve")


def test_without_git_there_are_no_experiments(ready: Path) -> None:
    shutil.rmtree(ready / ".git")
    assert "experiments of DVC stand in git, which says" in refusal("curve")


@pytest.mark.long
def test_dvc_trains_what_is_missing_and_nothing_twice(project: Path, run: lab.Shell) -> None:
    """Begun, cut with Ctrl-C, gone on with, and finished by the queue."""
    text = lab.longer((project / "params.yaml").read_text())
    (project / "params.yaml").write_text(text)
    run("dvc", "repro", "prepare", cwd=project)
    words = ("thulium", "curve", "--sizes", "20,80", "--seeds", "1")
    process = run.start(*words, "--run", cwd=project)
    lab.read_until(process, "of 2: 20 lines, seed 1")
    lab.read_until(process, "^epoch 1/")
    os.killpg(process.pid, signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    lab.wait_until_none_is_left(project)

    done = run(*words, "--run", cwd=project)
    assert "there: 0, missing: 2" in done.stdout
    assert re.search(r"(?m)^ *80 +\d+ +\S+% +\S+%$", done.stdout)
    again = run(*words, "--run", cwd=project)
    assert "there: 2, missing: 0" in again.stdout
    assert "Running stage" not in again.stdout

    queued = run(*words[:-1], "1,2", "--queue", cwd=project)
    assert "in DVC's queue: 2 waiting, 0 running" in queued.stdout
    try:
        run("dvc", "queue", "start", cwd=project)
        tasks = lab.wait_for_queue(project, run)
    finally:
        run("dvc", "queue", "stop", "--kill", cwd=project, code=None)
    assert [state for _, state in tasks] == ["Success", "Success"]
    assert "there: 4, missing: 0" in run(*words[:-1], "1,2", cwd=project).stdout
    for seed in ("1", "2"):
        (name,) = [name for name in names(project, run) if name.startswith(f"curve-20-{seed}-")]
        params = yaml.safe_load(run("git", "show", f"{ref(name, project, run)}:params.yaml", cwd=project).stdout)
        assert (params["training"]["lines"], params["training"]["seed"]) == (20, int(seed))
    assert run("git", "status", "--short", cwd=project).stdout.split() == ["A", "dvc.lock", "M", "params.yaml"]


def names(project: Path, run: lab.Shell) -> list[str]:
    shown = run("git", "for-each-ref", "--format=%(refname)", "refs/exps", cwd=project).stdout
    return [row.rpartition("/")[2] for row in shown.split()]


def ref(name: str, project: Path, run: lab.Shell) -> str:
    shown = run("git", "for-each-ref", "--format=%(refname)", "refs/exps", cwd=project).stdout
    return next(row for row in shown.split() if row.endswith(f"/{name}"))


@pytest.mark.long
def test_the_commands_of_the_guide_do_what_it_says(project: Path, run: lab.Shell) -> None:
    commands = re.findall(r"(?m)^\$ (.*)$", GUIDE.read_text(encoding="utf-8"))
    assert commands[:4] == ["dvc repro prepare", "thulium curve", "thulium curve --run", "thulium curve --queue"]
    said = []
    try:
        for command in commands:
            said.append(run("bash", "-c", command, cwd=project).stdout)
            if command == "thulium curve":
                assert not list((project / "reports").rglob("curve.png")) or "missing: 0" in said[-1]
    finally:
        run("dvc", "queue", "stop", "--kill", cwd=project, code=None)
    assert "3 trainings: 24 of 24 training lines, with the seeds 1, 2, 3; there: 0, missing: 3" in said[1]
    assert re.search(r"(?m)^ *24 +\d+ +\S+% +\S+% +\S+% +\S+%$", said[-1])
    assert "missing: 0" in said[-1]
    assert (project / "reports" / "curve" / "curve.png").is_file()
