"""A model that guesses hidden pieces of lines. B lines, H and W pixels, T frames, K kinds of shape.

Source: HuBERT, Hsu et al. 2021, for guessing the clusters of what is hidden; Kišš & Hradiš 2024, Self-supervised
Pre-training of Text Recognizers, for doing so with lines of text, where quantised targets were best. We differ in
finding the kinds on the pieces of lines as they are, also where they are augmented, and not on features that a network
has computed; and in asking the backbone by itself for the kind of what it sees, as the shortcut of CTC does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from thulium.data.batch import Batch
from thulium.data.charset import Charset
from thulium.models.decoders.base import Features, Output
from thulium.models.masks import column_mask
from thulium.models.wrappers import HTRModel
from thulium.pretraining.clusters import kind_of
from thulium.pretraining.hiding import HiddenBatch, covered, drawn
from thulium.pretraining.pieces import VALUES, pieces
from thulium_dsl.grammar.spec import HidingSpec, ModelSpec, PreprocessingSpec

SEEN = 0.5  # what a frame that is not hidden counts, beside one that is
EARLY = 0.25  # what it counts where the backbone tells its kind by itself


@dataclass(frozen=True)
class Guess(Output):
    """What a model takes the frames for: ``logits`` (B, T, K) are those of the head.

    Attributes:
        early: (B, T, K) of the backbone.
    """

    early: Tensor


class GuessingModel(HTRModel):
    """A recogniser without an alphabet, which learns to tell the kinds of shape that lines are made of.

    Attributes:
        centres: (K, D) of the kinds; 0 until ``k_means`` has found them.
    """

    centres: Tensor

    def __init__(
        self, spec: ModelSpec, preprocessing: PreprocessingSpec, *, kinds: int, hiding: HidingSpec, seed: int
    ) -> None:
        without_blank = replace(spec, decoder=replace(spec.decoder, blank_index=0))  # its place in no alphabet
        super().__init__(without_blank, Charset(()), preprocessing)
        self.hiding, self.seed = hiding, seed
        self.guess = nn.Linear(self.head.out_features, kinds)
        self.guess_early = nn.Linear(self.backbone.out_features, kinds)
        self.register_buffer("centres", torch.zeros(kinds, VALUES))

    def plain(self) -> HTRModel:
        """The recogniser that others start from: the same weights, without what guesses."""
        with torch.device("meta"):  # no first weights are drawn, which would change what is drawn next
            plain = HTRModel(self.spec, self.charset, self.preprocessing, self.text)
        own = self.state_dict()
        plain.load_state_dict({name: own[name] for name in plain.state_dict()}, assign=True)
        return plain

    def hide(self, batch: Batch, *key: int | str) -> HiddenBatch:
        """Lines of which stretches are hidden, and what there is to guess.

        Args:
            batch: augmented, on the device.
            key: decides what is hidden, beside the seed and the lines; such as the epoch.
        """
        used = self.used(batch)
        hidden = drawn(batch.ids, used.sum(dim=1).tolist(), used.shape[1], self.hiding, self.seed, *key)
        given = {item.name: getattr(batch, item.name) for item in fields(Batch)}
        return HiddenBatch(
            **given | {"images": covered(batch.images, hidden, self.backbone.stride, batch.ids, self.seed, *key)},
            hidden=hidden,
            used=used,
            kinds=kind_of(self.pieces(batch), self.centres),
        )

    def used(self, batch: Batch) -> Tensor:
        """(B, T) bool, on the CPU: frames that are no padding."""
        num_frames = int(self.frames(torch.tensor(batch.images.shape[-1])))
        return torch.arange(num_frames) < self.frames(batch.widths)[:, None]

    def pieces(self, batch: Batch) -> Tensor:
        """(B, T, D) the piece of each frame; those of padding mean nothing."""
        mask = column_mask(batch.widths.to(batch.images.device), batch.images.shape[-1], torch.float32)
        return pieces((255 - batch.images).float().div(255) * mask, self.backbone.stride)

    def output(self, features: Features, batch: Batch) -> Guess:
        """What it takes the frames for."""
        return Guess(self.guess(features.head), features, self.guess_early(features.backbone))

    def num_symbols(self, batch: Batch) -> int:
        """Frames to be guessed: what their loss is divided by."""
        return cast(HiddenBatch, batch).num_hidden

    def loss(self, batch: Batch, output: Output, num_symbols: int | None = None) -> Tensor:
        """Nats a hidden frame; those that are seen count too, see SEEN and EARLY."""
        lines, guess = cast(HiddenBatch, batch), cast(Guess, output)
        kinds = lines.kinds
        hidden, used = (mask.to(kinds.device, non_blocking=True) for mask in (lines.hidden, lines.used))
        seen = used & ~hidden
        own = nats(guess.logits, kinds) * (hidden + SEEN * seen)
        early = nats(guess.early, kinds) * (EARLY * seen)
        return (own + early).sum() / max(1, lines.num_hidden if num_symbols is None else num_symbols)


def nats(logits: Tensor, kinds: Tensor) -> Tensor:
    """(B, T) how surprising each frame's kind (B, T) is; of logits (B, T', K), the padding of more frames is left."""
    logits = logits[:, : kinds.shape[1]].float()
    return functional.cross_entropy(logits.flatten(0, 1), kinds.flatten(), reduction="none").view_as(kinds)
