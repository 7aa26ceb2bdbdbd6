"""A document in several files: what `include` brings together, what it refuses, and where each value came from."""

from __future__ import annotations

from pathlib import Path

import lab
import pytest
from dvc.utils.serialize import parse_yaml

from thulium_dsl.edit.fill import fill
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.include import read
from thulium_dsl.grammar.local import remarks, with_local
from thulium_dsl.grammar.validate import check, complete_tree, load
from thulium_dsl.manual.show import show
from thulium_dsl.messages.problems import DocumentError
from thulium_dsl.text.document import parse
from thulium_dsl.text.edits import comments


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**texts: str) -> None:
    """Files by name; __ stands for a folder."""
    for name, text in texts.items():
        path = Path(f"{name.replace('__', '/')}.yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def problems(name: str = "main.yaml") -> list[str]:
    found = check(read(name)).problems
    return [f"{problem.file}:{problem.line}:{problem.column}: {problem.what} | {problem.hint}" for problem in found]


@pytest.mark.parametrize("written", ['"\\0"', '["\\0"]', "yes", "[*x]", "*x"])
def test_a_name_that_cannot_be_read_is_one_problem(written: str) -> None:
    write(main=f"include: {written}\n")
    assert len(problems()) == 1


@pytest.mark.parametrize(
    "main",
    [
        "include:  # a\n# b\n- data.yaml  # c\n- net.yaml  # d\n# e\ntraining: {epochs: 3}\n",
        "include: [data.yaml, # a\n  net.yaml # b\n  ] # c\n",
        "{include: [data.yaml, # a\n  net.yaml], # b\n training: {epochs: 3}}\n",
        "{include: [data.yaml, net.yaml], # b\n}\n",
    ],
)
def test_filling_keeps_the_comments_of_an_include(main: str) -> None:
    write(main=main, data="dataset: {type: synthetic}\n", net="model: {}\n")
    text = fill(read("main.yaml")).text
    assert [remark for _, remark in comments(main) if remark not in text] == []
    assert set(parse(text).tree) == set(schemas.sections()) - schemas.optional()


@pytest.mark.parametrize("written", ["data.yaml", "[data.yaml]", "\n- data.yaml\n- ./net.yaml"])
def test_the_sections_of_the_files_are_those_of_the_document(written: str) -> None:
    write(
        main=f"include: {written}\ntraining:\n  epochs: 3\n",
        data="version: 1\ndataset:\n  type: synthetic\n",
        net="model:\n  head: {type: bilstm, num_layers: 4}\n",
    )
    experiment = load("main.yaml").experiment
    layers = 4 if "net" in written else 2
    assert (experiment.dataset.type, experiment.training.epochs) == ("synthetic", 3)
    assert experiment.model.head.num_layers == layers


def test_names_are_relative_to_the_file_that_includes() -> None:
    write(
        runs__main="include: ../common/all.yaml\n",
        common__all="include: [data.yaml, ../net.yaml]\nevaluation: {worst_lines: 7}\n",
        common__data="dataset:\n  type: synthetic\n  seed: -1\n",
        net="training: {epochs: 4}\n",
    )
    assert problems("runs/main.yaml") == ["runs/../common/data.yaml:3:9: must be at least 0, found -1 | "]
    write(common__data="dataset: {type: synthetic}\n")
    experiment = load("runs/main.yaml").experiment
    assert (experiment.training.epochs, experiment.evaluation.worst_lines) == (4, 7)


def test_a_section_stands_in_one_file_only() -> None:
    write(main="include: [a.yaml, b.yaml]\nmodel: {}\n", a="\nmodel: {}\nlogging: {}\n", b="logging: {}\n")
    assert problems() == [
        "a.yaml:2:1: 'model' stands in two files | keep one; the other is in main.yaml:2",
        "b.yaml:1:1: 'logging' stands in two files | keep one; the other is in a.yaml:3",
    ]


def test_versions_agree() -> None:
    write(main="version: 1\ninclude: a.yaml\n", a="version: 2\n")
    assert problems() == ["a.yaml:1:1: two versions in one experiment | keep one; the other is in main.yaml:1"]


def test_a_circle_is_shown_whole() -> None:
    write(main="include: a.yaml\n", a="include: b.yaml\n", b="include: main.yaml\n")
    assert problems() == [
        "b.yaml:1:10: a circle: main.yaml → a.yaml → b.yaml → main.yaml | remove this line, or the one that leads here"
    ]


def test_a_file_is_included_once() -> None:
    write(main="include: [a.yaml, d.yaml]\n", a="include: d.yaml\n", d="training: {epochs: 3}\n")
    assert problems() == ["main.yaml:1:19: 'd.yaml' is included twice | include it once; it was on a.yaml:1"]


def test_files_include_each_other_to_a_depth() -> None:
    write(**{f"f{n}": f"include: f{n + 1}.yaml\n" for n in range(9)}, f9="training: {epochs: 3}\n")
    assert problems("f4.yaml") == []
    assert problems("f3.yaml") == [
        "f8.yaml:1:10: 'f9.yaml' is included more than 5 files deep | put the sections into fewer files"
    ]


@pytest.mark.parametrize("name", ["/etc/data.yaml", "~/data.yaml", "C:/data.yaml", "C:\\data.yaml"])
def test_a_name_that_means_another_file_elsewhere_is_refused(name: str) -> None:
    write(main=f"include: ['{name}']\n")
    assert problems() == [
        f"main.yaml:1:11: '{name}' means another file on another machine | name it relative to this file"
    ]


def test_a_missing_file_and_a_folder_are_shown_where_they_are_named() -> None:
    Path("data").mkdir()
    write(main="include:\n- none.yaml\n- data\n")
    first, second = problems()
    assert first.startswith("main.yaml:2:3: 'none.yaml' cannot be included: there is no such file")
    assert second.startswith("main.yaml:3:3: 'data' cannot be included: this is a folder")


def test_a_file_that_cannot_be_read_gives_no_problems_with_what_it_holds() -> None:
    write(main="include: a.yaml\ncheckpointing: {save_best: false}\n", a="evaluation: [\n")
    (problem,) = problems()
    assert problem.startswith("a.yaml:1:13:")


SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"{SECRET}\n",
        f"root:x:0:0:{SECRET}:/root\n",
        f"-----BEGIN KEY-----\n{SECRET}\n",
        f"password: {SECRET}\n",
        f"{SECRET}: &x 1\n",
        f'training: {{lr: 0.1, "{SECRET}": [}}\n',
        f"[{SECRET}]\n",
        f"training: {{}}\n{SECRET}: 1\n",
        f"include: [{SECRET}]\n",
        f"\x00{SECRET}",
    ],
)
@pytest.mark.parametrize("name", ["../../out.yaml", "link.yaml"])
@pytest.mark.parametrize("mark", [".git", ".dvc", ""])
def test_nothing_is_shown_of_a_file_outside_of_the_project(folder: Path, text: str, name: str, mark: str) -> None:
    Path("out.yaml").write_text(text)
    (Path("project") / (mark or "a") / "b").mkdir(parents=True)
    (Path("project") / "docs").mkdir()
    Path("project/docs/main.yaml").write_text(f"include: [{name}]\n")
    Path("project/docs/link.yaml").symlink_to(folder / "out.yaml")
    with pytest.raises(DocumentError) as refused:
        load("project/docs/main.yaml")
    said = str(refused.value)
    assert SECRET not in said
    assert "outside of" in said
    assert f"look at it by itself: thulium validate project/docs/{name}" in said


def test_a_wrong_value_outside_of_the_project_is_named_without_its_line() -> None:
    Path("project").mkdir()
    Path("project/main.yaml").write_text("include: [../shared.yaml]\n")
    Path("shared.yaml").write_text(f"training: {{epochs: -3}}  # {SECRET}\n")
    with pytest.raises(DocumentError, match=r"shared.yaml:1:20: training.epochs: must be at least 1") as refused:
        load("project/main.yaml")
    assert SECRET not in str(refused.value)


def test_a_file_elsewhere_in_the_project_is_shown(folder: Path) -> None:
    (folder / ".git").mkdir()
    Path("project").mkdir()
    Path("project/main.yaml").write_text("include: [../shared.yaml]\n")
    Path("shared.yaml").write_text("training: {epochs: -3}  # note\n")
    with pytest.raises(DocumentError, match="# note"):
        load("project/main.yaml")


def test_data_yaml_may_be_included_or_just_lie_beside() -> None:
    write(main="training: {epochs: 3}\n", data="dataset: {type: synthetic}\nevaluation: {worst_lines: 1}\n")
    assert "move it to main.yaml, or let that file include this one" in problems()[0]
    write(main="include: data.yaml\ntraining: {epochs: 3}\n")
    assert load("main.yaml").experiment.evaluation.worst_lines == 1


def test_a_text_without_a_file_can_include_nothing() -> None:
    (problem,) = check(parse("include: data.yaml\n")).problems
    assert "only by a document that is read from a file" in problem.what


@pytest.mark.parametrize(
    "main",
    [
        "include: data.yaml\n",
        "# top\ninclude: # files\n- data.yaml  # mine\n# more\ntraining: {epochs: 3}\n",
        "training:\n  epochs: 3\ninclude: [data.yaml]\n",
        "{include: [data.yaml], training: {epochs: 3}}\n",
        "{include: data.yaml}\n",
        "version: 1\r\ninclude: data.yaml\r\n",
    ],
)
def test_filling_writes_the_included_sections_in(main: str) -> None:
    write(data="dataset:\n  type: synthetic\n  seed: 8\n")
    Path("main.yaml").write_bytes(main.encode())
    filled = fill(read("main.yaml"))
    again = parse(filled.text)
    assert complete_tree(again) == complete_tree(read("main.yaml"))
    assert "include" not in again.tree
    assert fill(again).text == filled.text
    assert main.startswith("{") or "# written out below: data.yaml" in filled.text


def test_dvc_is_never_left_with_a_file_that_it_does_not_track(folder: Path, run: lab.Shell) -> None:
    write(params="include: data.yaml\n", data="dataset: {type: synthetic}\n")
    for words in (["compile"], ["compile", "--check"]):
        ran = run("thulium", *words, cwd=folder, code=2)
        assert ran.stderr.startswith("params.yaml:1:1: include: DVC tracks params.yaml alone")
        assert "thulium fill params.yaml" in ran.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["data.yaml", "params.yaml"]
    run("thulium", "fill", cwd=folder)
    run("thulium", "compile", cwd=folder)
    write(params="include: data.yaml\n")
    assert "DVC tracks params.yaml alone" in run("thulium", "prepare", cwd=folder, code=2).stderr


@pytest.mark.skipif(not lab.HAS_ENGINE, reason="prepares lines")
def test_without_dvc_a_document_may_include(folder: Path, run: lab.Shell) -> None:
    write(main="include: data.yaml\n", data="dataset: {type: synthetic, lines: {train: 2, val: 1, test: 1}}\n")
    said = run("thulium", "prepare", "main.yaml", "--output-dir", "out", cwd=folder).stdout
    assert said.startswith("prepared 2 train, 1 val, 1 test lines")


def test_the_whole_document_is_shown_with_where_each_value_came_from() -> None:
    write(
        main="include: data.yaml\ntraining:\n  optimizer: {type: adamw,\n    lr: 3e-4}\n"
        "logging: {wandb: {\n  entity: a}}\n",
        data="dataset:\n  type: synthetic\n  lines:\n    train: 9\n",
    )
    document = read("main.yaml")
    lines = show(document, with_origin=True).splitlines()
    for line in [
        "version: 1  # default",
        "  type: synthetic  # data.yaml:2",
        "    train: 9  # data.yaml:4",
        "    val: 200  # default",
        "  lr: 0.0003  # main.yaml:4",
        "    type: adamw  # main.yaml:3",
        "    entity: a  # main.yaml:6",
    ]:
        assert line in lines
    assert all(" # " in line for line in lines if line and not line.endswith(":"))
    for with_origin in (False, True):
        text = show(document, with_origin)
        assert parse(text).tree == complete_tree(document)
        assert parse_yaml(text, "shown.yaml") == complete_tree(document)
    assert fill(parse(show(document))).added == ()


def test_a_document_with_problems_is_not_shown() -> None:
    write(main="training: {epochs: 0}\n")
    with pytest.raises(DocumentError):
        show(read("main.yaml"))


def test_the_file_for_this_machine_changes_resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("resources:\n  threads: 4\n  loader_workers: 2\n")
    Path("resources.local.yaml").write_text("resources:\n  threads: 1\n")
    experiment, document = load("params.yaml")
    assert (experiment.resources.threads, experiment.resources.loader_workers) == (1, 2)
    assert list(remarks(document)) == ["resources.threads 1 of resources.local.yaml"]
    assert "threads: 4" in fill(document).text  # what is written into the document is the document's own
    shown = show(with_local(document), with_origin=True)
    assert "  threads: 1  # resources.local.yaml:2\n" in shown
    assert "  loader_workers: 2  # params.yaml:3\n" in shown


def test_a_copy_of_a_project_has_the_file_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "params.yaml").write_text("")
    (tmp_path / "resources.local.yaml").write_text("resources: {threads: 3}\n")
    monkeypatch.chdir(tmp_path / "copy")
    assert load("params.yaml").experiment.resources.threads == 0
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert load("params.yaml").experiment.resources.threads == 3


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("resources:\n  thread: 1\n", "2:3", "unknown key 'thread'"),
        ("resources:\n  threads: many\n", "2:12", "must be a whole number"),
        ("training:\n  lr: 1\n", "1:1", "'training' has no place in resources.local.yaml"),
        ("resources: [\n", "1:12", "never closed"),
    ],
)
def test_mistakes_in_the_file_for_this_machine_are_found_there(
    text: str, place: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("")
    Path("resources.local.yaml").write_text(text)
    with pytest.raises(DocumentError) as caught:
        load("params.yaml")
    (problem,) = caught.value.problems
    assert f"{problem.file}:{problem.line}:{problem.column}" == f"resources.local.yaml:{place}"
    assert says in problem.what
