"""From pixels to a sequence of frames: a file for each family of networks."""

from collections.abc import Callable

from thulium.models.backbones.resnet import ResNet
from thulium.models.backbones.vgg import Vgg
from thulium_dsl.grammar.spec import BackboneSpec

Backbone = ResNet | Vgg

BACKBONES: dict[str, Callable[[str], Backbone]] = {"resnet": ResNet, "vgg": Vgg}


def build(spec: BackboneSpec) -> Backbone:
    """The backbone that a document asks for."""
    return BACKBONES[spec.type](spec.config_name)
