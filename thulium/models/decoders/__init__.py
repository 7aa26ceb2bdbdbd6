"""From features to text, and the loss that trains it: a file for each kind; ``base`` says what a kind has to do."""

from collections.abc import Callable
from typing import Any

from thulium.models.decoders.attention import AttentionDecoder
from thulium.models.decoders.base import Decoder
from thulium.models.decoders.ctc import CtcDecoder
from thulium_dsl.grammar.spec import AttentionSpec, CtcSpec, DecoderSpec


def _ctc(spec: CtcSpec, head_features: int, backbone_features: int, num_classes: int) -> CtcDecoder:
    return CtcDecoder(
        head_features,
        backbone_features,
        num_classes=num_classes,
        blank_index=spec.blank_index,
        shortcut_weight=spec.shortcut_weight,
    )


def _attention(spec: AttentionSpec, head_features: int, _backbone_features: int, num_classes: int) -> AttentionDecoder:
    return AttentionDecoder(
        head_features,
        num_classes=num_classes,
        blank_index=spec.blank_index,
        hidden_size=spec.hidden_size,
        ctc_weight=spec.ctc_weight,
    )


# The section's type -> what makes it of the section, the features of head and backbone, and the number of classes.
DECODERS: dict[str, Callable[[Any, int, int, int], Decoder[Any]]] = {"ctc": _ctc, "attention": _attention}


def build(spec: DecoderSpec, *, head_features: int, backbone_features: int, num_classes: int) -> Decoder[Any]:
    """The decoder that a document asks for."""
    return DECODERS[spec.type](spec, head_features, backbone_features, num_classes)
