"""The README says what is so."""

import re
from pathlib import Path

import lab
import pytest

from thulium.cli.main import app
from thulium_dsl.grammar import schemas, validate
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline import stages
from thulium_dsl.text import document

README = (lab.CHECKOUT / "README.md").read_text(encoding="utf-8")
TOP = [lab.CHECKOUT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES = [*TOP, *sorted((lab.CHECKOUT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", schemas.sections())
def test_every_section_has_its_row(name: str) -> None:
    meaning = schemas.experiment()["properties"][name]["description"]
    names = " and ".join([", ".join(stages.reruns(name)[:-1]), *stages.reruns(name)[-1:]]).removeprefix(" and ")
    assert f"| `{name}` | {meaning} | {names or 'nothing'} |" in README


def test_the_files_that_a_contributor_is_sent_to_are_there() -> None:
    text = (lab.CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:schemas|thulium|thulium_dsl|tests|template|docs)/[\w/.-]*)`", text)
    assert [name for name in named if not (lab.CHECKOUT / name).exists()] == []
    assert len(named) > 20


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_links_into_a_page_name_one_of_its_headings() -> None:
    for page in PAGES:
        for link, heading in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            target = page.parent / link if link else page
            assert heading in headings(target), f"{page.name}: {link}#{heading}"


def test_what_the_readme_shows_of_a_wrong_document_is_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shown,) = re.findall(r"(?s)\$ thulium validate\n(.*?)```", README)
    lines = dict(re.findall(r"(?m)^ +(\d+) \| (.*\w.*)$", shown))
    document = {"1": "version: 1", "4": "training:", "7": "  optimizer:", "9": "early_stopping:"} | lines
    (tmp_path / "params.yaml").write_text("".join(f"{document.get(str(number), '')}\n" for number in range(1, 11)))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ThuliumError) as refused:
        app(["validate"], standalone_mode=False)
    assert f"{refused.value}\n" == shown


def headings(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    titles = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_commands_of_make_are_there() -> None:
    makefile = (lab.CHECKOUT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?m)^make ([a-z-]+)", README):
        assert f"\n{target}:" in makefile


def documents(page: Path) -> list[str]:
    """What a page shows of documents; other YAML, such as that of pre-commit, has other keys."""
    blocks = re.findall(r"(?s)```yaml\n(.*?)```", page.read_text(encoding="utf-8"))
    names = (set(re.findall(r"(?m)^(\w+):", block)) for block in blocks)
    return [block for block, keys in zip(blocks, names, strict=True) if keys <= {"version", *schemas.sections()}]


@pytest.mark.parametrize("page", [page for page in PAGES if documents(page)], ids=lambda page: page.name)
def test_documents_that_pages_show_are_valid(page: Path) -> None:
    for text in documents(page):
        checked = validate.check(document.parse(text))
        assert not checked.problems, f"{page.name}: {checked.problems}\n{text}"
