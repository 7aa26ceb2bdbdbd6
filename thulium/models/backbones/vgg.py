"""Plain convolutions for text lines. B lines, C channels, H and W pixels, T frames.

Source: Shi et al. 2017, An End-to-End Trainable Neural Network for Image-based Sequence Recognition, after Simonyan &
Zisserman 2015. We differ in the maximum of each column at the end instead of a height that must come out as 1, in
normalising behind every convolution, and in masking the padding.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from thulium.models.fused.norm import normed
from thulium.models.masks import column_mask, shrink


@dataclass(frozen=True, slots=True)
class Size:
    """Channels and convolutions of the four stages."""

    channels: tuple[int, int, int, int]
    convolutions: tuple[int, int, int, int]


SIZES = {
    "vgg_tiny": Size((16, 32, 64, 96), (1, 1, 1, 1)),
    "vgg_small": Size((32, 64, 128, 256), (1, 1, 2, 2)),
    "vgg_base": Size((64, 128, 256, 512), (1, 2, 2, 3)),
}
POOLS = ((2, 2), (2, 2), (2, 1), (2, 1))  # (vertical, horizontal), behind each stage


class Vgg(nn.Module):
    """Frames from line images: four stages of convolutions, each ended by a maximum; then that of each column.

    Attributes:
        stride: pixels of width in one frame.
        out_features: values in a frame.
    """

    stride = 4

    def __init__(self, config_name: str) -> None:
        super().__init__()
        size = SIZES[config_name]
        inputs = 1
        stages = []
        for channels, num_convolutions in zip(size.channels, size.convolutions, strict=True):
            widths = [inputs] + [channels] * (num_convolutions - 1)
            stages.append(nn.ModuleList(Convolution(width, channels) for width in widths))
            inputs = channels
        self.stages = nn.ModuleList(stages)
        self.out_features = inputs

    def forward(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """Features of each frame.

        Args:
            images: (B, 1, H, W) float, paper near 0, padding 0.
            widths: (B,) pixels in use.

        Returns:
            Features (B, T, C), 0 in the padding, and frames in use (B,).
        """
        x = images
        for stage, pool in zip(self.stages, POOLS, strict=True):
            mask = column_mask(widths, x.shape[-1], x.dtype)
            for convolution in stage.children():
                x = convolution(x, mask)
            # Nothing is below 0, so the zeros of the padding win over no pixel of a line.
            x = functional.max_pool2d(x, pool, ceil_mode=True)
            widths = shrink(widths, pool[1])
        return x.amax(dim=2).transpose(1, 2), widths


class Convolution(nn.Module):
    """One convolution, normalised and cut off below 0."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H, W); mask (B, 1, 1, W) of its columns."""
        return normed(self.norm, self.convolution(x), mask)
