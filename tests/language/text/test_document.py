"""Reading: values as DVC reads them, places exact, odd files refused."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from thulium_dsl.grammar.include import read
from thulium_dsl.text.document import parse
from thulium_dsl.text.nodes import dotted

WORDS = """
1 0 -1 +1 007 08 0777 -08 0o17 0x1F -0x1F 0b11 1_000 1__0 _1 1_ 0x_1 1. .5 +.5 -.5e3 .5e3 .5e+3 1e5 1E5 1e-5 1e-05 3e-4
1.5e-05 1e+16 01.5 01e5 1e 1e+ e5 . .. ._ ._5 - + ~ null Null NULL nULL true True TRUE tRUE false y Y n no No NO yes YES
on On off OFF yEs .inf -.inf +.inf .Inf .INF .iNF inf .nan .NaN .NAN -.nan nan = << 12:30 12:30:45 1:2 12:99
190:20:30.15 2024-01-01 2024-1-1 2024-01-01T10:00:00Z 2024-13-45 24-01-01 abc a:b a-b 1a 1-2 1.2.3
0.0 -0 -0.0 00 1e400 0x 0b 0o 0b2
adamw data/train checkpoints/ your-org val_cer @ 1,000 0.1.0 v1 1e5_0 1_0e5 1_0.5 --- ...
""".split()  # noqa: SIM905 (a hundred quotes fewer)


def dvc_reading(word: str) -> Any:
    return YAML(typ="safe", pure=True).load(io.StringIO(f"key: {word}\n"))["key"]


def assert_read_like_dvc_or_refused(word: str) -> None:
    found = parse(f"key: {word}\n")
    if found.problems:
        return
    theirs = dvc_reading(word)
    assert (type(found.tree["key"]), repr(found.tree["key"])) == (type(theirs), repr(theirs))


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_read_as_dvc_reads_it_or_refused(word: str) -> None:
    assert_read_like_dvc_or_refused(word)


@settings(max_examples=300, deadline=None)
@given(
    st.from_regex(r"[-+]?[0-9._eExobn:]{1,8}", fullmatch=True)
    | st.text("yYnNoOfFtTrRuUeElLsSaA~=<-", min_size=1, max_size=5)
)
def test_any_word_is_read_as_dvc_reads_it_or_refused(word: str) -> None:
    try:
        assert_read_like_dvc_or_refused(word)
    except YAMLError as error:
        raise AssertionError(f"DVC cannot read {word!r}, and we did not refuse it") from error


@pytest.mark.parametrize(
    ("word", "value"),
    [("3e-4", 0.0003), ("1e-05", 1e-05), ("100", 100), ("0.1", 0.1), ("true", True), ("", None), ("adamw", "adamw")],
)
def test_the_usual_words_mean_what_they_say(word: str, value: Any) -> None:
    found = parse(f"key: {word}\n")
    assert found.problems == ()
    assert (type(found.tree["key"]), found.tree["key"]) == (type(value), value)


def test_every_key_and_value_is_found_at_its_place() -> None:
    text = "# top\ntraining:\n  epochs: 40 # forty\n  optimizer: {type: 'adamw', lr: 3e-4}\n"
    text += "list:\n- a\n-   x: 1\n    z: zz\n"
    found = parse(text, "p.yaml")
    places = {
        dotted(path): tuple(place and (place.line, place.column, place.length) for place in entry[:2])
        for path, entry in found.places.items()
    }
    assert places == {
        "training": ((2, 1, 8), (3, 3, 6)),
        "training.epochs": ((3, 3, 6), (3, 11, 2)),
        "training.optimizer": ((4, 3, 9), (4, 14, 25)),
        "training.optimizer.type": ((4, 15, 4), (4, 21, 7)),
        "training.optimizer.lr": ((4, 30, 2), (4, 34, 4)),
        "list": ((5, 1, 4), (6, 1, 3)),
        "list.0": (None, (6, 3, 1)),
        "list.1": (None, (7, 5, 1)),
        "list.1.x": ((7, 5, 1), (7, 8, 1)),
        "list.1.z": ((8, 5, 1), (8, 8, 2)),
    }


NAMES = st.text("abcdefgh_äß", min_size=3, max_size=8)
LEAVES = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES.map(lambda name: f"'{name}'")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.dictionaries(NAMES, LEAVES, min_size=1), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_places_point_at_the_very_characters(tree: dict[str, dict[str, Any]], newline: str) -> None:
    lines = [part for name, inner in tree.items() for part in [f"{name}:", *(f"  {k}: {v}" for k, v in inner.items())]]
    found = parse(newline.join(lines))
    for path, entry in found.places.items():
        if len(path) == 2:
            at = entry.value
            assert lines[at.line - 1][at.column - 1 : at.column - 1 + at.length] == str(tree[path[0]][path[1]])


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(b"\xef\xbb\xbftraining:\r\n  epochs: 3\r\n")
    found = read(file)
    assert found.problems == ()
    assert found.tree == {"training": {"epochs": 3}}
    assert found.places["training", "epochs"].value.line == 2


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "---\n...\n", "null\n"])
def test_an_empty_document_is_one_of_defaults(text: str) -> None:
    found = parse(text)
    assert (found.problems, found.tree) == ((), {})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"training:\n  epochs: \xff\n", "line 2 is not UTF-8 text"),
        (b"\xff\xfet\x00r\x00", "line 1 is not UTF-8 text, but UTF-16 by its look"),
        (b"training:\n  epochs: 1\x00\n", "a character that no text file holds: U+0000"),
        (b"# " + b"x" * 100_000, "larger than 100 kB"),
        (b"a: [" + b"1, " * 30_000 + b"]", "more than 3000 values"),
        (b"a: " + b"[" * 50_000, "more than 50 levels deep"),
        (b"a: " + b"9" * 5000, "this number is too long"),
    ],
)
def test_a_file_that_cannot_be_a_document_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(content)
    (problem,) = read(file).problems
    assert says in problem.what


@pytest.mark.parametrize(
    ("text", "place", "closing"),
    [
        ("a: [", (1, 4), "add the closing ']'"),
        ("a: {", (1, 4), "add the closing '}'"),
        ("a: {\n", (1, 4), "add the closing '}'"),
        ("b: 1\na: [1, 2\n# end\n", (2, 4), "add the closing ']'"),
        ("a: {b: [1,\n", (1, 8), "add the closing ']', then '}' for what is around it"),
        ("a: [{b: 1}, {c: '}'\n", (1, 13), "add the closing '}', then ']' for what is around it"),
        ("a: [1\n---\nb: 2\n", (1, 4), "add the closing ']'"),
        ("a: {!!", (1, 4), "add the closing '}'"),
        ("a: {b: 'x\n", (1, 8), "add the closing quote"),
        ('a: "x\\', (1, 4), "add the closing quote"),
    ],
)
def test_what_is_never_closed_is_shown_where_it_opens(text: str, place: tuple[int, int], closing: str) -> None:
    (problem,) = parse(text).problems
    assert ((problem.line, problem.column), problem.hint) == (place, closing)
    assert problem.what.endswith("that opens here is never closed")
    assert problem.source == text.splitlines()[place[0] - 1]


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\x85", "a NEXT LINE, U+0085"),
        ("\u2028", "a LINE SEPARATOR, U+2028"),
        ("\u2029", "a PARAGRAPH SEPARATOR, U+2029"),
    ],
)
def test_a_line_break_of_another_kind_is_refused_outside_of_quotes(char: str, name: str) -> None:
    for text in (
        "a: x{}b: 1\n",
        "# x{}b: 1\n",
        "a: |\n  x{}  y\n",
        "a: 'x' {}b: 1\n",
        "a: [{}1]\n",
        "a: x{}y: [\n",
        "a:{}",
    ):
        (problem,) = parse(text.format(char)).problems
        assert problem.what == f"{name}: a line break of another kind"
        lines = text.split("{}")[0].splitlines()
        assert (problem.line, problem.column, problem.hint) == (
            len(lines),
            len(lines[-1]) + 1,
            "write a plain one, or remove it",
        )
    for text in ('a: "x{}y"\n', "a: ['x{}y', {b: \"{}\"}]\n"):
        assert parse(text.replace("{}", char)).problems == ()


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    assert read(tmp_path / "none.yaml").problems[0].what == "there is no such file"
    assert read(tmp_path).problems[0].what == "this is a folder"


@settings(max_examples=200, deadline=None)
@given(st.text("abt:-[]{}&*!|>'\"%@`#\n \t,?1.e~\\", max_size=60))
def test_no_text_crashes_the_reader(text: str) -> None:
    found = parse(text)
    assert all(str(problem) for problem in found.problems)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "includes.yaml").write_text("include: [pipe.yaml, loop.yaml]\n")
    names = ("pipe.yaml", "loop.yaml", "includes.yaml")
    whats = {name: [problem.what for problem in read(tmp_path / name).problems] for name in names}
    assert whats["pipe.yaml"] == ["this is a pipe or a device, not a file"]
    assert whats["loop.yaml"][0].startswith("cannot be read: ")
    assert len(whats["includes.yaml"]) == 2
    assert [p.what for p in read(Path(".")).problems] == ["this is a folder"]
