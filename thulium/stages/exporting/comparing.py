"""Lines read twice, by PyTorch and by ONNX Runtime, and what differs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from thulium.data.batch import Batch
from thulium.decoding.ctc.greedy import best_path
from thulium.evaluation.metrics import LineResult, score
from thulium.models.recogniser import Recogniser
from thulium.runtime.progress import track
from thulium.stages.exporting.graph import INPUTS, OUTPUTS
from thulium.stages.exporting.lines import Lines

PYTORCH = "PyTorch"  # the way to read that the others are compared with


@dataclass(frozen=True, slots=True)
class Read:
    """Lines as they were read in one way.

    Attributes:
        results: one a line, in one order for all ways; the transcription is empty where nobody has written one.
        seconds: that the model and the search for the text took.
        deviation: the most by which a log-probability differs from PyTorch's, nats.
    """

    results: tuple[LineResult, ...]
    seconds: float
    deviation: float

    @property
    def cer(self) -> float:
        """Character error rate, nan without transcriptions."""
        return score(self.results).cer

    def differing(self, other: Read) -> list[tuple[LineResult, LineResult]]:
        """The lines that were read otherwise than in another way, as both read them."""
        pairs = zip(self.results, other.results, strict=True)
        return [(mine, theirs) for mine, theirs in pairs if mine.prediction != theirs.prediction]


def session_of(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    """ONNX Runtime with a file's model, on the processor, with so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def compare(recogniser: Recogniser, files: Mapping[str, bytes], lines: Lines) -> dict[str, Read]:
    """Read lines with PyTorch and with exported files, batch by batch in turns, so that a busy machine is so for all.

    Args:
        recogniser: on the processor, with the rules for the texts.
        files: an exported model by its name.

    Returns:
        What was read by each name, and by PYTORCH.
    """
    sessions = {name: session_of(content, torch.get_num_threads()) for name, content in files.items()}
    found = {name: Reader(recogniser, session) for name, session in {PYTORCH: None, **sessions}.items()}
    is_warm = False
    for batch in track(lines.batches, "reading"):
        if not is_warm:  # what is prepared at the first call is no part of the pace
            for reader in found.values():
                reader.log_probs(batch)
            is_warm = True
        reference = found[PYTORCH].read(batch)
        for name in sessions:
            found[name].read(batch, reference)
    return {name: reader.end() for name, reader in found.items()}


class Reader:
    """Reads in one way, and keeps what it has read."""

    def __init__(self, recogniser: Recogniser, session: onnxruntime.InferenceSession | None) -> None:
        self.recogniser, self.session = recogniser, session
        self.results: list[LineResult] = []
        self.seconds = self.deviation = 0.0

    def read(self, batch: Batch, reference: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
        """Read a batch; its log-probabilities (B, T, K), compared with others if there are some."""
        start = time.perf_counter()
        log_probs, frames = self.log_probs(batch)
        texts = self._texts(log_probs, frames)
        self.seconds += time.perf_counter() - start
        rows = zip(batch.ids, batch.texts, texts, strict=True)
        self.results += [LineResult(line_id, "", text, found) for line_id, text, found in rows]
        if reference is not None:
            in_use = np.arange(log_probs.shape[1]) < frames[:, None]
            self.deviation = max(self.deviation, float(np.abs(log_probs - reference)[in_use].max(initial=0)))
        return log_probs

    @torch.inference_mode()
    def log_probs(self, batch: Batch) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Log-probabilities (B, T, K) and frames (B,)."""
        if self.session is None:
            output = self.recogniser.output(batch)
            return output.logits.log_softmax(dim=2).numpy(), output.frames.numpy()
        inputs = dict(zip(INPUTS, (batch.images.numpy(), batch.widths.numpy()), strict=True))
        log_probs, frames = self.session.run(OUTPUTS, inputs)
        return log_probs, frames

    def _texts(self, log_probs: npt.NDArray[np.float32], frames: npt.NDArray[np.int64]) -> Sequence[str]:
        blank = self.recogniser.model.charset.blank_index
        lines = best_path(torch.from_numpy(log_probs), torch.from_numpy(frames), blank)
        return [self.recogniser.text_of(line) for line in lines]

    def end(self) -> Read:
        return Read(tuple(self.results), self.seconds, self.deviation)
