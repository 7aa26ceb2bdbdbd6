"""An attention decoder: it writes one symbol after the other, and looks at the frames before each.

B lines, T frames, C features, K classes (symbols and one that ends a line, in place of CTC's blank), S steps. CTC
beside it is an auxiliary loss, which teaches the frames early what to look for, and what a beam search reads in.

Source: the location-aware attention of Chorowski et al. 2015, the CTC beside it after Kim et al. 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from thulium.data.batch import Targets
from thulium.decoding.hypothesis import Hypothesis, Search
from thulium.models.decoders.base import Decoder, Features, Output

WINDOW = 15  # frames around it that an attention weight is told the last weights of
FILTERS = 8
IGNORED = -100  # steps beyond the end of a line


@dataclass(frozen=True)
class AttentionOutput(Output):
    """What the decoder computes of some lines.

    Attributes:
        written: (B, S, K) scores of the next class after each symbol of the targets; None without targets.
    """

    written: Tensor | None = None


class AttentionDecoder(Decoder[AttentionOutput]):
    """Writes a line symbol by symbol; ``blank_index`` is the class that begins and ends a line."""

    alphabet = ("classify", "embed", "write")

    def __init__(
        self, head_features: int, *, num_classes: int, blank_index: int, hidden_size: int, ctc_weight: float
    ) -> None:
        super().__init__()
        self.blank_index, self.ctc_weight = blank_index, ctc_weight
        self.classify = nn.Linear(head_features, num_classes)
        self.embed = nn.Embedding(num_classes, hidden_size)
        self.cell = nn.GRUCell(hidden_size + head_features, hidden_size)
        self.keys = nn.Linear(head_features, hidden_size)
        self.query = nn.Linear(hidden_size, hidden_size, bias=False)
        self.location = nn.Conv1d(2, FILTERS, WINDOW, padding=WINDOW // 2, bias=False)
        self.place = nn.Linear(FILTERS, hidden_size, bias=False)
        self.energy = nn.Linear(hidden_size, 1, bias=False)
        self.write = nn.Linear(hidden_size + head_features, num_classes)

    def forward(self, features: Features, targets: Targets | None = None) -> AttentionOutput:
        """Logits of each frame; and, where targets are there, of each symbol after those before it."""
        logits = self.classify(features.head)
        if targets is None:
            return AttentionOutput(logits, features)
        shown = self._padded(targets, self.blank_index).to(logits.device, non_blocking=True)
        begin = torch.full_like(shown[:, :1], self.blank_index)
        with torch.autocast(
            logits.device.type, enabled=False
        ):  # sums over many steps; and the cell takes one type only
            steps = _Steps(self, features)
            written = [steps.next(symbols) for symbols in torch.cat([begin, shown], dim=1).unbind(1)]
        return AttentionOutput(logits, features, torch.stack(written, dim=1))

    def frames_needed(self, classes: Sequence[int]) -> int:
        """One: how long a text is does not depend on the frames. CTC leaves out what it cannot write."""
        return 1

    def loss(self, output: AttentionOutput, targets: Targets, frames: Tensor, num_symbols: int) -> Tensor:
        """Nats a symbol, the end of a line included, and its share of CTC's."""
        if output.written is None:
            raise ValueError("the loss of an attention decoder needs the output of the same targets")
        device, divisor = output.logits.device, max(1, num_symbols)
        ends = torch.full((len(targets.lengths), 1), IGNORED)
        wanted = torch.cat([self._padded(targets, IGNORED), ends], dim=1)
        wanted[torch.arange(len(wanted)), targets.lengths] = self.blank_index
        scores = output.written.transpose(1, 2)
        own = functional.cross_entropy(scores, wanted.to(device), ignore_index=IGNORED, reduction="sum") / divisor
        log_probs = functional.log_softmax(output.logits.float(), dim=2).transpose(0, 1)
        ctc = functional.ctc_loss(
            log_probs,
            targets.classes.to(device),
            frames,
            targets.lengths,
            blank=self.blank_index,
            reduction="sum",
            zero_infinity=True,
        )
        return (1 - self.ctc_weight) * own + self.ctc_weight * (ctc / divisor)

    def read(
        self, output: AttentionOutput, search: Search | None = None, *, in_detail: bool = False
    ) -> list[Hypothesis]:
        """The likeliest symbol after each other one; a search looks in the logits of the CTC beside it."""
        if search is not None:
            return search(output.logits, output.frames, self.blank_index, in_detail=in_detail)
        steps = _Steps(self, output.features)
        symbols = torch.full((len(output.logits),), self.blank_index, device=output.logits.device)
        is_open = torch.ones_like(symbols, dtype=torch.bool)
        found = [_Written() for _ in symbols]
        for number in range(int(output.frames.max())):  # no line has more symbols than frames
            best = steps.next(symbols).softmax(dim=1).max(dim=1)
            symbols = best.indices
            is_open = is_open & (number < output.frames)
            seen = steps.weights.argmax(dim=1)
            columns = zip(is_open.tolist(), symbols.tolist(), best.values.tolist(), seen.tolist(), strict=True)
            for line, (is_read, symbol, confidence, frame) in zip(found, columns, strict=True):
                if is_read and symbol == self.blank_index:
                    line.end = confidence
                elif is_read:
                    line.classes.append(symbol)
                    line.confidences.append(confidence)
                    line.frames.append(frame)
            is_open = is_open & (symbols != self.blank_index)
            if not is_open.any():
                break
        return [line.hypothesis(in_detail=in_detail) for line in found]

    def _padded(self, targets: Targets, value: int) -> Tensor:
        """(B, S) the classes of each line, filled up with a value."""
        lines = targets.classes.split(targets.lengths.tolist())
        return nn.utils.rnn.pad_sequence(list(lines), batch_first=True, padding_value=value)


class _Steps:
    """A line that is being written: what was written last, and where the decoder looked.

    Attributes:
        weights: (B, T) of the last step.
    """

    def __init__(self, decoder: AttentionDecoder, features: Features) -> None:
        self.decoder, self.features = decoder, features.head.float()
        size, length, _ = self.features.shape
        self.keys = decoder.keys(self.features)
        self.is_padding = torch.arange(length, device=self.features.device) >= features.frames[:, None]
        self.weights = self.features.new_zeros(size, length)
        self.sums = self.features.new_zeros(size, length)
        self.state = self.features.new_zeros(size, decoder.cell.hidden_size)
        self.seen = self.features.new_zeros(size, self.features.shape[2])

    def next(self, symbols: Tensor) -> Tensor:
        """(B, K) scores of what follows the symbols (B,)."""
        decoder = self.decoder
        self.state = decoder.cell(torch.cat([decoder.embed(symbols), self.seen], dim=1), self.state)
        places = decoder.location(torch.stack([self.weights, self.sums], dim=1)).transpose(1, 2)
        looked = torch.tanh(self.keys + decoder.query(self.state)[:, None] + decoder.place(places))
        energies = decoder.energy(looked).squeeze(2).masked_fill(self.is_padding, -torch.inf)
        self.weights = energies.softmax(dim=1)
        self.sums = self.sums + self.weights
        self.seen = torch.bmm(self.weights[:, None], self.features).squeeze(1)
        scores: Tensor = decoder.write(torch.cat([self.state, self.seen], dim=1))
        return scores


@dataclass
class _Written:
    """A line as far as it is written.

    Attributes:
        end: how likely it was that the line ended where it does; 1 where it had no more frames.
    """

    classes: list[int] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    end: float = 1.0

    def hypothesis(self, *, in_detail: bool) -> Hypothesis:
        """As a reading; its score is of all symbols and of the end of the line."""
        if not in_detail:
            return Hypothesis(tuple(self.classes))
        score = float(torch.tensor([*self.confidences, self.end]).log().sum())
        spans = tuple((frame, frame + 1) for frame in self.frames)
        return Hypothesis(tuple(self.classes), score, tuple(self.confidences), spans)
