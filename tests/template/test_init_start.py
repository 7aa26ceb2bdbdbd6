"""``thulium init --start``: a project whose document fits the model that it starts from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lab
import pytest
from click.testing import CliRunner, Result

if not lab.HAS_ENGINE:
    pytest.skip("reads model files", allow_module_level=True)

import lab_data

from thulium.cli.main import app
from thulium.cli.start import nothing
from thulium.cli.start.recipes import FROM_MODEL, FROM_NOTHING, RATES, UNKNOWN, Recipe, reading, recipe_for
from thulium.cli.start.starting import Lines, bring, expected, reasons, remarks, values
from thulium.data.charset import Charset
from thulium.models.file import save_model
from thulium.models.wrappers import HTRModel
from thulium.runtime.documents import defaults
from thulium_dsl.grammar import zoo
from thulium_dsl.grammar.building import build
from thulium_dsl.grammar.spec import BackboneSpec, BeamSpec, HeadSpec
from thulium_dsl.grammar.validate import load
from thulium_dsl.messages.problems import DocumentError


def write_model(path: Path, *, symbols: str = "abc ", other_kinds: bool = False) -> Path:
    """A small untrained model for lines 40 pixels high."""
    whole = defaults()
    head = replace(whole.model.head, hidden_size=8, num_layers=1)
    model = replace(whole.model, backbone=replace(whole.model.backbone, config_name="resnet_tiny"), head=head)
    if other_kinds:
        sizes = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "feedforward_size": 16, "dropout": 0.0}
        model = replace(
            model,
            backbone=build(BackboneSpec, {"type": "vgg", "config_name": "vgg_tiny"}),
            head=build(HeadSpec, {"type": "transformer", **sizes}),
        )
    preprocessing = replace(whole.preprocessing, height=40, max_width=1500)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(HTRModel(model, Charset(tuple(symbols)), preprocessing), path, in_16_bits=True)
    return path


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Path:
    """A zoo with one model, and the folder that commands run in."""
    file = write_model(tmp_path / "zoo" / "small" / "model.safetensors")
    row = lab.zoo_row("small", file)
    monkeypatch.setattr(zoo, "_PLACES", (tmp_path / "zoo",))
    monkeypatch.setattr(zoo, "MODELS", (row,))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("THULIUM_INIT_HAS_DATA", "THULIUM_INIT_FOLDER"):  # which the command sets, and nobody else should meet
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return file


def init(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["init", *map(str, words)])


def refusal(done: Result) -> str:
    return done.output + str(done.exception)


def test_an_export_and_a_model_become_a_project_that_fits_both(table: Path, run: lab.Shell, tmp_path: Path) -> None:
    lab_data.write_gt_txt(tmp_path / "export")
    done = init("letters", "--from", tmp_path / "export", "--start", "zoo:small")
    assert done.exit_code == 0, refusal(done)
    folder = Path("letters")
    experiment = load(folder / "params.yaml").experiment
    assert experiment.training.init_from == "zoo:small"
    assert (experiment.model.backbone.config_name, experiment.model.head.hidden_size) == ("resnet_tiny", 8)
    assert (experiment.preprocessing.height, experiment.preprocessing.max_width) == (40, 1500)
    recipe = FROM_MODEL[0]
    assert (experiment.training.epochs, experiment.training.lr) == (recipe.epochs, recipe.lr)
    assert "model, preprocessing: as zoo:small has them (resnet_tiny, bilstm, ctc; 40 pixels high)" in done.output
    assert f"training: the recipe for {recipe.lines} lines, and there are" in done.output
    assert "are few for the defaults" not in done.output
    # The bytes are those of the model, and DVC and the lock know them; git has all of it.
    brought = folder / "models" / "zoo" / "small" / "model.safetensors"
    assert brought.read_bytes() == table.read_bytes()
    assert brought.with_name("model.safetensors.dvc").exists()
    assert zoo.MODELS[0].sha256 in (folder / "thulium.lock").read_text()
    assert "models/zoo/small/model.safetensors" in (folder / "dvc.yaml").read_text()
    assert run("git", "status", "--short", cwd=folder).stdout == ""
    assert "  config_name:" in (folder / "params.yaml").read_text()
    assert "# Hiding stretches of a line" in (folder / "params.yaml").read_text()


@pytest.mark.long
def test_a_model_file_of_other_kinds_starts_a_project_without_data(table: Path, run: lab.Shell, tmp_path: Path) -> None:
    file = write_model(tmp_path / "last year.safetensors", other_kinds=True)
    done = init("letters", "--dataset", "page", "--start", file)
    assert done.exit_code == 0, refusal(done)
    experiment = load(Path("letters/params.yaml")).experiment
    assert experiment.training.init_from == "models/last year.safetensors"
    assert (experiment.model.backbone.type, experiment.model.head.type) == ("vgg", "transformer")
    assert experiment.model.head.num_heads == 2
    assert experiment.training.epochs == recipe_for(None).epochs
    assert f"the recipe for {UNKNOWN} lines, since nobody has counted the lines" in done.output
    assert run("git", "status", "--short", cwd=Path("letters")).stdout == ""


def test_what_cannot_be_started_from_leaves_nothing(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    (tmp_path / "no.safetensors").write_bytes(b"no model")
    said = {
        ("letters", "--start", "zoo:small"): "--start goes with your own lines: add --from EXPORT, or --dataset",
        ("letters", "--dataset", "page", "--start", "zoo:smal"): "there is no model 'smal' in the zoo",
        ("letters", "--dataset", "page", "--start", "none.safetensors"): "none.safetensors: no such checkpoint",
        ("letters", "--dataset", "page", "--start", tmp_path / "no.safetensors"): "not a safetensors file",
        ("letters", "--dataset", "page", "--start", "hf:owner"): "'hf:owner' is no name of a model",
        ("letters", "--dataset", "page", "--start", "hf:a/b"): "cannot be reached",
        ("letters", "--dataset", "page", "--start", ""): "--start is an empty text",
        ("letters", "--from", tmp_path / "zoo", "--start", "zoo:smal"): "did you mean 'zoo:small'?",
    }
    for words, message in said.items():
        done = init(*words)
        assert done.exit_code != 0
        assert message in refusal(done), words
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("lines", "row"), [(0, 16), (1, 16), (31, 16), (33, 64), (200, 256), (900, 2000), (9000, 2000)]
)
def test_the_recipe_is_that_of_the_nearest_number_of_lines(lines: int, row: int) -> None:
    assert recipe_for(lines or 1).lines == row


def test_every_recipe_is_a_valid_training(tmp_path: Path) -> None:
    for recipe in (*FROM_MODEL, *FROM_NOTHING):
        rows = {key.removeprefix("training."): value for key, value in recipe.values.items() if "training" in key}
        text = "".join(f"  {key}: {value}\n" for key, value in rows.items())
        (tmp_path / "params.yaml").write_text(f"training:\n  init_from: models/a.safetensors\n{text}")
        try:
            load(tmp_path / "params.yaml")
        except DocumentError as error:
            pytest.fail(str(error))


@pytest.mark.parametrize("recipes", [FROM_MODEL, FROM_NOTHING])
def test_every_recipe_has_figures(recipes: tuple[Recipe, ...]) -> None:
    assert [recipe.lines for recipe in recipes] == list(RATES)


def test_few_lines_without_a_start_get_a_small_network_and_many_epochs() -> None:
    few = Lines(70, "Latin")
    found = nothing.values(few)
    assert found["model.backbone.config_name"] == "resnet_tiny"
    assert (found["training.epochs"], found["training.batch_size"]) == (120, 4)
    assert found["evaluation.decoding.more_text"] == "zoo:latin"
    (said,) = nothing.remarks(few)
    assert "with 64 lines of one hand, a training from nothing came to a CER of 20%, one with --start zoo:latin" in said
    (said,) = nothing.remarks(Lines(70, "Greek"))
    assert said.endswith("yours may differ, and a model that reads such a script needs fewer lines (--start MODEL)")
    for lines in (Lines(), Lines(900, "Greek")):
        assert (nothing.values(lines), [*nothing.reasons(lines)], [*nothing.remarks(lines)]) == ({}, [], [])
    assert nothing.values(Lines(900, "Latin")).keys() == reading("Latin").keys()


def test_the_zoo_is_listed(table: Path) -> None:
    said = CliRunner().invoke(app, ["models"]).output
    assert said.startswith("zoo:small  0.")
    assert (
        "MB, on this machine\n    Reads little.\n    languages: eng; scripts: Latn\n    licence: MIT; sha256 " in said
    )
    assert "thulium init NAME --start zoo:small --from EXPORT" in said


@pytest.mark.parametrize("has_text", [True, False])
@pytest.mark.parametrize("start", ["zoo:latin-tiny", "zoo:latin-small"])
def test_what_is_expected_is_that_of_the_named_model(tmp_path: Path, start: str, has_text: bool) -> None:
    recipe = recipe_for(64)
    said = expected(recipe, bring(start, tmp_path).init_from, has_text=has_text)
    own, other = RATES[64][start], RATES[64]["nothing"]
    rates = (own.with_text, other.with_text) if has_text else (own.greedy, other.greedy)
    assert said == (
        f"what to expect: with 64 lines of a hand new to it, {start} came to a CER of {100 * rates[0]:.2g}%, a "
        f"training from nothing to {100 * rates[1]:.2g}%; yours may differ"
    )


def test_what_is_expected_of_another_model_is_that_of_the_zoo() -> None:
    said = expected(recipe_for(16), "models/my.safetensors", has_text=False)
    rate = f"{100 * RATES[16]['zoo:latin-small'].greedy:.2g}%"
    assert f"16 lines of a hand new to it, zoo:latin-small came to a CER of {rate}, a training from nothing to" in said


def test_lines_in_latin_script_are_read_with_a_language_model_and_the_text_of_the_zoo(
    table: Path, tmp_path: Path
) -> None:
    start = bring("zoo:small", tmp_path / "here")
    for script, is_read in (("Latin", True), ("Greek", False), ("", False)):
        found = values(start, Lines(64, script))
        assert found.get("evaluation.decoding.more_text") == ("zoo:latin" if is_read else None)
        assert [row for row in reasons(start, Lines(64, script)) if "zoo:latin" in row] != [] or not is_read
        said = " ".join(remarks(start, Lines(64, script)))
        assert ("what to expect" in said, "reads another script than" in said) == (script != "Greek", script == "Greek")
    lab_data.write_gt_txt(tmp_path / "export")
    done = init("letters", "--from", tmp_path / "export", "--start", "zoo:small")
    assert done.exit_code == 0, refusal(done)
    assert "evaluation.decoding: with a language model of your lines and of zoo:latin" in done.output
    decoding = load(Path("letters/params.yaml")).experiment.evaluation.decoding
    assert isinstance(decoding, BeamSpec)
    assert (decoding.language_model, decoding.more_text, decoding.beta) == ("train", "zoo:latin", 1.0)
    written = Path("letters/params.yaml").read_text()
    assert "# How long the n-grams of the model" in written
    assert "# Which characters are likely to follow each other" in written
