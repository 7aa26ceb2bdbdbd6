"""Kernels of our own give on a GPU what torch gives, also when they are replayed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from thulium.models.backbones.resnet import ResNet
from thulium.models.fused import lstm, use
from thulium.models.fused import norm as fused_norm
from thulium.models.heads import unrolled
from thulium.models.masks import column_mask
from thulium.training.graphs import Recording

pytestmark = pytest.mark.usefixtures("on_gpu", "with_triton")


@pytest.fixture
def with_triton() -> None:
    """For what wants Triton, a C compiler and Python's headers."""
    device = torch.device("cuda")
    if not use.works("normalisation in torch.bfloat16", lambda: fused_norm._try(device, torch.bfloat16)):
        pytest.skip("Triton does not work here")


@pytest.mark.parametrize("shape", [(3, 96, 2, 7), (4, 32, 16, 96), (5, 192, 4, 33), (7, 48, 3, 50)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("has_around", "relu"), [(False, True), (True, True), (False, False)])
def test_normalisation_is_torchs(shape, dtype, has_around, relu) -> None:
    given = _batch(shape, dtype, has_around)
    exact = [None if part is None else part.float() for part in given]
    step = torch.finfo(dtype).eps if dtype != torch.float32 else 1e-4
    ours = _normed(fused_norm.fused, *given, relu)
    for found, again, wanted in zip(
        ours, _normed(fused_norm.fused, *given, relu), _normed(fused_norm.normed, *exact, relu)
    ):
        assert torch.equal(found, again)
        torch.testing.assert_close(found.float(), wanted.float(), atol=2 * step * float(wanted.abs().max()), rtol=0)


@pytest.mark.parametrize(("num_frames", "num_lines", "size"), [(9, 5, 64), (30, 128, 256), (1, 3, 48)])
def test_lstms_are_torchs(num_frames, num_lines, size) -> None:
    torch.manual_seed(1)
    gates = torch.randn(num_frames, 2, num_lines, 4 * size, device="cuda").half()
    onwards = (torch.randn(2, 4 * size, size, device="cuda") / size**0.5).half()
    towards = torch.randn(num_frames, 2, num_lines, size, device="cuda").half()
    exact = _learnt(unrolled._Unrolled, gates.float(), onwards.float(), towards.float())
    ours = _learnt(lstm.Fused, gates, onwards, towards)
    for found, again, wanted in zip(ours, _learnt(lstm.Fused, gates, onwards, towards), exact):
        assert torch.equal(found, again)
        torch.testing.assert_close(found.float(), wanted, atol=5e-3 * float(wanted.abs().max()), rtol=0)


def test_a_recorded_network_is_as_near_to_32_bits_as_a_plain_one() -> None:
    torch.manual_seed(1)
    net = ResNet("resnet_tiny").cuda().to(memory_format=torch.channels_last)
    images, widths = torch.rand(4, 1, 64, 256, device="cuda"), torch.tensor([256, 250, 99, 180], device="cuda")
    images = images * column_mask(widths, 256, images.dtype)
    parameters = list(net.parameters())

    def compute(images: Tensor, widths: Tensor, half: bool = True) -> tuple[Tensor, Tensor, Tensor]:
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=half, cache_enabled=False):
            frames, lengths = net(images, widths)
        return frames.float(), frames.detach(), lengths

    def fused(images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with use.recording():
            return compute(images, widths)

    def found(step) -> list[Tensor]:
        frames = step(images, widths)[0]
        return [frames.detach().clone(), *torch.autograd.grad(frames.square().mean(), parameters)]

    exact = found(lambda *given: compute(*given, half=False))
    ours = _distance(found(Recording(fused, (images, widths), parameters, torch.cuda.graph_pool_handle())), exact)
    assert ours < 1.3 * _distance(found(compute), exact) + 0.01


def _distance(found: list[Tensor], exact: list[Tensor]) -> float:
    """The mean share of a tensor that is off."""
    return sum(float((one - other).norm() / other.norm()) for one, other in zip(found, exact)) / len(exact)


def _batch(shape, dtype, has_around):
    torch.manual_seed(1)
    parts = [torch.randn(shape, device="cuda").to(dtype).contiguous(memory_format=torch.channels_last) for _ in "123"]
    widths = torch.arange(shape[0], device="cuda") * 2 + shape[3] // 2
    return parts[0], parts[1], column_mask(widths, shape[3], dtype), parts[2] if has_around else None


def _normed(compute, x, towards, mask, around, relu):
    """Output, gradients, running figures."""
    norm = nn.BatchNorm2d(x.shape[1], device="cuda")
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 1.5, x.shape[1]))
        norm.bias.copy_(torch.linspace(-0.5, 0.5, x.shape[1]))
    x = x.clone().requires_grad_()
    around = None if around is None else around.clone().requires_grad_()
    y = compute(norm, x, mask, around=around, relu=relu)
    y.backward(towards)
    found = [y.detach(), x.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var]
    return found if around is None else [*found, around.grad]


def _learnt(steps, gates, onwards, towards):
    gates, onwards = gates.clone().requires_grad_(), onwards.clone().requires_grad_()
    states = steps.apply(gates, onwards)
    states.backward(towards)
    return states.detach(), gates.grad, onwards.grad
