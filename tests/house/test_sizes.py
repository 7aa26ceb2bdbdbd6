"""Nothing is longer than a person reads at one go."""

from __future__ import annotations

import ast

import lab

MOST_LINES_OF_A_FUNCTION = 60
MOST_LINES_OF_A_FILE = 400


def test_functions_and_files_are_short() -> None:
    long = []
    for package in ("thulium", "thulium_dsl"):
        for path in sorted((lab.CHECKOUT / package).rglob("*.py")):
            text, name = path.read_text(encoding="utf-8"), path.relative_to(lab.CHECKOUT)
            lines = len(text.splitlines())
            is_made = text.startswith("# Made from")
            if lines > MOST_LINES_OF_A_FILE and not is_made:
                long.append(f"{name}: {lines} lines")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    lines = (node.end_lineno or 0) - node.lineno + 1
                    if lines > MOST_LINES_OF_A_FUNCTION:
                        long.append(f"{name}:{node.lineno}: {node.name}: {lines} lines")
    assert long == []
