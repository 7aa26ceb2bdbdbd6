"""The zoo is what its table says: files, digests, sizes, cards; and the documents that make it are valid."""

from __future__ import annotations

import hashlib

import lab
import pytest
import yaml

from thulium_dsl.grammar import zoo
from thulium_dsl.grammar.validate import load

FOLDER = lab.CHECKOUT / "zoo"
DOCUMENTS = ("latin-tiny", "latin-small")
LARGEST = 10 * 10**6  # bytes of a model


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_are_valid_and_have_the_same_lines(name: str) -> None:
    held, experiment = (load(FOLDER / name / f"{part}.yaml").experiment for part in ("held", "params"))
    assert held.dataset == experiment.dataset == load(FOLDER / DOCUMENTS[0] / "params.yaml").experiment.dataset
    assert (held.model, held.preprocessing) == (experiment.model, experiment.preprocessing)
    assert (held.training.init_from, experiment.training.init_from) == (None, f"held/{name}.safetensors")


def test_no_document_of_the_sources_is_in_two_splits() -> None:
    lists = {name: (FOLDER / "split" / f"{name}.txt").read_text().split("\n")[:-1] for name in ("train", "val", "test")}
    every = [document for documents in lists.values() for document in documents]
    assert len(every) == len(set(every)) == 119
    letters = {name for name, documents in lists.items() if any("SC0033B" in document for document in documents)}
    assert letters == {"test"}, "the letters of one folder may be of one hand"


def test_every_source_has_a_title_authors_a_place_and_a_licence() -> None:
    rows = yaml.safe_load((FOLDER / "sources.yaml").read_text(encoding="utf-8"))
    assert len(rows) == 15
    for row in rows:
        assert all(row[key] for key in ("name", "title", "authors", "repository", "commit", "hands", "centuries"))
        assert row["licence"].startswith("CC BY 4.0")


@pytest.mark.parametrize("model", [pytest.param(model, id=model.name) for model in zoo.MODELS if model.path])
def test_a_model_of_the_table_is_its_file_and_has_a_card(model: zoo.ZooModel) -> None:
    assert model.path is not None
    content = model.path.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (model.size, model.sha256)
    assert model.size <= LARGEST
    card = (FOLDER / model.name / "README.md").read_text(encoding="utf-8")
    assert model.sha256 in card
    for row in yaml.safe_load((FOLDER / "sources.yaml").read_text(encoding="utf-8")):
        assert row["title"] in card, "every source is credited"


@pytest.mark.parametrize("text", [pytest.param(text, id=text.name) for text in zoo.TEXTS])
def test_a_text_of_the_table_is_its_file_and_names_those_who_made_it(text: zoo.ZooText) -> None:
    content = text.path.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (text.size, text.sha256)
    said = text.path.with_name("README.md").read_text(encoding="utf-8")
    for row in yaml.safe_load((FOLDER / "sources.yaml").read_text(encoding="utf-8")):
        assert row["title"] in said


def test_what_lies_in_the_zoo_stands_in_its_table() -> None:
    assert {path.parent.name for path in FOLDER.glob("*/model.safetensors")} == set(zoo.names())
