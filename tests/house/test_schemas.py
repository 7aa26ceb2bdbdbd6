"""The schemas hold together: with the values made of them, with the words for their errors, with themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from jsonschema import Draft7Validator

from thulium_dsl.grammar import schemas, spec, words
from thulium_dsl.grammar.rules import RULES

SOURCE = Path(__file__).parents[2]

# Keywords that refuse nothing by themselves, or lead on to those that do.
SILENT = {"$schema", "title", "description", "default", "examples", "properties", "items", "allOf", "if", "then"}
SILENT |= {"defaultSnippets"}  # of editors

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
    assert "default" in key.schema or is_required or {"x-same-as", "x-directive"} & set(key.schema)


@pytest.mark.parametrize("key", KEYS)
def test_defaults_and_examples_are_valid(key: schemas.Key) -> None:
    values = [*key.schema.get("examples", ()), *([key.schema["default"]] if "default" in key.schema else [])]
    for value in values:
        assert list(Draft7Validator(key.schema).iter_errors(value)) == []


def test_a_snippet_is_its_type_with_the_defaults() -> None:
    found = [schema for schema in subschemas(schemas.experiment()) if schemas.branches(schema)]
    for schema in found:
        bodies = {snippet["label"]: snippet["body"] for snippet in schema["defaultSnippets"]}
        expected = {kind: {"type": kind, **defaults(branch)} for kind, branch in schemas.branches(schema).items()}
        assert bodies == expected


def defaults(schema: schemas.Schema) -> dict[str, Any]:
    """What an empty section becomes."""
    parts = {name: part for name, part in schema["properties"].items() if part and "x-same-as" not in part}
    return {name: defaults(part) if "properties" in part else part["default"] for name, part in parts.items()}


def test_the_schemas_are_draft_07() -> None:
    for path in schemas.folder().glob("*.json"):
        Draft7Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
    Draft7Validator.check_schema(schemas.experiment())


def test_the_bundle_needs_no_other_file() -> None:
    bundled = schemas.bundle()
    assert "$ref" not in bundled
    assert json.loads(bundled) == schemas.experiment()


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


def test_values_have_the_schemas_keys_and_types() -> None:
    assert_same(spec.Experiment, schemas.experiment(), ())


def assert_same(kind: Any, schema: schemas.Schema, path: tuple[str, ...]) -> None:
    """A type of spec.py says what a schema says."""
    if get_origin(kind) is Union and all(is_dataclass(option) for option in get_args(kind)):
        assert {get_args(get_type_hints(option)["type"])[0] for option in get_args(kind)} == set(
            schemas.branches(schema)
        )
        for option in get_args(kind):
            assert_same(option, schema, path)
    elif is_dataclass(kind):
        hints = get_type_hints(kind)
        chosen = {"type": get_args(hints["type"])[0]} if "type" in hints else {}
        parts = {
            name: part
            for name, part in schemas.properties(schema, chosen).items()
            if not {"x-same-as", "x-directive"} & set(part)
        }
        assert [field.name for field in fields(kind)] == list(parts), path
        for name, part in parts.items():
            if name != "type":
                assert_same(hints[name], part, (*path, name))
    elif get_origin(kind) is tuple:
        assert schema["type"] == "array", path
        assert_same(get_args(kind)[0], schema["items"], path)
    elif get_origin(kind) is Literal:
        assert list(get_args(kind)) == schema["enum"], path
    else:
        names = {
            int: "integer",
            float: "number",
            str: "string",
            bool: "boolean",
            str | None: ["string", "null"],
            str | tuple[str, ...]: ["string", "array"],
            str | int: ["string", "integer"],
        }
        assert names[kind] == schema["type"], path


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
