"""Every key is alive: another value of it changes what the engine does."""

import hashlib
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import lab
import pytest
import torch
from safetensors.torch import load

from thulium.data.shards import Split
from thulium.runtime import device as devices
from thulium.runtime.documents import defaults
from thulium.stages.evaluate import evaluate
from thulium.stages.prepare import prepare
from thulium.stages.train import train
from thulium.training.schedule import FLOOR
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.spec import CosineSpec, Experiment, SchedulerSpec, TrapezoidSpec

OTHER = {
    "model.backbone.config_name": "resnet_small",
    "model.span_mask.share": 0.5,
    "model.head.hidden_size": 20,
    "model.head.num_layers": 2,
    "model.head.dropout": 0.5,
    "model.decoder.blank_index": 3,
    "model.decoder.shortcut_weight": 0.9,
    "training.epochs": 4,
    "training.batch_size": 5,
    "training.accumulation": 2,
    "training.max_pixels": 8000,
    "training.lr": 0.01,
    "training.optimizer.weight_decay": 9.0,
    "training.scheduler.warmup_epochs": 1.5,
    "training.mixed_precision": True,
    "training.gradient_clip": 0.001,
    "training.ema_decay": 0.0,
    "training.lines": 9,
    "training.seed": 2,
    "augmentation.enabled": True,
    "checkpointing.save_dir": "elsewhere",
    "checkpointing.save_every": 1,
    "checkpointing.save_best": False,
    "logging.tensorboard.enabled": True,
    "evaluation.split": "val",
    "evaluation.checkpoint": "last",
    "evaluation.worst_lines": 1,
    "dataset.lines.train": 13,
    "dataset.lines.val": 7,
    "dataset.lines.test": 7,
    "dataset.seed": 4,
    "dataset.text.unicode_form": "NFD",
    "preprocessing.height": 32,
    "preprocessing.min_width": 900,
    "preprocessing.max_width": 150,
    "preprocessing.normalize": False,
}
DATASET = "engine/ingest/test_dataset_keys.py::test_another_value_changes_what_is_prepared"
DECODING = "engine/decoding/test_decoding.py::test_another_value_changes_what_is_read"
SOURCE = "engine/ingest/test_sources.py::test_a_source_is_the_dataset_of_its_type_with_its_keys"
OWN = "engine/ingest/test_sources.py::test_replacements_of_a_source_are_made_in_it_alone"
PRETRAINING = "engine/pretraining/test_pretrain.py::test_every_key_decides_what_comes_out"
UNTRANSCRIBED = "engine/ingest/test_untranscribed.py::test_another_value_changes_what_is_read"
SKIPPED = "engine/ingest/test_untranscribed.py::test_what_cannot_be_read_is_named_or_left_out_up_to_a_share"
# Keys that are proven alive by a test of their own, and where.
ELSEWHERE = {  # key -> what proves it, below tests/
    "version": "language/edit/test_upgrade.py::test_there_is_no_older_version",
    "include": "language/grammar/test_compose.py::test_the_sections_of_the_files_are_those_of_the_document",
    "dataset.train_dir": "engine/test_keys.py::test_a_custom_folder_is_the_one_that_is_read",
    "dataset.val_dir": "engine/test_keys.py::test_a_custom_folder_is_the_one_that_is_read",
    "dataset.test_dir": "engine/test_keys.py::test_a_custom_folder_is_the_one_that_is_read",
    "dataset.root": DATASET,
    "dataset.files": DATASET,
    "dataset.exclude": DATASET,
    "dataset.allow_overlap": (
        "engine/ingest/test_dataset_keys.py::test_what_stands_in_two_splits_is_refused_unless_it_is_allowed"
    ),
    "dataset.page_pattern": DATASET,
    "dataset.split.val": DATASET,
    "dataset.split.test": DATASET,
    "dataset.split.folds": "engine/ingest/test_folds.py::test_another_value_divides_otherwise_and_the_same_comes_out_the_same",  # noqa: E501
    "dataset.split.by": DATASET,
    "dataset.split.seed": DATASET,
    "dataset.split.identity": DATASET,
    "dataset.train_list": "engine/ingest/test_dataset_keys.py::test_lists_name_what_is_in_a_split",
    "dataset.val_list": "engine/ingest/test_dataset_keys.py::test_lists_name_what_is_in_a_split",
    "dataset.test_list": "engine/ingest/test_dataset_keys.py::test_lists_name_what_is_in_a_split",
    "dataset.writers": "engine/ingest/test_dataset_keys.py::test_a_split_by_writer_keeps_writers_apart",
    "dataset.level": DATASET,
    "dataset.text_index": DATASET,
    "dataset.region_types": DATASET,
    "dataset.line_types": DATASET,
    "dataset.straighten": DATASET,
    "dataset.image_column": DATASET,
    "dataset.text_column": DATASET,
    "dataset.id_column": DATASET,
    "dataset.page_column": DATASET,
    "dataset.document_column": DATASET,
    "dataset.writer_column": DATASET,
    "dataset.text.whitespace": DATASET,
    "dataset.text.charset": DATASET,
    "dataset.text.on_unknown": "engine/ingest/test_dataset_keys.py::test_characters_that_the_charset_lacks",
    "dataset.text.map": "engine/ingest/test_dataset_keys.py::test_characters_that_the_charset_lacks",
    "dataset.text.map.find": "engine/ingest/test_dataset_keys.py::test_characters_that_the_charset_lacks",
    "dataset.text.map.replace": "engine/ingest/test_dataset_keys.py::test_characters_that_the_charset_lacks",
    "dataset.text.order": "engine/ingest/test_dataset_keys.py::test_the_order_reaches_the_model",
    "dataset.on_error": "engine/ingest/test_dataset_keys.py::test_faults_are_skipped_up_to_a_share",
    "dataset.max_skipped": "engine/ingest/test_dataset_keys.py::test_faults_are_skipped_up_to_a_share",
    "dataset.sources": "engine/ingest/test_sources.py::test_lines_are_told_apart_by_the_name_of_their_source",
    "dataset.sources.name": "engine/ingest/test_sources.py::test_lines_are_told_apart_by_the_name_of_their_source",
    "dataset.sources.weight": "engine/ingest/test_sources.py::test_weights_reach_the_training_and_sources_the_evaluation",  # noqa: E501
    "dataset.sources.text.map": OWN,
    "dataset.sources.text.map.find": OWN,
    "dataset.sources.text.map.replace": OWN,
    "dataset.sources.train_dir": SOURCE,
    "dataset.sources.val_dir": SOURCE,
    "dataset.sources.test_dir": SOURCE,
    "dataset.sources.root": SOURCE,
    "dataset.sources.files": SOURCE,
    "dataset.sources.exclude": SOURCE,
    "dataset.sources.page_pattern": SOURCE,
    "dataset.sources.split_by": "engine/ingest/test_sources.py::test_a_source_may_be_split_in_another_way",
    "dataset.sources.train_list": SOURCE,
    "dataset.sources.val_list": SOURCE,
    "dataset.sources.test_list": SOURCE,
    "dataset.sources.writers": SOURCE,
    "dataset.sources.level": SOURCE,
    "dataset.sources.text_index": SOURCE,
    "dataset.sources.region_types": SOURCE,
    "dataset.sources.line_types": SOURCE,
    "dataset.sources.straighten": SOURCE,
    "dataset.sources.image_column": SOURCE,
    "dataset.sources.text_column": SOURCE,
    "dataset.sources.id_column": SOURCE,
    "dataset.sources.page_column": SOURCE,
    "dataset.sources.document_column": SOURCE,
    "dataset.sources.writer_column": SOURCE,
    "dataset.sources.lines.train": SOURCE,
    "dataset.sources.lines.val": SOURCE,
    "dataset.sources.lines.test": SOURCE,
    "dataset.sources.seed": SOURCE,
    "pretraining.epochs": PRETRAINING,
    "pretraining.batch_size": PRETRAINING,
    "pretraining.lr": PRETRAINING,
    "pretraining.mixed_precision": PRETRAINING,
    "pretraining.clusters": PRETRAINING,
    "pretraining.mask.share": PRETRAINING,
    "pretraining.mask.length": PRETRAINING,
    "pretraining.seed": PRETRAINING,
    "pretraining.dataset.root": UNTRANSCRIBED,
    "pretraining.dataset.files": UNTRANSCRIBED,
    "pretraining.dataset.exclude": UNTRANSCRIBED,
    "pretraining.dataset.region_types": UNTRANSCRIBED,
    "pretraining.dataset.line_types": UNTRANSCRIBED,
    "pretraining.dataset.straighten": UNTRANSCRIBED,
    "pretraining.dataset.image_column": UNTRANSCRIBED,
    "pretraining.dataset.on_error": SKIPPED,
    "pretraining.dataset.max_skipped": SKIPPED,
    "resources.prepare_workers": "engine/ingest/test_dataset_keys.py::test_more_processes_write_the_same_bytes",
    "preprocessing.wide_lines": "engine/ingest/test_prepare.py::test_wide_lines",
    "model.decoder.hidden_size": "engine/models/test_attention.py::test_another_value_reaches_the_model",
    "model.decoder.ctc_weight": "engine/models/test_attention.py::test_another_value_reaches_the_model",
    "model.span_mask.length": "engine/models/test_model.py::test_longer_stretches_are_fewer",
    "model.head.num_heads": "engine/models/test_model.py::test_every_option_of_a_head_changes_what_is_learnt",
    "model.head.feedforward_size": "engine/models/test_model.py::test_every_option_of_a_head_changes_what_is_learnt",
    "augmentation.transforms": "engine/data/test_augment.py::test_the_order_of_transforms_counts",
    "augmentation.transforms.p": "engine/data/test_augment.py::test_p_is_the_share_of_the_lines_that_change",
    "augmentation.transforms.degrees": "engine/data/test_augment.py::test_a_stronger_setting_changes_the_line_more",
    "augmentation.transforms.range": "engine/data/test_augment.py::test_a_stronger_setting_changes_the_line_more",
    "augmentation.transforms.std": "engine/data/test_augment.py::test_a_stronger_setting_changes_the_line_more",
    "evaluation.decoding.beam_size": DECODING,
    "evaluation.decoding.language_model": DECODING,
    "evaluation.decoding.more_text": DECODING,
    "evaluation.decoding.order": DECODING,
    "evaluation.decoding.alpha": DECODING,
    "evaluation.decoding.beta": DECODING,
    "augmentation.transforms.width": "engine/data/test_augment.py::test_a_stronger_setting_changes_the_line_more",
    "augmentation.transforms.height": "engine/data/test_augment.py::test_a_stronger_setting_changes_the_line_more",
    "augmentation.transforms.strength": "engine/data/test_augment.py::test_a_stronger_setting_changes_the_line_more",
    "augmentation.transforms.size": "engine/data/test_augment.py::test_a_stronger_setting_changes_the_line_more",
    "augmentation.transforms.radius": "engine/data/test_augment.py::test_a_stronger_setting_changes_the_line_more",
    "augmentation.transforms.holes": "engine/data/test_augment.py::test_a_stronger_setting_changes_the_line_more",
    "augmentation.transforms.spacing": "engine/data/test_augment.py::test_the_smaller_the_spacing_the_finer_the_bends",
    "training.seeds": "stages/test_seeds.py::test_another_list_of_seeds_needs_no_compile_and_trains_only_what_is_new",
    "training.init_from": "engine/training/test_transfer.py::test_the_training_starts_from_the_file",
    "training.extend_charset": "engine/training/test_transfer.py::test_characters_are_given_up_where_the_document_says_so",  # noqa: E501
    "training.freeze": "engine/training/test_transfer.py::test_frozen_parts_stay_for_the_first_epochs",
    "training.freeze_epochs": "engine/training/test_transfer.py::test_frozen_parts_stay_for_the_first_epochs",
    "training.scheduler.decay_share": "engine/test_keys.py::test_the_shape_of_the_schedule_reaches_the_training",
    "training.optimizer.lr": "language/grammar/test_validate.py::test_both_spellings_of_the_rate_are_one_setting",
    "early_stopping.enabled": "engine/training/test_messages.py::test_a_model_that_reads_is_stopped_where_that_is_asked",  # noqa: E501
    "early_stopping.patience": "engine/training/test_training.py::test_patience_counts_epochs_without_improvement",
    "early_stopping.min_delta": "engine/training/test_training.py::test_patience_counts_epochs_without_improvement",
    "early_stopping.metric": "engine/test_keys.py::test_metric_and_mode_choose_the_best_epoch",
    "early_stopping.mode": "engine/test_keys.py::test_metric_and_mode_choose_the_best_epoch",
    "checkpointing.keep_last": "engine/training/test_checkpoints.py::test_best_last_and_the_newest_periodic_ones_stay",
    "checkpointing.resume_every_minutes": "engine/training/test_resume.py::test_a_training_is_kept_within_an_epoch",
    "resources.devices": "engine/runtime/test_world.py::test_each_process_has_its_gpu",
    "resources.processes": "stages/test_processes.py::test_two_processes_train_the_same_model_as_one",
    "logging.tensorboard.log_dir": "stages/test_graph.py::test_a_grid_runs_in_the_queue",
    "logging.wandb.enabled": "engine/training/test_loggers.py::test_weights_and_biases_gets_the_run_when_offline",
    "logging.wandb.project": "engine/training/test_loggers.py::test_weights_and_biases_gets_the_run_when_offline",
    "logging.wandb.entity": "engine/training/test_loggers.py::test_weights_and_biases_gets_the_run_when_offline",
    "resources.device": "engine/training/test_training.py::test_a_gpu_that_is_not_there_names_the_way_out",
    "resources.threads": "engine/test_keys.py::test_threads_are_set",
    "resources.augment_on": "engine/training/test_resume.py::test_lines_augmented_on_the_device_are_learnt_from_as_well",  # noqa: E501
    "resources.cuda_graphs": "engine/training/test_graphs.py::test_the_key_decides_where_a_gpu_could_record",
    "resources.loader_workers": "engine/data/test_readers.py::test_auto_takes_what_the_machine_can_spare",
}


def leaves():
    """Every key that holds a value; a 'type' of one choice is held to its table by the house tests."""
    for key in schemas.walk():
        inner = key.schema.get("properties") or key.schema.get("allOf")
        if not inner and key.path[-1] != "type":
            yield key.dotted


def test_every_key_has_a_proof():
    assert set(leaves()) == OTHER.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("proof", sorted(set(ELSEWHERE.values())))
def test_the_proofs_that_stand_elsewhere_are_there(proof):
    file, _, name = proof.partition("::")
    text = (lab.CHECKOUT / "tests" / file).read_text(encoding="utf-8")
    assert not name or f"def {name}(" in text


@pytest.fixture(scope="module")
def plain(experiment) -> Experiment:
    """The small experiment with everything off that other keys switch on."""
    return replace(
        experiment,
        augmentation=replace(experiment.augmentation, enabled=False),
        training=replace(experiment.training, mixed_precision=False, epochs=3, lr=1e-3),
        early_stopping=replace(experiment.early_stopping, enabled=False, patience=1, min_delta=1.0, metric="val_loss"),
        checkpointing=replace(experiment.checkpointing, save_every=0, keep_last=1),
    )


def digest(path: Path) -> str:
    """What a file holds apart from a copy of the document: of a model its weights, of the report its images."""
    content = path.read_bytes()
    if path.suffix == ".safetensors":
        tensors = load(content)
        content = b"".join(name.encode() + tensors[name].numpy().tobytes() for name in sorted(tensors))
    elif path.suffix == ".html":
        content = b"".join(re.findall(rb"<img[^>]*>", content))
    elif path.name == "prepared.json":
        content = b""
    return hashlib.sha256(content).hexdigest()


def outcome(experiment, folder: Path) -> str:
    """A digest of every file that the three stages write."""
    prepared = folder / "prepared"
    prepare(
        dataset=experiment.dataset,
        preprocessing=experiment.preprocessing,
        resources=experiment.resources,
        out=prepared,
    )
    sections = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
    parts = {name: getattr(experiment, name) for name in sections}
    train(**parts, prepared=prepared, out=folder, run_dir=folder / "tensorboard")
    checkpoints = folder / experiment.checkpointing.save_dir
    if (checkpoints / f"{experiment.evaluation.checkpoint}.safetensors").exists():
        evaluate(
            evaluation=experiment.evaluation,
            resources=experiment.resources,
            prepared=prepared,
            checkpoints=checkpoints,
            out=folder,
        )
    files = {
        path.relative_to(folder).as_posix(): digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "tensorboard" not in path.parts
    }
    return json.dumps(files | {"tensorboard": any(folder.rglob("events*"))})


@pytest.fixture(scope="module")
def before(plain, tmp_path_factory) -> str:
    return outcome(plain, tmp_path_factory.mktemp("before"))


def test_the_same_experiment_writes_the_same_bytes(plain, before, tmp_path):
    assert outcome(plain, tmp_path) == before


@pytest.mark.parametrize("key", OTHER)
def test_another_value_changes_what_is_written(plain, before, tmp_path, key):
    if key == "training.mixed_precision" and devices.choose("cpu", mixed_precision=True).amp_dtype is None:
        pytest.skip("this processor has no 16-bit arithmetic")
    experiment = lab.changed(plain, key.split("."), OTHER[key])
    assert outcome(experiment, tmp_path) != before


def test_a_custom_folder_is_the_one_that_is_read(experiment, tmp_path):
    folders = {
        f"{name}_dir": str(lab.write_lines_folder(tmp_path / name, [f"only in {name}"]))
        for name in ("train", "val", "test")
    }
    dataset = replace(defaults().dataset, **folders)
    out = tmp_path / "prepared"
    prepare(dataset=dataset, preprocessing=experiment.preprocessing, resources=experiment.resources, out=out)
    assert {name: list(Split(out / name).texts) for name in ("train", "val", "test")} == {
        name: [f"only in {name}"] for name in ("train", "val", "test")
    }


@pytest.mark.parametrize(("metric", "mode"), [("val_loss", "min"), ("val_loss", "max")])
def test_metric_and_mode_choose_the_best_epoch(plain, prepared, tmp_path, metric, mode):
    scheduler = CosineSpec(type="cosine", warmup_epochs=0.5)  # it reads something after each epoch, so each may be best
    plain = replace(plain, training=replace(plain.training, scheduler=scheduler))
    stopping = replace(plain.early_stopping, metric=metric, mode=mode)
    sections = ("model", "training", "augmentation", "checkpointing", "logging", "resources")
    parts = {name: getattr(plain, name) for name in sections}
    summary = train(**parts, early_stopping=stopping, prepared=prepared, out=tmp_path, run_dir=tmp_path / "t")
    rows = [line.split(",") for line in (tmp_path / "plots" / "history.csv").read_text().splitlines()]
    losses = [float(row[rows[0].index("val_loss")]) for row in rows[2:]]
    best = min(losses) if mode == "min" else max(losses)
    assert summary["best_epoch"] == losses.index(best) + 1
    assert summary["best_val_loss"] == pytest.approx(best, rel=1e-4)


def test_the_shape_of_the_schedule_reaches_the_training(plain, prepared, tmp_path):
    """The share of the peak learning rate at the end of each epoch."""

    def rates(spec: SchedulerSpec) -> list[float]:
        sections = ("model", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
        parts = {name: getattr(plain, name) for name in sections}
        training = replace(plain.training, scheduler=spec, epochs=4)
        out = tmp_path / repr(spec)
        train(**parts, training=training, prepared=prepared, out=out, run_dir=out / "t")
        rows = [line.split(",") for line in (out / "plots" / "history.csv").read_text().splitlines()]
        return [float(row[rows[0].index("lr")]) / training.lr for row in rows[2:]]

    falls = {share: rates(TrapezoidSpec(type="trapezoid", warmup_epochs=0, decay_share=share)) for share in (0.5, 1.0)}
    assert falls[0.5] == pytest.approx([1.0, 1.0, 1 - math.sqrt(0.5), FLOOR], abs=FLOOR)
    assert falls[1.0] == pytest.approx([1 - math.sqrt(part / 4) for part in (1, 2, 3, 4)], abs=FLOOR)
    assert rates(CosineSpec(type="cosine", warmup_epochs=0))[1] == pytest.approx(0.5, abs=FLOOR)


def test_threads_are_set(plain, prepared, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(devices, "set_threads", lambda threads, _processes: asked.append(threads))
    sections = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging")
    parts = {name: getattr(plain, name) for name in sections}
    train(**parts, resources=replace(plain.resources, threads=7), prepared=prepared, out=tmp_path, run_dir=tmp_path)
    assert asked == [7]
    monkeypatch.undo()
    before = torch.get_num_threads()
    try:
        devices.set_threads(3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
