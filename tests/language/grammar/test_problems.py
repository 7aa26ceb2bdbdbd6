"""Broken documents and the whole text that each one prints; THULIUM_GOLDEN=write rewrites the expected texts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from thulium_dsl.grammar.validate import load
from thulium_dsl.messages.problems import DocumentError

FOLDER = Path(__file__).parents[2] / "golden" / "problems"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_a_broken_document_prints_this(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(DocumentError) as caught:
        load(f"{name}.yaml")
    expected = Path(f"{name}.txt")
    if os.environ.get("THULIUM_GOLDEN") == "write":
        expected.write_text(f"{caught.value}\n", encoding="utf-8")
    assert f"{caught.value}\n" == expected.read_text(encoding="utf-8")


def test_problems_are_sorted_by_place() -> None:
    with pytest.raises(DocumentError) as caught:
        load(FOLDER / "wrong_type.yaml")
    places = [(problem.file, problem.line, problem.column) for problem in caught.value.problems]
    assert places == sorted(places)
    assert len(places) > 5
