"""From pixels to a sequence of frames: a file for each family of networks."""

from thulium.models.backbones.resnet import ResNet
from thulium_dsl.spec import ResnetSpec

BACKBONES = {"resnet": ResNet}


def build(spec: ResnetSpec) -> ResNet:
    """The backbone that a document asks for."""
    return BACKBONES[spec.type](spec.config_name)
