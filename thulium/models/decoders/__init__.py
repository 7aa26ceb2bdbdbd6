"""From frames to classes, and the loss that trains them: a file for each kind."""

from thulium.models.decoders.ctc import CtcDecoder
from thulium_dsl.grammar.spec import CtcSpec

DECODERS = {"ctc": CtcDecoder}


def build(spec: CtcSpec, *, head_features: int, backbone_features: int, num_classes: int) -> CtcDecoder:
    """The decoder that a document asks for."""
    return DECODERS[spec.type](
        head_features,
        backbone_features,
        num_classes=num_classes,
        blank_index=spec.blank_index,
        shortcut_weight=spec.shortcut_weight,
    )
