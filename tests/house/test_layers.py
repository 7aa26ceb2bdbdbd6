"""Who may import whom: downwards only."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import lab

# From the top down; a room may import what stands below it, and itself.
LAYERS = ("cli", "stages", "training", "evaluation", "models", "decoding", "ingest", "data", "runtime")
LANGUAGE_NEEDS = {"yaml", "ruamel", "jsonschema", "jinja2", "rich", "thulium_dsl"}
OPEN_TO_THE_ENGINE = {
    "thulium_dsl.text.files",
    "thulium_dsl.grammar.spec",
    "thulium_dsl.grammar.transforms",
    "thulium_dsl.messages.problems",
}


class Import(NamedTuple):
    file: str
    line: int
    name: str  # dotted; of `from a import b` both "a" and "a.b" may be a module: it is "a.b" if that exists
    is_late: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: imports {self.name}"


def imports(package: str) -> Iterator[Import]:
    for path in sorted((lab.CHECKOUT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        late = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or is_for_types(node)
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            for name in names(node):
                yield Import(path.relative_to(lab.CHECKOUT).as_posix(), node.lineno, name, node in late)


def is_for_types(node: ast.AST) -> bool:
    """Whether only a type checker reads what stands below."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports name their module in full"
        assert node.module is not None
        full = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if is_module(name) else node.module for name in full]
    return []


def is_module(name: str) -> bool:
    path = lab.CHECKOUT / Path(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def layer(module: str) -> int | None:
    room = module.split(".")[1] if "." in module else None
    return next((i for i, rooms in enumerate(LAYERS) if room in rooms.split()), None)


def test_the_language_needs_no_engine() -> None:
    allowed = LANGUAGE_NEEDS | set(sys.stdlib_module_names)
    assert [str(found) for found in imports("thulium_dsl") if found.name.split(".")[0] not in allowed] == []


def test_the_engine_imports_downwards_only() -> None:
    wrong = []
    for found in imports("thulium"):
        own = layer(found.file.removesuffix(".py").replace("/", "."))
        theirs = layer(found.name) if found.name.startswith("thulium.") else None
        if own is not None and theirs is not None and theirs < own:
            wrong.append(str(found))
    assert wrong == []


def test_every_room_of_the_engine_has_its_layer() -> None:
    rooms = [path.stem for path in (lab.CHECKOUT / "thulium").iterdir() if path.is_dir() or path.suffix == ".py"]
    known = {room for rooms in LAYERS for room in rooms.split()}
    assert set(rooms) - known == {"__init__"} | ({"__pycache__"} & set(rooms))


def test_the_engine_knows_the_languages_values_and_nothing_else_of_it() -> None:
    wrong = [
        str(found)
        for found in imports("thulium")
        if found.name.split(".")[0] == "thulium_dsl"
        and found.name not in OPEN_TO_THE_ENGINE
        and not found.file.startswith("thulium/cli/")
        and not (found.file == "thulium/runtime/documents.py" and found.is_late)
    ]
    assert wrong == []


def test_the_command_line_imports_nothing_heavy_before_a_command_needs_it() -> None:
    heavy = {"torch", "numpy", "PIL", "pyarrow", "cookiecutter", "dvc"}
    early = [found for found in imports("thulium") if found.file.startswith("thulium/cli/") and not found.is_late]
    assert [str(found) for found in early if found.name.split(".")[0] in heavy or (layer(found.name) or 0) > 0] == []
