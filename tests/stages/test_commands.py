"""The commands without DVC, as in a notebook or on a cluster; and what they say about data that cannot be used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import lab
import pytest

from thulium.data import create_dataloader
from thulium.models.wrappers import HTRModel

TRAIN = ("thulium", "train", "config/train.yaml", "--output-dir", "runs/exp1")
EVALUATE = ("thulium", "evaluate", "config/train.yaml", "--output-dir", "runs/exp1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, run: lab.Shell) -> Path:
    """A folder without DVC in which the two commands of the documentation have run."""
    folder = lab.write_config(tmp_path_factory.mktemp("trained") / "work")
    run(*TRAIN, cwd=folder)
    run(*EVALUATE, cwd=folder)
    return folder


def test_train_and_evaluate_put_everything_into_the_output_folder(trained: Path) -> None:
    out = trained / "runs" / "exp1"
    assert sorted(path.name for path in trained.iterdir()) == ["config", "data", "runs"]
    assert (out / "checkpoints" / "best.safetensors").is_file()
    assert (out / "plots" / "history.csv").is_file()
    assert json.loads((out / "metrics.json").read_text())["measured"]["lines"] == 3
    assert "<img" in (out / "reports" / "evaluation.html").read_text()


def test_a_training_that_prepares_by_itself_says_what_was_left_out_and_reads_test_lines_that_it_cannot_write(
    config: Path, run: lab.Shell
) -> None:
    known = sorted(set("".join("".join(texts) for texts in lab.TEXTS.values())))
    lab.edit(
        config / "config" / "data.yaml",
        "  test_dir: data/test\n",
        f"  test_dir: data/test\n  text: {{charset: {json.dumps(known)}, on_unknown: drop_line}}\n",
    )
    for split in ("train", "val", "test"):
        first, rest = (config / "data" / split / "labels.txt").read_text().split("\n", 1)
        (config / "data" / split / "labels.txt").write_text(f"{first.split()[0]} ΩΩΨ\n{rest}")
    said = run(*TRAIN, cwd=config).stderr
    assert "13 lines found: 12 used, 1 filtered (unknown character 1)\n" in said
    assert "warning: test: characters that no training line has: Ψ Ω\n" in said
    run(*EVALUATE, cwd=config)
    measured = json.loads((config / "runs" / "exp1" / "metrics.json").read_text())["measured"]
    assert (measured["lines"], measured["lines_left_out"]) == (3, 0)
    assert measured["characters"] == len("ΩΩΨ") + sum(map(len, lab.TEXTS["test"][1:]))
    assert "ΩΩΨ" in (config / "runs" / "exp1" / "predictions.csv").read_text()


def test_tensorboard_finds_the_run(trained: Path) -> None:
    assert [path.name for path in (trained / "runs").rglob("events.out.tfevents.*")]


def test_the_complete_document_lies_beside_the_results(trained: Path, run: lab.Shell) -> None:
    text = (trained / "runs" / "exp1" / "experiment.yaml").read_text()
    assert "train_dir: data/train" in text
    assert "hidden_size: 16" in text
    run("thulium", "validate", "runs/exp1/experiment.yaml", cwd=trained)


def test_a_finished_run_is_not_repeated_unasked(trained: Path, run: lab.Shell) -> None:
    model = trained / "runs" / "exp1" / "checkpoints" / "best.safetensors"
    before = model.stat().st_mtime_ns
    assert "holds a finished run" in run(*TRAIN, cwd=trained).stdout
    assert model.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("checkpoints/best.safetensors", None, "not its model\n  runs/exp1/checkpoints/best.safetensors: no such"),
        ("checkpoints/last.safetensors", b"x", "not its model\n  runs/exp1/checkpoints/last.safetensors: is damaged"),
        (
            "metrics/train.json",
            b"{}",
            "runs/exp1/metrics/train.json: is damaged\n  help: put it back, or add --restart",
        ),
        ("metrics/train.json", b"x", "runs/exp1/metrics/train.json: is damaged\n  help: put it back, or add --restart"),
    ],
)
def test_a_run_that_lost_something_does_not_pass_for_finished(
    name: str, content: bytes | None, says: str, trained: Path, run: lab.Shell
) -> None:
    file = trained / "runs" / "exp1" / name
    kept = file.read_bytes()
    file.write_bytes(content) if content else file.unlink()
    done = run(*TRAIN, cwd=trained, code=2)
    file.write_bytes(kept)
    assert says in done.stderr


def test_the_last_model_is_not_taken_for_the_best_one_unsaid(trained: Path, run: lab.Shell) -> None:
    best = trained / "runs" / "exp1" / "checkpoints" / "best.safetensors"
    best.rename(best.with_name("put-away"))
    done = run("thulium", "predict", "runs/exp1", "data/test/images", cwd=trained)
    best.with_name("put-away").rename(best)
    assert "note: there is no best.safetensors: last.safetensors is taken, the model of the last epoch" in done.stderr
    assert "has not ended" not in done.stderr


def test_a_model_of_a_training_that_was_cut_is_said_to_be_that(trained: Path, run: lab.Shell) -> None:
    metrics = trained / "runs" / "exp1" / "metrics" / "train.json"
    metrics.rename(metrics.with_name("put-away"))
    done = run("thulium", "predict", "runs/exp1", "data/test/images", cwd=trained)
    metrics.with_name("put-away").rename(metrics)
    assert (
        "note: the training of runs/exp1/checkpoints/best.safetensors has not ended, as far as is known" in done.stderr
    )


def test_a_folder_where_a_file_should_be_is_named(trained: Path, run: lab.Shell, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "copy"))
    (folder / "runs" / "exp1" / "metrics.json").unlink(missing_ok=True)
    (folder / "runs" / "exp1" / "metrics.json").mkdir()
    done = run(*EVALUATE, cwd=folder, code=2)
    assert done.stderr.endswith(
        "metrics.json: Is a directory\n  help: move away the folder that stands where a file should be\n"
    )


def test_restart_trains_anew(trained: Path, run: lab.Shell) -> None:
    model = trained / "runs" / "exp1" / "checkpoints" / "best.safetensors"
    before = model.stat().st_mtime_ns
    assert "epoch 1/1" in run(*TRAIN, "--restart", cwd=trained).stderr
    assert model.stat().st_mtime_ns > before


def test_a_restart_that_fails_leaves_nothing_that_looks_finished(trained: Path, run: lab.Shell, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "copy"))
    with open(folder / "config" / "train.yaml", "a") as file:
        file.write("\nresources:\n  device: cuda\n")
    run(*TRAIN, "--restart", cwd=folder, code=2, CUDA_VISIBLE_DEVICES="")
    assert not (folder / "runs" / "exp1" / "metrics" / "train.json").exists()


def test_another_document_is_not_taken_for_a_finished_run(trained: Path, run: lab.Shell) -> None:
    document = trained / "config" / "train.yaml"
    text = document.read_text()
    document.write_text(text.replace("3e-4", "4e-4"))
    done = run(*TRAIN, cwd=trained, code=2)
    document.write_text(text)
    assert "runs/exp1 holds a finished run of another document" in done.stderr


def test_preparing_into_the_folder_of_a_training_names_the_folder_that_is_meant(trained: Path, run: lab.Shell) -> None:
    done = run("thulium", "prepare", "config/train.yaml", "--output-dir", "runs/exp1", cwd=trained, code=2)
    assert done.stderr == (
        "runs/exp1: is the output folder of a training\n  help: its lines belong into runs/exp1/prepared\n"
    )
    assert (trained / "runs" / "exp1" / "checkpoints" / "best.safetensors").is_file()


@pytest.mark.parametrize("name", ["train/images/a.png", "test", "charset.json"])
def test_preparing_replaces_nothing_that_it_has_not_written(config: Path, run: lab.Shell, name: str) -> None:
    path = config / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    done = run("thulium", "prepare", "config/train.yaml", "--output-dir", "mine", cwd=config, code=2)
    what = f"holds {name.partition('/')[0]}, which prepare has not written and would replace"
    assert done.stderr == f"mine: {what}: name another folder\n"
    assert [file.read_text() for file in (config / "mine").rglob("*") if file.is_file()] == ["mine"]


def test_preparing_leaves_alone_what_lies_beside(config: Path, run: lab.Shell) -> None:
    for name in ("mine.unfinished", "mine.replaced", "mine"):
        (config / name).mkdir()
        (config / name / "notes.txt").write_text("mine")
    for _ in range(2):
        run("thulium", "prepare", "config/train.yaml", "--output-dir", "mine", cwd=config)
    for name in ("mine.unfinished", "mine.replaced", "mine"):
        assert (config / name / "notes.txt").read_text() == "mine"
    assert not (config / "mine" / ".thulium-prepare").exists()


@pytest.mark.parametrize("name", ["predictions.csv", "metrics/train.json", "reports/evaluation.html"])
def test_training_replaces_nothing_that_no_training_has_written(config: Path, run: lab.Shell, name: str) -> None:
    path = config / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    done = run("thulium", "train", "config/train.yaml", "--output-dir", "mine", cwd=config, code=2)
    assert done.stderr.startswith(f"mine: holds {name}, which no training has written and results would replace")
    assert [file for file in (config / "mine").rglob("*") if file.is_file()] == [path]


def test_training_and_evaluating_leave_alone_what_lies_beside(config: Path, run: lab.Shell) -> None:
    others = ("checkpoints/paris-best.safetensors", "reports/notes.txt", "tensorboard/notes.txt", "prepared/notes.txt")
    for name in others:
        (config / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (config / "mine" / name).write_text("mine")
    for more in ([], ["--restart"]):
        run("thulium", "train", "config/train.yaml", "--output-dir", "mine", *more, cwd=config)
        run("thulium", "evaluate", "config/train.yaml", "--output-dir", "mine", cwd=config)
    assert all((config / "mine" / name).read_text() == "mine" for name in others)


def test_corrected_labels_are_seen_by_a_finished_run(trained: Path, run: lab.Shell) -> None:
    labels = trained / "data" / "test" / "labels.txt"
    text = labels.read_text()
    labels.write_text(text.replace("\n", "!\n", 1))
    done = run(*TRAIN, cwd=trained)
    assert "holds a finished run; nothing was done" in done.stdout  # a training does not see the test lines
    run(*EVALUATE, cwd=trained)
    assert "!" in (trained / "runs" / "exp1" / "predictions.csv").read_text()
    labels.write_text(text)

    labels = trained / "data" / "train" / "labels.txt"
    text = labels.read_text()
    labels.write_text(text.replace("\n", "!\n", 1))
    done = run(*TRAIN, cwd=trained, code=2)
    assert "runs/exp1 holds a finished run of other lines: the data have changed since" in done.stderr
    labels.write_text(text)
    assert "nothing was done" in run(*TRAIN, cwd=trained).stdout


def test_two_commands_in_one_folder_wait_for_each_other(config: Path, run: lab.Shell) -> None:
    first = run.start(*TRAIN, cwd=config)
    second = run.start(*TRAIN, cwd=config)
    outcomes = [(*process.communicate(timeout=120), process.returncode) for process in (first, second)]
    assert [code for *_, code in outcomes] == [0, 0]
    said = "".join(out + err for out, err, _ in outcomes)
    assert said.count("trained: ") == 1
    assert "waiting for another command that is at work in runs/exp1 (process" in said
    assert "runs/exp1 holds a finished run; nothing was done" in said


def test_the_command_line_is_also_a_module(config: Path, run: lab.Shell) -> None:
    done = run("python", "-m", "thulium", "validate", "config/train.yaml", cwd=config)
    assert done.stdout == "config/train.yaml is valid\n"


def test_the_documents_of_the_documentation_make_a_model(
    tmp_path: Path, run: lab.Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lab.write_config(tmp_path / "work", small=False)
    done = run("thulium", "prepare", "config/train.yaml", "--output-dir", "lines", cwd=folder)
    assert "prepared 8 train, 2 val, 3 test lines in lines" in done.stdout
    assert all(list((folder / "lines" / split).glob("*.arrow")) for split in ("train", "val", "test"))

    monkeypatch.chdir(folder)
    model = HTRModel.from_config("config/train.yaml")
    batch = next(iter(create_dataloader("data/train", batch_size=32)))
    output = model.eval()(batch.images, batch.widths)
    assert tuple(output.logits.shape[::2]) == (8, model.charset.num_classes)


def test_a_missing_engine_is_named_with_the_command_that_installs_it(config: Path, run: lab.Shell) -> None:
    (config / "without").mkdir()
    (config / "without" / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    done = run(*TRAIN, cwd=config, code=2, PYTHONPATH=str(config / "without"))
    assert "pip install 'thulium[training]'" in done.stderr
    assert "Traceback" not in done.stderr


def no_folder(data: Path) -> None:
    (data / "val").rename(data / "elsewhere")


def no_images_folder(data: Path) -> None:
    (data / "val" / "images").rename(data / "elsewhere")


def no_labels(data: Path) -> None:
    (data / "val" / "labels.txt").unlink()


def empty_labels(data: Path) -> None:
    (data / "val" / "labels.txt").write_text("\n")


def not_an_image(data: Path) -> None:
    (data / "val" / "images" / "001.png").write_text("a hen")


def truncated_image(data: Path) -> None:
    image = data / "val" / "images" / "001.png"
    image.write_bytes(image.read_bytes()[:80])


def label_without_image(data: Path) -> None:
    (data / "val" / "images" / "001.png").unlink()


def image_without_label(data: Path) -> None:
    (data / "val" / "images" / "001.png").rename(data / "val" / "images" / "002.png")
    lab.edit(data / "val" / "labels.txt", "001.png a hen\n", "")


def row_without_text(data: Path) -> None:
    lab.edit(data / "val" / "labels.txt", "001.png a hen", "001.png")


def duplicate_row(data: Path) -> None:
    lab.edit(data / "val" / "labels.txt", "001.png a hen\n", "001.png a hen\n001.png a cock\n")


def not_utf8(data: Path) -> None:
    (data / "val" / "labels.txt").write_bytes("000.png 14. May\n001.png Hühner\n".encode("latin-1"))


def points_outside(data: Path) -> None:
    lab.edit(data / "val" / "labels.txt", "001.png a hen\n", "001.png a hen\n../../train/images/000.png Anno\n")


def is_absolute(data: Path) -> None:
    lab.edit(data / "val" / "labels.txt", "001.png a hen\n", "001.png a hen\n/etc/hostname Anno\n")


# What is done to data/, and how the message begins.
BAD_DATA: dict[Callable[[Path], None], str] = {
    no_folder: "data/val: no such folder",
    no_images_folder: "data/val/images: no such folder",
    no_labels: "data/val/labels.txt: no such file",
    empty_labels: "data/val/labels.txt:1: is empty",
    not_an_image: "data/val/images/001.png: the image is not an image",
    truncated_image: "data/val/images/001.png: the image cannot be decoded",
    label_without_image: "data/val/labels.txt:2: there is no image data/val/images/001.png",
    image_without_label: "data/val/images/002.png: no row of data/val/labels.txt names this image",
    row_without_text: "data/val/labels.txt:2: the image 001.png has no transcription",
    duplicate_row: "data/val/labels.txt:3: the image 001.png has a row already, row 2",
    not_utf8: "data/val/labels.txt:2: is not UTF-8 text",
    points_outside: "data/val/labels.txt:3: the image name '../../train/images/000.png' points out of data/val/images",
    is_absolute: "data/val/labels.txt:3: the image name '/etc/hostname' points out of data/val/images",
}


@pytest.mark.parametrize("spoil", BAD_DATA, ids=lambda spoil: spoil.__name__)
def test_bad_data_is_named_and_nothing_is_left(spoil: Callable[[Path], None], config: Path, run: lab.Shell) -> None:
    spoil(config / "data")
    done = run(*TRAIN, cwd=config, code=2)
    assert any(line.startswith(BAD_DATA[spoil]) for line in done.stderr.splitlines()), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert [path for path in (config / "runs").rglob("*") if path.is_file()] == []


def test_all_bad_lines_are_named_at_once(config: Path, run: lab.Shell) -> None:
    for split in ("train", "val", "test"):
        (config / "data" / split / "images" / "001.png").write_text("no image")
    done = run(*TRAIN, cwd=config, code=2)
    assert [line.split(":")[0] for line in done.stderr.splitlines()[:3]] == [
        f"data/{split}/images/001.png" for split in ("train", "val", "test")
    ]
    assert "3 problems in the data; nothing was written" in done.stderr


def test_a_missing_document_is_named(config: Path, run: lab.Shell) -> None:
    done = run("thulium", "train", "config/nothing.yaml", cwd=config, code=2)
    assert done.stderr.startswith("config/nothing.yaml")
    assert "Traceback" not in done.stderr
    assert not (config / "runs").exists()


def test_a_bad_document_stops_before_anything_is_written(config: Path, run: lab.Shell) -> None:
    lab.edit(config / "config" / "train.yaml", "gradient_clip: 1.0", "gradient_clip: -1")
    done = run(*TRAIN, cwd=config, code=2)
    assert done.stderr.startswith("config/train.yaml:25:18: training.gradient_clip: ")
    assert not (config / "runs").exists()


def test_a_gpu_that_is_not_there_is_named_with_what_to_write_instead(config: Path, run: lab.Shell) -> None:
    with open(config / "config" / "train.yaml", "a") as file:
        file.write("\nresources:\n  device: cuda\n")
    done = run(*TRAIN, cwd=config, code=2, CUDA_VISIBLE_DEVICES="")
    assert done.stderr.startswith('resources.device: device "cuda": no CUDA GPU was found here; use device "auto"')
    assert "Traceback" not in done.stderr
    assert not (config / "runs" / "exp1" / "checkpoints").exists()


def test_evaluating_an_untrained_run_says_what_to_do(config: Path, run: lab.Shell) -> None:
    done = run(*EVALUATE, cwd=config, code=2)
    assert "holds no prepared data" in done.stderr
    assert not (config / "runs").exists()
    run("thulium", "prepare", "config/train.yaml", "--output-dir", "runs/exp1/prepared", cwd=config)
    done = run(*EVALUATE, cwd=config, code=2)
    assert "runs/exp1/checkpoints/best.safetensors: no such checkpoint; train first" in done.stderr
    assert not (config / "runs" / "exp1" / "metrics.json").exists()


def test_first_weights_that_are_not_there_stop_before_anything_is_prepared(tmp_path: Path, run: lab.Shell) -> None:
    (tmp_path / "fine.yaml").write_text(lab.DOCUMENT.replace("init_from:", "init_from: models/none.safetensors"))
    done = run("thulium", "train", "fine.yaml", "--output-dir", "out", cwd=tmp_path, code=2)
    said = "name a model file that `thulium train` or `thulium pretrain` wrote, or leave init_from out"
    assert f"training.init_from: models/none.safetensors: no such file\n  help: {said}" in done.stderr
    assert not (tmp_path / "out").exists()
