"""Prints the lowest version of each dependency that pyproject.toml takes, as constraints for pip: make test-lowest.

Usage: python tests/lowest.py [name of a dependency that is left free ...]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with pytest

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
BOUND = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<lowest>[0-9.]+)")


class Dependency(NamedTuple):
    """A line of pyproject.toml: what it says, which part of the package needs it, and the version it begins with."""

    text: str
    part: str
    name: str
    lowest: str


def dependencies() -> Iterator[Dependency]:
    """The dependencies of the package, of its extras and of its build.

    Raises:
        ValueError: one is not written as name>=version, no more and no less.
    """
    read = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    project = read["project"]
    parts = {"build": read["build-system"]["requires"], "base": project["dependencies"]}
    for part, texts in (parts | project["optional-dependencies"]).items():
        for text in texts:
            bound = BOUND.fullmatch(text)
            if not bound:
                raise ValueError(f"pyproject.toml: write '{text}' as name>=version, and nothing more")
            yield Dependency(text, part, bound["name"], bound["lowest"])


if __name__ == "__main__":
    free = set(sys.argv[1:])
    print("\n".join(sorted({f"{each.name}=={each.lowest}" for each in dependencies() if each.name not in free})))
