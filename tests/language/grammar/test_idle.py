"""One word switches a type: what the other type had stays and does nothing, what the new one needs is the default."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.idle import idle_in, remarks
from thulium_dsl.grammar.resolve import lookup
from thulium_dsl.grammar.validate import check, complete_tree
from thulium_dsl.manual.show import changed, show
from thulium_dsl.text.document import parse

WHOLE = complete_tree(parse("pretraining: {}"))


def sections_with_types() -> list[tuple[tuple[str | int, ...], list[str]]]:
    """Each section of the default document that has a type to choose, and the types; of a list, its first item."""
    found: dict[tuple[str | int, ...], list[str]] = {}
    for key in schemas.walk():
        if key.path[-1] == "type" and len(key.schema["enum"]) > 1 and key.path[0] != "dataset":
            path: tuple[str | int, ...] = key.path[:-1]
            path = (*path, 0) if isinstance(lookup(WHOLE, path), list) else path
            found[path] = list(key.schema["enum"])
    return list(found.items())


SWITCHES = [(path, kind) for path, kinds in sections_with_types() for kind in kinds]


def switched(tree: Any, path: tuple[str | int, ...], kind: str) -> Any:
    tree = deepcopy(tree)
    lookup_item(tree, path)["type"] = kind
    return tree


def lookup_item(tree: Any, path: tuple[str | int, ...]) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def test_there_is_something_to_switch() -> None:
    assert {".".join(map(str, path)) for path, _ in SWITCHES} >= {
        "model.backbone", "model.head", "evaluation.decoding", "augmentation.transforms.0",
    }  # fmt: skip


@pytest.mark.parametrize(("path", "kind"), SWITCHES, ids=lambda part: str(part))
def test_a_complete_document_stays_valid_when_a_type_is_switched(path: tuple[str | int, ...], kind: str) -> None:
    there = switched(WHOLE, path, kind)
    document = parse(yaml.safe_dump(there, sort_keys=False))
    assert check(document).problems == ()
    whole = complete_tree(document)
    section = lookup_item(whole, path)
    assert section["type"] == kind
    assert {option.path[-1] for option in idle_in(there)} == {
        name for name, value in lookup_item(WHOLE, path).items() if name not in section or section[name] != value
    } - {"type"}
    back = switched(there, path, lookup_item(WHOLE, path)["type"])
    assert complete_tree(parse(yaml.safe_dump(back, sort_keys=False))) == WHOLE


def test_what_does_nothing_and_what_is_a_default_is_said() -> None:
    text = (
        "model: {backbone: {type: vgg, config_name: resnet_tiny}}\nevaluation: {decoding: {type: greedy, alpha: 0.3}}\n"
    )
    said = list(remarks(parse(text)))
    assert said[:2] == [
        "model.backbone.config_name resnet_tiny is an option of resnet, and does nothing with vgg",
        "evaluation.decoding.alpha 0.3 is an option of beam, and does nothing with greedy",
    ]
    assert said[2].startswith("not in params.yaml, so by default: version 1, dataset.type custom")
    assert "model.backbone.config_name vgg_small" in said[2]
    assert "training.lr" in said[2]
    shown = show(parse(text), with_origin=True)
    assert "    config_name: vgg_small  # default\n" in shown
    assert "# evaluation.decoding.alpha 0.3 is an option of beam, and does nothing with greedy\n" in shown
    assert "alpha: 0.3" not in shown


def test_a_complete_document_has_nothing_to_remark() -> None:
    assert list(remarks(parse(yaml.safe_dump(WHOLE, sort_keys=False)))) == []


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("{type: greedy, gamma: 1}", "evaluation.decoding.gamma", "unknown key 'gamma'"),
        ("{type: greedy, alpha: fast}", "evaluation.decoding.alpha", "'alpha' is not an option of greedy"),
        ("{type: greedy, alpha: -3}", "evaluation.decoding.alpha", "'alpha' is not an option of greedy"),
        ("{type: gready, alpha: 0.3}", "evaluation.decoding.type", "must be one of greedy, beam"),
    ],
)
def test_what_belongs_to_no_type_is_an_error(text: str, path: str, says: str) -> None:
    (problem,) = check(parse(f"evaluation:\n  decoding: {text}\n")).problems
    assert problem.path == path
    assert says in problem.what


def test_a_value_that_no_type_knows_is_an_error() -> None:
    (problem,) = check(parse("model: {backbone: {type: vgg, config_name: resnet_huge}}")).problems
    assert problem.path == "model.backbone.config_name"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_differs_from_the_defaults_is_a_document_of_the_same_meaning(data: st.DataObject) -> None:
    tree = deepcopy(WHOLE)
    for path, kinds in sections_with_types():
        if data.draw(st.booleans()):
            tree = switched(tree, path, data.draw(st.sampled_from(kinds)))
    if data.draw(st.booleans()):
        tree["training"]["lr"] = 0.5
    if data.draw(st.booleans()):
        tree["augmentation"]["transforms"] = tree["augmentation"]["transforms"][:1]
    document = parse(yaml.safe_dump(tree, sort_keys=False))
    short = changed(document)
    assert complete_tree(parse(short)) == complete_tree(document)
    assert changed(parse(short)) == short


def test_of_the_defaults_nothing_differs() -> None:
    assert changed(parse("")) == "version: 1\n"


@pytest.mark.parametrize("kind", ["", "type: sources, "])
def test_options_of_another_type_are_found_in_sources_whether_their_type_is_written_or_not(kind: str) -> None:
    tree = parse(f"dataset: {{{kind}sources: [{{name: a, type: custom, split_by: line}}]}}").tree
    (found,) = idle_in(tree)
    assert str(found) == "dataset.sources.0.split_by line is an option of gt_txt, and does nothing with custom"


@pytest.mark.parametrize("model", ["none", "lm.arpa"])
def test_more_text_does_nothing_where_nothing_learns_from_it(model: str) -> None:
    def said(model: str) -> list[str]:
        decoding = f"{{type: beam, language_model: {model}, more_text: zoo:latin}}"
        return [
            remark for remark in remarks(parse(f"evaluation: {{decoding: {decoding}}}")) if "by default" not in remark
        ]

    assert said(model) == [f"evaluation.decoding.more_text zoo:latin does nothing with language_model {model}"]
    assert said("train") == []
