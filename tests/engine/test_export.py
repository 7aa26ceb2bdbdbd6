"""A model that was exported reads what it read before, and what it says of itself is enough to read with it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from copy import deepcopy
from dataclasses import asdict, replace
from types import SimpleNamespace

import lab
import lab_data
import lab_reading
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from thulium.cli.main import app
from thulium.data.charset import Charset
from thulium.data.text import plain
from thulium.models.file import save_model
from thulium.models.recogniser import Recogniser
from thulium.models.wrappers import HTRModel
from thulium_dsl.grammar.spec import (
    AttentionSpec,
    BilstmSpec,
    NoneSpec,
    Replacement,
    ResnetSpec,
    TransformerSpec,
    VggSpec,
)
from thulium_dsl.messages.problems import ThuliumError

EXAMPLE = lab.CHECKOUT / "examples" / "onnx" / "read.py"
NEEDED = ("onnx", "onnxruntime", "onnxscript")
BACKBONES = (
    ResnetSpec(type="resnet", config_name="resnet_tiny"),
    VggSpec(type="vgg", config_name="vgg_tiny"),
)
HEADS = (
    BilstmSpec(type="bilstm", hidden_size=16, num_layers=2, dropout=0.2),
    TransformerSpec(type="transformer", hidden_size=32, num_layers=2, num_heads=4, feedforward_size=64, dropout=0.1),
    NoneSpec(type="none"),
)


@pytest.fixture(scope="session")
def export():
    """The stage; the tests that need it are left out where its packages are not installed."""
    for name in NEEDED:
        pytest.importorskip(name, reason=f"{name} is not installed: pip install 'thulium[onnx]'")
    if not hasattr(torch.onnx, "ops"):
        pytest.skip(f"PyTorch {torch.__version__} is too old for the export")
    return importlib.import_module("thulium.stages.export")


@pytest.fixture(scope="session")
def example(export):
    spec = importlib.util.spec_from_file_location("read_onnx", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def recogniser(experiment):
    return lab_reading.reader(experiment)


@pytest.fixture(scope="session")
def graph(export, recogniser):
    """The graph of the one model that is traced: that takes seconds."""
    return export.graph_of(recogniser.model)


@pytest.fixture
def project(export, graph, recogniser, prepared, tmp_path, monkeypatch):
    """A folder with a model and its prepared lines, in which the export does not trace the model again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(export, "graph_of", lambda _: deepcopy(graph))
    save_model(recogniser.model, tmp_path / "best.safetensors")
    (tmp_path / "prepared").symlink_to(prepared)
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, ["export", "best.safetensors", *words])


def images():
    """Lines of many sizes and modes: narrow, wide, coloured, transparent, with little contrast."""
    drawn = [lab_data.draw_line(text) for text in ("a", "Anno 1742", "den 3. May", "two  hens", "Jan de Wit, his mark")]
    clear = drawn[1].convert("LA")
    clear.putalpha(drawn[1].point(lambda grey: 255 if grey < 200 else 0))
    faint = drawn[2].point(lambda grey: 200 + grey // 20)
    return [*drawn, clear, faint, drawn[3].convert("RGB"), drawn[4].resize((900, 30)), drawn[1].resize((7, 40))]


def test_log_probabilities_are_those_of_the_model_for_any_number_and_width_of_lines(graph, recogniser):
    compare_log_probabilities(graph, recogniser.model)


def compare_log_probabilities(graph, model):
    from thulium.stages.exporting.comparing import session_of

    session = session_of(graph.SerializeToString(), 1)
    noise = torch.Generator().manual_seed(1)
    for lengths in ([1], [333], [24, 200, 97], [901, 5, 640, 903, 77]):
        widths = torch.tensor(lengths)
        shape = (len(lengths), 1, model.preprocessing.height, max(lengths) + 3)
        pixels = torch.randint(0, 256, shape, generator=noise, dtype=torch.uint8)
        log_probs, frames = session.run(None, {"images": pixels.numpy(), "widths": widths.numpy()})
        with torch.inference_mode():
            output = model(pixels, widths)
        assert frames.tolist() == output.frames.tolist()
        for found, wanted, count in zip(log_probs, output.logits.log_softmax(2).numpy(), frames, strict=True):
            assert np.abs(found[:count] - wanted[:count]).max() < 1e-4


def test_both_files_are_written_and_what_was_compared_is_said(project):
    done = run("--quantize", "int8", "--output", "out/m.onnx")
    assert done.exit_code == 0, done.exception
    rows = done.stdout.splitlines()
    assert rows[0] == "compared on 6 validation lines of prepared"
    assert [row.split(":")[0] for row in rows[1:4]] == ["PyTorch", "ONNX Runtime, fp32", "ONNX Runtime, int8"]
    assert "lines/s on 1 thread; CER " in rows[1]
    assert "; 0 texts differ, log-probabilities by up to " in rows[2]
    assert rows[4].startswith("8 bits change the CER by ")
    assert [row.split(":")[0] for row in rows[5:]] == ["wrote out/m.onnx", "wrote out/m.int8.onnx"]
    first = (project / "out" / "m.onnx").read_bytes()
    assert run("--output", "out/m.onnx").exit_code == 0
    assert (project / "out" / "m.onnx").read_bytes() == first
    assert len(first) > (project / "out" / "m.int8.onnx").stat().st_size
    assert str(lab.CHECKOUT).encode() not in first
    assert b"site-packages" not in first


def test_the_example_reads_what_the_recogniser_reads(project, recogniser, example):
    assert run().exit_code == 0
    session, facts = example.open_model("best.onnx")
    wanted = [line.text for line in recogniser.read(images())]
    assert len(set(wanted)) > 5
    assert example.read(session, facts, images(), batch_size=3) == wanted
    Image.merge("RGB", [images()[1]] * 3).save("a.jpg")
    assert example.read(session, facts, ["a.jpg"]) == [line.text for line in recogniser.read(["a.jpg"])]
    assert facts["model_sha256"] == hashlib.sha256((project / "best.safetensors").read_bytes()).hexdigest()
    assert (facts["order"], facts["stride"], facts["precision"]) == ("logical", 4, "fp32")


@pytest.mark.parametrize("text", ["שלום עולם", "abc שלום", "שלום (3) abc", "abc"])
@pytest.mark.parametrize("order", ["logical", "visual_ltr", "visual_rtl"])
def test_the_example_gives_back_the_reading_order_and_keeps_the_text_rules(example, experiment, text, order):
    rules = replace(plain("NFC"), whitespace="strip", on_unknown="map", map=(Replacement(find="b", replace=" β"),))
    charset = Charset(tuple(sorted(set(text + "()b "))), blank_index=2, order=order)
    model = SimpleNamespace(charset=charset, text=rules)
    classes = [place for each in charset.encode(f" {text} ") for place in (each, each, charset.blank_index)]
    facts = {"charset": charset.symbols, "blank": 2, "order": order, "text": json.loads(json.dumps(asdict(rules)))}
    wanted = Recogniser(model, None).text_of(SimpleNamespace(classes=charset.encode(f" {text} ")))
    assert example.text_of(np.array(classes), facts) == wanted


def test_a_model_that_would_read_otherwise_is_not_written(project, export, graph, monkeypatch):
    import onnx

    changed = deepcopy(graph)
    for weight in changed.graph.initializer:
        if weight.name.startswith("classify"):
            values = onnx.numpy_helper.to_array(weight)
            weight.CopyFrom(onnx.numpy_helper.from_array(-values, weight.name))
    monkeypatch.setattr(export, "graph_of", lambda _: changed)
    said = str(run("--quantize", "int8").exception)
    assert "best.safetensors: ONNX Runtime reads " in said
    assert " of 6 lines otherwise than PyTorch, such as val-0000" in said
    assert "nothing was written\n  help: " in said
    assert list(project.glob("*.onnx")) == []


def test_a_model_alone_is_tried_on_made_up_lines_and_images_can_be_named(project, monkeypatch):
    from thulium.stages.exporting import lines

    monkeypatch.setattr(lines, "MADE_UP", 4)
    (project / "prepared").unlink()
    alone = run().stdout
    assert alone.startswith("compared on 4 made-up lines since no prepared ones are near\n")
    assert "CER" not in alone
    (project / "some").mkdir()
    lab_data.draw_line("Anno").save(project / "some" / "a.png")
    assert run("--check", "some").stdout.startswith("compared on 1 line of some\n")


def test_lines_that_were_prepared_for_another_model_are_not_compared_on(project, prepared, monkeypatch):
    from thulium.stages.exporting import lines

    monkeypatch.setattr(lines, "MADE_UP", 4)
    (project / "prepared").unlink()
    (project / "prepared").mkdir()
    manifest = json.loads((prepared / "prepared.json").read_text(encoding="utf-8"))
    manifest["preprocessing"]["height"] = 32
    (project / "prepared" / "prepared.json").write_text(json.dumps(manifest))
    done = run()
    assert "4 made-up lines" in done.stdout
    assert "note: not compared on what is near: prepared: was prepared otherwise" in done.stderr
    said = str(run("--check", "prepared").exception)
    assert "prepared: was prepared otherwise than the model reads (height 32, not 24): name its own lines" in said


def test_a_file_of_another_origin_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "best.int8.onnx").write_bytes(b"mine")
    said = str(run("--quantize", "int8").exception)
    assert "best.int8.onnx: was not written by `thulium export`, and would be replaced" in said
    assert (tmp_path / "best.int8.onnx").read_bytes() == b"mine"


def test_attention_is_refused_with_what_to_do(export, experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    decoder = AttentionSpec(type="attention", blank_index=0, hidden_size=8, ctc_weight=0.3)
    model = HTRModel(replace(experiment.model, decoder=decoder), Charset(tuple("ab")), experiment.preprocessing)
    save_model(model, tmp_path / "best.safetensors")
    said = str(run().exception)
    assert said.startswith("best.safetensors: its decoder is attention, which writes symbol after symbol: only CTC")
    assert "help: train with model.decoder.type: ctc" in said
    assert list(tmp_path.glob("*.onnx")) == []


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_package_is_said_with_its_extra(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module in list(sys.modules):
        if module.startswith(("thulium.stages.export", "thulium.stages.exporting.")):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    said = run().exception
    assert isinstance(said, ThuliumError)
    assert str(said).startswith("'thulium export' needs the package onnx")
    assert str(said).endswith("which is not installed: pip install 'thulium[onnx]'")


@pytest.mark.long
@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.type)
@pytest.mark.parametrize("backbone", BACKBONES, ids=lambda backbone: backbone.type)
def test_every_backbone_and_head_is_exported(backbone, head, export, experiment):
    torch.manual_seed(1)
    spec = replace(experiment.model, backbone=backbone, head=head)
    model = HTRModel(spec, Charset(tuple("abc")), experiment.preprocessing).eval()
    compare_log_probabilities(export.graph_of(model), model)
