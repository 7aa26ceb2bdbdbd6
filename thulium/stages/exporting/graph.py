"""A model as a graph of ONNX. B lines, H and W pixels, T frames, K classes.

The graph computes what ``HTRModel`` does when it reads, with dynamic B and W. Each layer of a BiLSTM becomes one
operator of ONNX that is told the lengths of the lines: as a trace of ours it would be a loop, or two LSTMs and four
gathers, and slower than PyTorch.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import onnx
import onnxscript  # torch asks for it when it exports; a missing one is said at once
import torch
from torch import Tensor, nn

from thulium.models.decoders.ctc import CtcDecoder
from thulium.models.heads.bilstm import BiLstm
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import CheckpointError, MissingPackage

OPSET = 20  # of ONNX; ONNX Runtime has known it since 1.17
INPUTS, OUTPUTS = ("images", "widths"), ("log_probs", "frames")
PRODUCER = "thulium export"  # stands in the head of each file that the command writes


def graph_of(model: HTRModel) -> onnx.ModelProto:
    """A model that was read from a file, without facts.

    Its inputs are images (B, 1, H, W) uint8 and widths (B,) int64, as those of the model. Its outputs are log_probs
    (B, T, K) float32, natural logarithms of probabilities, and frames (B,) int64; later frames mean nothing.

    Raises:
        CheckpointError: ONNX has no graph for its decoder.
        MissingPackage: PyTorch is too old.
    """
    check(model)
    return _tidied(_traced(Graph(model).eval(), model.preprocessing.height))


def _traced(graph: nn.Module, height: int) -> onnx.ModelProto:
    example = (torch.zeros(2, 1, height, 8 * height, dtype=torch.uint8), torch.tensor([8 * height, 5 * height]))
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                graph,
                example,
                input_names=INPUTS,
                output_names=OUTPUTS,
                opset_version=OPSET,
                dynamic_shapes=({0: "batch", 3: "width"}, {0: "batch"}),
                dynamo=True,
                verbose=False,
            )
    except ModuleNotFoundError as error:  # each PyTorch asks for a part of onnxscript that older ones do not have
        versions = f"onnxscript {onnxscript.__version__} and PyTorch {torch.__version__} do not fit each other"
        raise MissingPackage(f"{versions} ({error}): `pip install --upgrade onnxscript`") from None
    assert program is not None, "what dynamo exports is a program"
    return program.model_proto


def check(model: HTRModel) -> None:
    """Refuse what cannot be exported; see ``graph_of``."""
    _ctc(model)
    if not hasattr(torch.onnx, "ops"):
        raise MissingPackage(f"the export needs PyTorch 2.8 or newer, and this is {torch.__version__}: update it")


def _ctc(model: HTRModel) -> CtcDecoder:
    if not isinstance(model.decoder, CtcDecoder):
        raise CheckpointError(
            f"its decoder is {model.spec.decoder.type}, which writes symbol after symbol: only CTC can be exported\n"
            "  help: train with model.decoder.type: ctc; with training.init_from it starts with this backbone and head"
        )
    return model.decoder


class Graph(nn.Module):
    """What is exported: the parts of a model that read, with the same weights."""

    def __init__(self, model: HTRModel) -> None:
        super().__init__()
        self.backbone = model.backbone
        self.head = Lstm(model.head) if isinstance(model.head, BiLstm) else model.head
        self.classify = _ctc(model).classify

    def forward(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """As ``HTRModel.forward``, but for numbers of 8 bits, with which ONNX Runtime does not reckon."""
        columns = torch.arange(images.shape[-1])
        ink = (255 - images.float()).where(columns < widths[:, None, None, None], 0.0).div(255)
        features, frames = self.backbone(ink, widths)
        return self.classify(self.head(features, frames)).log_softmax(dim=2), frames


class Lstm(nn.Module):
    """The layers of a BiLSTM as operators of ONNX, which want their weights in another order."""

    def __init__(self, head: BiLstm) -> None:
        super().__init__()
        self.hidden_size = head.out_features // 2
        pairs = list(zip(head.forwards, head.backwards, strict=True))
        self.inputs = nn.ParameterList(_stacked(pair, lambda lstm: _gates(lstm.weight_ih_l0)) for pair in pairs)
        self.hidden = nn.ParameterList(_stacked(pair, lambda lstm: _gates(lstm.weight_hh_l0)) for pair in pairs)
        self.biases = nn.ParameterList(
            _stacked(pair, lambda lstm: torch.cat([_gates(lstm.bias_ih_l0), _gates(lstm.bias_hh_l0)])) for pair in pairs
        )

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C'), 0 in the padding."""
        x, lengths = x.transpose(0, 1), frames.to(torch.int32)
        for weights in zip(self.inputs, self.hidden, self.biases, strict=True):
            num_frames, num_lines = x.shape[:2]
            both = torch.onnx.ops.symbolic(
                "LSTM",
                (x, *weights, lengths),
                {"hidden_size": self.hidden_size, "direction": "bidirectional"},
                dtype=x.dtype,
                shape=(num_frames, 2, num_lines, self.hidden_size),
            )
            x = both.transpose(1, 2).flatten(2)
        return x.transpose(0, 1)


def _stacked(pair: tuple[Any, Any], part: Callable[[Any], Tensor]) -> nn.Parameter:
    return nn.Parameter(torch.stack([part(lstm) for lstm in pair]).detach(), requires_grad=False)


def _gates(weight: Tensor) -> Tensor:
    """Rows in the order of ONNX (input, output, forget, cell); torch has input, forget, cell, output."""
    enter, forget, cell, out = weight.detach().chunk(4)
    return torch.cat([enter, out, forget, cell])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch says of packages and names that are not ours."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _tidied(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the places of this machine's files that torch notes down, and with a name for the number of frames."""
    graph = model.graph
    for noted in (*graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output, graph):
        del noted.metadata_props[:]
        noted.doc_string = ""
    graph.output[0].type.tensor_type.shape.dim[1].dim_param = "frames"
    graph.name = "thulium"
    return model
