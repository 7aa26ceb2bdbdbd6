"""``thulium pretrain`` as people run it: in a folder, under the real DVC; and what does not take its model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import lab
import lab_data
import pytest
from lab_commands import call, refusal
from PIL import Image

pytest.importorskip("torch")

from thulium.ingest import untranscribed
from thulium.stages import pretrain as stage

SECTION = """\
pretraining:
  dataset: {type: images, root: data/lines}
  epochs: 1
  batch_size: 8
  clusters: 8
  mixed_precision: false
"""
TEXT = lab.DIFFERENT + SECTION
MODEL = "out/pretrained/model.safetensors"
READ = "24 lines without transcriptions, 1 of them held out to watch the loss on"


@pytest.fixture(scope="module")
def _pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained") / "here"
    lab_data.write_gt_txt(folder / "data" / "lines")
    (folder / "one.yaml").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = call("pretrain", "one.yaml", "--output-dir", "out")
    assert done.exit_code == 0, done.output
    assert f"{READ}; see out/.thulium/pretraining/lines/report.json\n" in done.stderr
    assert (
        done.stdout == "pretrained: out/pretrained/model.safetensors; a training starts from it by training.init_from\n"
    )
    return folder


@pytest.fixture
def here(_pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with lines, a document, and in ``out`` what a pretraining has made; a copy of its own."""
    shutil.copytree(_pretrained, tmp_path / "here", copy_function=shutil.copy2)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_a_finished_pretraining_is_left_alone_until_something_changes(here: Path) -> None:
    done = call("pretrain", "one.yaml", "--output-dir", "out")
    assert done.stdout == "out holds a finished pretraining; nothing was done (add --restart to pretrain anew)\n"
    assert done.stderr == f"{READ}, as they were read before\n"
    (here / "one.yaml").write_text(TEXT.replace("clusters: 8", "clusters: 9"))
    assert refusal("pretrain", "one.yaml", "--output-dir", "out") == (
        "out holds a finished pretraining, and since then has changed: pretraining.clusters 8 → 9\n"
        "  help: name another --output-dir, or add --restart to pretrain anew"
    )
    (here / "one.yaml").write_text(TEXT)
    line = next((here / "data" / "lines").rglob("*.png"))
    line.write_bytes(line.read_bytes())  # another time, the same image
    assert "nothing was done" in call("pretrain", "one.yaml", "--output-dir", "out").stdout
    line.unlink()
    assert "has changed: the lines\n" in refusal("pretrain", "one.yaml", "--output-dir", "out")
    assert (here / "out" / "metrics" / "pretrain.json").exists()


def test_lines_that_were_cut_off_are_read_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*words: str) -> str:
        return call("pretrain", "one.yaml", "--output-dir", "new", *words).stderr

    monkeypatch.setattr(stage, "pretrain", lambda **_: {})
    with monkeypatch.context() as patch:
        patch.setattr(untranscribed, "write_manifest", _cut)
        with pytest.raises(Cut):
            read()
    assert f"{READ}; see" in read()
    assert f"{READ}, as they" in read("--restart")
    (here / "data" / "lines" / "notes.txt").write_text("of what is here")
    (here / "data" / "lines" / "photo.heic").write_bytes(b"x")
    assert read("--restart").splitlines() == [
        f"{READ}; see new/.thulium/pretraining/lines/report.json",
        "warning: image of a kind that is not read: 1 (data/lines/photo.heic: is passed over: HEIC is not read)",
    ]


def test_clean_removes_the_lines_and_lines_that_are_damaged_are_read_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "pretrain", lambda **_: {})
    lines = here / "out" / ".thulium" / "pretraining" / "lines"
    next((lines / "train").glob("*.arrow")).unlink()
    assert f"{READ}; see" in call("pretrain", "one.yaml", "--output-dir", "out", "--restart").stderr
    size = "out/.thulium/pretraining/lines: lines of a pretraining, 0.0 MB\n"
    assert call("clean", "out", "--dry-run").stdout == f"no unfinished training in out\nwould remove {size}"
    assert call("clean", "out").stdout == f"no unfinished training in out\nremoved {size}"
    assert not lines.exists()
    assert call("clean", "out").stdout == "no unfinished training in out\n"
    assert f"{READ}; see" in call("pretrain", "one.yaml", "--output-dir", "out", "--restart").stderr


class Cut(BaseException):
    """The process is gone."""


def test_lines_that_change_while_it_learns_are_said_and_it_is_not_called_done(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learn(**_: object) -> None:
        (here / "data" / "lines" / "new.png").write_bytes(next((here / "data" / "lines").rglob("*.png")).read_bytes())

    monkeypatch.setattr(stage, "pretrain", learn)
    assert refusal("pretrain", "one.yaml", "--output-dir", "out", "--restart") == (
        "data/lines: files have changed since they were read: what was made is not of what is there now\n"
        "  help: run the same command with --restart: they are read again"
    )


def test_pages_among_lines_are_told_how_to_be_read(here: Path) -> None:
    Image.new("L", (1200, 1700), 255).save(here / "data" / "lines" / "page.png")
    assert (
        "has 1200x1700 pixels, as a page has, and its lines are not known: with its PAGE or ALTO file, write "
        "pretraining.dataset.type: page, or alto; if it is one line"
    ) in refusal("pretrain", "one.yaml", "--output-dir", "out")


def test_images_that_look_odd_are_used_and_named(here: Path) -> None:
    Image.new("L", (90, 40), 255).save(here / "data" / "lines" / "white.png")
    Image.new("L", (2, 3), 0).save(here / "data" / "lines" / "speck.png")
    said = call("pretrain", "one.yaml", "--output-dir", "new").stderr
    assert "warning: 2 images are blank: data/lines/speck.png, data/lines/white.png\n" in said
    assert "warning: 1 image is tiny: data/lines/speck.png\n" in said


def _cut(*_: object) -> None:
    raise Cut


def test_what_is_of_another_origin_is_not_replaced(here: Path) -> None:
    shutil.rmtree(here / "out" / ".thulium")
    assert refusal("pretrain", "one.yaml", "--output-dir", "out") == (
        "out: holds pretrained/model.safetensors, metrics/pretrain.json, plots/pretraining.csv, which no pretraining "
        "has written there and this would replace\n  help: name another --output-dir"
    )
    (here / "one.yaml").write_text(lab.DIFFERENT)
    assert refusal("pretrain", "one.yaml", "--output-dir", "out").startswith("one.yaml: has no section pretraining")


@pytest.mark.long
def test_a_training_beside_it_starts_from_it_and_leaves_it_alone(here: Path) -> None:
    (here / "one.yaml").write_text(TEXT.replace("training: {", f"training: {{init_from: {MODEL}, "))
    done = call("train", "one.yaml", "--output-dir", "out")
    assert done.exit_code == 0, done.output
    assert "starting from out/pretrained/model.safetensors, which was pretrained on lines without" in done.stderr
    assert "nothing was done" in call("pretrain", "one.yaml", "--output-dir", "out").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "MODEL", "data/lines"),
        ("evaluate", "other.yaml", "--model", "MODEL", "--output-dir", "judged"),
        ("export", "MODEL", "--output", "model.onnx"),
        ("publish", "MODEL"),
        ("init", "new", "--dataset", "page", "--start", "MODEL"),
    ],
    ids=lambda words: words[0],
)
def test_a_model_that_was_only_pretrained_does_not_read(words: tuple[str, ...], here: Path) -> None:
    (here / "other.yaml").write_text("version: 1\n")
    shutil.copytree("out/.thulium/pretraining/lines", "judged/prepared")
    before = {*here.rglob("*")}
    assert refusal(*(word.replace("MODEL", MODEL) for word in words)) == (
        f"{MODEL}: was pretrained on lines without transcriptions, and cannot read yet\n"
        "  help: train from it: name it in training.init_from"
    )
    assert {*here.rglob("*")} == before


@pytest.mark.long  # make check has the graph in tests/language/pipeline/test_pretraining.py, the command above
def test_a_project_pretrains_once_and_anew_where_it_must(project: Path, run: lab.Shell) -> None:
    lab_data.write_gt_txt(project / "data" / "lines")
    (project / "params.yaml").write_text(_document())
    assert "warning: pretraining: nothing" not in run("thulium", "compile", cwd=project).stderr
    assert (
        "pretrain: it never ran\ntrain: it never ran; because prepare and pretrain run\n"
        in run("thulium", "plan", cwd=project).stdout
    )
    assert lab.stages_run(run("dvc", "repro", cwd=project).stdout) == ["prepare", "pretrain", "train", "evaluate"]
    lab.commit(project, run)
    assert run("git", "status", "--short", cwd=project).stdout == ""
    assert run("thulium", "plan", cwd=project).stdout == "nothing would run\n"

    done = run("dvc", "exp", "run", "-S", "pretraining.epochs=2", cwd=project)
    assert lab.stages_run(done.stdout) == ["pretrain", "train", "evaluate"]
    assert f"{READ}, as they were read before" in done.stderr
    assert json.loads((project / "metrics" / "pretrain.json").read_text())["epochs"] == 2
    assert "starting from pretrained/model.safetensors" in done.stderr

    done = run("dvc", "exp", "run", "-S", "training.lr=0.002", cwd=project)
    assert lab.stages_run(done.stdout) == ["train", "evaluate"]

    lab.edit(project / "params.yaml", "init_from: pretrained/model.safetensors", "init_from: null")
    assert (
        "nothing uses what it makes, since training.init_from is not set"
        in run("thulium", "compile", cwd=project).stderr
    )
    assert "warning: pretraining: nothing uses" in run("thulium", "compile", "--check", cwd=project).stderr
    assert "warning: pretraining: nothing uses" in run("thulium", "plan", cwd=project).stderr


def _document() -> str:
    return lab.complete(TEXT.replace("training: {", "training: {init_from: pretrained/model.safetensors, "))
