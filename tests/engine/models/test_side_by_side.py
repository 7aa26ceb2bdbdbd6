"""Two LSTMs at once give what one after the other gives, to the last bit."""

import copy
import os

import pytest
import torch
from torch import nn

from thulium.models.heads.bilstm import BiLstm
from thulium.models.heads.side_by_side import side_by_side


@pytest.fixture
def threads():
    """Sets the number of threads for a test, and gives the old one back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_a_head_writes_the_same_bits_with_one_thread_and_with_two(threads, half):
    head, frames = _head(), torch.tensor([40, 31, 7])
    x = torch.randn(3, 40, 12, generator=torch.Generator().manual_seed(2))

    def outcome(num_threads: int) -> list[torch.Tensor]:
        threads(num_threads)
        own, given = copy.deepcopy(head), x.clone().requires_grad_()
        with torch.autocast("cpu", dtype=half or torch.bfloat16, enabled=half is not None):
            out = own(given, frames)
        out.float().square().sum().backward()
        return [out, given.grad, *(parameter.grad for parameter in own.parameters())]

    for one, two in zip(outcome(1), outcome(2), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_reading_gives_the_same_bits_too(threads, mode):
    head, x = _head().eval(), torch.randn(2, 30, 12, generator=torch.Generator().manual_seed(2))
    with mode():
        threads(1)
        one = head(x, torch.tensor([30, 11]))
        threads(2)
        assert torch.equal(head(x, torch.tensor([30, 11])), one)


def test_the_number_of_threads_is_as_before(threads):
    threads(3)
    _head()(torch.randn(2, 9, 12), torch.tensor([9, 4])).sum().backward()
    assert torch.get_num_threads() == 3


def test_what_rests_gets_no_gradient(threads):
    threads(2)
    head = _head()
    head.backwards.requires_grad_(False)
    head(torch.randn(2, 9, 12), torch.tensor([9, 4])).sum().backward()
    assert all(parameter.grad is None for parameter in head.backwards.parameters())
    assert all(parameter.grad is not None for parameter in head.forwards.parameters())


@pytest.mark.parametrize("place", [0, 1])
def test_an_error_in_either_thread_is_that_of_the_call(threads, place):
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("broken")

    threads(2)
    sides = [nn.Linear(3, 3), nn.Linear(3, 3)]
    sides[place] = Broken()
    with pytest.raises(ValueError, match="broken"):
        side_by_side(*sides, torch.zeros(2, 3), torch.zeros(2, 3))
    assert torch.get_num_threads() == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_a_thread_of_its_own(threads):
    threads(2)
    sides, x = (nn.Linear(3, 3), nn.Linear(3, 3)), torch.zeros(2, 3)
    with torch.no_grad():
        side_by_side(*sides, x, x)  # the thread is there
        if child := os.fork():
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            return
        try:
            side_by_side(*sides, x, x)
            os._exit(0)
        finally:
            os._exit(1)


def _head() -> BiLstm:
    torch.manual_seed(1)
    return BiLstm(12, hidden_size=8, num_layers=2, dropout=0.0)
