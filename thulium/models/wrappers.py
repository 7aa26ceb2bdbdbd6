"""HTRModel: backbone, head and decoder as one model that knows its alphabet and its preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from thulium.data.batch import Batch
from thulium.data.charset import Charset
from thulium.data.text import plain
from thulium.models import backbones, decoders, heads
from thulium.models.decoders import ctc
from thulium.models.masks import shrink
from thulium.models.span_mask import SpanMask
from thulium_dsl.grammar.spec import ModelSpec, PreprocessingSpec, TextSpec


@dataclass(frozen=True)
class Output:
    """What the model computes of a batch. B lines, T frames, K classes.

    Attributes:
        logits: (B, T, K); frames beyond a line's own mean nothing.
        shortcut: (B, T, K) straight from the backbone, while training.
        frames: (B,) in use.
    """

    logits: Tensor
    shortcut: Tensor | None
    frames: Tensor


@dataclass(frozen=True)
class Targets:
    """What a model should write of some lines. B lines, L symbols in all of them.

    Attributes:
        classes: (L,) of all lines, one after the other.
        lengths: (B,) symbols of each line.
        frames: (B,) that the model has for it.
        fits: (B,) whether the line can be written in its frames; one that cannot counts in no loss.
    """

    classes: Tensor
    lengths: Tensor
    frames: Tensor
    fits: Tensor

    @property
    def num_symbols(self) -> int:
        """Of the lines that fit: what their loss is divided by."""
        return int(self.lengths[self.fits].sum())


class HTRModel(nn.Module):
    """A handwritten text recognition model.

    Attributes:
        spec: the document's model section.
        charset: the alphabet that it writes.
        preprocessing: what is done to a line image before it is read.
        text: what is done to a transcription, and to a prediction before the two are compared.
    """

    def __init__(
        self, spec: ModelSpec, charset: Charset, preprocessing: PreprocessingSpec, text: TextSpec | None = None
    ) -> None:
        super().__init__()
        self.text = text or plain("NFC")
        self.spec, self.charset, self.preprocessing = spec, charset, preprocessing
        self.backbone = backbones.build(spec.backbone)
        self.span_mask = (
            SpanMask(self.backbone.out_features, share=spec.span_mask.share, length=spec.span_mask.length)
            if spec.span_mask.share
            else None
        )
        self.head = heads.build(spec.head, self.backbone.out_features)
        self.decoder = decoders.build(
            spec.decoder,
            head_features=self.head.out_features,
            backbone_features=self.backbone.out_features,
            num_classes=charset.num_classes,
        )

    @classmethod
    def from_config(cls, path: str | Path) -> HTRModel:
        """An untrained model as a document describes it, its alphabet found in its training lines or given.

        Args:
            path: a document; a ``data.yaml`` beside it may supply the dataset and preprocessing sections.

        Raises:
            DocumentError: the document has problems.
            DataError: its training lines cannot be read.
        """
        from thulium.ingest.texts import training_texts  # late: training does without it
        from thulium.runtime.documents import load

        experiment = load(path)
        rules, blank = experiment.dataset.text, experiment.model.decoder.blank_index
        texts = training_texts(experiment.dataset, experiment.preprocessing)
        charset = Charset.from_document(rules, texts, blank)
        torch.manual_seed(experiment.training.seed)
        return cls(experiment.model, charset, experiment.preprocessing, rules)

    @property
    def num_parameters(self) -> int:
        """Trained values."""
        return sum(parameter.numel() for parameter in self.parameters())

    def frames(self, widths: Tensor) -> Tensor:
        """Frames that lines of the given widths (pixels) get."""
        return shrink(widths, self.backbone.stride)

    def forward(self, images: Tensor, widths: Tensor) -> Output:
        """Read lines.

        Args:
            images: (B, 1, H, W) uint8, 0 is black; what lies beyond a line's width is not read.
            widths: (B,) pixels in use, on any device.
        """
        widths = widths.to(images.device, non_blocking=True)
        columns = torch.arange(images.shape[-1], device=images.device)
        ink = (255 - images).where(columns < widths[:, None, None, None], 0).float().div(255)
        ink = ink.to(memory_format=torch.channels_last)
        features, frames = self.backbone(ink, widths)
        shown = self.span_mask(features, frames) if self.span_mask else features
        logits, shortcut = self.decoder(self.head(shown, frames), features)
        return Output(logits, shortcut, frames)

    def targets(self, batch: Batch) -> Targets:
        """What the model should write of a batch; symbols that the charset does not have are left out.

        All of it is on the CPU: CTC reads lengths there, and fetching them would wait for the device at every step.
        """
        encoded = [self.charset.encode(text) for text in batch.texts]
        classes = torch.tensor([c for line in encoded for c in line], dtype=torch.long)
        lengths = torch.tensor([len(line) for line in encoded], dtype=torch.long)
        frames = self.frames(batch.widths)
        return Targets(classes, lengths, frames, ctc.fits(encoded, frames))

    def loss(self, batch: Batch, output: Output, num_symbols: int | None = None) -> Tensor:
        """The training loss of a batch, in nats a symbol.

        Lines that do not fit their frames, and symbols that the charset does not have, do not count.

        Args:
            num_symbols: what to divide by, where the lines are a part of a batch; their own symbols if absent.
        """
        targets = self.targets(batch)
        classes = targets.classes.to(output.logits.device, non_blocking=True)
        divisor = targets.num_symbols if num_symbols is None else num_symbols
        return self.decoder.loss(output.logits, output.shortcut, targets.frames, classes, targets.lengths, divisor)
