"""`thulium plan` under the real DVC."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import lab

from thulium_dsl.grammar.validate import complete_tree
from thulium_dsl.pipeline import pace, start
from thulium_dsl.text.document import parse

LOOK = """
import sys
from thulium.cli.main import main
sys.argv = ["thulium", "plan"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
assert not {"torch", "numpy", "dvc"} & set(sys.modules)
"""


def test_a_project_in_which_nothing_ran(project: Path, run: lab.Shell) -> None:
    assert run("thulium", "plan", cwd=project).stdout == (
        "prepare: it never ran\n"
        "train: it never ran; because prepare runs\n"
        "evaluate: it never ran; because prepare and train run\n"
        "\n"
        "the training: its size is not known before the data are prepared: dvc repro prepare\n"
    )


def test_a_finished_project(finished: Path, run: lab.Shell) -> None:
    def plan() -> str:
        return run("python", "-c", LOOK, cwd=finished).stdout

    assert plan() == "nothing would run\n"

    found = pace.read(finished)
    assert found is not None
    assert found.lines_per_s > 0
    assert found.digest == pace.digest(complete_tree(parse(lab.DOCUMENT)))
    assert run("git", "status", "--short", "--", ".thulium", cwd=finished).stdout == ""

    lab.edit(finished / "params.yaml", "lr: 0.001", "lr: 1e-5")
    before = (finished / "dvc.lock").read_bytes()
    train, evaluate, _, job = plan().splitlines()
    assert (train, evaluate) == ("train: training.lr 0.001 → 1e-05", "evaluate: because train runs")
    assert job.startswith("the training: 24 lines, 3 steps an epoch, 1 epoch: 3 steps; 0.25 M parameters; about ")
    assert job.endswith(" on cpu (1 thread, float32)")
    assert (finished / "dvc.lock").read_bytes() == before

    said = json.loads(run("thulium", "plan", "--json", cwd=finished).stdout)
    reason = {"kind": "param", "name": "training.lr", "before": 0.001, "after": 1e-05}
    assert said["stages"][0] == {"name": "train", "reasons": [reason]}
    assert said["stages"][1] == {"name": "evaluate", "reasons": [{"kind": "upstream", "name": "train"}]}
    assert (said["job"]["steps"], said["job"]["parameters"], said["job"]["is_stale"]) == (3, 245496, False)

    lab.edit(finished / "params.yaml", "seed: 1\n  text:", "seed: 2\n  text:")
    (finished / "checkpoints" / "last.safetensors").unlink()
    (finished / "reports" / "evaluation.html").unlink()
    (finished / "requirements.txt").write_text("thulium[training]==0.2.0\n")
    prepare, train, evaluate, *_ = plan().splitlines()
    assert prepare == "prepare: requirements.txt changed; dataset.seed 1 → 2"
    assert train == (
        "train: requirements.txt changed; training.lr 0.001 → 1e-05; checkpoints/last.safetensors is missing; "
        "because prepare runs"
    )
    assert evaluate == (
        "evaluate: requirements.txt changed; reports/evaluation.html is missing; because prepare and train run"
    )


def test_characters_that_a_starting_model_has_never_seen(finished: Path, run: lab.Shell) -> None:
    (finished / "models").mkdir()
    shutil.copy(finished / "checkpoints" / "best.safetensors", finished / "models" / "start.safetensors")
    lab.edit(finished / "params.yaml", "init_from:", "init_from: models/start.safetensors")
    counts = json.loads((finished / "data" / "prepared" / "charset.json").read_text(encoding="utf-8"))
    number = sum(1 for row in counts if row["train"])
    run("thulium", "compile", cwd=finished)
    said = run("thulium", "plan", cwd=finished).stdout
    known = f"it knows all {number} characters of the training lines"
    assert said.splitlines()[-1] == f"starting from models/start.safetensors: {known}"

    tree: dict[str, Any] = {"training": {"init_from": "models/start.safetensors"}}
    whole = sum(row["train"] for row in counts)
    counts += [{"character": "ſ", "train": whole // 4}, {"character": "\u0304", "train": whole}]
    (finished / "data" / "prepared" / "charset.json").write_text(json.dumps(counts))
    assert str(start.start(finished, tree, is_stale=True)) == (
        f"starting from models/start.safetensors: known characters: {number}, 2 new (U+0304 ſ); "
        f"{(whole // 4 + whole) / (whole // 4 + 2 * whole):.1%} of the characters in the training lines are new to it; "
        "counted on the data as they are prepared now"
    )
    for content in (b"", b"\xff" * 9, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{}"):
        (finished / "models" / "start.safetensors").write_bytes(content)
        assert start.start(finished, tree, is_stale=False) is None
    assert start.start(finished, {"training": {"init_from": None}}, is_stale=False) is None


def test_what_is_no_project_is_refused(tmp_path: Path, run: lab.Shell) -> None:
    (tmp_path / "params.yaml").write_text(lab.DOCUMENT)
    outside = run("thulium", "plan", cwd=tmp_path, code=2)
    assert outside.stderr.startswith("params.yaml belongs to no DVC project")
    assert (outside.stdout, "Traceback" in outside.stderr) == ("", False)
    run("dvc", "init", "--no-scm", "--quiet", cwd=tmp_path)
    assert (
        "there is no dvc.yaml beside it\n  help: run: thulium compile"
        in run("thulium", "plan", cwd=tmp_path, code=2).stderr
    )
    assert "there is no such file" in run("thulium", "plan", "nothing.yaml", cwd=tmp_path, code=2).stderr


def test_a_project_that_is_out_of_date_is_refused(project: Path, run: lab.Shell) -> None:
    lab.edit(project / "params.yaml", "  epochs: 1\n", "")
    lab.edit(project / "dvc.yaml", "cmd: thulium prepare", "cmd: thulium train")
    done = run("thulium", "plan", cwd=project, code=2)
    assert "params.yaml is not complete: training.epochs\ndvc.yaml is out of date: stage prepare" in done.stderr
    assert done.stderr.endswith("  help: run: thulium compile\n")


def test_dvcs_own_complaint_is_passed_on(project: Path, run: lab.Shell) -> None:
    (project / "dvc.lock").write_text("a: [\n")
    done = run("thulium", "plan", cwd=project, code=2)
    assert done.stderr.startswith("`dvc status` failed in ")
    assert "Traceback" not in done.stderr


def test_what_a_killed_training_left_of_its_pace_goes(tmp_path: Path) -> None:
    pace.write(tmp_path, pace.Pace(12.5, "cpu", "0"))
    half = (tmp_path / pace.FILE).with_name(".pace.json.4711")
    half.write_text("{", encoding="utf-8")
    pace.sweep(tmp_path)
    assert not half.exists()
    assert pace.read(tmp_path) == pace.Pace(12.5, "cpu", "0")
