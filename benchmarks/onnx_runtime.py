"""Lines/s of PyTorch and of ONNX Runtime on one thread, and the CER of each: make bench-onnx MODEL=file DATA=prepared.

Each way reads all validation lines in turns, and its CPU time counts: other programs change that little.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from thulium.models.file import load_model
from thulium.models.recogniser import Recogniser
from thulium.runtime import device as devices
from thulium.stages.export import in_8_bits
from thulium.stages.exporting.comparing import PYTORCH, Reader, session_of
from thulium.stages.exporting.graph import graph_of
from thulium.stages.exporting.lines import lines_for

ROUNDS = 3


def main(model_file: Path, prepared: Path) -> None:
    torch.set_num_threads(1)
    model, _ = load_model(model_file)
    lines = lines_for(model, prepared, [])
    recogniser = Recogniser(model, devices.choose("cpu", mixed_precision=False), rules=lines.rules)
    graph = graph_of(model)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.onnx"  # signed weights in convolutions take three times as long
        quantize_dynamic(graph, whole, per_channel=False, weight_type=QuantType.QUInt8)
        files = {
            "fp32": graph.SerializeToString(),
            "int8": in_8_bits(graph).SerializeToString(),
            "int8, convolutions too": whole.read_bytes(),
        }
    sessions = {PYTORCH: None, **{name: session_of(content, 1) for name, content in files.items()}}
    batches = list(lines.batches)
    seconds: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(ROUNDS + 1):  # the first warms up
        read = {}
        for name, session in sessions.items():
            reader = Reader(recogniser, session)
            start = time.process_time()
            for batch in batches:
                reader.read(batch)
            seconds[name].append(time.process_time() - start)
            read[name] = reader.end()
    print("| | lines/s | against PyTorch | CER | texts that differ | MB |\n|---|---|---|---|---|---|")
    for name, times in seconds.items():
        pace = len(read[name].results) / statistics.median(times[1:])
        ratio = statistics.median(a / b for a, b in zip(seconds[PYTORCH][1:], times[1:], strict=True))
        differing = len(read[PYTORCH].differing(read[name]))
        size = f"{len(files[name]) / 1e6:.1f}" if name in files else f"{model_file.stat().st_size / 1e6:.1f}"
        print(f"| {name} | {pace:.0f} | {ratio:.2f} | {read[name].cer:.2%} | {differing} | {size} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
