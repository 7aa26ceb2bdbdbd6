"""Documents of an older language version. Version 0 never was: it stands here to prove the machinery."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from thulium.cli.main import app
from thulium_dsl.edit import upgrade as upgrades
from thulium_dsl.edit.upgrade import Change, upgrade
from thulium_dsl.grammar.schemas import LANGUAGE
from thulium_dsl.grammar.validate import check
from thulium_dsl.messages.problems import DocumentError
from thulium_dsl.text.document import parse

# In version 0, the learning rate had another name, and the seed stood in another section.
FIXTURE = {0: (Change("training.learning_rate", "training.lr"), Change("model.seed", "training.seed"))}

BEFORE = """\
# yaml-language-server: $schema=.schema/thulium.schema.json
version: 0  # as it was
dataset: {type: synthetic}

model:
  # Chosen by throwing dice.
  # Twice.
  seed: 7  # a seven
  head:
    type: bilstm

training:
  # The rate that the last paper had.
  learning_rate: 3e-4   # try 1e-3
  epochs: 3
# The end.
"""

AFTER = """\
# yaml-language-server: $schema=.schema/thulium.schema.json
version: 1  # as it was
dataset: {type: synthetic}

model:
  head:
    type: bilstm

training:
  # The rate that the last paper had.
  lr: 3e-4   # try 1e-3
  epochs: 3
  # Chosen by throwing dice.
  # Twice.
  seed: 7  # a seven
# The end.
"""


def upgraded(text: str) -> str:
    return upgrade(parse(text), FIXTURE).text


def test_a_renamed_and_a_moved_key_keep_their_comments() -> None:
    result = upgrade(parse(BEFORE), FIXTURE)
    assert result.text == AFTER
    assert (result.version, list(map(str, result.changes))) == (
        0,
        ["training.learning_rate → training.lr", "model.seed → training.seed"],
    )
    assert check(parse(result.text)).problems == ()


def test_an_upgraded_document_is_current() -> None:
    assert upgraded(AFTER) == AFTER


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_stay(newline: str, bom: str) -> None:
    assert upgraded(bom + BEFORE.replace("\n", newline)) == bom + AFTER.replace("\n", newline)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "model: {seed: 7, head: {type: bilstm}}\n", "model: {head: {type: bilstm}}\ntraining:\n  seed: 7\n"
        ),
        pytest.param("model: {seed: 7}\ntraining: {epochs: 3}\n", "training: {epochs: 3, seed: 7}\n", id="braces"),
        pytest.param("model:\n  seed: 7\ntraining: {}\n", "training: {seed: 7}\n", id="into empty braces"),
        pytest.param(
            "model:\n    seed: 7\ntraining:\n    epochs: 3", "training:\n    epochs: 3\n    seed: 7", id="four"
        ),
        pytest.param("training:\n  epochs: 3\n\n\n# end\n", "training:\n  epochs: 3\n\n\n# end\n", id="nothing to do"),
        pytest.param("model:\n  seed: 7\n", "training:\n  seed: 7\n", id="the only key of its section"),
        pytest.param(
            "model: {\n  # dice\n  seed: 7, # a seven\n  head: {type: bilstm}\n}\ntraining: {epochs: 3}\n",
            "model: {\n  # dice\n  # a seven\n  head: {type: bilstm}\n}\ntraining: {epochs: 3, seed: 7}\n",
            id="comments in braces stay there",
        ),
        pytest.param(
            "model: {\n  head: {type: bilstm}, # a head\n  seed: 7 # a seven\n}\n",
            "model: {\n  head: {type: bilstm} # a head\n   # a seven\n}\ntraining:\n  seed: 7\n",
            id="comments between braces stay there",
        ),
        pytest.param(
            "model: {\n  seed: 7, # a seven\n}  # no more\ntraining:\n  epochs: 3\n",
            "training:\n  epochs: 3\n  # a seven\n  # no more\n  seed: 7\n",
            id="comments of braces that go",
        ),
        pytest.param('"training": {learning_rate: 1}\n', '"training": {lr: 1}\n', id="renamed in braces"),
    ],
)
def test_a_key_moves_however_it_is_written(before: str, after: str) -> None:
    assert upgraded("version: 0\n" + before) == "version: 1\n" + after


def test_a_whole_section_moves_with_what_is_in_it() -> None:
    before = """\
    version: 0
    old:
      part:
        # A thought.
        text: |
          one
            two

        items:
        - 1

    other:
      key: 1
    """
    after = """\
    version: 1
    other:
      key: 1
      deep:
        part:
          # A thought.
          text: |
            one
              two

          items:
          - 1
    """
    result = upgrade(parse(textwrap.dedent(before)), {0: (Change("old.part", "other.deep.part"),)})
    assert result.text == textwrap.dedent(after).replace("other:", "\nother:", 1)


def test_a_key_in_both_places_is_refused_with_both_lines() -> None:
    with pytest.raises(DocumentError) as caught:
        upgraded("version: 0\ntraining:\n  lr: 1e-3\n  learning_rate: 1e-4\n")
    assert str(caught.value).startswith(
        "params.yaml:4:3: training.learning_rate: is called training.lr now, which stands on line 3 already\n"
        "    4 |   learning_rate: 1e-4\n"
    )


@pytest.mark.parametrize(
    "rest", ["  seed: 7\ntraining: 7\n", "  seed: 7\ntraining:\n", "  seed: a, b\ntraining: {c: 1}\n"]
)
def test_a_key_without_a_place_to_go_is_refused(rest: str) -> None:
    with pytest.raises(DocumentError, match=r"params\.yaml:3:3: model\.seed: belongs to training\.seed now"):
        upgraded(f"version: 0\nmodel:\n{rest}")


@pytest.mark.parametrize(
    "model",
    [
        "model:\n  seed: 7 # x\n",
        "model:\n  # x\n  seed: 7\n",
        "model: {\n  seed: 7, # x\n}\n",
        "model: {seed: 7} # x\n",
    ],
)
def test_a_comment_without_a_place_to_go_is_refused(model: str) -> None:
    with pytest.raises(DocumentError) as caught:
        upgraded(f"version: 0\n{model}training: {{epochs: 3}}\n")
    assert "model.seed: belongs to training.seed now, and cannot be moved there: 'training' has no room for" in (
        said := str(caught.value)
    )
    assert "the comment # x as it is written" in said
    assert "write 'training' as a section with a line for each key, or move it by hand" in said


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"version: {LANGUAGE + 1}\n", "a newer document needs a newer Thulium"),
        ("version: -1\n", "must be 1"),
        ("version: soon\n", "version: must be a whole number"),
        ("version: [\n", "1:10"),
    ],
)
def test_what_cannot_be_upgraded_says_why(text: str, what: str) -> None:
    with pytest.raises(DocumentError) as caught:
        upgraded(text)
    assert what in str(caught.value)


def test_there_is_no_older_version() -> None:
    assert upgrades.MIGRATIONS == {}
    with pytest.raises(DocumentError, match="must be 1"):
        upgrade(parse("version: 0\n"))


@pytest.mark.parametrize("text", ["", "training: {epochs: 3}\n", "version: 1\n"])
def test_a_document_without_version_is_version_one(text: str) -> None:
    assert upgrade(parse(text), FIXTURE) == upgrades.Upgraded(text, 1, ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# mine\ntraining:\n  epochs: 3\n  # Slow.\n  compile: false\n", "# mine\ntraining:\n  epochs: 3\n"),
        ("training: {compile: true, epochs: 3}  # few\n", "training: {epochs: 3}  # few\n"),
        ("version: 1\ntraining:\n  compile: true\n", "version: 1\n"),
    ],
)
def test_a_key_that_is_gone_is_named_and_removed(before: str, after: str) -> None:
    (problem,) = check(parse(before)).problems
    assert (problem.path, problem.what) == ("training.compile", "the key 'compile' is gone")
    assert problem.hint.startswith("`thulium upgrade` removes it: ")
    result = upgrade(parse(before))
    assert (result.text, list(map(str, result.changes))) == (after, ["training.compile is gone"])
    assert check(parse(result.text)).problems == ()


def test_the_command_removes_a_key_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("training: {compile: false, epochs: 3}\n", encoding="utf-8")
    assert "-training: {compile" in CliRunner().invoke(app, ["upgrade", "--dry-run"]).output
    assert CliRunner().invoke(app, ["upgrade"]).output == "upgraded params.yaml\n  training.compile is gone\n"
    assert Path("params.yaml").read_text(encoding="utf-8") == "training: {epochs: 3}\n"
    assert "the current one" in CliRunner().invoke(app, ["upgrade"]).output


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(upgrades, "MIGRATIONS", FIXTURE)
    Path("params.yaml").write_text(BEFORE, encoding="utf-8")
    return Path("params.yaml")


def test_the_command_rewrites_the_file_and_says_what_it_did(old: Path) -> None:
    ran = CliRunner().invoke(app, ["upgrade"])
    assert ran.output == (
        "upgraded params.yaml from version 0 to 1\n"
        "  training.learning_rate → training.lr\n"
        "  model.seed → training.seed\n"
    )
    assert old.read_text(encoding="utf-8") == AFTER
    assert CliRunner().invoke(app, ["upgrade"]).output == (
        "params.yaml is in version 1 of the language, the current one\n"
    )
    assert [path.name for path in Path().iterdir()] == ["params.yaml"]


def test_a_dry_run_shows_the_difference_and_changes_nothing(old: Path) -> None:
    shown = CliRunner().invoke(app, ["upgrade", "--dry-run"]).output.splitlines()
    assert shown[:2] == ["--- params.yaml", "+++ params.yaml (upgraded)"]
    assert [line for line in shown[2:] if line[0] in "+-"][:2] == [
        "-version: 0  # as it was",
        "+version: 1  # as it was",
    ]
    assert "+  lr: 3e-4   # try 1e-3" in shown
    assert old.read_text(encoding="utf-8") == BEFORE
