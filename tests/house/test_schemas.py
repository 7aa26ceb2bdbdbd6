"""The schemas hold together: with the values made of them, with the words for their errors, with themselves."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import pytest
from jsonschema import Draft7Validator

from thulium_dsl.grammar import keywords, schemas, spec, words
from thulium_dsl.grammar.rules import RULES
from thulium_dsl.manual import specs

SOURCE = Path(__file__).parents[2]

# Keywords that refuse nothing by themselves, or lead on to those that do.
SILENT = {"$schema", "title", "description", "default", "examples", "properties", "items", "allOf", "if", "then"}

KEYS = [pytest.param(key, id=f"{key.dotted}-{key.kind}") for key in schemas.walk()]


def subschemas(schema: Any) -> list[dict[str, Any]]:
    """Every schema inside one, conditions left out: they never refuse anything."""
    inner = [*schema.get("properties", {}).values(), *schema.get("allOf", ())]
    inner += [schema[name] for name in ("items", "then") if name in schema]
    return [schema, *(found for part in inner for found in subschemas(part))]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_says_what_it_is(key: schemas.Key) -> None:
    assert key.schema["description"].endswith(".")
    assert {"type", "enum"} & set(key.schema)
    if len(key.path) > 1:
        assert key.schema["examples"]
    is_required = key.path[-1] == "type"
    assert "default" in key.schema or is_required or {"x-same-as", "x-directive", "x-optional"} & set(key.schema)


@pytest.mark.parametrize("key", KEYS)
def test_defaults_and_examples_are_valid(key: schemas.Key) -> None:
    values = [*key.schema.get("examples", ()), *([key.schema["default"]] if "default" in key.schema else [])]
    for value in values:
        assert list(Draft7Validator(key.schema).iter_errors(value)) == []


def test_an_editor_is_offered_each_type_with_its_defaults() -> None:
    bundled = json.loads(schemas.bundle())
    head = bundled["properties"]["model"]["properties"]["head"]
    assert head["defaultSnippets"][0] == {
        "label": "bilstm",
        "description": "A bidirectional LSTM.",
        "body": {"type": "bilstm", "hidden_size": 256, "num_layers": 2, "dropout": 0.1},
    }
    for schema in subschemas(bundled):
        offered = {snippet["label"]: snippet["body"] for snippet in schema.get("defaultSnippets", ())}
        assert list(offered) == list(schemas.branches(schema))
        assert [list(Draft7Validator(schema).iter_errors(body)) for body in offered.values()] == [[]] * len(offered)


def test_the_schemas_are_draft_07() -> None:
    for path in schemas.folder().glob("*.json"):
        Draft7Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
    Draft7Validator.check_schema(schemas.experiment())


def test_the_bundle_needs_no_other_file() -> None:
    bundled = schemas.bundle()
    assert "$ref" not in bundled
    assert without_snippets(json.loads(bundled)) == schemas.experiment()


def without_snippets(part: Any) -> Any:
    if isinstance(part, list):
        return [without_snippets(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {name: without_snippets(inner) for name, inner in part.items() if name != "defaultSnippets"}


def test_a_misspelt_keyword_of_ours_is_an_error_when_the_schemas_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (schemas.folder() / "model.schema.json").read_text(encoding="utf-8")
    text = text.replace('"x-unit": "frames"', '"x-units": "frames"').replace('["spec_augment", "masking"]', "1")
    (tmp_path / "model.schema.json").write_text(text, encoding="utf-8")
    monkeypatch.setattr(schemas, "folder", lambda: tmp_path)
    with pytest.raises(ValueError) as raised:
        schemas._section("model.schema.json")
    known = ", ".join(keywords.KEYWORDS)
    mask = "schemas/model.schema.json: /properties/span_mask"
    assert str(raised.value).splitlines() == [
        f"{mask}/x-aliases: must be a list of texts, found 1",
        f"{mask}/properties/length/x-units: no keyword; known: {known}",
    ]


@pytest.mark.parametrize(
    ("keyword", "value", "fault"),
    [
        ("x-path", False, "must be true, found False"),
        ("x-path", "true", "must be true, found 'true'"),
        ("x-unit", "", "must be a text, found ''"),
        ("x-gone", {}, "must be texts by name, found {}"),
        ("x-gone", {"a": 1}, "must be texts by name, found {'a': 1}"),
        ("x-words", [], "must be a list of texts, found []"),
        ("x-words", ["none", None], "must be a list of texts, found ['none', None]"),
    ],
)
def test_a_keyword_of_ours_has_a_value_of_its_type(keyword: str, value: Any, fault: str) -> None:
    assert list(keywords.faults({"items": [{keyword: value}]})) == [f"/items/0/{keyword}: {fault}"]


def test_every_keyword_of_ours_is_written_somewhere_and_read_somewhere() -> None:
    texts = {name for schema in schemas.folder().glob("*.json") for name in ours(schema)}
    code = {
        name for path in (SOURCE / "thulium_dsl").rglob("*.py") if path.name != "keywords.py" for name in ours(path)
    }
    assert texts == code == set(keywords.KEYWORDS)


def ours(path: Path) -> set[str]:
    return set(re.findall(r'"(x-[a-z-]+)"', path.read_text(encoding="utf-8")))


def test_every_keyword_has_words() -> None:
    used = {name for schema in subschemas(schemas.experiment()) for name in schema if not name.startswith("x-")}
    assert used - SILENT == set(words.WORDED)


def test_no_other_name_is_a_key_of_its_section() -> None:
    for key in schemas.walk():
        siblings = {other.path[-1] for other in schemas.walk() if other.path[:-1] == key.path[:-1]}
        assert not siblings.intersection(key.schema.get("x-aliases", ())), key.dotted


def test_a_second_spelling_leads_to_a_key() -> None:
    for key in schemas.walk():
        if "x-same-as" in key.schema:
            (target,) = schemas.find(key.schema["x-same-as"])
            shared = ("type", "exclusiveMinimum", "minimum", "maximum")
            assert [target.schema.get(name) for name in shared] == [key.schema.get(name) for name in shared]


def test_rules_read_sections() -> None:
    assert {section for reads, _ in RULES for section in reads} <= set(schemas.sections())


def test_the_classes_are_made_from_the_schemas() -> None:
    assert (SOURCE / specs.FILE).read_text(encoding="utf-8") == specs.text(), "run: make reference"


def test_a_class_has_the_keys_and_types_of_its_schema() -> None:
    hints = get_type_hints(spec.PageDataset)
    assert hints["type"] == Literal["page"]
    assert hints["text_index"] == str | int
    assert hints["train_list"] == str | None
    assert hints["exclude"] == tuple[str, ...]
    assert hints["split"] is spec.SplitSpec
    assert get_type_hints(spec.TextSpec)["charset"] == str | tuple[str, ...]
    assert get_type_hints(spec.TrainingSpec)["freeze"] == tuple[Literal["backbone", "head"], ...]
    assert get_type_hints(spec.RandomScale)["range"] == tuple[float, float]
    assert {spec.CtcSpec, spec.AttentionSpec} <= set(get_args(get_type_hints(spec.ModelSpec)["decoder"]))
    assert "lr" not in get_type_hints(spec.AdamwSpec)  # another spelling
    assert "include" not in get_type_hints(spec.Experiment)  # no value


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"description": "A thing.", "properties": {}}, "a section needs an x-class: 'A thing.'"),
        (
            {
                "description": "Two.",
                "x-class": "Two",
                "properties": {
                    "a": {"description": "A.", "x-class": "One", "properties": {"n": {"type": "integer"}}},
                    "b": {"description": "A.", "x-class": "One", "properties": {"n": {"type": "number"}}},
                },
            },
            "two different schemas are x-class One",
        ),
    ],
)
def test_a_class_without_a_name_or_with_that_of_another_is_an_error(
    schema: schemas.Schema, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "experiment", lambda: schema)
    with pytest.raises(ValueError, match=f"^{message}$"):
        specs.text()


@pytest.mark.parametrize("words_", [["--help"], ["validate"], ["compile", "--check"], ["explain", "training.lr"]])
def test_the_language_imports_nothing_heavy(words_: list[str], tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("")
    script = (
        "import sys; from thulium.cli.main import main; sys.argv = ['thulium', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('heavy:', *sorted({'torch', 'numpy', 'pyarrow', 'PIL', 'dvc', 'ruamel'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, *words_],
        cwd=tmp_path,
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.splitlines()[-1] == "heavy:", ran.stderr
