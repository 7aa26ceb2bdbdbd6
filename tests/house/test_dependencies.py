"""What pip is told to install: with a lower bound that make test-lowest tries, and without what nothing here needs."""

from __future__ import annotations

import importlib.metadata
import re

import lowest
import pytest

DEPENDENCIES = tuple(lowest.dependencies())


@pytest.mark.parametrize("each", DEPENDENCIES, ids=lambda each: f"{each.part}-{each.name}")
def test_every_dependency_has_a_lower_bound_and_no_upper_one(each: lowest.Dependency) -> None:
    assert each.text == f"{each.name}>={each.lowest}"
    installed = re.findall(r"\d+", _installed(each.name))
    assert [int(number) for number in installed] >= [int(number) for number in each.lowest.split(".")]


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed")


@pytest.mark.parametrize("text", ["click", "click==8.2", "click>=8.2,<9", "click~=8.2", "click>8", "click[x]>=8.2"])
def test_a_dependency_that_is_written_otherwise_is_refused(text: str, monkeypatch, tmp_path) -> None:
    changed = lowest.PYPROJECT.read_text(encoding="utf-8").replace('"click>=8.2"', f'"{text}"')
    (tmp_path / "pyproject.toml").write_text(changed, encoding="utf-8")
    monkeypatch.setattr(lowest, "PYPROJECT", tmp_path / "pyproject.toml")
    with pytest.raises(ValueError, match=re.escape(f"write '{text}' as name>=version")):
        tuple(lowest.dependencies())


def test_one_name_has_one_bound() -> None:
    bounds = {(each.name, each.lowest) for each in DEPENDENCIES}
    assert len(bounds) == len({each.name for each in DEPENDENCIES})


def test_the_language_alone_asks_for_nothing_heavy() -> None:
    base = {each.name for each in DEPENDENCIES if each.part == "base"}
    assert base == {"click", "cookiecutter", "dvc", "jinja2", "jsonschema", "pyyaml", "rich"}
