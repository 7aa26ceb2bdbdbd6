"""Batch normalisation over the lines of several processes: torch's own on GPUs, one of ours on the CPU. B, C, H, W."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from thulium.runtime.world import World

AllReduce = Callable[[Tensor], Tensor]
M = TypeVar("M", bound=nn.Module)


def synchronised(model: M, world: World) -> M:
    """A model whose batch normalisation counts the lines of all processes; its weights are the same tensors."""
    if world.size == 1:
        return model
    if next(model.parameters()).is_cuda:
        converted: M = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return converted
    return _shared(model, world.all_reduce_sum)


class SharedNorm(nn.BatchNorm2d):
    """Batch normalisation whose mean and variance, while training, are those of the batches of all processes."""

    all_reduce: AllReduce

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), whose B may differ between processes and must not be 0."""
        if not self.training:
            return super().forward(x)
        count, mean, variance = self._figures(x)
        normed: Tensor = _Normalise.apply(x, self.weight, self.bias, mean, variance, self.eps, count, self.all_reduce)
        return normed

    @torch.no_grad()  # the way back is _Normalise's
    def _figures(self, x: Tensor) -> tuple[float, Tensor, Tensor]:
        """Values a channel, their mean (C,) and variance (C,) over all processes; the running figures follow them."""
        own = torch.tensor([x.numel() / x.shape[1]], dtype=torch.float64)
        sums = self.all_reduce(torch.cat([_sums(x), own]))
        count = float(sums[-1])
        mean, square = (sums[:-1] / count).chunk(2)
        variance = (square - mean**2).clamp(min=0)
        mean, variance = mean.float(), variance.float()
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / max(1.0, count - 1)), self.momentum)
        self.num_batches_tracked.add_(1)
        return count, mean, variance


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0913 (autograd passes what a function needs one by one)
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        eps: float,
        count: float,
        all_reduce: AllReduce,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt())
        ctx.count, ctx.all_reduce = count, all_reduce
        return functional.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight, mean, scale = ctx.saved_tensors
        ones, products = _sums(gradient, x).float().chunk(2)
        products = (products - mean * ones) * scale  # of the gradient with the normalised x
        own_bias, own_weight = ones.clone(), products.clone()
        sums = ctx.all_reduce(torch.cat([ones, products])) / ctx.count
        mean_ones, mean_products = sums.chunk(2)
        factor = weight * scale
        slope = -factor * scale * mean_products
        offset = -factor * mean_ones - slope * mean
        towards_x = gradient * _spread(factor, x) + x * _spread(slope, x) + _spread(offset, x)
        return towards_x.to(x.dtype), own_weight, own_bias, None, None, None, None, None


def _sums(x: Tensor, y: Tensor | None = None) -> Tensor:
    """(2C,) in 64 bits: of each channel the sum, and the sum of the products with y, or of the squares."""
    own = x.float()
    other = own if y is None else y.float()
    rows = own.sum(dim=3, dtype=torch.float32).sum(dim=(0, 2), dtype=torch.float64)
    products = (own * other).sum(dim=3, dtype=torch.float32).sum(dim=(0, 2), dtype=torch.float64)
    return torch.cat([rows, products])


def _spread(values: Tensor, x: Tensor) -> Tensor:
    return values.to(x.dtype)[None, :, None, None]


def _shared(module: M, all_reduce: AllReduce) -> M:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            shared = SharedNorm(child.num_features, child.eps, child.momentum)
            shared.weight, shared.bias = child.weight, child.bias
            shared.running_mean, shared.running_var = child.running_mean, child.running_var
            shared.num_batches_tracked = child.num_batches_tracked
            shared.all_reduce = all_reduce
            shared.train(child.training)
            setattr(module, name, shared)
        else:
            _shared(child, all_reduce)
    return module
