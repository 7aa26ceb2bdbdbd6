"""The documentation says what the schemas say, and every page can be found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import lab
import pytest
import yaml

from thulium_dsl.grammar import schemas
from thulium_dsl.manual import pages as reference

DOCS = lab.CHECKOUT / "docs"


def test_the_reference_is_up_to_date() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "reference").iterdir()}
    assert written == reference.pages(), "run: make reference"
    carried = (lab.CHECKOUT / reference.PROJECT_SCHEMA).read_text(encoding="utf-8")
    assert carried == schemas.bundle(), "run: make reference"
    for name, made in (("params.yaml", reference.project_document), ("dvc.yaml", reference.project_pipeline)):
        text = (lab.CHECKOUT / reference.PROJECT / name).read_text(encoding="utf-8")
        assert text == made(lab.CHECKOUT), "run: make reference"


@pytest.mark.parametrize("key", list(schemas.walk()), ids=lambda key: f"{key.dotted}-{key.kind}")
def test_every_key_stands_on_its_page_with_its_meaning(key: schemas.Key) -> None:
    pages = reference.pages()
    page = pages.get(f"{key.path[0]}.md", pages["index.md"])
    assert key.schema["description"].replace("|", "\\|") in page
    assert len(key.path) == 1 or f"| `{key.path[-1]}` |" in page


def test_making_the_reference_removes_pages_of_sections_that_are_gone(tmp_path: Path) -> None:
    shutil.copytree(lab.CHECKOUT / "template", tmp_path / "template")
    (tmp_path / reference.FOLDER).mkdir(parents=True)
    (tmp_path / reference.FOLDER / "gone.md").write_text("")
    reference.main(tmp_path)
    assert {path.name for path in (tmp_path / reference.FOLDER).iterdir()} == set(reference.pages())


def test_the_guide_puts_an_export_into_a_new_project(run: lab.Shell, tmp_path: Path) -> None:
    guide = (DOCS / "guides" / "from-an-export.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^\$ (mkdir .*)$", guide, re.MULTILINE)
    run("thulium", "init", "court", "--dataset", "page", cwd=tmp_path)
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "p1.xml").write_text("")
    run("bash", "-c", command, cwd=tmp_path / "court", HOME=str(tmp_path))
    assert (tmp_path / "court" / "data" / "pages" / "p1.xml").exists()


def test_every_page_is_in_the_navigation() -> None:
    text = (lab.CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"[\w/.-]+\.md", yaml.safe_dump(yaml.safe_load(text)["nav"]))
    assert len(listed) == len(set(listed))
    assert {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} <= set(listed)


def test_the_walk_through_the_code_names_what_is_there() -> None:
    text = (DOCS / "how-it-works.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:thulium|thulium_dsl|schemas)/[\w./]*)`", text)
    assert len(paths) > 25
    assert [path for path in paths if not (lab.CHECKOUT / path).exists()] == []
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((lab.CHECKOUT / "thulium").rglob("*.py")))
    source += "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((lab.CHECKOUT / "thulium_dsl").rglob("*.py"))
    )
    walk = text[text.index("file by file") : text.index("## DVC and the files")]
    classes = re.findall(r"`([A-Z][a-z]+)`", walk)
    assert {"Document", "Experiment", "Graph", "Line", "Batch"} <= set(classes)
    assert [name for name in classes if not re.search(rf"^class {name}\b", source, re.MULTILINE)] == []
