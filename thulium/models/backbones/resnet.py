"""A residual network for text lines. B lines, C channels, H and W pixels, T frames.

Source: He et al. 2016, Deep Residual Learning; the column maximum after Retsinas et al. 2022, Best Practices for a
Handwritten Text Recognition System. We differ in keeping four pixels a frame, for small hands, and in masking the
padding before every convolution, so that a line's features do not depend on its batch.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from thulium.models.fused.norm import normed
from thulium.models.masks import column_mask, shrink


@dataclass(frozen=True, slots=True)
class Size:
    """Channels and residual blocks of the four stages."""

    channels: tuple[int, int, int, int]
    blocks: tuple[int, int, int, int]


SIZES = {
    "resnet_tiny": Size((16, 32, 64, 96), (1, 1, 1, 1)),
    "resnet_small": Size((32, 64, 128, 192), (1, 1, 2, 2)),
    "resnet_base": Size((48, 96, 192, 320), (2, 2, 3, 3)),
}
STRIDES = ((1, 1), (2, 2), (2, 1), (2, 1))  # (vertical, horizontal) of the stages, behind a stem of (2, 2)


class ResNet(nn.Module):
    """Frames from line images: a stem, four stages of residual blocks, the maximum of each column.

    Attributes:
        stride: pixels of width in one frame.
        out_features: values in a frame.
    """

    stride = 4

    def __init__(self, config_name: str) -> None:
        super().__init__()
        size = SIZES[config_name]
        self.stem = nn.Conv2d(1, size.channels[0], 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(size.channels[0])
        inputs = size.channels[0]
        stages = []
        for channels, num_blocks, stride in zip(size.channels, size.blocks, STRIDES, strict=True):
            blocks = [
                Block(inputs, channels, stride),
                *(Block(channels, channels, (1, 1)) for _ in range(num_blocks - 1)),
            ]
            stages.append(nn.ModuleList(blocks))
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
        widths = shrink(widths, 2)
        x = self.stem(images)
        mask = column_mask(widths, x.shape[-1], x.dtype)
        x = normed(self.stem_norm, x, mask)
        for stage, (_, stride) in zip(self.stages, STRIDES, strict=True):
            if stride > 1:
                widths = shrink(widths, stride)
                mask = column_mask(widths, (x.shape[-1] + stride - 1) // stride, x.dtype)
            for block in stage.children():
                x = block(x, mask)
        return x.amax(dim=2).transpose(1, 2), widths


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inputs: int, channels: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, channels, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.around: nn.Module = nn.Identity()
        if stride != (1, 1) or inputs != channels:
            self.around = nn.Sequential(
                nn.Conv2d(inputs, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H', W'); mask (B, 1, 1, W') of the output's columns."""
        y = normed(self.first_norm, self.first(x), mask)
        return normed(self.second_norm, self.second(y), mask, around=self._around(x))

    def _around(self, x: Tensor) -> Tensor:
        if isinstance(self.around, nn.Identity):
            return x
        convolution, norm = self.around.children()
        return normed(norm, convolution(x), relu=False)
