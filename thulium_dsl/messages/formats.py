"""Problems in the forms that programs read: a list in JSON, and annotations on a pull request at GitHub."""

from __future__ import annotations

import json
from collections.abc import Sequence

from thulium_dsl.messages.problems import Problem


def as_json(problems: Sequence[Problem]) -> str:
    """A list with an object for each problem; ``end_column`` is the first one behind what is underlined."""
    return json.dumps([_row(problem) for problem in problems], indent=2, ensure_ascii=False)


def as_github(problems: Sequence[Problem]) -> str:
    """A workflow command for each problem, which GitHub shows beside the line."""
    return "\n".join(_annotation(problem) for problem in problems)


def _row(problem: Problem) -> dict[str, str | int]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "end_column": problem.column + problem.length if problem.line else 0,
        "path": problem.path,
        "what": problem.what,
        "hint": problem.hint,
    }


def _annotation(problem: Problem) -> str:
    places = {"file": problem.file}
    if problem.line:
        places |= {"line": str(problem.line), "col": str(problem.column)}
    places["title"] = problem.path or "thulium"
    words = problem.what + (f"\nhelp: {problem.hint}" if problem.hint else "")
    return f"::error {','.join(f'{name}={_property(value)}' for name, value in places.items())}::{_data(words)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
