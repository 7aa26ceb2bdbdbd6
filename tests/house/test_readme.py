"""The README says what is so."""

import re

import lab
import pytest

from thulium_dsl import graph, schemas

README = (lab.CHECKOUT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", schemas.sections())
def test_every_section_has_its_row(name: str) -> None:
    meaning = schemas.experiment()["properties"][name]["description"]
    stages = " and ".join([", ".join(graph.reruns(name)[:-1]), *graph.reruns(name)[-1:]]).removeprefix(" and ")
    assert f"| `{name}` | {meaning} | {stages or 'nothing'} |" in README


def test_links_lead_somewhere() -> None:
    for page in [lab.CHECKOUT / "README.md", *(lab.CHECKOUT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_commands_of_make_are_there() -> None:
    makefile = (lab.CHECKOUT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?m)^make ([a-z-]+)", README):
        assert f"\n{target}:" in makefile
