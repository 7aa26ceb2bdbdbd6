"""export: a model file becomes one of ONNX, if that reads the same."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from thulium.models.file import load_model
from thulium.models.recogniser import Recogniser
from thulium.runtime import device as devices
from thulium.runtime.errors import CheckpointError, DataError, visible
from thulium.runtime.files import replace_bytes
from thulium.stages.exporting.comparing import PYTORCH, Read, compare
from thulium.stages.exporting.facts import facts_of, packed
from thulium.stages.exporting.graph import check, graph_of
from thulium.stages.exporting.lines import Lines, lines_for

# What is computed in 8 bits. Convolutions are not: ONNX Runtime is no faster with them then (docs/guides/onnx.md).
QUANTIZED = ["LSTM", "MatMul", "Gemm"]
FP32, INT8 = "fp32", "int8"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written and how it reads.

    Attributes:
        sizes: bytes of each file written.
        lines: what the model was tried on.
        read: the lines as each way read them: PyTorch, fp32, and int8 where it was asked for.
        threads: that each of them had.
    """

    sizes: dict[Path, int]
    lines: Lines
    read: dict[str, Read]
    threads: int


def export_onnx(
    *, model_file: Path, output: Path, int8_output: Path | None, check_on: Path | None, near: Iterable[Path]
) -> Exported:
    """Write a model as a file of ONNX, after both have read the same lines.

    Args:
        output: the file to write, in 32 bits.
        int8_output: the file for the same in 8 bits, if there is to be one. Its texts may differ.
        check_on: lines to read; see ``lines_for``.
        near: folders that may hold the model's prepared lines.

    Raises:
        CheckpointError: the model file cannot be read or exported, or a text differs; then nothing is written.
        DataError: the lines cannot be read.
    """
    model, _ = load_model(model_file)
    try:
        check(model)
    except CheckpointError as error:
        raise CheckpointError(f"{model_file}: {error}") from None
    lines = lines_for(model, check_on, near)
    graph, facts = graph_of(model), facts_of(model, model_file)
    files = {FP32: packed(graph, facts | {"precision": FP32})}
    if int8_output:
        files[INT8] = packed(in_8_bits(graph), facts | {"precision": INT8})
    recogniser = Recogniser(model, devices.choose("cpu", mixed_precision=False), rules=lines.rules)
    read = compare(recogniser, files, lines)
    if not read[FP32].results:
        raise DataError(
            f"there is no {lines.kind} {lines.origin} to compare on: name a folder that has some with --check"
        )
    _refuse_differing(model_file, read)
    targets = {FP32: output, INT8: int8_output}
    sizes = {}
    for name, content in files.items():
        path = targets[name]
        assert path is not None, "int8 is there only where it was asked for"
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, content)
        sizes[path] = len(content)
    return Exported(sizes, lines, read, torch.get_num_threads())


def _refuse_differing(model_file: Path, read: dict[str, Read]) -> None:
    differing = read[PYTORCH].differing(read[FP32])
    if not differing:
        return
    ours, theirs = differing[0]
    raise CheckpointError(
        f"{model_file}: ONNX Runtime reads {len(differing)} of {len(read[FP32].results)} lines otherwise than PyTorch, "
        f"such as {visible(ours.id)}: '{visible(theirs.prediction)}' instead of '{visible(ours.prediction)}'; "
        f"log-probabilities differ by up to {read[FP32].deviation:.1g}; nothing was written\n"
        "  help: a model that has hardly learned may waver between two symbols: train it longer; otherwise try another "
        "version of onnxruntime"
    )


def in_8_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model whose sequence model and last layer are computed in 8 bits, scaled by each line's own values."""
    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)  # it recommends a preparation that changes nothing here
    try:
        with tempfile.TemporaryDirectory(prefix="thulium-") as folder:
            path = Path(folder) / "int8.onnx"
            quantize_dynamic(model, path, op_types_to_quantize=QUANTIZED, per_channel=True, weight_type=QuantType.QInt8)
            return onnx.load(path)
    finally:
        log.setLevel(level)
