"""The schemas in an editor: the real yaml-language-server, asked what it says about documents."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import lab
import lsp
import pytest

from thulium_dsl.grammar import schemas

# The files that refer to each other, and the one that a project carries, to which snippets were added.
SCHEMAS = ("experiment", "bundle")


@pytest.fixture(scope="module")
def program(pytestconfig: pytest.Config) -> Path:
    """The server's program; kept in pytest's cache, so that it is fetched once."""
    cache = getattr(pytestconfig, "cache", None)
    folder = cache.mkdir("yaml-language-server") if cache else Path(tempfile.mkdtemp())
    try:
        return lsp.install(folder)
    except lsp.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def bundle_server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lsp.Server]:
    """A server on a folder with the schema that a project carries."""
    root = tmp_path_factory.mktemp("bundle")
    (root / ".schema").mkdir()
    (root / ".schema" / "thulium.schema.json").write_text(schemas.bundle(), encoding="utf-8")
    server = lsp.Server(program, root)
    yield server
    server.close()


@pytest.fixture(scope="module", params=SCHEMAS)
def server(
    request: pytest.FixtureRequest, program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[lsp.Server]:
    """A server on a folder in which .schema/thulium.schema.json is one of the two forms of the schema."""
    root = tmp_path_factory.mktemp("editor")
    folder = root / ".schema"
    folder.mkdir()
    if request.param == "bundle":
        (folder / "thulium.schema.json").write_text(schemas.bundle(), encoding="utf-8")
    else:
        for path in schemas.folder().glob("*.json"):
            name = "thulium.schema.json" if path.name == "experiment.schema.json" else path.name
            (folder / name).write_bytes(path.read_bytes())
    server = lsp.Server(program, root)
    yield server
    server.close()


def shown(text: str) -> str:
    return f"# yaml-language-server: $schema=.schema/thulium.schema.json\n{text}"


def test_a_section_offers_the_keys_that_it_lacks(server: lsp.Server) -> None:
    server.open(shown("training:\n  epochs: 3\n  \n"))
    offered = server.complete(4, 3)
    assert {"lr", "batch_size", "optimizer", "seed"} <= set(offered)
    assert "epochs" not in offered
    assert offered["lr"]["documentation"] == schemas.find("training.lr")[0].schema["description"]


def test_a_value_offers_its_choices_and_its_default(server: lsp.Server) -> None:
    server.open(shown("training:\n  lr: \nearly_stopping:\n  mode: \n"))
    assert "0.001" in server.complete(3, 7)
    assert {"min", "max"} <= set(server.complete(5, 9))


def test_a_transform_and_a_part_of_the_model_come_whole(bundle_server: lsp.Server) -> None:
    server = bundle_server
    server.open(shown("augmentation:\n  transforms:\n  - \nmodel:\n  head:\n    \n"))
    transforms = server.complete(4, 5)
    assert transforms["gaussian_noise"]["insertText"] == "type: gaussian_noise\n  p: 1\n  std: 0.05"
    assert transforms["gaussian_noise"]["documentation"] == "Add grain."
    head = server.complete(7, 5)["bilstm"]["insertText"]
    assert head == "type: bilstm\nhidden_size: 256\nnum_layers: 2\ndropout: 0.1"


def test_a_chosen_type_offers_its_own_options_only(server: lsp.Server) -> None:
    server.open(shown("dataset:\n  type: synthetic\n  \n"))
    offered = server.complete(4, 3)
    assert {"lines", "seed"} <= set(offered)
    assert not {"train_dir", "val_dir"} & set(offered)


def test_a_key_says_what_it_means(server: lsp.Server) -> None:
    server.open(shown("training:\n  lr: 0.001\n"))
    said = server.hover(3, 3)
    assert "The learning rate at its peak, after the warm-up." in said
    assert "0.0003" in said  # the example


def test_a_bad_value_and_an_unknown_key_are_marked_in_their_lines(server: lsp.Server) -> None:
    found = server.open(shown("training:\n  epochs: 3\n  lr: -1\n  batchsize: 4\n  seed: many\n"))
    assert found == [
        (4, "Value is below the exclusive minimum of 0."),
        (5, "Property batchsize is not allowed."),
        (6, 'Incorrect type. Expected "integer".'),
    ]


def test_an_option_of_another_type_is_marked(server: lsp.Server) -> None:
    found = server.open(shown("augmentation:\n  transforms:\n  - type: gaussian_noise\n    degrees: 2\n"))
    assert found == [(5, "Property degrees is not allowed.")]


def test_whole_documents_have_no_marks(server: lsp.Server) -> None:
    for text in (lab.DOCUMENT, lab.TRAIN_YAML, lab.DATA_YAML):
        assert server.open(shown(text)) == []


def test_the_demo_has_no_marks_as_it_stands(program: Path) -> None:
    server = lsp.Server(program, lab.CHECKOUT)
    text = (lab.CHECKOUT / "params.yaml").read_text(encoding="utf-8")
    try:
        assert server.open(text) == []
        assert server.open(text.replace("  epochs: ", "  epochs: ten")) != []  # the schema was found
        assert "0.0003" in server.hover(1 + text[: text.index("  lr:")].count("\n"), 3)
    finally:
        server.close()


def test_the_files_name_each_other_by_file_names() -> None:
    parts = json.loads((schemas.folder() / "experiment.schema.json").read_text(encoding="utf-8"))["properties"]
    named = {part["$ref"] for part in parts.values() if "$ref" in part}
    assert named == {path.name for path in schemas.folder().glob("*.json")} - {"experiment.schema.json"}
