"""HTRModel: backbone, head and decoder as one model that knows its alphabet and its preprocessing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from thulium.data.batch import Batch, Targets
from thulium.data.charset import Charset
from thulium.data.text import plain
from thulium.decoding.hypothesis import Hypothesis, Search
from thulium.models import backbones, decoders, heads
from thulium.models.calibration import Calibration
from thulium.models.decoders.base import Features, Output
from thulium.models.masks import shrink
from thulium.models.own_lines import OwnLines
from thulium.models.span_mask import SpanMask
from thulium_dsl.grammar.spec import ModelSpec, PreprocessingSpec, TextSpec


class HTRModel(nn.Module):
    """A handwritten text recognition model.

    Attributes:
        spec: the document's model section.
        charset: the alphabet that it writes.
        preprocessing: what is done to a line image before it is read.
        text: what is done to a transcription, and to a prediction before the two are compared.
        calibration: what its confidences mean, for the weights that it has; None: nobody has measured that.
        own_lines: how sure it is of the validation lines of its training; None as well.
    """

    calibration: Calibration | None
    own_lines: OwnLines | None

    def __init__(
        self, spec: ModelSpec, charset: Charset, preprocessing: PreprocessingSpec, text: TextSpec | None = None
    ) -> None:
        super().__init__()
        self.text = text or plain("NFC")
        self.calibration, self.own_lines = None, None
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

    def forward(self, images: Tensor, widths: Tensor, targets: Targets | None = None) -> Output:
        """Look at lines.

        Args:
            images: (B, 1, H, W) uint8, 0 is black; what lies beyond a line's width is not read.
            widths: (B,) pixels in use.
            targets: what should be written, where that is known; only some decoders look at it.
        """
        output: Output = self.decoder(self.features(images, widths), targets)
        return output

    def features(self, images: Tensor, widths: Tensor) -> Features:
        """What the decoder is given of lines; the arguments of ``forward``."""
        widths = widths.to(images.device, non_blocking=True)
        columns = torch.arange(images.shape[-1], device=images.device)
        ink = (255 - images).where(columns < widths[:, None, None, None], 0).float().div(255)
        ink = ink.to(memory_format=torch.channels_last)
        features, frames = self.backbone(ink, widths)
        shown = self.span_mask(features, frames) if self.span_mask else features
        return Features(self.head(shown, frames), features, frames)

    def targets(self, batch: Batch) -> Targets:
        """What the model should write of a batch; symbols that the charset does not have are left out."""
        return batch.targets or Targets.of([self.charset.encode(text) for text in batch.texts])

    def with_targets(self, batch: Batch) -> Batch:
        """The same batch with its targets, so that its texts are encoded once."""
        return replace(batch, targets=self.targets(batch))

    def fits(self, batch: Batch) -> Tensor:
        """(B,) whether each line's transcription can be written at all."""
        return self.decoder.fits(self.targets(batch), self.frames(batch.widths))

    def num_symbols(self, batch: Batch) -> int:
        """Of the lines that fit: what their loss is divided by."""
        return int(self.targets(batch).lengths[self.fits(batch)].sum())

    def loss(self, batch: Batch, output: Output, num_symbols: int | None = None) -> Tensor:
        """The training loss of a batch, in nats a symbol.

        Lines that do not fit their frames, and symbols that the charset does not have, do not count.

        Args:
            num_symbols: what to divide by, where the lines are a part of a batch; their own symbols if absent.
        """
        divisor = self.num_symbols(batch) if num_symbols is None else num_symbols
        return self.decoder.loss(output, self.targets(batch), self.frames(batch.widths), divisor)

    def output(self, features: Features, batch: Batch) -> Output:
        """What the decoder makes of the features of a batch, shown its targets."""
        output: Output = self.decoder(features, self.targets(batch))
        return output

    def read(self, output: Output, search: Search | None = None, *, in_detail: bool = False) -> list[Hypothesis]:
        """The best reading of each line; see ``Decoder.read``."""
        return self.decoder.read(output, search, in_detail=in_detail)
