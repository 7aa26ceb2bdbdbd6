"""Places are exact: a known fault, anywhere in any writing of a document, is reported at its very characters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from thulium_dsl.grammar.validate import check
from thulium_dsl.text.document import parse

COMMENTS = ["# a comment: with a colon", "# Größe – ﬁn 手 'quote", "#", "", "   ", "# [x] {y: 1}"]
# A fault: the path of the wrong thing, the tree around it, and whether its key or its value is shown.
VALUES: list[tuple[tuple[Any, ...], Any]] = [
    (("training", "epochs"), "many"),
    (("training", "lr"), "tiny wee"),
    (("training", "optimizer", "weight_decay"), "größe"),
    (("model", "head", "dropout"), "手書き"),
    (("preprocessing", "height"), -64),
    (("augmentation", "transforms", 0, "p"), 7),
    (("augmentation", "transforms", 1, "range", 1), 99),
    (("augmentation", "transforms", 1, "range", 0), "\N{GRINNING FACE}"),
    (("logging", "wandb", "entity"), 3),
]
KEYS: list[tuple[Any, ...]] = [
    ("zebra",),
    ("training", "zebra"),
    ("training", "optimizer", "größe"),
    ("model", "head", "手書き"),
    ("augmentation", "transforms", 1, "zebra"),
    ("logging", "wandb", "\N{GRINNING FACE}"),
]


def sound() -> dict[str, Any]:
    return {
        "version": 1,
        "training": {"epochs": 3, "lr": 0.5, "optimizer": {"type": "adamw", "weight_decay": 0.5}, "seed": 4},
        "model": {"head": {"type": "bilstm", "dropout": 0.25}},
        "preprocessing": {"height": 48, "normalize": True},
        "augmentation": {
            "transforms": [{"type": "gaussian_noise", "p": 0.5}, {"type": "random_scale", "range": [0.75, 1.25]}]
        },
        "logging": {"wandb": {"project": "Projekt ä: 手", "entity": None}},
    }


def put(tree: Any, path: tuple[Any, ...], value: Any) -> None:
    for name in path[:-1]:
        tree = tree[name]
    tree[path[-1]] = value


@dataclass
class Writer:
    """Writes a tree as YAML in a style drawn by hypothesis, and marks where the wanted key or value begins."""

    draw: st.DrawFn
    wanted: tuple[Any, ...]
    is_key: bool
    lines: list[str] = field(default_factory=list)
    found: tuple[int, int] = (0, 0)
    MARK = "\ue000"

    def scalar(self, value: Any, is_flow: bool) -> str:
        if not isinstance(value, str):
            return "null" if value is None else str(value).lower()
        quoted = ["'" + value + "'", '"' + value + '"']
        return self.draw(st.sampled_from(quoted if re.search("[:,]|^$", value) else [value, *quoted]))

    def mark(self, path: tuple[Any, ...], is_key: bool) -> str:
        return self.MARK if (path, is_key) == (self.wanted, self.is_key) else ""

    def flow(self, value: Any, path: tuple[Any, ...], indent: int) -> str:
        """In braces and brackets, some of them over several lines."""
        gap = self.draw(st.sampled_from([" ", "", "  ", f"  # ä: 手\n{' ' * (indent + 4)}"]))
        if isinstance(value, dict):
            parts = [
                f"{self.mark((*path, name), True)}{name}: {self.mark((*path, name), False)}"
                f"{self.flow(inner, (*path, name), indent)}"
                for name, inner in value.items()
            ]
            return "{" + f",{gap or ' '}".join(parts) + "}"
        if isinstance(value, list):
            parts = [
                f"{self.mark((*path, index), False)}{self.flow(item, (*path, index), indent)}"
                for index, item in enumerate(value)
            ]
            return "[" + f",{gap or ' '}".join(parts) + "]"
        return self.scalar(value, True)

    def block(self, value: Any, path: tuple[Any, ...], indent: int) -> None:
        is_list = isinstance(value, list)
        for name, inner in enumerate(value) if is_list else list(value.items()):
            self.lines += self.draw(st.lists(st.sampled_from(COMMENTS), max_size=1))
            here = (*path, name)
            head = "-" if is_list else f"{self.mark(here, True)}{name}:"
            end = self.draw(st.sampled_from(["", "  # here: 'ä", "   "]))
            if isinstance(inner, dict | list) and inner and self.draw(st.booleans()):
                self.lines.append(f"{' ' * indent}{head}{end}")
                # Items may stand as far left as the key of their list.
                more = 0 if isinstance(inner, list) and not is_list and self.draw(st.booleans()) else 1
                self.block(inner, here, indent + more * self.draw(st.integers(1, 4)))
                continue
            space = " " * self.draw(st.integers(1, 3))
            written = self.flow(inner, here, indent)
            self.lines += f"{' ' * indent}{head}{space}{self.mark(here, False)}{written}{end}".split("\n")

    def text(self, tree: dict[str, Any], newline: str, bom: str) -> tuple[str, int, int]:
        self.block(tree, (), 0)
        line = next(index for index, text in enumerate(self.lines) if self.MARK in text)
        column = self.lines[line].index(self.MARK)
        written = newline.join(self.lines).replace(self.MARK, "")
        return bom + written + self.draw(st.sampled_from(["", newline])), line + 1, column + 1


@st.composite
def faulty(draw: st.DrawFn) -> tuple[str, str, int, int]:
    """A text with one fault, the fault's dotted path, and its line and column."""
    tree = sound()
    is_key = draw(st.booleans())
    path, value = (
        (draw(st.sampled_from(KEYS)), draw(st.sampled_from([1, "x y", True])))
        if is_key
        else draw(st.sampled_from(VALUES))
    )
    put(tree, path, value)
    names = draw(st.permutations(list(tree)))
    writer = Writer(draw, path, is_key)
    newline, bom = draw(st.sampled_from(["\n", "\r\n"])), draw(st.sampled_from(["", "\ufeff"]))
    text, line, column = writer.text({name: tree[name] for name in names}, newline, bom)
    return text, ".".join(map(str, path)), line, column


@settings(max_examples=250, deadline=None)
@given(faulty())
def test_a_fault_is_reported_at_its_very_place(fault: tuple[str, str, int, int]) -> None:
    text, path, line, column = fault
    problems = check(parse(text)).problems
    assert [(problem.path, problem.line, problem.column) for problem in problems] == [(path, line, column)]


BLOCKS = ["|", ">", "|-", ">+", "|2", "|2-"]


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(BLOCKS),
    st.lists(st.sampled_from(["text: with colon", "# no comment", "手 ä", "", "- dash", "{"]), min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "# between\n", "\n"]),
)
def test_a_block_scalar_moves_nothing_that_follows(block: str, lines: list[str], newline: str, between: str) -> None:
    assume(lines[0])
    body = "".join(f"      {line}\n" for line in lines)
    text = f"logging:\n  wandb:\n    project: {block}\n{body}{between}    entitty: x\ntraining: {{epochs: 0}}\n"
    problems = check(parse(text.replace("\n", newline))).problems
    first = 4 + len(lines) + between.count("\n")
    assert [(problem.path, problem.line, problem.column) for problem in problems] == [
        ("logging.wandb.entitty", first, 5),
        ("training.epochs", first + 1, 20),
    ]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(BLOCKS), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "# above: x\n"]))
def test_a_block_scalar_that_is_wrong_is_shown_at_its_key(block: str, newline: str, above: str) -> None:
    text = f"training:\n{above}  epochs: {block}\n    five\n".replace("\n", newline)
    (problem,) = check(parse(text)).problems
    assert (problem.line, problem.column, problem.length) == (2 + above.count("\n"), 3, len("epochs"))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 30),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["\t", "@x", "'open", "[1, 2", "%x", "a: b: c"]),
)
def test_broken_yaml_is_shown_in_its_line(above: int, newline: str, fault: str) -> None:
    lines = ["training:", *[f"  # {n} ä手\N{GRINNING FACE}" for n in range(above)], f"  lr: {fault}"]
    problems = parse(newline.join(lines)).problems
    assert [problem.line for problem in problems] in ([above + 2], [])
    assert problems or fault == "\t"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 6), st.integers(0, 6), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_key_that_stands_twice_names_both_lines(before: int, between: int, newline: str, is_flow: bool) -> None:
    if is_flow:
        text = f"training: {{epochs: 3,{' ' * between} epochs: 4}}"
        expected = (1, 23 + between, "keep one; the other is on line 1")
    else:
        lines = ["training:", *["  # x"] * before, "  epochs: 3", *["  # ü"] * between, "  epochs: 4"]
        text = newline.join(lines)
        expected = (len(lines), 3, f"keep one; the other is on line {before + 2}")
    (problem,) = check(parse(text)).problems
    assert (problem.line, problem.column, problem.hint) == expected
