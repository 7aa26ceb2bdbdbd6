"""Filling: everything that is written stays, everything else is added, and the meaning does not change."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path
from typing import Any

import lab
import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import parse_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from thulium_dsl.edit.fill import fill, inline
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.include import read
from thulium_dsl.grammar.validate import check, complete_tree
from thulium_dsl.text.document import parse
from thulium_dsl.text.edits import comments

DOCUMENTS = Path(__file__).parents[1] / "documents"

COMMENTED = """\
# An experiment.
training:   # how it learns
    epochs:   7      # few
    optimizer:
        type: 'adamw'
        lr: 3e-4     # found by search
    # below: the rest

augmentation:
  transforms:
    - {type: random_scale, range: [0.9, 1.1]}   # mild
    - type: gaussian_noise
logging: {wandb: {enabled: true}}
evaluation: {}
# The end.
"""


def added_lines(before: str, after: str) -> list[str]:
    """What a text has more; asserts that no line of the first one was changed or moved."""
    changes = list(difflib.ndiff(before.splitlines(True), after.splitlines(True)))
    assert not [line for line in changes if line.startswith("- ")]
    return [line[2:].rstrip() for line in changes if line.startswith("+ ")]


def test_new_keys_go_into_their_sections_and_nothing_else_moves() -> None:
    before = "# top\ntraining:\n    epochs: 3 # few\n\n# models\ncheckpointing:\n    save_best: true\n"
    added = added_lines(before, fill(parse(before)).text)
    assert added[:1] == ["    batch_size: 8  # Lines in one optimizer step, over all processes."]
    assert added[added.index("    max_pixels: 0") + 1 :][:2] == [
        "    lr: 0.001  # The learning rate at its peak, after the warm-up.",
        "    optimizer:  # The rule that turns gradients into steps.",
    ]
    assert "version: 1  # The version of the language that this document is written in." in added


def test_comments_quotes_and_order_stay() -> None:
    text = fill(parse(COMMENTED)).text
    lines = text.splitlines()
    assert "    lr: 3e-4     # found by search" in lines
    assert "        lr: 3e-4     # found by search" not in lines
    assert "    - {type: random_scale, range: [0.9, 1.1], p: 1.0}   # mild" in lines
    assert "    - type: gaussian_noise" in lines
    assert "      std: 0.05" in lines
    assert lines[:2] == COMMENTED.splitlines()[:2]
    for line in ["    epochs:   7      # few", "        type: 'adamw'", "    # below: the rest", "# The end."]:
        assert line in lines


def test_filling_says_what_it_added() -> None:
    added = fill(parse("training: {epochs: 3}\naugmentation:\n  transforms:\n  - type: gaussian_noise\n")).added
    assert added[:3] == ("training.batch_size", "training.accumulation", "training.max_pixels")
    assert "augmentation.transforms.0.std" in added
    assert added[-1] == "resources"


def test_windows_line_ends_and_a_byte_order_mark_stay() -> None:
    text = fill(parse("\ufefftraining:\r\n  epochs: 3\r\n")).text
    assert text.startswith("\ufefftraining:\r\n  epochs: 3\r\n  batch_size")
    assert "\n" not in text.replace("\r\n", "")


def test_sections_from_the_file_beside_are_written_in(tmp_path: Path) -> None:
    shutil.copytree(DOCUMENTS, tmp_path / "config")
    document = read(tmp_path / "config" / "train.yaml")
    text = fill(document).text
    assert complete_tree(parse(text)) == complete_tree(document)
    assert "max_width: 512" in text


def test_dvc_changes_one_line_of_a_filled_document(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(fill(parse("# top\n")).text)
    before = file.read_text().splitlines()
    apply_overrides(str(file), ["training.lr=1e-5"])  # what dvc exp run -S does
    after = file.read_text().splitlines()
    assert [line for line in after if line not in before] == [
        "  lr: 1e-05  # The learning rate at its peak, after the warm-up."
    ]
    assert len(after) == len(before)


def test_the_small_document_of_the_tests_is_written_as_dvc_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(lab.DOCUMENT, encoding="utf-8")
    apply_overrides(str(path), ["training.epochs=2"])
    assert path.read_text(encoding="utf-8") == lab.DOCUMENT.replace("  epochs: 1\n", "  epochs: 2\n")
    assert fill(parse(lab.DOCUMENT)).text == lab.DOCUMENT


def test_every_added_key_says_what_it_means_but_for_those_in_lists() -> None:
    text = fill(parse("")).text
    remarks = "".join(line.partition("# ")[2].rstrip() + " " for line in text.splitlines() if "# " in line)
    for key in schemas.walk():
        is_other = key.kind not in (None, "custom", "resnet", "bilstm", "ctc", "adamw", "trapezoid", "greedy")
        is_in_list = key.path[:-1] in (("augmentation", "transforms"), ("dataset", "text", "map"))
        is_absent = key.path[0] in ("include", *schemas.optional()) or is_other or "x-same-as" in key.schema
        if not is_in_list and not is_absent:
            assert key.schema["description"] in remarks
    lines = text.splitlines()
    in_list = lines[lines.index("  - type: random_rotation") : lines.index("    std: 0.04") + 1]
    assert not [line for line in in_list if "#" in line]
    assert max(map(len, lines)) <= 120


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """The default experiment with parts left out, in an order of its own."""

    def thinned(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        kept = [key for key in value if key == "type" or draw(st.booleans())]
        return {key: thinned(value[key]) for key in draw(st.permutations(kept))}

    return thinned(complete_tree(parse("dataset: {type: synthetic}")))


@settings(max_examples=60, deadline=None)
@given(documents(), st.sampled_from([None, False, True]), st.sampled_from(["\n", "\r\n"]))
def test_a_filled_document_means_the_same_and_has_no_more_to_fill(tree: Any, flow: bool | None, newline: str) -> None:
    document = parse(yaml.safe_dump(tree, sort_keys=False, default_flow_style=flow).replace("\n", newline))
    filled = fill(document)
    again = fill(parse(filled.text))
    assert complete_tree(parse(filled.text)) == complete_tree(document)
    assert (again.text, again.added) == (filled.text, ())


@pytest.mark.parametrize(
    "text", ["", "# c", "# c\n", "---\n", "{}", "{training: {}}", "training: {epochs: 3,}", COMMENTED]
)
def test_odd_forms_can_be_filled(text: str) -> None:
    filled = fill(parse(text)).text
    assert set(parse(filled).tree) == set(schemas.sections()) - schemas.optional()
    assert fill(parse(filled)).text == filled


@pytest.mark.parametrize("tail", ["", " # c"])
@pytest.mark.parametrize(
    "optimizer",
    [
        "optimizer:\n    lr: 0.5{}\n    type: adamw",
        "optimizer:\n    type: adamw\n    lr: 0.5{}",
        "optimizer: {{lr: 0.5, type: adamw}}{}",
        "optimizer: {{type: adamw, lr: 0.5}}{}",
        "optimizer: {{type: adamw, lr: 0.5}}\n  lr: 5e-1{}",
    ],
)
def test_the_learning_rate_moves_to_its_place(optimizer: str, tail: str) -> None:
    document = parse(f"training:\n  {optimizer.format(tail)}\n  epochs: 3\n")
    tree = parse(fill(document).text).tree
    assert (tree["training"]["lr"], "lr" in tree["training"]["optimizer"]) == (0.5, False)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "  lr: 1e-3 # ours\n  optimizer:\n    type: adamw\n    lr: 1e-3 # theirs\n",
            "  # theirs\n  lr: 1e-3 # ours\n  optimizer:\n    type: adamw\n",
            id="above one that has a comment",
        ),
        pytest.param(
            "  optimizer:\n    type: adamw\n    lr: 1e-3 # theirs\n  epochs: 7\n  lr: 1e-3\n",
            "  epochs: 7\n  lr: 1e-3  # theirs\n",
            id="beside one that has none",
        ),
        pytest.param(
            "  optimizer:\n    lr: # a\n      1e-3 # b\n    type: adamw\n  lr: 1e-3\n",
            "  # a\n  # b\n  lr: 1e-3\n",
            id="two comments",
        ),
        pytest.param(
            "  optimizer:\n    lr: # a\n      1e-3\n    type: adamw\n", "  lr: 1e-3  # a\n", id="below its key"
        ),
        pytest.param(
            "  optimizer: {lr: 1e-3, # theirs\n    type: adamw}\n",
            "  optimizer: { # theirs\n    type: adamw, weight_decay: 0.01}\n",
            id="first in braces",
        ),
        pytest.param(
            "  optimizer: {\n    lr: 1e-3, # theirs\n    type: adamw\n  }\n",
            "  optimizer: {\n    # theirs\n    type: adamw, weight_decay: 0.01\n  }\n",
            id="on a line of its own in braces",
        ),
        pytest.param(
            "  optimizer: {\n    type: adamw, # a\n    lr: # b\n      1e-3 # c\n    , # d\n  }\n",
            "  optimizer: {\n    type: adamw # a\n     # b\n    , weight_decay: 0.01 # c\n    , # d\n  }\n",
            id="last in braces",
        ),
        pytest.param(
            "  optimizer: {lr: 1e-3 # a\n  , type: adamw}\n",
            "  optimizer: { # a\n   type: adamw, weight_decay: 0.01}\n",
            id="before the comma",
        ),
    ],
)
def test_the_comments_of_a_learning_rate_that_moves_stay(before: str, after: str, newline: str) -> None:
    before, after = (text.replace("\n", newline) for text in (f"training:\n{before}", after))
    text = fill(parse(before)).text
    assert after in text
    assert not {remark for _, remark in comments(before)} - {remark for _, remark in comments(text)}
    assert parse_yaml(text, "params.yaml", typ="safe") == parse(text).tree


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=12)
    | st.sampled_from(["yes", "08", "1e5", "null", "a: b", "#x", "it's", "-", "12:30", "é\U0001f600\n"])
)
def test_a_written_value_is_read_back(text: str) -> None:
    for form in (f"key: {inline(text)}\n", f"key: {{a: {inline(text)}}}\n"):
        found = parse(form)
        if any("no text file holds" in problem.what for problem in found.problems):
            continue
        value = found.tree["key"]
        assert (value["a"] if isinstance(value, dict) else value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_is_read_back(number: float) -> None:
    assert parse(f"key: {inline(number)}").tree == {"key": number}
    assert check(parse("")).problems == ()


def test_a_document_that_starts_further_right_is_filled_there() -> None:
    filled = fill(parse("  training:\n    lr: 1e-3\n"))
    assert check(parse(filled.text)).problems == ()
    assert "\n  dataset:" in filled.text
