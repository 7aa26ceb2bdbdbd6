"""Who may import whom: downwards only."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import lab
import pytest

# From the top down; a room may import what stands below it, and itself.
LAYERS = {
    "thulium": (
        "cli",
        "plugins",
        "stages",
        "exchange",
        "pretraining",
        "training",
        "evaluation",
        "models",
        "decoding",
        "ingest",
        "data",
        "runtime",
    ),
    "thulium_dsl": ("manual", "pipeline", "edit", "grammar", "text", "messages"),
}
LANGUAGE_NEEDS = {"yaml", "ruamel", "jsonschema", "jinja2", "rich", "thulium_dsl"}
OPEN_TO_THE_ENGINE = {
    "thulium_dsl.text.files",
    "thulium_dsl.grammar.building",
    "thulium_dsl.grammar.column_names",
    "thulium_dsl.grammar.names",
    "thulium_dsl.grammar.spec",
    "thulium_dsl.grammar.zoo",
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
    package, _, rest = module.partition(".")
    room = rest.split(".")[0]
    return LAYERS[package].index(room) if room in LAYERS.get(package, ()) else None


def module_of(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def test_the_language_needs_no_engine() -> None:
    allowed = LANGUAGE_NEEDS | set(sys.stdlib_module_names)
    assert [str(found) for found in imports("thulium_dsl") if found.name.split(".")[0] not in allowed] == []


@pytest.mark.parametrize("package", LAYERS)
def test_rooms_import_downwards_only(package: str) -> None:
    wrong = []
    for found in imports(package):
        own = layer(module_of(found.file))
        theirs = layer(found.name) if found.name.startswith(f"{package}.") else None
        if own is not None and theirs is not None and theirs < own:
            wrong.append(str(found))
    assert wrong == []


@pytest.mark.parametrize("package", LAYERS)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    needs: dict[str, set[str]] = {}
    for found in imports(package):  # those inside functions, too: a late import only hides a circle
        if found.name.startswith(f"{package}."):
            needs.setdefault(module_of(found.file), set()).add(found.name)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as circle:
        pytest.fail(" imports ".join(reversed(circle.args[1])))


@pytest.mark.parametrize("package", LAYERS)
def test_every_room_has_its_layer(package: str) -> None:
    top = lab.CHECKOUT / package
    rooms = {path.relative_to(top).parts[0].removesuffix(".py") for path in top.rglob("*.py")}
    assert rooms - {"__init__", "__main__"} == set(LAYERS[package])


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
    engine = [f"thulium.{room}" for room in LAYERS["thulium"] if room not in ("cli", "plugins")]
    wrong = [found for found in early if found.name.split(".")[0] in heavy or found.name.startswith(tuple(engine))]
    assert [str(found) for found in wrong] == []


def test_the_tests_of_the_engine_lie_in_its_rooms():
    rooms = {path.name for path in (lab.CHECKOUT / "tests/engine").iterdir() if any(path.glob("test_*.py"))}
    # What commands and stages do is tried as people run them, in tests/stages.
    assert rooms == set(LAYERS["thulium"]) - {"cli", "plugins", "stages"}
