"""From pixels to a sequence of frames: a file for each family of networks."""

from thulium.models.backbones.resnet import ResNet
from thulium.models.backbones.vgg import Vgg
from thulium_dsl.grammar.spec import BackboneSpec

BACKBONES = {"resnet": ResNet, "vgg": Vgg}


def build(spec: BackboneSpec) -> ResNet | Vgg:
    """The backbone that a document asks for."""
    return BACKBONES[spec.type](spec.config_name)
