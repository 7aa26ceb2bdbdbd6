"""The commands of the language, run as a user runs them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from thulium.cli.model_file import model_file
from thulium_dsl.grammar import schemas
from thulium_dsl.manual.explain import explain
from thulium_dsl.messages.problems import ThuliumError

DOCUMENTS = Path(__file__).parent / "documents"
SOURCE = Path(__file__).parents[2]


def thulium(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "thulium.cli.main", *words]
    environment = {"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def test_a_valid_document_is_called_so(tmp_path: Path) -> None:
    shutil.copytree(DOCUMENTS, tmp_path / "config")
    ran = thulium("validate", "config/train.yaml", cwd=tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "config/train.yaml is valid\n", "")


def test_a_broken_document_ends_with_two_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("training:\n  epoch: 40\n")
    ran = thulium("validate", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "params.yaml:2:3: training.epoch: unknown key 'epoch'\n"
        "    2 |   epoch: 40\n"
        "      |   ^^^^^\n"
        "  help: did you mean 'epochs'?\n"
        "1 problem in params.yaml; nothing was run\n"
    )


def test_compile_completes_the_document_and_writes_the_graph(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("dataset:\n  type: synthetic\n")
    before = thulium("compile", "--check", cwd=tmp_path)
    first, second, after = (thulium("compile", *words, cwd=tmp_path) for words in ([], [], ["--check"]))
    assert before.returncode == 2
    assert "params.yaml is not complete: dataset.lines" in before.stderr
    assert "there is no dvc.yaml\n  help: run: thulium compile" in before.stderr
    assert first.stdout.startswith("added to params.yaml: dataset.lines, dataset.seed")
    assert first.stdout.endswith("wrote dvc.yaml\n")
    assert second.stdout == "dvc.yaml is up to date\n"
    assert (after.returncode, after.stdout) == (0, "params.yaml and dvc.yaml are up to date\n")


def test_a_check_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("training:\n  epochs: 3\n")
    thulium("compile", "--check", cwd=tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
        ("params.yaml", "training:\n  epochs: 3\n")
    ]


def test_a_pipeline_is_compiled_from_params_yaml_only(tmp_path: Path) -> None:
    ran = thulium("compile", "train.yaml", cwd=tmp_path)
    assert ran.returncode == 2
    assert "rename the document to params.yaml" in ran.stderr


@pytest.mark.parametrize("command", ["fill", "compile", "plan", "curve"])
def test_what_is_no_document_by_its_name_is_left_as_it_is(command: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").touch()
    (tmp_path / "folder").mkdir()
    table, folder = (thulium(command, name, cwd=tmp_path) for name in ("table.csv", "folder"))
    assert (table.returncode, table.stdout) == (folder.returncode, folder.stdout) == (2, "")
    assert table.stderr.startswith("table.csv: is no document by its name, which would end in .yaml\n  help: name one")
    assert folder.stderr.startswith("folder: this is a folder\n  help: name the document in it")
    assert (tmp_path / "table.csv").read_text() == ""


def test_the_name_of_a_model_of_the_zoo_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ThuliumError, match=r"did you mean 'zoo:latin-tiny'\?"), model_file("latin-tiny"):
        pass


def test_filling_says_when_nothing_is_missing(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("# mine\n")
    assert "added to params.yaml: version, dataset" in thulium("fill", cwd=tmp_path).stdout
    assert thulium("fill", cwd=tmp_path).stdout == "params.yaml is complete\n"


def test_a_key_is_explained() -> None:
    assert explain("training.lr").splitlines() == [
        "training.lr: The learning rate at its peak, after the warm-up.",
        "",
        "  type      number",
        "  allowed   greater than 0, at most 1",
        "  default   0.001",
        "  re-runs   train, evaluate",
        "  example   lr: 0.0003",
    ]


def test_a_pattern_is_explained_in_words() -> None:
    assert "  allowed   one of auto, cpu, cuda and cuda:N, where N is the number of a GPU\n" in explain(
        "resources.device"
    )
    for key in schemas.walk():
        assert "^" not in explain(key.dotted)
        assert ("pattern" in key.schema) == ("x-pattern-words" in key.schema), key.dotted


def test_a_key_of_a_branch_names_its_type() -> None:
    assert explain("augmentation.transforms.degrees").startswith("augmentation.transforms.degrees (for type random_ro")
    assert "(for type gt_txt or page or alto)" in explain("dataset.writers")
    assert explain("augmentation.transforms.0.range").count("(for type") == 4
    assert "(for type" not in explain("augmentation.transforms.0.p")  # one key for all types


@pytest.mark.parametrize("key", [key.dotted for key in schemas.walk()])
def test_every_key_can_be_explained(key: str) -> None:
    assert explain(key).startswith(key)


def test_the_sections_are_listed() -> None:
    listed = explain()
    assert all(section in listed for section in schemas.sections())


@pytest.mark.parametrize(
    ("key", "guess"),
    [("trainig.lr", "training.lr"), ("learning_rate", "training.lr"), ("model.dropout", "model.head.dropout")],
)
def test_an_unknown_key_gets_a_guess(key: str, guess: str) -> None:
    with pytest.raises(ThuliumError, match=f"did you mean {guess}"):
        explain(key)


def test_validating_a_project_looks_at_its_pipeline_too(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("dataset:\n  type: synthetic\n")
    thulium("compile", cwd=tmp_path)
    assert thulium("validate", cwd=tmp_path).stdout == "params.yaml is valid\n"
    text = (tmp_path / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("save_dir: checkpoints/", "save_dir: models/"))
    ran = thulium("validate", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "dvc.yaml: is out of date: stage train, stage evaluate\n"
        "  help: run: thulium compile\n"
        "1 problem in dvc.yaml; nothing was run\n"
    )
    (tmp_path / "dvc.yaml").write_text("stages: [")
    ran = thulium("validate", cwd=tmp_path)
    assert ran.stderr.startswith("dvc.yaml:1:10: this is not a dvc.yaml that can be read\n  help: mend it")


def test_data_outside_of_the_project_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    project = tmp_path / "project"
    project.mkdir()
    where = {"train": "../shared/train", "val": str(tmp_path / "shared" / "val"), "test": "data/test"}
    folders = "".join(f"  {split}_dir: {path}\n" for split, path in where.items())
    (project / "params.yaml").write_text(f"dataset:\n  type: custom\n{folders}")
    said = [thulium(command, cwd=project) for command in ("compile", "validate")]
    for ran in said:
        assert ran.returncode == 0
        assert ran.stderr == (
            "warning: dataset.train_dir: ../shared/train lies outside of the project, where `dvc repro` finds it, but "
            "`dvc exp run --temp` and the queue do not, since they work in a copy of the project\n"
            "  help: write its absolute path, or bring it into the project: dvc add, dvc import-url\n"
        )


def test_the_commands_are_listed_in_the_order_of_their_use_in_whole_sentences(tmp_path: Path) -> None:
    listed = thulium("--help", cwd=tmp_path).stdout.partition("Commands:\n")[2].splitlines()
    names = [line.split()[0] for line in listed]
    assert names[:6] == ["validate", "fill", "compile", "explain", "show", "plan"]
    assert names[names.index("init") :][:6] == ["init", "clean", "prepare", "pretrain", "train", "evaluate"]
    assert [line for line in listed if line.endswith("...") or not line.endswith(".")] == []


def test_the_help_of_a_command_says_what_its_arguments_are(tmp_path: Path) -> None:
    assert thulium("augment-preview", "--help", cwd=tmp_path).stdout == (
        "Usage: python -m thulium.cli.main augment-preview [OPTIONS] [FILE]\n\n"
        "  Draw a line under each transform of a document. It is a prepared line, or a\n"
        "  made-up one where there is none.\n\n"
        "Arguments:\n"
        "  [FILE]  The document.  [default: params.yaml]\n\n"
        "Options:\n"
        "  --output FILE  The picture to write.  [default: augmentation.png]\n"
        "  --line ID      The prepared training line to show.\n"
        "  --draws N      Pictures of each transform.  [default: 4; 1<=x<=20]\n"
        "  --help         Show this message and exit.\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "No such command 'trian'. Did you mean 'train'?"),
        (["letters"], "No such command 'letters'."),
        (["train", "--outputdir", "x"], "--output-dir"),
        (["train", "--output-dir"], "Option '--output-dir' requires an argument."),
        (["train", "a", "b"], "Got unexpected extra argument (b)"),
        (["init"], "Missing argument 'FOLDER'."),
        (
            ["init", "a", "--dataset", "b"],
            "'b' is not one of 'synthetic', 'custom', 'gt_txt', 'page', 'alto', 'parquet'.",
        ),
        (["augment-preview", "--draws", "99"], "99 is not in the range 1<=x<=20."),
        ([], "Usage: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_slip_of_the_hand_ends_with_two_and_says_what_was_meant(words: list[str], said: str, tmp_path: Path) -> None:
    ran = thulium(*words, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []
