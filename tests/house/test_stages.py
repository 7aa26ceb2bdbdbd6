"""What the tables of the language say of the engine is so."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from thulium.data.augmentation.augmenter import TRANSFORMS
from thulium.decoding.searches import DECODINGS
from thulium.ingest.readers import READERS
from thulium.ingest.sources import sources_of
from thulium.ingest.untranscribed import READERS as UNTRANSCRIBED
from thulium.models.backbones import BACKBONES
from thulium.models.decoders import DECODERS
from thulium.models.heads import HEADS
from thulium.training.optimizer import OPTIMIZERS
from thulium.training.schedule import SCHEDULERS
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.pipeline import stages

TABLES: dict[str, Mapping[str, Any]] = {
    "dataset.type": {**READERS, "sources": sources_of},
    "dataset.sources.type": READERS,
    "augmentation.transforms.type": TRANSFORMS,
    "model.backbone.type": BACKBONES,
    "model.head.type": HEADS,
    "model.decoder.type": DECODERS,
    "evaluation.decoding.type": DECODINGS,
    "training.optimizer.type": OPTIMIZERS,
    "training.scheduler.type": SCHEDULERS,
    "pretraining.dataset.type": UNTRANSCRIBED,
}


@pytest.mark.parametrize("stage", [*stages.STAGES, stages.PRETRAIN], ids=lambda stage: stage.name)
def test_a_stage_is_given_exactly_what_its_row_says(stage: stages.Stage) -> None:
    function = getattr(importlib.import_module(f"thulium.stages.{stage.name}"), stage.name)
    parameters = set(inspect.signature(function).parameters)
    assert parameters & set(schemas.sections()) == {*stage.sections, *stage.untracked}


def test_every_section_belongs_to_a_stage() -> None:
    read = {section for stage in (*stages.STAGES, stages.PRETRAIN) for section in (*stage.sections, *stage.untracked)}
    assert {"version", *read} == set(schemas.sections())


def test_no_section_is_tracked_twice_or_read_untracked_where_it_matters() -> None:
    tracked = [section for stage in stages.STAGES for section in stage.sections]
    assert len(tracked) == len(set(tracked))
    assert {section for stage in stages.STAGES for section in stage.untracked} == {"logging", "resources"}


@pytest.mark.parametrize("key", TABLES)
def test_a_table_offers_what_the_schema_allows(key: str) -> None:
    (found,) = schemas.find(key)
    assert sorted(TABLES[key]) == sorted(found.schema["enum"])


def test_every_kind_of_the_schemas_has_a_table() -> None:
    kinds = {key.dotted for key in schemas.walk() if key.path[-1] == "type"}
    assert kinds == set(TABLES)


def test_an_experiment_has_the_schemas_sections() -> None:
    assert tuple(Experiment.__dataclass_fields__) == schemas.sections()
