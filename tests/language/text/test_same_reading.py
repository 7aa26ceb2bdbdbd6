"""A document means what DVC reads: our reading of whole texts against DVC's own."""

from __future__ import annotations

import math
from typing import Any

from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from thulium_dsl.text.document import parse

# Plain words that some reader of YAML takes for something else than a text.
ODD = """
yes no on off y n Yes ON true True TRUE false null Null ~ 1e3 1E5 1e-5 .5 5. -.5 +1 0x1F 0o17 0b11 017 08 1_000 12:30
190:20:30 2024-01-01 2024-01-01T10:00:00Z .inf -.Inf .nan .NaN = << 1.2.3 0.1.0 v1 -0 +0.0 1e400 - a-b a:b e5 ---
""".split()  # noqa: SIM905 (fifty quotes fewer)
TEXTS = st.sampled_from(
    ["adamw", "data/train", "ä ö: ü", "手書き", "it's", 'say "x"', "# no", "", " a ", "a\nb", "\\d", "%"]
)


@st.composite
def scalars(draw: st.DrawFn, in_flow: bool) -> str:
    """A scalar in one of YAML's writings."""
    kind = draw(st.sampled_from(["odd", "number", "single", "double", "quoted odd"]))
    if kind == "odd":
        word = draw(st.sampled_from(ODD))
        return "x" if in_flow and word in ("-", "---") else word
    if kind == "number":
        number = draw(st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False))
        return repr(number)
    text = draw(st.sampled_from(ODD) if kind == "quoted odd" else TEXTS)
    if kind == "double":
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return "'" + text.replace("'", "''").replace("\n", " ") + "'"


def flows(depth: int) -> st.SearchStrategy[str]:
    if not depth:
        return scalars(in_flow=True)
    inner = flows(depth - 1)
    keys = st.sampled_from(["a", "b_c", "'d e'", '"f"', "ä", "手"])
    return (
        scalars(in_flow=True)
        | st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(keys, inner, max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"
        )
    )


@st.composite
def blocks(draw: st.DrawFn, indent: int, depth: int) -> list[str]:
    """The lines of a mapping or a list; now and then with a comment, an empty line or a block scalar."""
    lines: list[str] = []
    is_list = depth < 3 and draw(st.booleans())
    names = draw(st.lists(st.sampled_from(["a", "b_c", "'d e'", "ä", "手", "0x", "k-1"]), min_size=1, max_size=4))
    margin = " " * indent
    for name in dict.fromkeys(names):
        lines += draw(st.lists(st.sampled_from([f"{margin}# c: 'ä", ""]), max_size=1))
        head = f"{margin}-" if is_list else f"{margin}{name}:"
        kind = draw(st.sampled_from(["flow", "flow", "block", "text", "nothing"]))
        if kind == "block" and depth:
            lines += [head, *draw(blocks(indent + draw(st.integers(1, 3)), depth - 1))]
        elif kind == "text":
            more = draw(st.lists(st.sampled_from(["x: y", "# z", "ä", "", " deeper"]), max_size=2))
            style = draw(st.sampled_from(["|", ">", "|-", ">-", "|+"]))
            lines += [f"{head} {style}", f"{margin}  first", *(f"{margin}  {line}".rstrip() for line in more)]
        else:
            lines.append(
                head if kind == "nothing" else f"{head} {draw(flows(2))}" + draw(st.sampled_from(["", " # c"]))
            )
    return lines


def same(ours: Any, theirs: Any) -> bool:
    """Equal in value and in type, all the way down; nan is nan."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return repr(ours) == repr(theirs) if isinstance(ours, float) and not math.isnan(ours) else str(ours) == str(theirs)


def assert_read_alike_or_refused(text: str) -> None:
    found = parse(text)
    if not found.problems:
        try:
            theirs = parse_yaml(text, "params.yaml", typ="safe")
        except YAMLFileCorruptedError as error:
            raise AssertionError(f"DVC cannot read what we did not refuse:\n{text}") from error
        assert same(found.tree, theirs or {}), f"{found.tree}\n{theirs}\n{text}"


@settings(max_examples=500, deadline=None)
@given(blocks(0, 3), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "---\n", "# top\n", "\n"]))
@example(["a: 1e3", "b: .5", "c: 'no'", "d: |", "  x", "e:"], "\n", "")
def test_a_whole_document_is_read_as_dvc_reads_it_or_refused(lines: list[str], newline: str, top: str) -> None:
    assert_read_alike_or_refused(f"{top}{chr(10).join(lines)}\n".replace("\n", newline))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *ODD,
                "a",
                "b",
                ": ",
                ":",
                "\n",
                "\n  ",
                "\n- ",
                "[",
                "]",
                "{",
                "}",
                ", ",
                '"',
                "'",
                "#",
                " # ",
                "|",
                ">",
                "? ",
                "\x85",
                "\u2028",
                "\u2029",
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_any_heap_of_signs_is_read_as_dvc_reads_it_or_refused(text: str) -> None:
    assert_read_alike_or_refused(f"key: {text}\n")


def test_most_generated_documents_are_not_refused() -> None:
    """The tests above would say nothing if everything were."""
    counts = {True: 0, False: 0}

    @settings(max_examples=100, deadline=None, database=None)
    @given(st.dictionaries(st.sampled_from("abcd"), flows(2), min_size=1))
    def count(pairs: dict[str, str]) -> None:
        counts[not parse("".join(f"{key}: {value}\n" for key, value in pairs.items())).problems] += 1

    count()
    assert counts[True] >= 20
