"""Documents that are valid, what they mean, and files that supply sections."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from thulium_dsl.grammar.include import read
from thulium_dsl.grammar.spec import Experiment, PageDataset
from thulium_dsl.grammar.validate import check, default_experiment, experiment_of, load
from thulium_dsl.messages.problems import DocumentError
from thulium_dsl.text.document import parse

DOCUMENTS = Path(__file__).parents[1] / "documents"


def problems_of(text: str) -> list[str]:
    return [f"{problem.path}: {problem.what}" for problem in check(parse(text)).problems]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DOCUMENTS, tmp_path / "config"))


@pytest.mark.parametrize("name", ["data.yaml", "train.yaml"])
def test_the_smallest_documents_are_valid_alone(name: str, tmp_path: Path) -> None:
    shutil.copy(DOCUMENTS / name, tmp_path)
    assert load(tmp_path / name).experiment.version == 1


def test_the_smallest_documents_are_one_experiment_together(config: Path) -> None:
    experiment, document = load(config / "train.yaml")
    assert (experiment.training.lr, experiment.preprocessing.max_width) == (3e-4, 512)
    assert document.companion is not None
    assert experiment.augmentation.transforms[0].type == "random_rotation"


def test_a_section_of_its_own_wins_over_the_file_beside(config: Path) -> None:
    (config / "own.yaml").write_text("preprocessing:\n  max_width: 999\n")
    experiment = load(config / "own.yaml").experiment
    assert (experiment.preprocessing.max_width, experiment.dataset.type) == (999, "custom")


def test_a_problem_in_the_file_beside_names_that_file(config: Path) -> None:
    (config / "data.yaml").write_text("preprocessing:\n  height: tall\n  hight: 64\n")
    with pytest.raises(DocumentError) as caught:
        load(config / "train.yaml")
    places = [(Path(problem.file).name, problem.line, problem.column) for problem in caught.value.problems]
    assert places == [("data.yaml", 2, 11), ("data.yaml", 3, 3)]


def test_the_file_beside_holds_nothing_but_data(config: Path) -> None:
    (config / "data.yaml").write_text("dataset:\n  type: synthetic\ntraining:\n  epochs: 3\n")
    (problem,) = check(read(config / "train.yaml")).problems
    assert (Path(problem.file).name, problem.line, problem.path) == ("data.yaml", 3, "training")


def test_an_empty_document_is_the_default_experiment() -> None:
    assert experiment_of(parse("")) == default_experiment()


def test_both_spellings_of_the_rate_are_one_setting() -> None:
    long = experiment_of(parse("training: {optimizer: {type: adamw, lr: 0.5}}"))
    short = experiment_of(parse("training: {lr: 0.5}"))
    both = experiment_of(parse("training: {lr: 5e-1, optimizer: {type: adamw, lr: 0.5}}"))
    assert long == short == both


def test_equal_numbers_give_equal_experiments() -> None:
    one = experiment_of(parse("training: {epochs: 30.0, gradient_clip: 2}"))
    other = experiment_of(parse("training: {epochs: 30, gradient_clip: 2.0}"))
    assert repr(one) == repr(other)
    assert type(one.training.epochs) is int


def test_each_transform_gets_its_own_defaults() -> None:
    experiment = experiment_of(parse("augmentation: {transforms: [{type: gaussian_noise}, {type: random_scale}]}"))
    assert [asdict(transform) for transform in experiment.augmentation.transforms] == [
        {"type": "gaussian_noise", "p": 1.0, "std": 0.05},
        {"type": "random_scale", "p": 1.0, "range": (0.9, 1.1)},
    ]


def test_a_problem_of_the_text_does_not_hide_those_of_other_keys() -> None:
    assert problems_of("training:\n  mixed_precision: yes\n  epochs: 0\n") == [
        "training.mixed_precision: readers of YAML disagree on yes: true, or a text",
        "training.epochs: must be at least 1, found 0",
    ]


def test_rules_wait_for_sections_that_are_right() -> None:
    assert problems_of("preprocessing:\n  min_width: 600\n  max_width: wide\n") == [
        "preprocessing.max_width: must be a whole number, found 'wide'"
    ]


def test_synthetic_lines_have_no_folders_to_overlap() -> None:
    text = "dataset: {type: synthetic}\ncheckpointing: {save_dir: data/train}\n"
    assert problems_of(text) == []
    assert isinstance(experiment_of(parse(text)), Experiment)


def test_an_index_may_be_a_word_or_a_number() -> None:
    written = {"lowest": "lowest", "highest": "highest", "0": 0, "3": 3, "2.0": 2}
    for text, value in written.items():
        dataset = experiment_of(parse(f"dataset: {{type: page, text_index: {text}}}")).dataset
        assert isinstance(dataset, PageDataset)
        assert (dataset.text_index, type(dataset.text_index)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "training: {epochs: 12.0, lr: 1.000, seed: 1e3}",
        'dataset: {type: gt_txt, root: "data/\\u00a0lines"}',
        "dataset: {type: gt_txt, root: data/l’été}",
        "dataset: {type: gt_txt, root: data/~lines}",
        "training:\n  epochs: 3\nlogging:\n  wandb:\n    project: a:b\n    entity: c\n",
    ],
)
def test_what_only_looks_like_a_slip_is_valid(text: str) -> None:
    assert problems_of(text) == []
