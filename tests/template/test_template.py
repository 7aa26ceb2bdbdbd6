"""Projects made from the template, by cookiecutter and by ``thulium init``, for a user that git does not know."""

from __future__ import annotations

import difflib
import json
import re
import signal
from pathlib import Path

import lab
import pytest
from dvc.utils.hydra import apply_overrides

from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.validate import load

TINY = {
    "train": 24,
    "val": 8,
    "test": 8,
    "height": 32,
    "config_name": "resnet_tiny",
    "hidden_size": 16,
    "num_layers": 1,
    "epochs": 1,
    "batch_size": 8,
    "device": "cpu",
    "loader_workers": 0,
    "threads": 1,
}


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> lab.Shell:
    """Runs commands with an empty home and without an identity for git."""
    home = tmp_path_factory.mktemp("home")
    variables = lab.environment(tmp_path_factory.mktemp("environment"))
    known = {name for name in variables if name.startswith(("GIT_", "XDG_")) or name == "EMAIL"}
    return lab.Shell(
        {name: value for name, value in variables.items() if name not in known}
        | {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
    )


@pytest.fixture(scope="module", params=["synthetic", "custom", "page"])
def baked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, stranger: lab.Shell) -> Path:
    """A project made by cookiecutter, for each kind of data."""
    out = tmp_path_factory.mktemp("baked")
    words = ("cookiecutter", ".", "--directory", "template", "--no-input", "--output-dir", out)
    stranger(*words, f"dataset={request.param}", cwd=lab.CHECKOUT)
    (folder,) = out.iterdir()
    return folder


def test_a_new_project_is_valid_and_compiled(baked: Path, stranger: lab.Shell) -> None:
    assert stranger("thulium", "validate", cwd=baked).stdout == "params.yaml is valid\n"
    stranger("thulium", "compile", "--check", cwd=baked)
    assert "is up to date" in stranger("thulium", "compile", cwd=baked).stdout


def test_a_new_project_is_one_commit_with_nothing_left_over(baked: Path, stranger: lab.Shell) -> None:
    assert len(stranger("git", "log", "--oneline", cwd=baked).stdout.splitlines()) == 1
    assert stranger("git", "status", "--short", cwd=baked).stdout == ""
    config = stranger("dvc", "config", "--list", cwd=baked).stdout.split()
    assert {"cache.type=hardlink,copy", "core.autostage=true"} <= set(config)


def test_nothing_of_the_template_language_is_left(baked: Path, stranger: lab.Shell) -> None:
    for name in stranger("git", "ls-files", cwd=baked).stdout.split():
        text = (baked / name).read_text(encoding="utf-8")
        assert not [mark for mark in ("{{", "{%", "{#", "cookiecutter") if mark in text], name


def test_a_new_project_carries_the_schema_for_editors(baked: Path) -> None:
    assert (baked / ".schema" / "thulium.schema.json").read_text(encoding="utf-8") == schemas.bundle()
    first = (baked / "params.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=.schema/thulium.schema.json"


def test_an_override_changes_one_line_of_a_new_document(baked: Path, tmp_path: Path) -> None:
    before = (baked / "params.yaml").read_text(encoding="utf-8")
    copy = tmp_path / "params.yaml"
    copy.write_text(before, encoding="utf-8")
    apply_overrides(copy, ["training.lr=0.0123"])  # what `dvc exp run -S` calls
    changes = [row for row in difflib.ndiff(before.splitlines(), copy.read_text().splitlines()) if row[0] in "+-"]
    assert [row.partition(":")[0] for row in changes] == ["-   lr", "+   lr"]


def test_a_new_project_is_the_demo(stranger: lab.Shell, tmp_path: Path) -> None:
    stranger("thulium", "init", "first", cwd=tmp_path)
    assert load(tmp_path / "first" / "params.yaml").experiment == load(lab.CHECKOUT / "params.yaml").experiment


@pytest.mark.skipif(not lab.HAS_ENGINE, reason="prepares lines")
def test_the_pipeline_of_a_new_project_runs(stranger: lab.Shell, tmp_path: Path) -> None:
    assert "made first; next:\n  cd first\n  dvc repro\n" in stranger("thulium", "init", "first", cwd=tmp_path).stdout
    project = tmp_path / "first"
    text = (project / "params.yaml").read_text(encoding="utf-8")
    for key, value in TINY.items():
        text, times = re.subn(rf"^( *{key}:) .*$", rf"\1 {value}", text, flags=re.MULTILINE)
        assert times == 1, key
    (project / "params.yaml").write_text(text, encoding="utf-8")
    stranger("dvc", "repro", cwd=project)
    assert json.loads((project / "metrics.json").read_text())["measured"]["lines"] == 8
    stranger("git", "add", ".", cwd=project)
    stranger("git", "commit", "--quiet", "--message", "First run", cwd=project)
    assert stranger("git", "status", "--short", cwd=project).stdout == ""
    assert stranger("git", "ls-files", "data", "checkpoints", "reports", "runs", cwd=project).stdout == ""


def test_init_makes_what_cookiecutter_makes(stranger: lab.Shell, tmp_path: Path) -> None:
    stranger("thulium", "init", "lines of mine/letters", "--dataset", "custom", cwd=tmp_path)
    project = tmp_path / "lines of mine" / "letters"
    stranger("thulium", "compile", "--check", cwd=project)
    assert load(project / "params.yaml").experiment.dataset.type == "custom"
    assert stranger("git", "status", "--short", cwd=project).stdout == ""


@pytest.mark.skipif(not lab.HAS_ENGINE, reason="prepares lines")
def test_a_project_with_lines_of_ones_own_prepares_them(stranger: lab.Shell, tmp_path: Path) -> None:
    stranger("thulium", "init", "letters", "--dataset", "custom", cwd=tmp_path)
    project = tmp_path / "letters"
    lab.write_data(project / "data")
    stranger("dvc", "add", "data/train", "data/val", "data/test", cwd=project)
    done = stranger("dvc", "repro", "prepare", cwd=project)
    assert "prepared 8 train, 2 val, 3 test lines" in done.stdout
    assert "data/train.dvc" in stranger("git", "ls-files", cwd=project).stdout
    assert ".png" not in stranger("git", "ls-files", cwd=project).stdout


@pytest.mark.parametrize("kind", ["gt_txt", "alto", "parquet"])
def test_the_other_kinds_of_data_start_valid_and_compiled(kind: str, stranger: lab.Shell, tmp_path: Path) -> None:
    stranger("thulium", "init", "letters", "--dataset", kind, cwd=tmp_path)
    assert load(tmp_path / "letters" / "params.yaml").experiment.dataset.type == kind
    stranger("thulium", "compile", "--check", cwd=tmp_path / "letters")


@pytest.mark.skipif(not lab.HAS_ENGINE, reason="prepares lines")
def test_a_project_with_pages_of_ones_own_cuts_and_splits_them(stranger: lab.Shell, tmp_path: Path) -> None:
    import lab_data

    stranger("thulium", "init", "letters", "--dataset", "page", cwd=tmp_path)
    project = tmp_path / "letters"
    lab_data.write_pages(project / "data" / "pages", "page", pages=30)
    stranger("dvc", "add", "data/pages", cwd=project)
    assert "see data/prepared/report.html" in stranger("dvc", "repro", "prepare", cwd=project).stdout
    report = json.loads((project / "data" / "prepared" / "report.json").read_text())
    assert sum(split["lines"] for split in report["splits"].values()) == 30 * len(lab_data.PAGE_TEXTS)


@pytest.mark.parametrize(
    "name", ["-letters", "my letters", "letters;ls", "{letters}", "brief'", 'a"+str(print(99))+"b']
)
def test_a_name_that_cannot_be_a_folder_is_refused(name: str, stranger: lab.Shell, tmp_path: Path) -> None:
    done = stranger("thulium", "init", "--", name, cwd=tmp_path, code=2)
    assert "cannot be the name of a project" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused_and_kept(stranger: lab.Shell, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "keep.txt").write_text("kept")
    done = stranger("thulium", "init", "letters", cwd=tmp_path, code=2)
    assert done.stderr == "letters exists already: name a new folder\n"
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["keep.txt"]


@pytest.mark.skipif(not lab.HAS_ENGINE, reason="prepares lines")
def test_a_project_of_ones_own_data_says_how_they_come_into_it(stranger: lab.Shell, tmp_path: Path) -> None:
    import lab_data

    said = stranger("thulium", "init", "below/letters", "--dataset", "page", cwd=tmp_path).stdout
    steps = said.partition("made letters; next:\n")[2].splitlines()
    assert [step.strip().partition("    #")[0] for step in steps] == [
        "cd below/letters",
        "# put the page images and their PAGE files into data/pages",
        "dvc add data/pages",
        "thulium prepare --dry",
        "dvc repro",
    ]
    project = tmp_path / "below" / "letters"
    lab_data.write_pages(project / "data" / "pages", "page", pages=30)
    stranger("dvc", "add", "data/pages", cwd=project)
    assert "lines, wrote none" in stranger("thulium", "prepare", "--dry", cwd=project).stdout


def test_inside_a_repository_the_project_is_a_part_of_it(stranger: lab.Shell, tmp_path: Path) -> None:
    stranger("git", "init", "--quiet", cwd=tmp_path)
    stranger("git", "config", "user.name", "Somebody", cwd=tmp_path)
    stranger("git", "config", "user.email", "somebody@localhost", cwd=tmp_path)
    said = stranger("thulium", "init", "letters", cwd=tmp_path).stdout
    assert f"it lies in the git repository {tmp_path}, and DVC works in its folder alone (dvc init --subdir)" in said
    assert not (tmp_path / "letters" / ".git").exists()
    assert "git commit -m 'Start letters'" in said
    stranger("git", "commit", "--quiet", "--message", "Start letters", cwd=tmp_path / "letters")
    clone = tmp_path / "clone"
    stranger("git", "clone", "--quiet", str(tmp_path), str(clone), cwd=tmp_path)
    stranger("thulium", "compile", "--check", cwd=clone / "letters")
    stranger("dvc", "status", cwd=clone / "letters")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("{{7*7}}", "'{{7*7}}' cannot be the name of a project"),
        ("file/x", "file/x was not made: "),
        ("a b", "'a b' cannot be the name of a project"),
        ("file", "file exists already"),
    ],
)
def test_a_project_that_cannot_be_made_is_refused_in_a_sentence(
    name: str, says: str, stranger: lab.Shell, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = stranger("thulium", "init", name, cwd=tmp_path, code=2)
    assert done.stderr.startswith(says)
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_command_says_nothing_of_what_it_takes_from_its_hook(
    stranger: lab.Shell, tmp_path: Path
) -> None:
    """The signal reaches the command alone, as one of a program that watches it; the hook still runs, and DVC fails."""
    process = stranger.start("thulium", "init", "letters", cwd=tmp_path)
    while not (tmp_path / ".letters.thulium-init" / "letters" / ".git" / "HEAD").exists():
        assert process.poll() is None, "it ended before it was interrupted"
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)  # the hook has the same pipes, so it has ended, too
    assert (process.returncode, *said) == (130, "", "interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_cookiecutter_makes_no_project_in_the_checkout(stranger: lab.Shell) -> None:
    before = set(lab.CHECKOUT.iterdir())
    words = ("cookiecutter", ".", "--directory", "template", "--no-input")
    done = stranger(*words, cwd=lab.CHECKOUT, code=None)
    assert done.returncode
    assert "is Thulium's own checkout: make the project elsewhere, with --output-dir" in done.stderr
    assert set(lab.CHECKOUT.iterdir()) == before


def test_every_key_of_a_new_document_says_what_it_means(baked: Path) -> None:
    text = (baked / "params.yaml").read_text(encoding="utf-8")
    told = "".join(line.partition("# ")[2].rstrip() + " " for line in text.splitlines() if "# " in line)
    kind = load(baked / "params.yaml").experiment.dataset.type
    chosen = {None, kind, "resnet", "bilstm", "ctc", "adamw", "trapezoid", "beam" if kind == "synthetic" else "greedy"}
    for key in schemas.walk():
        is_in_list = key.path[:-1] in (("augmentation", "transforms"), ("dataset", "text", "map"))
        is_in_list |= key.path[:2] == ("dataset", "sources")
        is_absent = key.path[0] in schemas.optional()
        if (
            key.kind in chosen
            and not is_absent
            and not is_in_list
            and not {"x-same-as", "x-directive"} & set(key.schema)
        ):
            assert key.schema["description"] in told, key.dotted
